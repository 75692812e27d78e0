/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rings. A thread that meets a new density tick adds its count of the old
 * one to the ring; the first to meet a new second writes its record. The top
 * sites of a record come from a scan that is spread over the ticks before it: each
 * looks at a slice of the sites, so that no event pays for many. With many threads
 * the sums of a record are spread over several ticks, too: then it says how things
 * stood in the course of those, not in one instant.
 */
#include "agent/history.h"

#include <stdbool.h>

#include "agent/heap.h"
#include "agent/marks.h"
#include "agent/owned.h"
#include "agent/shrink.h"
#include "agent/sites.h"
#include "agent/store.h"
#include "agent/tier.h"

/* Site counters looked at in each tick, once to find the top sites and once to
 * refresh those. With many threads, each is a walk to memory. */
#define SLICE 512u
#define SLICE_MANY_ROWS 128u
#define MANY_ROWS 64u
#define SUM_ROWS 128u /* threads summed in a tick, 3 KiB each: some 50 us */
#define SUM_RESTARTS 4u
#define NS_PER_SECOND UINT64_C(1000000000)
#define NS_PER_TICK UINT64_C(1000000) /* at most, while the program allocates all the time */
#define SLICES_AT_END 1024u           /* some 20 ms */

/* What a site has alive, summed over rows [0, row). */
struct visit {
    uint32_t row;
    int64_t bytes, blocks;
};

/* Over the threads' pages. */
struct sum {
    uint64_t allocations, frees, bytes_allocated, bytes_freed;
    uint64_t passed_allocations, passed_bytes, passed_frees; /* tier sampled */
    uint64_t weighed_blocks, weighed_bytes;
    uint32_t row;     /* the first that is not in it yet */
    uint32_t folding; /* globals.folding when it was begun */
};

static struct {
    uint32_t busy;   /* atomic: one thread at a time scans and writes */
    uint64_t second; /* of the last record, 1 + seconds; atomic */
    uint32_t cursor; /* next site of the scan */
    uint32_t passed; /* sites that it has passed for the next record */
    bool late;       /* the last record came before it was through */
    uint32_t n_top;
    struct seg_second_site top[SEG_SECOND_SITES];
    uint64_t top_bits;  /* bit_of their sites */
    int64_t top_least;  /* more than that, and a site is one of them */
    struct visit scan;   /* of the site at the cursor */
    /* The record under way. */
    uint64_t pending;    /* its second; 0: none is */
    uint64_t pending_ns;
    struct sum sum;
    uint32_t restarts;   /* of the sum */
    uint32_t refreshed;  /* of top[] */
    struct visit refresh; /* of the next one */
} state;

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

/* Go on with a visit, over so many rows at most. True when *s is complete. */
static bool visit(struct visit *v, struct seg_second_site *s, uint32_t *rows_left)
{
    uint32_t rows = threads_rows();
    uint32_t more = rows > v->row ? rows - v->row : 0;
    uint32_t n = more < *rows_left ? more : *rows_left;
    sites_add_live(s->site, v->row, v->row + n, &v->bytes, &v->blocks);
    v->row += n;
    *rows_left -= n;
    if (v->row < rows)
        return false;
    s->live_bytes = v->bytes;
    s->live_blocks = v->blocks < 0            ? 0
                     : v->blocks > UINT32_MAX ? UINT32_MAX
                                              : (uint32_t)v->blocks;
    *v = (struct visit){ 0 };
    return true;
}

static uint32_t slice_rows(void)
{
    return threads_rows() > MANY_ROWS ? SLICE_MANY_ROWS : SLICE;
}

static unsigned smallest_top(void)
{
    unsigned smallest = 0;
    for (unsigned i = 1; i < state.n_top; i++)
        if (state.top[i].live_bytes < state.top[smallest].live_bytes)
            smallest = i;
    return smallest;
}

static uint64_t bit_of(uint32_t site)
{
    return UINT64_C(1) << site % 64;
}

/* The top sites changed. */
static void note_top(void)
{
    state.top_bits = 0;
    for (unsigned i = 0; i < state.n_top; i++)
        state.top_bits |= bit_of(state.top[i].site);
    state.top_least = state.n_top < SEG_SECOND_SITES ? INT64_MIN
                                                     : state.top[smallest_top()].live_bytes;
}

/* Most sites are neither large nor among the top ones, and have a short way. */
static void consider(const struct seg_second_site *candidate)
{
    if (candidate->live_bytes <= state.top_least && !(state.top_bits & bit_of(candidate->site)))
        return;
    unsigned i = 0;
    while (i < state.n_top && state.top[i].site != candidate->site)
        i++;
    if (i == SEG_SECOND_SITES) {
        i = smallest_top();
        if (candidate->live_bytes <= state.top[i].live_bytes)
            return;
    } else if (i == state.n_top) {
        state.n_top++;
    }
    state.top[i] = *candidate;
    note_top();
}

static bool scan_is_through(void)
{
    return state.passed >= store_count(SEG_SITES);
}

static void scan_slice(void)
{
    uint32_t n = (uint32_t)store_count(SEG_SITES);
    uint32_t left = slice_rows();
    while (state.passed < n && left > 0) {
        if (state.cursor >= n)
            state.cursor = 0;
        struct seg_second_site candidate = { .site = state.cursor };
        if (!visit(&state.scan, &candidate, &left))
            return;
        state.cursor++;
        state.passed++;
        consider(&candidate);
    }
}

/* A scan begins when there is as much time left until the next record as it takes, twice
 * over, so that what it finds is fresh then; and at once after one that was late. */
static bool scan_is_due(uint64_t ns_left)
{
    uint64_t visits = store_count(SEG_SITES) * threads_rows();
    return state.late || ns_left <= 2 * NS_PER_TICK * (visits / slice_rows() + 1);
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

void history_attach(void)
{
    state.busy = 0;
    state.second = 0;
    state.cursor = 1;
    state.passed = 0;
    state.late = false;
    state.n_top = 0;
    note_top();
    state.scan = (struct visit){ 0 };
    state.pending = 0;
}

/* ---- one record a second ------------------------------------------------------ */

static uint32_t folding_now(void)
{
    return __atomic_load_n(&store.globals->folding, __ATOMIC_ACQUIRE);
}

static void sum_page(struct sum *sum, const struct seg_thread *page)
{
    for (unsigned i = 0; i < SEG_SIZE_CLASSES; i++) {
        sum->allocations += owned_read(&page->classes[i].allocations);
        sum->frees += owned_read(&page->classes[i].frees);
        sum->bytes_allocated += owned_read(&page->classes[i].bytes_allocated);
        sum->bytes_freed += owned_read(&page->classes[i].bytes_freed);
    }
    if (!tier_was_sampled())
        return;
    for (unsigned i = 0; i < SEG_SIZE_CLASSES; i++) {
        sum->passed_allocations += owned_read(&page->passed[i].allocations);
        sum->passed_bytes += owned_read(&page->passed[i].bytes);
    }
    sum->passed_frees += owned_read(&page->samples_freed) + owned_read(&page->unsampled_frees);
    sum->weighed_blocks += owned_read(&page->blocks_weighed) -
                           owned_read(&page->blocks_weighed_freed);
    sum->weighed_bytes += owned_read(&page->bytes_weighed) -
                          owned_read(&page->bytes_weighed_freed);
}

/* Add the next n rows. True when all are in. While threads end and their figures
 * move to row 0 it begins anew, but not for ever. */
static bool sum_rows(uint32_t n)
{
    struct sum *sum = &state.sum;
    uint32_t rows = threads_rows();
    for (; n > 0 && sum->row < rows; n--)
        sum_page(sum, &store.threads[sum->row++]);
    uint32_t folding = folding_now();
    if (folding != sum->folding && state.restarts < SUM_RESTARTS) {
        state.restarts++;
        *sum = (struct sum){ .folding = folding & ~1u };
        return false;
    }
    return sum->row >= rows;
}

/* How many bytes were freed of what went by while the tier was sampled is an
 * estimate, as the live bytes are. */
static void conclude(struct seg_second *r)
{
    const struct sum *sum = &state.sum;
    r->live_bytes = (int64_t)(sum->bytes_allocated - sum->bytes_freed + sum->weighed_bytes);
    r->live_blocks = (int64_t)(sum->allocations - sum->frees + sum->weighed_blocks);
    r->allocations = sum->allocations + sum->passed_allocations;
    r->bytes_allocated = sum->bytes_allocated + sum->passed_bytes;
    r->frees = sum->frees + sum->passed_frees;
    r->bytes_freed = sum->bytes_freed;
    if (sum->passed_allocations) {
        uint64_t live = r->live_bytes > 0 ? (uint64_t)r->live_bytes : 0;
        r->bytes_freed = r->bytes_allocated > live ? r->bytes_allocated - live : 0;
    }
}

/* True when all top sites are as of now. */
static bool refresh_top(uint32_t rows_left)
{
    while (state.refreshed < state.n_top && rows_left > 0)
        if (visit(&state.refresh, &state.top[state.refreshed], &rows_left))
            state.refreshed++;
    note_top();
    return state.refreshed >= state.n_top;
}

static void write_record(void)
{
    uint64_t slot = (state.pending - 1) % SEG_SECONDS_SLOTS;
    if (!store_reach(SEG_SECONDS, (slot + 1) * sizeof(struct seg_second)))
        return;
    sort_top();
    struct seg_second record = {
        .monotonic_ns = state.pending_ns,
        .peak_bytes = __atomic_load_n(&store.globals->peak_bytes, __ATOMIC_RELAXED),
        .threads = threads_rows() - THREAD_ROW_FIRST,
        .tier = tier.kind,
        .sites = (uint32_t)store_count(SEG_SITES),
    };
    conclude(&record);
    for (unsigned i = 0; i < state.n_top; i++)
        record.top[i] = state.top[i];
    struct seg_second *to = &store.seconds[slot];
    __atomic_store_n(&to->second, 0, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    *to = record;
    __atomic_store_n(&to->second, state.pending, __ATOMIC_RELEASE);
    clock_note(&store.header->clock_last);
}

static void begin_record(uint64_t second, uint64_t now_ns)
{
    state.pending = second;
    state.pending_ns = now_ns;
    state.late = !scan_is_through();
    state.passed = 0;
    state.sum = (struct sum){ .folding = folding_now() & ~1u };
    state.restarts = state.refreshed = 0;
    state.refresh = (struct visit){ 0 };
}

/* Work on the record under way: so many threads at most, and site counters. */
static void advance_record(uint32_t threads, uint32_t visits)
{
    if (!sum_rows(threads) || !refresh_top(visits))
        return;
    write_record();
    state.pending = 0;
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

/* Between two records, which hold on to the top sites. */
static void scan_or_begin_record(void)
{
    uint64_t now = clock_monotonic_ns();
    uint64_t since = now - store.header->clock_first.monotonic_ns;
    uint64_t second = since / NS_PER_SECOND + 1;
    bool is_new = second != state.second;
    if (is_new || scan_is_due(NS_PER_SECOND - since % NS_PER_SECOND))
        scan_slice();
    if (is_new) {
        state.second = second;
        begin_record(second, now);
    }
}

static void write_if_due(void)
{
    if (!state.pending)
        scan_or_begin_record();
    if (state.pending)
        advance_record(SUM_ROWS, slice_rows());
}

void history_tick(struct thread *t, uint64_t ticks)
{
    struct seg_thread *page = t->page;
    /* The shared row's have several writers. */
    uint64_t count = __atomic_exchange_n(&page->density_count, 0, __ATOMIC_RELAXED);
    uint64_t tick = __atomic_exchange_n(&page->density_tick, ticks >> CLOCK_SHIFT_DENSITY,
                                        __ATOMIC_RELAXED);
    if (count)
        add_density(tick, count);
    heap_flush(t, ticks);
    if (!t->shared)
        threads_refresh_name(t);
    if (enter()) {
        tier_look(ticks);
        marks_look(ticks);
        write_if_due();
        if (!t->shared)
            shrink_tick(t);
        leave();
    }
    if (!t->shared && t->tier_version != __atomic_load_n(&tier.version, __ATOMIC_ACQUIRE))
        tier_adopt(t);
}

void history_finish(void)
{
    uint64_t now = clock_monotonic_ns();
    if (!enter())
        return;
    if (!state.pending) {
        state.passed = 0;
        for (unsigned i = 0; i < SLICES_AT_END && !scan_is_through(); i++)
            scan_slice();
    }
    begin_record((now - store.header->clock_first.monotonic_ns) / NS_PER_SECOND + 1, now);
    while (state.pending)
        advance_record(UINT32_MAX, UINT32_MAX);
    leave();
}
