/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rings. A thread that meets a new density tick adds its count of the old
 * one to the ring; the first to meet a new second writes its record. The top
 * sites of a record come from a scan that is spread over the ticks: each looks
 * at a slice of the sites, so that no event pays for many.
 */
#include "agent/history.h"

#include <stdbool.h>

#include "agent/heap.h"
#include "agent/marks.h"
#include "agent/sites.h"
#include "agent/store.h"
#include "agent/tier.h"

#define SLICE 512u /* site counters looked at in each tick */
#define NS_PER_SECOND UINT64_C(1000000000)

static struct {
    uint32_t busy;   /* atomic: one thread at a time scans and writes */
    uint64_t second; /* of the last record, 1 + seconds; atomic */
    uint32_t cursor; /* next site of the scan */
    uint32_t n_top;
    struct seg_second_site top[SEG_SECOND_SITES];
} state;

void history_attach(void)
{
    state.busy = 0;
    state.second = 0;
    state.cursor = 1;
    state.n_top = 0;
}

static void add_density(uint64_t tick, uint64_t count)
{
    uint64_t *slot = &store.density[tick % SEG_DENSITY_SLOTS];
    uint64_t mine = tick << 32, seen = __atomic_load_n(slot, __ATOMIC_RELAXED), next;
    do {
        uint64_t base = (seen ^ mine) >> 32 ? mine : seen;
        next = (base & UINT32_MAX) + count <= UINT32_MAX ? base + count : base | UINT32_MAX;
    } while (!__atomic_compare_exchange_n(slot, &seen, next, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
}

/* ---- top sites ------------------------------------------------------------- */

static void refresh(struct seg_second_site *s)
{
    int64_t blocks;
    sites_live(s->site, &s->live_bytes, &blocks);
    s->live_blocks = blocks < 0 ? 0 : blocks > UINT32_MAX ? UINT32_MAX : (uint32_t)blocks;
}

static unsigned smallest_top(void)
{
    unsigned smallest = 0;
    for (unsigned i = 1; i < state.n_top; i++)
        if (state.top[i].live_bytes < state.top[smallest].live_bytes)
            smallest = i;
    return smallest;
}

static void consider(uint32_t site)
{
    struct seg_second_site candidate = { .site = site };
    refresh(&candidate);
    for (unsigned i = 0; i < state.n_top; i++)
        if (state.top[i].site == site) {
            state.top[i] = candidate;
            return;
        }
    if (state.n_top < SEG_SECOND_SITES) {
        state.top[state.n_top++] = candidate;
        return;
    }
    unsigned smallest = smallest_top();
    if (candidate.live_bytes > state.top[smallest].live_bytes)
        state.top[smallest] = candidate;
}

static void scan_slice(void)
{
    uint32_t n = (uint32_t)store.header->sections[SEG_SITES].count;
    uint32_t slice = SLICE / threads_rows() + 1;
    if (slice > n)
        slice = n;
    while (slice-- > 0) {
        if (state.cursor >= n)
            state.cursor = 0;
        consider(state.cursor++);
    }
}

static void sort_top(void)
{
    for (unsigned i = 1; i < state.n_top; i++) {
        struct seg_second_site s = state.top[i];
        unsigned j = i;
        for (; j > 0 && state.top[j - 1].live_bytes < s.live_bytes; j--)
            state.top[j] = state.top[j - 1];
        state.top[j] = s;
    }
}

/* ---- one record a second ------------------------------------------------------ */

/* What went by while the tier was sampled. How many bytes the frees of that
 * freed is an estimate, as the live bytes are. */
static void add_passed(struct seg_second *r)
{
    for (uint32_t row = 0, rows = threads_rows(); row < rows; row++) {
        const struct seg_thread *page = &store.threads[row];
        for (unsigned i = 0; i < SEG_SIZE_CLASSES; i++) {
            r->allocations += page->passed[i].allocations;
            r->bytes_allocated += page->passed[i].bytes;
        }
        r->frees += page->samples_freed + page->unsampled_frees;
    }
    uint64_t live = r->live_bytes > 0 ? (uint64_t)r->live_bytes : 0;
    r->bytes_freed = r->bytes_allocated > live ? r->bytes_allocated - live : 0;
}

static void sum_rows(struct seg_second *r)
{
    uint64_t weighed_blocks = 0, weighed_bytes = 0;
    for (uint32_t row = 0, rows = threads_rows(); row < rows; row++) {
        const struct seg_thread *page = &store.threads[row];
        for (unsigned i = 0; i < SEG_SIZE_CLASSES; i++) {
            r->allocations += page->classes[i].allocations;
            r->frees += page->classes[i].frees;
            r->bytes_allocated += page->classes[i].bytes_allocated;
            r->bytes_freed += page->classes[i].bytes_freed;
        }
        weighed_blocks += page->blocks_weighed - page->blocks_weighed_freed;
        weighed_bytes += page->bytes_weighed - page->bytes_weighed_freed;
    }
    r->live_bytes = (int64_t)(r->bytes_allocated - r->bytes_freed + weighed_bytes);
    r->live_blocks = (int64_t)(r->allocations - r->frees + weighed_blocks);
    add_passed(r);
}

static void write_record(uint64_t second, uint64_t now_ns)
{
    uint64_t slot = (second - 1) % SEG_SECONDS_SLOTS;
    if (!store_reach(SEG_SECONDS, (slot + 1) * sizeof(struct seg_second)))
        return;
    for (unsigned i = 0; i < state.n_top; i++)
        refresh(&state.top[i]);
    sort_top();
    struct seg_second record = {
        .monotonic_ns = now_ns,
        .peak_bytes = store.globals->peak_bytes,
        .threads = threads_rows() - THREAD_ROW_FIRST,
        .sites = (uint32_t)store.header->sections[SEG_SITES].count,
    };
    sum_rows(&record);
    for (unsigned i = 0; i < state.n_top; i++)
        record.top[i] = state.top[i];
    struct seg_second *to = &store.seconds[slot];
    __atomic_store_n(&to->second, 0, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    *to = record;
    __atomic_store_n(&to->second, second, __ATOMIC_RELEASE);
    store.header->clock_last = clock_pair();
}

static bool enter(void)
{
    return !__atomic_load_n(&state.busy, __ATOMIC_RELAXED) &&
           !__atomic_exchange_n(&state.busy, 1, __ATOMIC_ACQUIRE);
}

static void leave(void)
{
    __atomic_store_n(&state.busy, 0, __ATOMIC_RELEASE);
}

static void write_if_due(void)
{
    uint64_t now = clock_monotonic_ns();
    uint64_t second = (now - store.header->clock_first.monotonic_ns) / NS_PER_SECOND + 1;
    if (second == state.second)
        return;
    state.second = second;
    write_record(second, now);
}

void history_tick(struct thread *t, uint64_t ticks)
{
    struct seg_thread *page = t->page;
    if (page->density_count)
        add_density(page->density_tick, page->density_count);
    page->density_tick = ticks >> CLOCK_SHIFT_DENSITY;
    page->density_count = 0;
    heap_flush(t, ticks);
    if (!t->shared)
        threads_refresh_name(t);
    if (enter()) {
        scan_slice();
        tier_look(ticks);
        marks_look(ticks);
        write_if_due();
        leave();
    }
    if (t->tier_version != __atomic_load_n(&tier.version, __ATOMIC_ACQUIRE))
        tier_adopt(t);
}

void history_finish(void)
{
    uint64_t now = clock_monotonic_ns();
    if (!enter())
        return;
    scan_slice();
    write_record((now - store.header->clock_first.monotonic_ns) / NS_PER_SECOND + 1, now);
    leave();
}
