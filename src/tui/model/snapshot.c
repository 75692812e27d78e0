/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of snapshots and the questions that all views ask of them; see
 * snapshot.h. Called by views, reports and the reader. Never touches a segment.
 */
#include "tui/model/snapshot.h"

#include <stdlib.h>
#include <string.h>

void snapshot_init(struct snapshot *s)
{
    memset(s, 0, sizeof *s);
}

void snapshot_fini(struct snapshot *s)
{
    free(s->threads);
    free(s->sites);
    free(s->nodes);
    free(s->modules);
    free(s->density.counts);
    free(s->seconds);
    snapshot_init(s);
}

const char *snapshot_function_name(enum seg_function fn)
{
    static const char *const names[SEG_FN_COUNT] = {
#define NAME(id, name) [SEG_FN_##id] = name,
        SEG_FUNCTIONS(NAME)
#undef NAME
    };
    return (unsigned)fn < SEG_FN_COUNT ? names[fn] : "?";
}

static int compare_sites(const struct site_row *x, const struct site_row *y)
{
    if ((x->allocations == 0) != (y->allocations == 0))
        return x->allocations == 0 ? 1 : -1;
    if (x->live_bytes != y->live_bytes)
        return x->live_bytes > y->live_bytes ? -1 : 1;
    if (x->bytes_allocated != y->bytes_allocated)
        return x->bytes_allocated > y->bytes_allocated ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static int compare_order(const void *a, const void *b, void *sites)
{
    const struct site_row *rows = sites;
    return compare_sites(&rows[*(const uint32_t *)a], &rows[*(const uint32_t *)b]);
}

size_t snapshot_sites_by_live(const struct snapshot *s, uint32_t *order)
{
    /* Most sites of a big program are done with; they need no comparing with
     * those that hold something. */
    size_t used = 0;
    for (size_t i = 0; i < s->n_sites; i++)
        if (s->sites[i].allocations)
            order[used++] = (uint32_t)i;
    size_t all = used;
    for (size_t i = 0; i < s->n_sites; i++)
        if (!s->sites[i].allocations)
            order[all++] = (uint32_t)i;
    if (used > 1)
        qsort_r(order, used, sizeof *order, compare_order, s->sites);
    return used;
}

size_t snapshot_stack(const struct snapshot *s, uint32_t site, uint32_t nodes[SEG_DEPTH_MAX])
{
    size_t n = 0;
    if (site >= s->n_sites)
        return 0;
    for (uint32_t node = s->sites[site].node; node && node < s->n_nodes && n < SEG_DEPTH_MAX;
         node = s->nodes[node].parent)
        nodes[n++] = node;
    return n;
}
