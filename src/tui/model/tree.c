/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call tree put together: what has to be made anew on an update, and what
 * its users ask of it.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tui/model/tree_parts.h"

/* ---- storage --------------------------------------------------------------- */
bool tree_reserve_raw(void **array, size_t *capacity, size_t need, size_t size)
{
    if (need <= *capacity)
        return true;
    size_t more = need + need / 2 + 64;
    void *grown = realloc(*array, more * size);
    if (!grown)
        return false;
    *array = grown;
    *capacity = more;
    return true;
}

bool tree_reserve(void **array, size_t *capacity, size_t need, size_t size)
{
    size_t had = *capacity;
    if (!tree_reserve_raw(array, capacity, need, size))
        return false;
    memset((char *)*array + had * size, 0, (*capacity - had) * size);
    return true;
}

uint64_t tree_mix(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ (b + UINT64_C(0x9e3779b97f4a7c15))) * UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 29;
    x *= UINT64_C(0x94d049bb133111eb);
    x ^= x >> 32;
    return x ? x : 1;
}

/* ---- life ------------------------------------------------------------------ */
struct tree *tree_new(void)
{
    struct tree *t = calloc(1, sizeof *t);
    if (t)
        pattern_init(&t->filter, "");
    return t;
}

void tree_free(struct tree *t)
{
    if (!t)
        return;
    tree_frames_fini(t);
    tree_map_fini(&t->frame_ids);
    tree_map_fini(&t->place_ids);
    tree_map_fini(&t->path_ids);
    tree_map_fini(&t->grouped_ids);
    tree_map_fini(&t->state);
    pattern_fini(&t->filter);
    free(t->frames);
    free(t->places);
    free(t->paths);
    free(t->sums);
    free(t->node_place);
    free(t->node_path);
    free(t->node_match);
    free(t->part_path);
    free(t->reopen);
    free(t->rows);
    tree_rows_fini(t);
    free(t);
}

/* ---- updates --------------------------------------------------------------- */
static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

bool slice_over(struct slice *s)
{
    if (++s->count % 256 == 0 && s->until_ns != UINT64_MAX)
        s->over |= now_ns() >= s->until_ns;
    return s->over;
}

/* Another program, another reader, or modules that have gone: start afresh. */
static void forget(struct tree *t, const struct snapshot *s, struct symbols *sy)
{
    if (t->reader == s->cached_reader && t->unloads == s->cached_unloads &&
        t->symbols == sy && t->placed_nodes <= s->n_nodes)
        return;
    t->n_rows = 0; /* they refer to frames */
    tree_frames_fini(t);
    tree_paths_clear(t);
    t->n_zooms = t->n_reopen = 0;
    t->phase = PHASE_IDLE;
    t->named_once = false;
    t->reader = s->cached_reader;
    t->unloads = s->cached_unloads;
    t->symbols = sy;
}

static bool reserve_nodes(struct tree *t, size_t n)
{
    size_t a = t->cap_nodes, b = t->cap_nodes;
    if (!tree_reserve_raw((void **)&t->node_place, &a, n, sizeof(uint32_t)) ||
        !tree_reserve_raw((void **)&t->node_path, &b, n, sizeof(uint32_t)) ||
        !tree_reserve_raw((void **)&t->node_match, &t->cap_nodes, n, sizeof(bool)))
        return false;
    t->node_place[0] = t->node_path[0] = 0;
    t->node_match[0] = false;
    return true;
}

static void begin(struct tree *t, const struct tree_source *from)
{
    const struct tree_options *o = &t->options;
    bool grouped = from->parts || o->by_module;
    t->changed = t->redo || o->fold != t->built.fold || o->show_hidden != t->built.show_hidden ||
                 o->by_module != t->built.by_module || grouped != t->grouped;
    t->rematch = t->redo || strcmp(o->filter, t->built.filter) != 0;
    if (t->rematch) {
        pattern_fini(&t->filter);
        pattern_init(&t->filter, o->filter);
    }
    t->redo = false;
    t->grouped = grouped;
    t->built = *o;
    t->phase = !t->named_once || from->names_version != t->names_version ? PHASE_RENAME
                                                                         : PHASE_PLACE;
    t->names_version = from->names_version;
    t->named_once = true;
    t->at = 0;
}

/* All places have their frames now. */
static void begin_matching(struct tree *t)
{
    if (t->changed || t->rematch)
        t->matched_places = t->matched_nodes = 0;
    if (t->changed) {
        tree_rows_remember(t);
        tree_paths_clear(t);
    }
}

static int do_phase(struct tree *t, const struct snapshot *s, struct slice *slice)
{
    switch (t->phase) {
    case PHASE_IDLE: return 0;
    case PHASE_RENAME: return tree_frames_rename(t, s, slice);
    case PHASE_PLACE: return tree_frames_place(t, s, slice);
    case PHASE_MATCH_PLACES: return t->filter.places ? tree_frames_match(t, slice) : 0;
    case PHASE_MATCH_NODES: return t->filter.places ? tree_paths_match(t, s, slice) : 0;
    case PHASE_PATHS: return tree_paths_extend(t, s, slice);
    case PHASE_CLEAR: return tree_sums_clear(t, slice);
    case PHASE_ADD: return tree_sums_add(t, s, slice);
    case PHASE_ROLL: return tree_sums_roll(t, slice);
    case PHASE_ROWS: return tree_rows_make(t, slice);
    }
    return 0;
}

static int go_on(struct tree *t, const struct tree_source *from, struct slice *slice)
{
    forget(t, from->snapshot, from->symbols);
    if (t->phase == PHASE_IDLE)
        begin(t, from);
    t->from = *from;
    /* Nodes may have come since the last slice: what follows is about those that
     * were placed. */
    if (t->phase <= PHASE_PLACE && !reserve_nodes(t, from->snapshot->n_nodes + 1))
        return -1;
    while (t->phase != PHASE_IDLE) {
        int result = do_phase(t, from->snapshot, slice);
        if (result != 0)
            return result;
        if (t->phase == PHASE_PLACE)
            begin_matching(t);
        if (t->phase == PHASE_PATHS && t->changed)
            tree_zoom_follow(t);
        if (t->phase == PHASE_ROLL)
            tree_rows_restart(t);
        t->at = 0;
        t->phase = t->phase == PHASE_ROWS ? PHASE_IDLE : (enum phase)(t->phase + 1);
    }
    return 0;
}

static int step(struct tree *t, const struct tree_source *from, uint64_t until_ns)
{
    struct slice slice = { .until_ns = until_ns };
    int result = go_on(t, from, &slice);
    if (result < 0) {
        t->n_rows = 0;
        tree_frames_fini(t);
        tree_paths_clear(t);
        t->phase = PHASE_IDLE;
        t->named_once = false;
    }
    return result;
}

int tree_step(struct tree *t, const struct tree_source *from, unsigned budget_ms)
{
    return step(t, from, now_ns() + budget_ms * UINT64_C(1000000));
}

int tree_update(struct tree *t, const struct snapshot *s, struct symbols *sy,
                const struct site_figures *figures, size_t n, unsigned names_version)
{
    struct tree_source from = { .snapshot = s, .symbols = sy, .figures = figures, .n = n,
                                .names_version = names_version };
    tree_stop(t);
    return step(t, &from, UINT64_MAX);
}

void tree_stop(struct tree *t)
{
    t->redo |= t->phase != PHASE_IDLE;
    t->named_once &= t->phase == PHASE_IDLE;
    t->phase = PHASE_IDLE;
}

int tree_show(struct tree *t, unsigned budget_ms)
{
    struct slice slice = { .until_ns = now_ns() + budget_ms * UINT64_C(1000000) };
    if ((t->phase != PHASE_IDLE && t->phase != PHASE_ROWS) || !t->from.figures)
        return 1;
    if (t->phase == PHASE_IDLE)
        tree_rows_restart(t);
    int result = tree_rows_make(t, &slice);
    t->phase = result == 1 ? PHASE_ROWS : PHASE_IDLE;
    return result;
}

unsigned tree_progress(const struct tree *t)
{
    size_t n = t->from.snapshot ? 2 * t->from.snapshot->n_nodes : 0;
    size_t done = t->placed_nodes + (t->grouped ? t->placed_nodes : t->pathed_nodes);
    return n && done < n ? (unsigned)(100 * done / n) : 100;
}

/* ---- questions ------------------------------------------------------------- */
struct tree_options *tree_options(struct tree *t)
{
    return &t->options;
}

size_t tree_count(const struct tree *t)
{
    return t->n_rows;
}

const struct tree_row *tree_row(const struct tree *t, size_t i)
{
    return &t->rows[i];
}

const struct site_figures *tree_all(const struct tree *t)
{
    return &t->all;
}

const struct site_figures *tree_passing(const struct tree *t)
{
    return &t->passing;
}

const char *tree_complaint(const struct tree *t)
{
    return t->filter.error[0] ? t->filter.error : NULL;
}

/* ---- opening --------------------------------------------------------------- */
void tree_open(struct tree *t, size_t row, bool open)
{
    if (row < t->n_rows)
        tree_rows_set(t, t->rows[row].key, t->rows[row].node, open);
    tree_rows_restart(t);
}

void tree_open_hottest(struct tree *t, uint64_t key)
{
    t->hottest = key;
    tree_rows_restart(t);
}

void tree_open_all(struct tree *t, bool open)
{
    tree_map_clear(&t->state);
    t->open_all = open;
    t->all_anew = true;
    t->n_reopen = 0;
    tree_rows_restart(t);
}

void tree_figures(const struct snapshot *s, bool peak, struct site_figures *figures)
{
    for (size_t i = 0; i < s->n_sites; i++) {
        const struct site_row *r = &s->sites[i];
        figures[i] = (struct site_figures){ .v = {
            [TREE_LIVE_BYTES] = peak ? r->peak_bytes : r->live_bytes,
            [TREE_LIVE_BLOCKS] = peak ? r->peak_blocks : r->live_blocks,
            [TREE_ALLOCATIONS] = (int64_t)r->allocations,
            [TREE_FREES] = (int64_t)r->frees,
            [TREE_BYTES_ALLOCATED] = (int64_t)r->bytes_allocated,
            [TREE_TEMPORARY] = (int64_t)r->temporary,
            [TREE_SHORT_LIVED] = (int64_t)r->short_lived,
            [TREE_PEAK_BYTES] = r->peak_bytes,
            [TREE_PEAK_BLOCKS] = r->peak_blocks,
            [TREE_SAMPLES] = (int64_t)r->samples,
        } };
    }
}
