/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads and all that is summed over them; see copy.h. Totals are sums of
 * the size classes of one copy of the pages, so that allocations - frees =
 * live_blocks holds whatever the target does meanwhile.
 *
 * A target that runs moves on while it is copied. The copy is taken again, at
 * most CUTS_MAX times, while the globals changed during it: a target that
 * pauses now and then yields a consistent cut, a busy one a copy in which each
 * counter is true for some instant of it, and an ended thread's page that is
 * being folded into row 0 is rarely counted twice.
 */
#include <stdlib.h>
#include <string.h>

#include "tui/reader/copy.h"

#define CUTS_MAX 3u

/* ---- reading --------------------------------------------------------------- */

static void read_globals(const struct copy *c, struct seg_globals *out)
{
    struct section at = file_section(&c->file, SEG_GLOBALS);
    memset(out, 0, sizeof *out);
    if (at.count)
        file_read(&c->file, at.offset, out, sizeof *out);
}

static bool read_pages(struct copy *c)
{
    struct section at = file_section(&c->file, SEG_THREADS);
    size_t bytes = (size_t)(at.count * at.element);
    if (!buffer_reserve(&c->threads, bytes))
        return false;
    file_read(&c->file, at.offset, c->threads.data, bytes);
    c->n_rows = (size_t)at.count;
    c->row_bytes = (size_t)at.element;
    return true;
}

static bool read_cut(struct copy *c)
{
    struct seg_globals before;
    read_globals(c, &c->globals);
    for (unsigned i = 0; i < CUTS_MAX; i++) {
        before = c->globals;
        if (!read_pages(c))
            return false;
        read_globals(c, &c->globals);
        if (!(c->globals.folding & 1) && memcmp(&before, &c->globals, sizeof before) == 0)
            break;
    }
    return true;
}

/* ---- sums ------------------------------------------------------------------ */

/* Unsigned, because a hostile sum may overflow. */
static void add_signed(int64_t *sum, uint64_t n)
{
    *sum = (int64_t)((uint64_t)*sum + n);
}

static void add_page(struct snapshot *s, const struct seg_thread *page)
{
    struct totals *t = &s->totals;
    t->reallocations += page->reallocations;
    t->temporary += page->temporary;
    t->foreign_frees += page->foreign_frees;
    t->inherited_frees += page->inherited_frees;
    t->missed_frees += page->missed_frees;
    t->lost += page->lost;
    t->lost_bytes += page->lost_bytes;
    t->lost_frees += page->lost_frees;
    t->unattributed += page->unattributed;
    t->cut_stacks += page->cut_stacks;
    t->nested += page->nested;
    s->verify.checks += page->verified;
    s->verify.partial += page->verified_partly;
    s->verify.mismatches += page->mismatches;
    t->samples += page->samples;
    t->unsampled_frees += page->unsampled_frees;
    t->frees += page->samples_freed + page->unsampled_frees;
    add_signed(&t->live_blocks, page->blocks_weighed - page->blocks_weighed_freed);
    add_signed(&t->live_bytes, page->bytes_weighed - page->bytes_weighed_freed);
    for (unsigned i = 0; i < SEG_FN_COUNT; i++)
        s->functions[i] += page->functions[i];
    for (unsigned i = 0; i < SEG_LIFE_CLASSES; i++)
        s->lifetimes[i].frees += page->lifetimes[i];
    for (unsigned i = 0; i < SEG_SIZE_CLASSES; i++) {
        s->sizes[i].allocations += page->classes[i].allocations;
        s->sizes[i].frees += page->classes[i].frees;
        s->sizes[i].bytes_allocated += page->classes[i].bytes_allocated;
        s->sizes[i].bytes_freed += page->classes[i].bytes_freed;
    }
}

/* An estimate of what is left of a sum may be more than all of it. */
static uint64_t clamp(int64_t part, uint64_t whole)
{
    return part < 0 ? 0 : (uint64_t)part > whole ? whole : (uint64_t)part;
}

/* Of blocks that were recorded, one by one. */
static void sum_sizes(struct snapshot *s)
{
    struct totals *t = &s->totals;
    for (unsigned i = 0; i < SEG_SIZE_CLASSES; i++) {
        struct size_row *row = &s->sizes[i];
        row->live_blocks = (int64_t)(row->allocations - row->frees);
        row->live_bytes = (int64_t)(row->bytes_allocated - row->bytes_freed);
        add_signed(&t->live_blocks, (uint64_t)row->live_blocks);
        add_signed(&t->live_bytes, (uint64_t)row->live_bytes);
        t->allocations += row->allocations;
        t->frees += row->frees;
        t->bytes_allocated += row->bytes_allocated;
        t->bytes_freed += row->bytes_freed;
    }
}

/* The other allocations of the sampled tier, which the classes do not know. */
static void add_passed(const struct copy *c, struct snapshot *s)
{
    struct totals *t = &s->totals;
    for (size_t row = 0; row < c->n_rows; row++)
        for (unsigned i = 0; i < SEG_SIZE_CLASSES; i++) {
            const struct seg_passed *passed = &copy_page(c, row)->passed[i];
            s->sizes[i].allocations += passed->allocations;
            s->sizes[i].bytes_allocated += passed->bytes;
            s->sizes[i].estimated |= passed->allocations != 0;
            t->allocations += passed->allocations;
            t->bytes_allocated += passed->bytes;
            t->estimated |= passed->allocations != 0;
        }
    for (unsigned i = 0; i < SEG_SIZE_CLASSES && t->estimated; i++) {
        struct size_row *row = &s->sizes[i];
        row->frees = row->allocations - clamp(row->live_blocks, row->allocations);
        row->bytes_freed = row->bytes_allocated - clamp(row->live_bytes, row->bytes_allocated);
    }
    if (!t->estimated)
        return;
    t->live_blocks = t->live_blocks < 0 ? 0 : t->live_blocks;
    t->live_bytes = t->live_bytes < 0 ? 0 : t->live_bytes;
    t->bytes_freed = t->bytes_allocated - clamp(t->live_bytes, t->bytes_allocated);
}

/* The peak may lag behind by what threads have not added yet; what is shown
 * must not contradict itself. */
static void set_peaks(const struct copy *c, struct totals *t)
{
    t->peak_bytes = c->globals.peak_bytes;
    t->peak_blocks = c->globals.peak_blocks;
    t->peak_ns = clock_ns(&c->clock, c->globals.peak_ticks);
    uint64_t sampled = c->file.header.sampled_ticks;
    t->peak_estimated = sampled != 0 && c->globals.peak_ticks >= sampled;
    if (t->live_bytes > t->peak_bytes) {
        t->peak_bytes = t->live_bytes;
        t->peak_ns = clock_ns(&c->clock, c->clock.now_ticks);
    }
    if (t->live_blocks > t->peak_blocks)
        t->peak_blocks = t->live_blocks;
    t->peak_estimated |= t->estimated && t->live_bytes == t->peak_bytes;
}

/* Without births what is counted there is of samples only, or of nothing. */
static void forget_lifetimes(struct snapshot *s)
{
    for (unsigned i = 0; i < SEG_LIFE_CLASSES; i++)
        s->lifetimes[i].frees = 0;
}

/* They end where a class of lifetimes does. Temporary ones were not timed, but no event
 * of their thread came between. */
static void sum_short(const struct copy *c, struct snapshot *s)
{
    struct totals *t = &s->totals;
    uint32_t n = c->file.header.short_classes;
    if (!n || n >= SEG_LIFE_CLASSES || c->file.header.flags & SEG_FLAG_COMPACT)
        return;
    t->short_ns = s->lifetimes[n - 1].below_ns;
    t->short_lived = t->temporary;
    for (unsigned i = 0; i < n; i++)
        t->short_lived += s->lifetimes[i].frees;
}

static void clear_rows(const struct copy *c, struct snapshot *s)
{
    double unit = clock_unit_ns(&c->clock, c->file.header.clock_shift_birth);
    memset(&s->totals, 0, sizeof s->totals);
    memset(&s->verify, 0, sizeof s->verify);
    memset(s->functions, 0, sizeof s->functions);
    for (unsigned i = 0; i < SEG_SIZE_CLASSES; i++)
        s->sizes[i] = (struct size_row){ .min = seg_class_min(i), .max = seg_class_max(i) };
    for (unsigned i = 0; i < SEG_LIFE_CLASSES; i++, unit *= 2)
        s->lifetimes[i] = (struct lifetime_row){
            .below_ns = i < SEG_LIFE_CLASSES - 1 ? clock_round(unit) : UINT64_MAX,
        };
}

/* ---- rows ------------------------------------------------------------------ */

static struct thread_row make_row(const struct copy *c, const struct seg_thread *page)
{
    struct thread_row row = {
        .tid = page->state == SEG_THREAD_USED ? page->tid : 0,
        .reallocations = page->reallocations,
        .temporary = page->temporary,
        .foreign_frees = page->foreign_frees,
        .first_ns = clock_ns(&c->clock, page->first_ticks),
        .last_ns = clock_ns(&c->clock, page->last_ticks),
    };
    for (unsigned i = 0; i < SEG_SIZE_CLASSES; i++) {
        row.allocations += page->classes[i].allocations;
        row.frees += page->classes[i].frees;
        row.bytes_allocated += page->classes[i].bytes_allocated;
        row.bytes_freed += page->classes[i].bytes_freed;
        row.allocations += page->passed[i].allocations;
        row.bytes_allocated += page->passed[i].bytes;
    }
    row.frees += page->samples_freed + page->unsampled_frees;
    row.bytes_freed += page->bytes_weighed_freed;
    row.estimated = page->samples_freed || page->unsampled_frees;
    return row;
}

static void name_row(const struct copy *c, const struct seg_thread *page,
                     struct thread_row *row)
{
    if (page->state == SEG_THREAD_ENDED)
        strcpy(row->name, "(ended)");
    else if (page->state == SEG_THREAD_SHARED)
        strcpy(row->name, "(shared)");
    if (page->state != SEG_THREAD_USED)
        return;
    const struct live_thread *live = copy_names_find(c, page->tid);
    row->alive = live != NULL;
    const char *name = live && live->name[0] ? live->name : page->name;
    text_copy(row->name, sizeof row->name, name, sizeof page->name);
}

/* A sum row that never counted anything says nothing. */
static bool is_shown(const struct seg_thread *page, const struct thread_row *row)
{
    return page->state == SEG_THREAD_USED ||
           ((page->state == SEG_THREAD_ENDED || page->state == SEG_THREAD_SHARED) &&
            (row->allocations || row->frees || row->foreign_frees));
}

/* Threads by first use, sums last. */
static int compare_rows(const void *a, const void *b)
{
    const struct thread_row *x = a, *y = b;
    if ((x->tid == 0) != (y->tid == 0))
        return x->tid == 0 ? 1 : -1;
    if (x->first_ns != y->first_ns)
        return x->first_ns < y->first_ns ? -1 : 1;
    return (x->tid > y->tid) - (x->tid < y->tid);
}

static bool fill_rows(const struct copy *c, struct snapshot *s)
{
    s->n_threads = 0;
    if (!array_reserve((void **)&s->threads, &s->cap_threads, c->n_rows, sizeof *s->threads))
        return false;
    for (size_t i = 0; i < c->n_rows; i++) {
        const struct seg_thread *page = copy_page(c, i);
        if (page->state == SEG_THREAD_FREE)
            continue;
        struct thread_row row = make_row(c, page);
        if (!is_shown(page, &row))
            continue;
        name_row(c, page, &row);
        s->threads[s->n_threads++] = row;
    }
    if (s->n_threads > 1)
        qsort(s->threads, s->n_threads, sizeof *s->threads, compare_rows);
    return true;
}

enum reader_status copy_threads(struct copy *c, struct snapshot *s)
{
    if (!read_cut(c) || !copy_samples_read(c))
        return READER_NO_MEMORY;
    for (size_t i = 0; i < c->n_rows && c->pid == 0; i++)
        clock_seen(&c->clock, copy_page(c, i)->last_ticks);
    copy_names_update(c, s->taken_ns);
    clear_rows(c, s);
    for (size_t i = 0; i < c->n_rows; i++)
        add_page(s, copy_page(c, i));
    if (c->file.header.flags & SEG_FLAG_COMPACT)
        forget_lifetimes(s);
    sum_short(c, s);
    sum_sizes(s);
    copy_samples_totals(c, s);
    add_passed(c, s);
    set_peaks(c, &s->totals);
    return fill_rows(c, s) ? READER_OK : READER_NO_MEMORY;
}
