/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the text and the JSON of diffs have in common; see diff.h.
 */
#include "tui/report/diff.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *diff_change_name(enum mark_change change)
{
    static const char *const names[] = {
        [MARK_SAME] = "same", [MARK_NEW] = "new", [MARK_VANISHED] = "vanished",
    };
    return names[change];
}

static bool is_filtered(const struct diff *d)
{
    return d->forms->filter && *d->forms->filter;
}

struct site_figures diff_side_totals(const struct diff *d, enum delta_side side)
{
    struct site_figures sum = { .v = { 0 } };
    if (!is_filtered(d))
        return d->sides[side].totals;
    for (size_t i = 0; i < d->forms->selection.n; i++)
        for (int k = 0; k < TREE_FIGURES; k++)
            sum.v[k] += d->delta->figures[side][d->forms->selection.order[i]].v[k];
    return sum;
}

struct site_figures diff_growth(const struct diff *d)
{
    struct site_figures a = diff_side_totals(d, DELTA_A), b = diff_side_totals(d, DELTA_B);
    for (int k = 0; k < TREE_FIGURES; k++)
        b.v[k] = (int64_t)((uint64_t)b.v[k] - (uint64_t)a.v[k]);
    return b;
}

/* ---- sizes and threads ------------------------------------------------------------ */

static void add_size(struct diff_row *row, enum delta_side side, const struct size_row *size)
{
    if (size->max == UINT64_MAX)
        snprintf(row->name, sizeof row->name, "%" PRIu64 "-", size->min);
    else if (size->min == size->max)
        snprintf(row->name, sizeof row->name, "%" PRIu64, size->min);
    else
        snprintf(row->name, sizeof row->name, "%" PRIu64 "-%" PRIu64, size->min, size->max);
    row->min = size->min;
    row->max = size->max;
    int64_t *v = row->v[side].v;
    v[TREE_LIVE_BYTES] = size->live_bytes;
    v[TREE_LIVE_BLOCKS] = size->live_blocks;
    v[TREE_ALLOCATIONS] = (int64_t)size->allocations;
    v[TREE_FREES] = (int64_t)size->frees;
    v[TREE_BYTES_ALLOCATED] = (int64_t)size->bytes_allocated;
}

static size_t add_sizes(const struct diff *d, struct diff_row *rows)
{
    size_t n = 0;
    for (unsigned i = 0; i < SEG_SIZE_CLASSES; i++) {
        bool used = false;
        for (int side = 0; side < DELTA_SIDES; side++)
            if (d->sides[side].snapshot->sizes[i].allocations) {
                add_size(&rows[n], (enum delta_side)side, &d->sides[side].snapshot->sizes[i]);
                used = true;
            }
        n += used;
    }
    return n;
}

static size_t add_threads(const struct diff *d, struct diff_row *rows)
{
    size_t n = 0;
    for (int side = 0; side < DELTA_SIDES; side++) {
        const struct snapshot *s = d->sides[side].snapshot;
        for (size_t i = 0; i < s->n_threads; i++) {
            const struct thread_row *t = &s->threads[i];
            size_t k = 0;
            while (k < n && strcmp(rows[k].name, t->name) != 0)
                k++;
            if (k == n)
                snprintf(rows[n++].name, sizeof rows->name, "%s", t->name);
            int64_t *v = rows[k].v[side].v;
            v[TREE_ALLOCATIONS] += (int64_t)t->allocations;
            v[TREE_FREES] += (int64_t)t->frees;
            v[TREE_BYTES_ALLOCATED] += (int64_t)t->bytes_allocated;
            v[TREE_TEMPORARY] += (int64_t)t->temporary;
        }
    }
    return n;
}

static int by_growth(const void *a, const void *b, void *figure)
{
    int k = *(const int *)figure;
    const struct diff_row *x = a, *y = b;
    int64_t p = x->v[DELTA_B].v[k] - x->v[DELTA_A].v[k];
    int64_t q = y->v[DELTA_B].v[k] - y->v[DELTA_A].v[k];
    p = p < 0 ? -p : p;
    q = q < 0 ? -q : q;
    return p != q ? (p > q ? -1 : 1) : (x->min > y->min) - (x->min < y->min);
}

struct diff_row *diff_rows(const struct diff *d, enum forms_parts part, size_t *n)
{
    const struct snapshot *a = d->sides[DELTA_A].snapshot, *b = d->sides[DELTA_B].snapshot;
    size_t room = part == FORMS_SIZES ? SEG_SIZE_CLASSES : a->n_threads + b->n_threads;
    struct diff_row *rows = calloc(room + 1, sizeof *rows);
    int figure = d->forms->sort;
    *n = 0;
    if (!rows)
        return NULL;
    *n = part == FORMS_SIZES ? add_sizes(d, rows) : add_threads(d, rows);
    if (d->forms->sort_given && figure < TREE_FIGURES)
        qsort_r(rows, *n, sizeof *rows, by_growth, &figure);
    *n = *n < d->forms->rows_top ? *n : d->forms->rows_top;
    return rows;
}
