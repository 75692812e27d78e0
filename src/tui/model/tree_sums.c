/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sums of a call tree: each part's figures are added to its path, and then
 * paths to their parents, from the last one to the first.
 */
#include "tui/model/tree_parts.h"

static bool is_zero(const struct site_figures *f)
{
    for (int k = 0; k < TREE_FIGURES; k++)
        if (f->v[k])
            return false;
    return true;
}

static int64_t weight(const struct tree *t, const struct site_figures *f)
{
    int64_t value = f->v[t->options.sort < TREE_FIGURES ? t->options.sort : TREE_LIVE_BYTES];
    return value < 0 ? -value : value;
}

static void add(int64_t *to, const int64_t *from)
{
    for (int k = 0; k < TREE_FIGURES; k++)
        to[k] += from[k];
}

int tree_sums_clear(struct tree *t, struct slice *slice)
{
    if (!tree_reserve((void **)&t->part_path, &t->cap_parts, t->from.n + 1, sizeof(uint32_t)))
        return -1;
    for (; t->at < t->n_paths; t->at++) {
        struct path *p = &t->paths[t->at];
        if (slice_over(slice))
            return 1;
        p->sites = p->best = 0;
        p->best_value = 0;
        t->sums[t->at] = (struct site_figures){ .v = { 0 } };
    }
    t->all = t->passing = (struct site_figures){ .v = { 0 } };
    t->n_parts = t->from.n;
    return 0;
}

/* Whether the filter lets a part pass: by its stack, or by its group. */
static bool passes(const struct tree *t, uint32_t node, uint32_t path)
{
    return t->node_match[node] ||
           (t->grouped && t->frames[t->paths[t->paths[path].top].frame].matches);
}

static bool add_part(struct tree *t, const struct snapshot *s, size_t part)
{
    const struct site_figures *f = &t->from.figures[part];
    uint32_t site = tree_part_site(t, part);
    t->part_path[part] = 0;
    if (is_zero(f) || site >= s->n_sites)
        return true;
    add(t->all.v, f->v);
    uint32_t id = tree_paths_of_part(t, s, part);
    if (!id)
        return false;
    uint32_t node = s->sites[site].node;
    if (t->filter.places && !passes(t, node < t->matched_nodes ? node : 0, id))
        return true;
    struct path *p = &t->paths[id];
    t->part_path[part] = id;
    add(t->passing.v, f->v);
    add(t->sums[id].v, f->v);
    if (!p->sites++ || weight(t, f) > p->best_value) {
        p->best = site;
        p->best_value = weight(t, f);
    }
    return true;
}

int tree_sums_add(struct tree *t, const struct snapshot *s, struct slice *slice)
{
    for (; t->at < t->n_parts; t->at++) {
        if (slice_over(slice))
            return 1;
        if (!add_part(t, s, t->at))
            return -1;
    }
    return 0;
}

int tree_sums_roll(struct tree *t, struct slice *slice)
{
    for (; t->at + 1 < t->n_paths; t->at++) {
        size_t i = t->n_paths - 1 - t->at;
        struct path *p = &t->paths[i], *up = &t->paths[p->parent];
        if (slice_over(slice))
            return 1;
        if (!p->sites)
            continue;
        add(t->sums[p->parent].v, t->sums[i].v);
        if (!up->sites || p->best_value > up->best_value) {
            up->best = p->best;
            up->best_value = p->best_value;
        }
        up->sites += p->sites;
    }
    return 0;
}
