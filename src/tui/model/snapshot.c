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
    free(s->examples);
    free(s->marks);
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

/* Sites are put in order on each redraw, up to 100,000 of them: a radix sort
 * over their keys takes a tenth of the time that comparing rows would. */
struct rank {
    uint64_t live_bytes, bytes_allocated; /* turned round, so that more is less */
    uint32_t id;
};

static struct rank rank_of(const struct snapshot *s, uint32_t site)
{
    const struct site_row *row = &s->sites[site];
    return (struct rank){
        .live_bytes = ~((uint64_t)row->live_bytes ^ UINT64_C(1) << 63),
        .bytes_allocated = ~row->bytes_allocated,
        .id = site,
    };
}

static unsigned digit(const struct rank *r, unsigned place)
{
    uint64_t key = place < 8 ? r->bytes_allocated : r->live_bytes;
    return (unsigned)(key >> place % 8 * 8) & 0xff;
}

/* One stable pass; false where all have the same digit and nothing moved. */
static bool radix_pass(const struct rank *from, struct rank *to, size_t n, unsigned place)
{
    size_t at[256] = { 0 }, sum = 0;
    for (size_t i = 0; i < n; i++)
        at[digit(&from[i], place)]++;
    if (at[digit(from, place)] == n)
        return false;
    for (unsigned d = 0; d < 256; d++) {
        size_t count = at[d];
        at[d] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++)
        to[at[digit(&from[i], place)]++] = from[i];
    return true;
}

/* The slow way, for when there is no memory. */
static int compare_sites(const void *a, const void *b, void *snapshot)
{
    struct rank x = rank_of(snapshot, *(const uint32_t *)a);
    struct rank y = rank_of(snapshot, *(const uint32_t *)b);
    if (x.live_bytes != y.live_bytes)
        return x.live_bytes < y.live_bytes ? -1 : 1;
    if (x.bytes_allocated != y.bytes_allocated)
        return x.bytes_allocated < y.bytes_allocated ? -1 : 1;
    return (x.id > y.id) - (x.id < y.id);
}

/* order[] comes sorted by id, and equal ones stay so. */
static void sort_sites(const struct snapshot *s, uint32_t *order, size_t n)
{
    struct rank *both = malloc(2 * n * sizeof *both), *from = both, *to = both + n;
    if (!both) {
        qsort_r(order, n, sizeof *order, compare_sites, (void *)s);
        return;
    }
    for (size_t i = 0; i < n; i++)
        from[i] = rank_of(s, order[i]);
    for (unsigned place = 0; place < 16; place++)
        if (radix_pass(from, to, n, place)) {
            struct rank *swapped = from;
            from = to;
            to = swapped;
        }
    for (size_t i = 0; i < n; i++)
        order[i] = from[i].id;
    free(both);
}

size_t snapshot_sites_by_live(const struct snapshot *s, uint32_t *order)
{
    size_t used = 0;
    for (size_t i = 0; i < s->n_sites; i++)
        if (s->sites[i].allocations)
            order[used++] = (uint32_t)i;
    size_t all = used;
    for (size_t i = 0; i < s->n_sites; i++)
        if (!s->sites[i].allocations)
            order[all++] = (uint32_t)i;
    if (used > 1)
        sort_sites(s, order, used);
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
