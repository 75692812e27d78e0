/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which field of a snapshot is in which column of which section; and the bounds
 * that a snapshot promises, enforced on what a file says. See part.h. Columns
 * stay in their order; new ones come last.
 */
#include "tui/file/part.h"

#include <stdlib.h>
#include <string.h>

#include "tui/file/section.h"
#include "tui/model/printable.h"

#define SECONDS_MOST 65536u /* thinned ones of years are fewer */

#define SIZE(type, field) sizeof(((type *)0)->field)
#define NUMBER(type, field) \
    { .offset = offsetof(type, field), .bytes = SIZE(type, field), .count = 1 }
#define TRUTH(type, field) \
    { .offset = offsetof(type, field), .bytes = 1, .count = 1, .truth = true }
#define RISING(type, field) \
    { .offset = offsetof(type, field), .bytes = SIZE(type, field), .count = 1, .rising = true }
#define TEXT(type, field) \
    { .offset = offsetof(type, field), .bytes = SIZE(type, field), .count = 1, .text = true }
#define ARRAY(type, field, n, step) \
    { .offset = offsetof(type, field), .bytes = SIZE(type, field), .count = (n), .stride = (step) }
#define TOP(field) \
    { .offset = offsetof(struct second_row, top) + offsetof(struct seg_second_site, field), \
      .bytes = SIZE(struct seg_second_site, field), .count = SEG_SECOND_SITES, \
      .stride = sizeof(struct seg_second_site), .rising = true }

static const struct part_column moment_columns[] = {
    NUMBER(struct moment, realtime_ns), NUMBER(struct moment, wall_ns),
    NUMBER(struct moment, number), NUMBER(struct moment, live_bytes),
    NUMBER(struct moment, rss), NUMBER(struct moment, rss_peak),
    NUMBER(struct moment, copy_ns), NUMBER(struct moment, meanwhile),
    NUMBER(struct moment, exit_code), NUMBER(struct moment, signal),
    TRUTH(struct moment, blocks), TRUTH(struct moment, whole),
    TRUTH(struct moment, mark_pending), NUMBER(struct moment, taken_ns),
    NUMBER(struct moment, stamp),
};

static const struct part_column target_columns[] = {
    NUMBER(struct target_info, pid), NUMBER(struct target_info, inner_pid),
    NUMBER(struct target_info, ppid), NUMBER(struct target_info, uid),
    NUMBER(struct target_info, state), NUMBER(struct target_info, flags),
    TEXT(struct target_info, command), TEXT(struct target_info, executable),
    TEXT(struct target_info, allocator), NUMBER(struct target_info, exit_status),
    NUMBER(struct target_info, start_realtime_ns), NUMBER(struct target_info, wall_ns),
    NUMBER(struct target_info, segment_bytes), NUMBER(struct target_info, segment_cap),
    NUMBER(struct target_info, peak_slack), NUMBER(struct target_info, unloads),
    NUMBER(struct target_info, tier), TRUTH(struct target_info, tier_pending),
    NUMBER(struct target_info, sample_bytes), NUMBER(struct target_info, tier_ns),
    TRUTH(struct target_info, attach.late), NUMBER(struct target_info, attach.before),
    NUMBER(struct target_info, attach.before_bytes), NUMBER(struct target_info, attach.modules),
    NUMBER(struct target_info, attach.slots), NUMBER(struct target_info, attach.skipped),
};

static const struct part_column totals_columns[] = {
    NUMBER(struct totals, allocations), NUMBER(struct totals, frees),
    NUMBER(struct totals, reallocations), NUMBER(struct totals, bytes_allocated),
    NUMBER(struct totals, bytes_freed), NUMBER(struct totals, live_blocks),
    NUMBER(struct totals, live_bytes), NUMBER(struct totals, peak_bytes),
    NUMBER(struct totals, peak_blocks), NUMBER(struct totals, peak_ns),
    NUMBER(struct totals, temporary), NUMBER(struct totals, foreign_frees),
    NUMBER(struct totals, inherited_frees), NUMBER(struct totals, missed_frees),
    NUMBER(struct totals, lost), NUMBER(struct totals, lost_bytes),
    NUMBER(struct totals, lost_frees), NUMBER(struct totals, unattributed),
    NUMBER(struct totals, cut_stacks), NUMBER(struct totals, nested),
    TRUTH(struct totals, estimated), TRUTH(struct totals, peak_estimated),
    NUMBER(struct totals, live_blocks_error), NUMBER(struct totals, live_bytes_error),
    NUMBER(struct totals, samples), NUMBER(struct totals, live_samples),
    NUMBER(struct totals, unsampled_frees), NUMBER(struct totals, short_ns),
    NUMBER(struct totals, short_lived),
};

static const struct part_column verify_columns[] = {
    NUMBER(struct verify_counts, checks), NUMBER(struct verify_counts, partial),
    NUMBER(struct verify_counts, mismatches),
};

static const struct part_column example_columns[] = {
    NUMBER(struct verify_example, tid), NUMBER(struct verify_example, site),
    ARRAY(struct verify_example, depth[0], SEG_WITNESS_COUNT, 4),
    ARRAY(struct verify_example, pcs[0][0], SEG_WITNESS_COUNT * SEG_DEPTH_MAX, 8),
};

static const struct part_column function_columns[] = { { .bytes = 8, .count = 1 } };
static const struct part_column ring_columns[] = { { .bytes = 4, .count = 1 } };

static const struct part_column size_columns[] = {
    NUMBER(struct size_row, min), NUMBER(struct size_row, max),
    NUMBER(struct size_row, allocations), NUMBER(struct size_row, frees),
    NUMBER(struct size_row, bytes_allocated), NUMBER(struct size_row, bytes_freed),
    NUMBER(struct size_row, live_blocks), NUMBER(struct size_row, live_bytes),
    TRUTH(struct size_row, estimated), NUMBER(struct size_row, live_blocks_error),
    NUMBER(struct size_row, live_bytes_error),
};

static const struct part_column lifetime_columns[] = {
    NUMBER(struct lifetime_row, below_ns), NUMBER(struct lifetime_row, frees),
};

static const struct part_column thread_columns[] = {
    NUMBER(struct thread_row, tid), TEXT(struct thread_row, name),
    TRUTH(struct thread_row, alive), NUMBER(struct thread_row, allocations),
    NUMBER(struct thread_row, frees), NUMBER(struct thread_row, reallocations),
    NUMBER(struct thread_row, bytes_allocated), NUMBER(struct thread_row, bytes_freed),
    NUMBER(struct thread_row, temporary), NUMBER(struct thread_row, foreign_frees),
    RISING(struct thread_row, first_ns), RISING(struct thread_row, last_ns),
    TRUTH(struct thread_row, estimated),
};

static const struct part_column site_columns[] = {
    RISING(struct site_row, node), NUMBER(struct site_row, flags),
    RISING(struct site_row, first_ns), NUMBER(struct site_row, allocations),
    NUMBER(struct site_row, frees), NUMBER(struct site_row, bytes_allocated),
    NUMBER(struct site_row, bytes_freed), NUMBER(struct site_row, temporary),
    NUMBER(struct site_row, live_blocks), NUMBER(struct site_row, live_bytes),
    NUMBER(struct site_row, peak_blocks), NUMBER(struct site_row, peak_bytes),
    NUMBER(struct site_row, samples), NUMBER(struct site_row, allocations_error),
    NUMBER(struct site_row, bytes_allocated_error),
    NUMBER(struct site_row, live_blocks_error), NUMBER(struct site_row, live_bytes_error),
    NUMBER(struct site_row, short_lived),
};

static const struct part_column node_columns[] = {
    RISING(struct node_row, pc), RISING(struct node_row, parent),
    RISING(struct node_row, module), RISING(struct node_row, depth),
    TRUTH(struct node_row, exact),
};

static const struct part_column module_columns[] = {
    RISING(struct module_row, start), RISING(struct module_row, end),
    RISING(struct module_row, bias), TRUTH(struct module_row, unloaded),
    NUMBER(struct module_row, build_id_bytes), ARRAY(struct module_row, build_id[0], 32, 1),
    TEXT(struct module_row, path),
};

static const struct part_column tick_columns[] = {
    NUMBER(struct tick, tick_ns), NUMBER(struct tick, last_tick),
};

static const struct part_column second_columns[] = {
    RISING(struct second_row, second), RISING(struct second_row, allocations),
    RISING(struct second_row, frees), RISING(struct second_row, bytes_allocated),
    RISING(struct second_row, bytes_freed), RISING(struct second_row, live_bytes),
    RISING(struct second_row, live_blocks), RISING(struct second_row, peak_bytes),
    RISING(struct second_row, threads), RISING(struct second_row, sites),
    RISING(struct second_row, tier), RISING(struct second_row, n_top),
    TOP(site), TOP(live_blocks), TOP(live_bytes),
};

static const struct part_column mark_columns[] = {
    RISING(struct mark_event, number), RISING(struct mark_event, stamp),
    RISING(struct mark_event, ns), TEXT(struct mark_event, name),
};

#define COLUMNS(name, version_1) .columns = name##_columns, .least = (version_1), \
                                 .n_columns = sizeof name##_columns / sizeof *name##_columns
/* As many as there are fields, in the image itself. */
#define FIXED(a, b, c, d, name, version_1, type, field, n) \
    { .id = SECTION_ID(a, b, c, d), COLUMNS(name, version_1), .row_bytes = sizeof(type), \
      .rows_at = offsetof(struct image, field), .rows = (n), \
      .absolute = SECTION_ID(a, b, c, d) == SECTION_ID('S', 'N', 'A', 'P') }
/* An array of the snapshot. */
#define ROWS(a, b, c, d, name, version_1, type, field, most, append) \
    { .id = SECTION_ID(a, b, c, d), COLUMNS(name, version_1), .row_bytes = sizeof(type), \
      .rows_at = offsetof(struct image, s.field), .n_at = offsetof(struct image, s.n_##field), \
      .cap_at = offsetof(struct image, s.cap_##field), .rows = (most), .appended = (append) }

static const struct part parts[] = {
    FIXED('S', 'N', 'A', 'P', moment, 15, struct moment, moment, 1),
    FIXED('I', 'N', 'F', 'O', target, 20, struct target_info, s.target, 1),
    FIXED('T', 'O', 'T', 'L', totals, 27, struct totals, s.totals, 1),
    FIXED('V', 'E', 'R', 'I', verify, 3, struct verify_counts, s.verify, 1),
    ROWS('E', 'X', 'A', 'M', example, 4, struct verify_example, examples, SEG_MISMATCHES_MAX,
         false),
    FIXED('F', 'U', 'N', 'C', function, 1, uint64_t, s.functions, SEG_FN_COUNT),
    FIXED('S', 'I', 'Z', 'E', size, 11, struct size_row, s.sizes, SEG_SIZE_CLASSES),
    FIXED('L', 'I', 'F', 'E', lifetime, 2, struct lifetime_row, s.lifetimes, SEG_LIFE_CLASSES),
    ROWS('T', 'H', 'R', 'D', thread, 13, struct thread_row, threads, SEG_THREADS_MAX, false),
    ROWS('N', 'O', 'D', 'E', node, 5, struct node_row, nodes, SEG_NODES_MAX, true),
    ROWS('M', 'O', 'D', 'U', module, 7, struct module_row, modules, SEG_MODULES_MAX, false),
    ROWS('S', 'I', 'T', 'E', site, 17, struct site_row, sites, SEG_SITES_MAX, false),
    FIXED('T', 'I', 'C', 'K', tick, 2, struct tick, tick, 1),
    FIXED('D', 'E', 'N', 'S', ring, 1, uint32_t, ring, SEG_DENSITY_SLOTS),
    ROWS('S', 'E', 'C', 'S', second, 15, struct second_row, seconds, SECONDS_MOST, true),
    ROWS('M', 'A', 'R', 'K', mark, 4, struct mark_event, marks, SEG_MARKS_SLOTS, false),
};
#define N_PARTS (sizeof parts / sizeof *parts)

/* Who adds a field adds a column as well, and corrects the number here. */
#define WANTED "a new field wants a column in a table above"
_Static_assert(sizeof(struct target_info) == 1480, WANTED);
_Static_assert(sizeof(struct totals) == 224, WANTED);
_Static_assert(sizeof(struct verify_counts) == 24, WANTED);
_Static_assert(sizeof(struct verify_example) == 8216, WANTED);
_Static_assert(sizeof(struct size_row) == 88, WANTED);
_Static_assert(sizeof(struct lifetime_row) == 16, WANTED);
_Static_assert(sizeof(struct thread_row) == 120, WANTED);
_Static_assert(sizeof(struct site_row) == 144, WANTED);
_Static_assert(sizeof(struct node_row) == 24, WANTED);
_Static_assert(sizeof(struct module_row) == 512, WANTED);
_Static_assert(sizeof(struct density) == 32, WANTED);
_Static_assert(sizeof(struct second_row) == 304, WANTED);
_Static_assert(sizeof(struct mark_event) == 72, WANTED);
_Static_assert(sizeof(struct snapshot) == 8504, WANTED);

const struct part *part_table(size_t *n)
{
    *n = N_PARTS;
    return parts;
}

const struct part *part_of(uint32_t id)
{
    for (size_t i = 0; i < N_PARTS; i++)
        if (parts[i].id == id)
            return &parts[i];
    return NULL;
}

/* ---- life ---------------------------------------------------------------------- */

void image_init(struct image *im)
{
    memset(im, 0, sizeof *im);
}

void image_fini(struct image *im)
{
    snapshot_fini(&im->s);
}

void image_clear(struct image *im)
{
    for (size_t i = 0; i < N_PARTS; i++) {
        const struct part *p = &parts[i];
        if (p->n_at)
            *(size_t *)((char *)im + p->n_at) = 0;
        else
            memset((char *)im + p->rows_at, 0, p->rows * p->row_bytes);
    }
}

/* ---- how it is written ----------------------------------------------------------- */

void image_wind(struct image *im)
{
    const struct density *d = &im->s.density;
    im->moment.taken_ns = im->s.taken_ns;
    im->moment.stamp = im->s.stamp;
    im->moment.mark_pending = im->s.mark_pending;
    im->tick = (struct tick){ .tick_ns = d->tick_ns, .last_tick = d->last_tick };
    memset(im->ring, 0, sizeof im->ring);
    if (d->ticks != SEG_DENSITY_SLOTS)
        return;
    for (uint64_t age = 0; age < SEG_DENSITY_SLOTS && age <= d->last_tick; age++)
        im->ring[(d->last_tick - age) % SEG_DENSITY_SLOTS] = d->counts[d->ticks - 1 - age];
}

bool image_unwind(struct image *im)
{
    struct density *d = &im->s.density;
    if (!d->counts)
        d->counts = malloc(sizeof im->ring);
    if (!d->counts)
        return false;
    im->s.taken_ns = im->moment.taken_ns;
    im->s.stamp = im->moment.stamp;
    im->s.mark_pending = im->moment.mark_pending;
    d->tick_ns = im->tick.tick_ns;
    d->last_tick = im->tick.last_tick;
    d->ticks = SEG_DENSITY_SLOTS;
    memset(d->counts, 0, sizeof im->ring);
    for (uint64_t age = 0; age < SEG_DENSITY_SLOTS && age <= d->last_tick; age++)
        d->counts[d->ticks - 1 - age] = im->ring[(d->last_tick - age) % SEG_DENSITY_SLOTS];
    return true;
}

/* ---- bounds -------------------------------------------------------------------- */

/* In place: printable, terminated. */
static void clean(char *text, size_t room)
{
    char copy[sizeof ((struct target_info *)0)->command];
    size_t n = strnlen(text, room - 1);
    memcpy(copy, text, n);
    printable_copy(text, room, copy, n);
}

static bool check_target(struct target_info *t)
{
    clean(t->command, sizeof t->command);
    clean(t->executable, sizeof t->executable);
    clean(t->allocator, sizeof t->allocator);
    return (unsigned)t->state < TARGET_STATES && (unsigned)t->tier < SEG_TIER_COUNT &&
           (unsigned)t->attach.before <= SEG_BEFORE_TCMALLOC;
}

static bool check_sites(struct snapshot *s)
{
    for (size_t i = 0; i < s->n_sites; i++) {
        s->sites[i].id = (uint32_t)i;
        if (s->sites[i].node && s->sites[i].node >= s->n_nodes)
            return false;
    }
    return true;
}

static bool check_nodes(const struct snapshot *s)
{
    for (size_t i = 1; i < s->n_nodes; i++) {
        const struct node_row *row = &s->nodes[i];
        if (row->parent >= i || row->module >= (s->n_modules ? s->n_modules : 1) ||
            row->depth > SEG_DEPTH_MAX)
            return false;
    }
    return true;
}

static bool check_modules(struct snapshot *s)
{
    for (size_t i = 0; i < s->n_modules; i++) {
        clean(s->modules[i].path, sizeof s->modules[i].path);
        if (s->modules[i].build_id_bytes > sizeof s->modules[i].build_id)
            return false;
    }
    return true;
}

static bool check_seconds(const struct snapshot *s)
{
    for (size_t i = 0; i < s->n_seconds; i++) {
        const struct second_row *row = &s->seconds[i];
        if (row->n_top > SEG_SECOND_SITES || (unsigned)row->tier >= SEG_TIER_COUNT ||
            row->second > UINT64_MAX / 2000000000 || (i && row->second <= row[-1].second))
            return false;
        for (unsigned k = 0; k < row->n_top; k++)
            if (row->top[k].site >= s->n_sites)
                return false;
    }
    return true;
}

static bool check_examples(const struct snapshot *s)
{
    for (size_t i = 0; i < s->n_examples; i++)
        for (unsigned w = 0; w < SEG_WITNESS_COUNT; w++)
            if (s->examples[i].depth[w] > SEG_DEPTH_MAX)
                return false;
    return true;
}

static bool check_marks(struct snapshot *s)
{
    for (size_t i = 0; i < s->n_marks; i++) {
        clean(s->marks[i].name, sizeof s->marks[i].name);
        if (i && s->marks[i].number <= s->marks[i - 1].number)
            return false;
    }
    return true;
}

static bool check_tick(const struct tick *t)
{
    return t->last_tick == 0 || (t->tick_ns > 1 && t->tick_ns < 1e18);
}

bool image_check(struct image *im)
{
    struct snapshot *s = &im->s;
    for (size_t i = 0; i < s->n_threads; i++)
        clean(s->threads[i].name, sizeof s->threads[i].name);
    return check_target(&s->target) && check_modules(s) && check_nodes(s) && check_sites(s) &&
           check_seconds(s) && check_examples(s) && check_marks(s) && check_tick(&im->tick);
}
