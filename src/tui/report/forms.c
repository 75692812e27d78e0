/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures, selection and tree of a report; see forms.h. Called by the commands
 * report and stat, read by both reports.
 */
#include "tui/report/forms.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

/* ---- the moment ---------------------------------------------------------------- */

/* Sites that were not alive then have no part. */
static void only_alive(struct site_figures *f, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!f[i].v[TREE_LIVE_BYTES] && !f[i].v[TREE_LIVE_BLOCKS])
            f[i] = (struct site_figures){ .v = { 0 } };
}

static void at_peak(struct forms *f, const struct snapshot *s)
{
    only_alive(f->figures, s->n_sites);
    f->moment_ns = s->totals.peak_ns;
    f->moment_totals.v[TREE_LIVE_BYTES] = s->totals.peak_bytes;
    for (size_t i = 0; i < s->n_sites; i++)
        f->moment_totals.v[TREE_LIVE_BLOCKS] += s->sites[i].peak_blocks;
}

/* The record that holds at a time: the newest one that is not later. */
static const struct second_row *second_at(const struct snapshot *s, uint64_t ns)
{
    const struct second_row *found = NULL;
    for (size_t i = 0; i < s->n_seconds && s->seconds[i].second <= ns / SECOND; i++)
        found = &s->seconds[i];
    return found;
}

static int at_time(struct forms *f, const struct snapshot *s, char error[FORMS_ERROR])
{
    const struct second_row *row = second_at(s, f->at_ns);
    if (!row || f->at_ns > s->target.wall_ns + SECOND) {
        snprintf(error, FORMS_ERROR, "--at: nothing is known of %.1f s: the history goes from "
                 "%" PRIu64 " s to %.1f s", (double)f->at_ns / 1e9,
                 s->n_seconds ? s->seconds[0].second : 0, (double)s->target.wall_ns / 1e9);
        return -1;
    }
    for (size_t i = 0; i < s->n_sites; i++)
        f->figures[i].v[TREE_LIVE_BYTES] = f->figures[i].v[TREE_LIVE_BLOCKS] = 0;
    for (unsigned i = 0; i < row->n_top && i < SEG_SECOND_SITES; i++) {
        const struct seg_second_site *top = &row->top[i];
        if (top->site >= s->n_sites)
            continue;
        f->figures[top->site].v[TREE_LIVE_BYTES] = top->live_bytes;
        f->figures[top->site].v[TREE_LIVE_BLOCKS] = top->live_blocks;
    }
    only_alive(f->figures, s->n_sites);
    f->moment_ns = row->second * SECOND;
    f->moment_totals.v[TREE_LIVE_BYTES] = row->live_bytes;
    f->moment_totals.v[TREE_LIVE_BLOCKS] = row->live_blocks;
    f->partial = true;
    return 0;
}

static int take_figures(struct forms *f, const struct snapshot *s, char error[FORMS_ERROR])
{
    f->figures = calloc(s->n_sites + 1, sizeof *f->figures);
    if (!f->figures) {
        snprintf(error, FORMS_ERROR, "out of memory");
        return -1;
    }
    if (f->sort_given && f->sort == TREE_SHORT_LIVED && !s->totals.short_ns) {
        snprintf(error, FORMS_ERROR, "--sort: short_lived is not known here: not in compact mode, "
                 "nor of agents and files from before memtop counted it");
        return -1;
    }
    tree_figures(s, f->moment == FORMS_PEAK, f->figures);
    if (f->moment == FORMS_TIME)
        return at_time(f, s, error);
    if (f->moment == FORMS_PEAK)
        at_peak(f, s);
    return 0;
}

/* ---- the tree ------------------------------------------------------------------- */

int64_t forms_row_value(const struct tree_row *row, int figure)
{
    return figure == TREE_BY_SELF ? row->self[TREE_LIVE_BYTES]
         : figure >= 0 && figure < TREE_FIGURES ? row->v[figure] : 0;
}

struct ranked {
    uint64_t value;
    uint32_t row;
};

static int by_value(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->value != y->value)
        return x->value > y->value ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* The row above each, plus 1; 0 at the top. */
static uint32_t *rows_above(const struct tree *t)
{
    size_t n = tree_count(t), deepest = 0;
    for (size_t i = 0; i < n; i++)
        deepest = tree_row(t, i)->depth > deepest ? tree_row(t, i)->depth : deepest;
    uint32_t *above = calloc(n + 1, sizeof *above);
    uint32_t *last = calloc(deepest + 2, sizeof *last); /* by depth */
    for (size_t i = 0; above && last && i < n; i++) {
        unsigned depth = tree_row(t, i)->depth;
        above[i] = depth ? last[depth - 1] : 0;
        last[depth] = (uint32_t)i + 1;
    }
    if (!last) {
        free(above);
        above = NULL;
    }
    free(last);
    return above;
}

/* Mark a row and those above it. Returns how many were not. */
static size_t show(const uint32_t *above, bool *shown, uint32_t row)
{
    size_t n = 0;
    for (uint32_t i = row + 1; i && !shown[i - 1]; i = above[i - 1]) {
        shown[i - 1] = true;
        n++;
    }
    return n;
}

static bool show_largest(const struct tree *t, int sort, size_t top, bool *shown)
{
    size_t n = tree_count(t), used = 0;
    struct ranked *ranks = calloc(n + 1, sizeof *ranks);
    uint32_t *above = rows_above(t);
    for (size_t i = 0; ranks && i < n; i++) {
        int64_t v = forms_row_value(tree_row(t, i), sort);
        ranks[i] = (struct ranked){ v < 0 ? -(uint64_t)v : (uint64_t)v, (uint32_t)i };
    }
    bool good = ranks && above;
    if (good)
        qsort(ranks, n, sizeof *ranks, by_value);
    for (size_t i = 0; good && i < n && used < top; i++)
        used += show(above, shown, ranks[i].row);
    free(ranks);
    free(above);
    return good;
}

bool *forms_largest_rows(const struct tree *t, int sort, size_t top, bool *cut)
{
    size_t n = tree_count(t);
    bool *shown = calloc(n + 1, sizeof *shown);
    if (shown && top >= n) {
        memset(shown, true, n * sizeof *shown);
    } else if (shown && !show_largest(t, sort, top, shown)) {
        free(shown);
        return NULL;
    }
    for (size_t i = 0; shown && cut && i < n; i++)
        *cut |= !shown[i] || (tree_row(t, i)->expandable && !tree_row(t, i)->expanded);
    return shown;
}

/* A row is no larger than the one above it: the largest are found by opening the
 * largest, and a whole tree of millions of rows is never made. False: all of them
 * are open. */
static bool open_largest(struct forms *f)
{
    bool opened = false;
    bool *shown = forms_largest_rows(f->tree, f->sort, f->tree_top, NULL);
    for (size_t i = 0; shown && i < tree_count(f->tree); i++) {
        const struct tree_row *row = tree_row(f->tree, i);
        if (!shown[i] || !row->expandable || row->expanded)
            continue;
        tree_open(f->tree, i, true);
        opened = true;
    }
    free(shown);
    return opened;
}

static int grow_tree(struct forms *f, const struct snapshot *s, struct symbols *sy)
{
    f->tree = tree_new();
    if (!f->tree)
        return -1;
    struct tree_options *o = tree_options(f->tree);
    o->mode = f->mode;
    o->sort = f->sort;
    o->rows_max = FORMS_TREE_ROWS;
    snprintf(o->filter, sizeof o->filter, "%s", f->filter ? f->filter : "");
    bool whole = f->tree_top == SIZE_MAX || f->is_signed;
    tree_open_all(f->tree, whole);
    selection_name_all(s, sy);
    unsigned names = symbols_generation(sy);
    bool more = true;
    while (more) {
        if (tree_update(f->tree, s, sy, f->figures, s->n_sites, names) != 0)
            return -1;
        more = !whole && open_largest(f);
    }
    f->tree_cut = tree_count(f->tree) >= FORMS_TREE_ROWS;
    return 0;
}

/* ---- sizes and threads ---------------------------------------------------------- */

static int64_t size_value(const struct size_row *row, int figure)
{
    switch (figure) {
    case TREE_LIVE_BYTES: return row->live_bytes;
    case TREE_LIVE_BLOCKS: return row->live_blocks;
    case TREE_ALLOCATIONS: return (int64_t)row->allocations;
    case TREE_FREES: return (int64_t)row->frees;
    case TREE_BYTES_ALLOCATED: return (int64_t)row->bytes_allocated;
    }
    return 0;
}

static int64_t thread_value(const struct thread_row *row, int figure)
{
    switch (figure) {
    case TREE_ALLOCATIONS: return (int64_t)row->allocations;
    case TREE_FREES: return (int64_t)row->frees;
    case TREE_BYTES_ALLOCATED: return (int64_t)row->bytes_allocated;
    case TREE_TEMPORARY: return (int64_t)row->temporary;
    }
    return 0;
}

bool forms_has_figure(enum forms_parts part, int figure)
{
    bool counted = figure == TREE_ALLOCATIONS || figure == TREE_FREES ||
                   figure == TREE_BYTES_ALLOCATED;
    switch (part) {
    case FORMS_SITES: return figure < TREE_FIGURES;
    case FORMS_TREE: return true;
    case FORMS_SIZES: return counted || figure == TREE_LIVE_BYTES || figure == TREE_LIVE_BLOCKS;
    case FORMS_THREADS: return counted || figure == TREE_TEMPORARY;
    }
    return false;
}

uint32_t *forms_order(const struct forms *f, enum forms_parts part, const struct snapshot *s,
                      size_t *n)
{
    bool sizes = part == FORMS_SIZES;
    size_t all = sizes ? SEG_SIZE_CLASSES : s->n_threads;
    uint32_t *order = calloc(all + 1, sizeof *order);
    struct ranked *ranks = calloc(all + 1, sizeof *ranks);
    *n = 0;
    for (uint32_t i = 0; order && ranks && i < all; i++) {
        int64_t v = sizes ? size_value(&s->sizes[i], f ? f->sort : 0)
                          : thread_value(&s->threads[i], f ? f->sort : 0);
        if (!sizes || s->sizes[i].allocations)
            ranks[(*n)++] = (struct ranked){ (uint64_t)v, i };
    }
    if (ranks && f && f->sort_given)
        qsort(ranks, *n, sizeof *ranks, by_value);
    *n = f && *n > f->rows_top ? f->rows_top : *n;
    for (size_t i = 0; order && ranks && i < *n; i++)
        order[i] = ranks[i].row;
    if (!ranks) {
        free(order);
        order = NULL;
    }
    free(ranks);
    return order;
}

/* ---- all of it ------------------------------------------------------------------ */

static int select_sites(struct forms *f, const struct snapshot *s, struct symbols *sy,
                        char error[FORMS_ERROR])
{
    struct pattern filter;
    pattern_init(&filter, f->filter ? f->filter : "");
    int bad = -1;
    if (filter.error[0])
        snprintf(error, FORMS_ERROR, "--filter: %s", filter.error);
    else if ((bad = selection_init(&f->selection, s, sy, f->figures, &filter, f->sort)) != 0)
        snprintf(error, FORMS_ERROR, "out of memory");
    pattern_fini(&filter);
    return bad;
}

static void forget(struct forms *f)
{
    f->figures = NULL;
    f->tree = NULL;
    f->selection = (struct selection){ .n = 0 };
    f->moment_totals = (struct site_figures){ .v = { 0 } };
}

static int prepare_rest(struct forms *f, const struct snapshot *s, struct symbols *sy,
                        char error[FORMS_ERROR])
{
    if (select_sites(f, s, sy, error) != 0)
        return -1;
    if (!(f->parts & FORMS_TREE) || grow_tree(f, s, sy) == 0)
        return 0;
    snprintf(error, FORMS_ERROR, "out of memory");
    return -1;
}

int forms_prepare(struct forms *f, const struct snapshot *s, struct symbols *sy,
                  char error[FORMS_ERROR])
{
    forget(f);
    return take_figures(f, s, error) == 0 ? prepare_rest(f, s, sy, error) : -1;
}

int forms_prepare_figures(struct forms *f, const struct snapshot *s, struct symbols *sy,
                          const struct site_figures *figures, char error[FORMS_ERROR])
{
    forget(f);
    f->is_signed = true;
    f->figures = calloc(s->n_sites + 1, sizeof *f->figures);
    if (!f->figures) {
        snprintf(error, FORMS_ERROR, "out of memory");
        return -1;
    }
    memcpy(f->figures, figures, s->n_sites * sizeof *figures);
    return prepare_rest(f, s, sy, error);
}

void forms_fini(struct forms *f)
{
    selection_fini(&f->selection);
    tree_free(f->tree);
    free(f->figures);
    f->tree = NULL;
    f->figures = NULL;
}
