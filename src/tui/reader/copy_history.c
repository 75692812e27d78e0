/* SPDX-License-Identifier: Apache-2.0 */
/* The rings: allocations in each density tick, one record a second; copy.h. */
#include <stdlib.h>
#include <string.h>

#include "tui/reader/copy.h"

#define NS_PER_SECOND UINT64_C(1000000000)

/* ---- density ------------------------------------------------------------------- */

static void add_count(struct density *d, uint64_t tick, uint64_t count)
{
    uint64_t age = d->last_tick - tick;
    if (tick > d->last_tick || age >= d->ticks)
        return;
    uint32_t *at = &d->counts[d->ticks - 1 - age];
    *at = count < UINT32_MAX - *at ? *at + (uint32_t)count : UINT32_MAX;
}

/* A slot tells its tick's low 32 bits only: believe it for the one recent
 * tick whose place it is. */
static void add_slots(struct density *d, const uint64_t *slots, size_t n)
{
    for (size_t age = 0; age < d->ticks && age < n && age <= d->last_tick; age++) {
        uint64_t tick = d->last_tick - age, slot = slots[tick % n];
        if (slot >> 32 == (uint32_t)tick)
            add_count(d, tick, (uint32_t)slot);
    }
}

/* What a thread has counted and not added yet. If it has met another tick since
 * its page was copied, its count may be in the ring already. */
static void add_pending(const struct copy *c, struct density *d, size_t row)
{
    const struct seg_thread *page = copy_page(c, row);
    uint64_t now[2]; /* density_tick, density_count */
    if (page->density_count == 0 || d->last_tick - page->density_tick >= d->ticks)
        return;
    struct section at = file_section(&c->file, SEG_THREADS);
    file_read(&c->file,
              at.offset + row * at.element + offsetof(struct seg_thread, density_tick), now,
              sizeof now);
    if (now[0] == page->density_tick)
        add_count(d, now[0], now[1]);
}

enum reader_status copy_density(struct copy *c, struct snapshot *s)
{
    const struct seg_header *h = &c->file.header;
    unsigned shift = h->clock_shift_density < 48 ? h->clock_shift_density : 48;
    struct section at = file_section(&c->file, SEG_DENSITY);
    struct density *d = &s->density;
    if (!d->counts)
        d->counts = malloc(SEG_DENSITY_SLOTS * sizeof *d->counts);
    uint64_t *slots = buffer_reserve(&c->scratch, (size_t)at.count * sizeof *slots);
    if (!d->counts || !slots)
        return READER_NO_MEMORY;
    d->ticks = SEG_DENSITY_SLOTS;
    memset(d->counts, 0, d->ticks * sizeof *d->counts);
    d->tick_ns = clock_unit_ns(&c->clock, shift);
    d->last_tick = c->clock.now_ticks >> shift;
    if (c->pid && d->last_tick) /* the one under way is not complete */
        d->last_tick--;
    file_read(&c->file, at.offset, slots, (size_t)at.count * sizeof *slots);
    add_slots(d, slots, (size_t)at.count);
    for (size_t i = 0; i < c->n_rows; i++)
        add_pending(c, d, i);
    return READER_OK;
}

/* ---- seconds ------------------------------------------------------------------- */

static void fill_second(struct second_row *row, const struct seg_second *r, uint64_t n_sites)
{
    *row = (struct second_row){
        .second = r->second - 1,
        .allocations = r->allocations,
        .frees = r->frees,
        .bytes_allocated = r->bytes_allocated,
        .bytes_freed = r->bytes_freed,
        .live_bytes = r->live_bytes,
        .live_blocks = r->live_blocks,
        .peak_bytes = r->peak_bytes > r->live_bytes ? r->peak_bytes : r->live_bytes,
        .threads = r->threads,
        .sites = r->sites,
        .tier = r->tier < SEG_TIER_COUNT ? (enum seg_tier)r->tier : SEG_TIER_EXACT,
    };
    for (unsigned i = 0; i < SEG_SECOND_SITES; i++) {
        const struct seg_second_site *top = &r->top[i];
        if (top->site < n_sites && (top->live_bytes || top->live_blocks))
            row->top[row->n_top++] = *top;
    }
}

static int compare_seconds(const void *a, const void *b)
{
    const struct second_row *x = a, *y = b;
    return (x->second > y->second) - (x->second < y->second);
}

/* Drop what silence has left over from earlier laps of the ring: only in the
 * last one a gap means that nothing happened. */
static void drop_earlier_laps(struct snapshot *s, uint64_t lap)
{
    size_t first = 0;
    while (s->n_seconds && s->seconds[s->n_seconds - 1].second - s->seconds[first].second >= lap)
        first++;
    s->n_seconds -= first;
    memmove(s->seconds, s->seconds + first, s->n_seconds * sizeof *s->seconds);
}

/* Nobody has lived longer than since set-up; clocks differ a little. */
static uint64_t latest_second(const struct copy *c)
{
    uint64_t wall = clock_ns(&c->clock, c->clock.now_ticks) / NS_PER_SECOND;
    return wall + wall / 100 + 60;
}

/* A record that was written while we read it has another number the second
 * time, or none. */
static bool is_torn(const struct seg_second *first, const struct seg_second *again, size_t slot,
                    uint64_t slots)
{
    return first->second == 0 || first->second != again->second ||
           (first->second - 1) % slots != slot;
}

enum reader_status copy_seconds(struct copy *c, struct snapshot *s, bool with_sites)
{
    struct section at = file_section(&c->file, SEG_SECONDS);
    size_t n = (size_t)at.count, bytes = n * (size_t)at.element;
    uint64_t n_sites = with_sites ? s->n_sites : file_section(&c->file, SEG_SITES).count;
    s->n_seconds = 0;
    char *first = buffer_reserve(&c->scratch, 2 * bytes);
    if (!first ||
        !array_reserve((void **)&s->seconds, &s->cap_seconds, n, sizeof *s->seconds))
        return READER_NO_MEMORY;
    char *again = first + bytes;
    uint64_t latest = latest_second(c);
    file_read(&c->file, at.offset, first, bytes);
    file_read(&c->file, at.offset, again, bytes);
    for (size_t i = 0; i < n; i++) {
        const struct seg_second *r = (const void *)(first + i * at.element);
        const struct seg_second *second_look = (const void *)(again + i * at.element);
        if (r->second <= latest && !is_torn(r, second_look, i, at.capacity))
            fill_second(&s->seconds[s->n_seconds++], r, n_sites);
    }
    if (s->n_seconds > 1)
        qsort(s->seconds, s->n_seconds, sizeof *s->seconds, compare_seconds);
    drop_earlier_laps(s, at.capacity);
    return READER_OK;
}
