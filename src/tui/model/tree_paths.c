/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The paths of a call tree: stacks merged from the root, and the sums of what
 * sites have below them. A path is made once; sums are made on each update.
 */
#include <stdlib.h>
#include <string.h>

#include "tui/model/tree_parts.h"

static bool has_above(const struct tree *t, uint32_t path, uint32_t frame, uint32_t *where)
{
    for (; path; path = t->paths[path].parent)
        if (t->paths[path].frame == frame) {
            *where = path;
            return true;
        }
    return false;
}

/* The path of a frame below another path; 0 without memory. */
static uint32_t path_below(struct tree *t, uint32_t parent, uint32_t frame)
{
    uint32_t above = 0;
    uint32_t *id = tree_map_put(&t->path_ids, ((uint64_t)parent << 32 | frame) + 1);
    if (!id || *id)
        return id ? *id : 0;
    bool nested = has_above(t, parent, frame, &above);
    if (nested && t->options.fold)
        return *id = above;
    if (!tree_reserve((void **)&t->paths, &t->cap_paths, t->n_paths + 1, sizeof *t->paths))
        return 0;
    uint32_t path = (uint32_t)t->n_paths++;
    t->paths[path] = (struct path){ .parent = parent, .frame = frame, .nested = nested,
                                    .next = t->paths[parent].child };
    t->paths[parent].child = path;
    return *id = path;
}

void tree_paths_clear(struct tree *t)
{
    t->n_paths = t->pathed_nodes = 0;
    tree_map_clear(&t->path_ids);
}

static int begin(struct tree *t)
{
    if (t->n_paths)
        return 0;
    if (!tree_reserve((void **)&t->paths, &t->cap_paths, 1, sizeof *t->paths))
        return -1;
    t->paths[0] = (struct path){ .parent = 0 };
    t->n_paths = 1;
    return path_below(t, 0, FRAME_UNATTRIBUTED) && path_below(t, 0, FRAME_HIDDEN_ONLY) ? 0 : -1;
}

int tree_paths_extend(struct tree *t, const struct snapshot *s)
{
    if (begin(t) != 0)
        return -1;
    for (; t->pathed_nodes < s->n_nodes; t->pathed_nodes++) {
        size_t i = t->pathed_nodes;
        uint32_t path = i ? t->node_path[s->nodes[i].parent] : 0;
        const struct place *p = i ? &t->places[t->node_place[i]] : NULL;
        for (uint32_t k = p ? p->n : 0; k-- > 0;) {
            uint32_t frame = p->frames[k];
            if (t->frames[frame].hidden && !t->options.show_hidden)
                continue;
            path = path_below(t, path, frame);
            if (!path)
                return -1;
        }
        t->node_path[i] = path;
        t->node_match[i] = p && (p->matches || t->node_match[s->nodes[i].parent]);
    }
    return 0;
}

/* ---- sums ---------------------------------------------------------------- */
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

static void add_site(struct tree *t, const struct snapshot *s, uint32_t site)
{
    const struct site_figures *f = &t->figures[site];
    uint32_t node = s->sites[site].node < s->n_nodes ? s->sites[site].node : 0;
    t->site_path[site] = 0;
    if (is_zero(f))
        return;
    add(t->all.v, f->v);
    if (t->filter.places && !t->node_match[node])
        return;
    uint32_t id = !node ? FRAME_UNATTRIBUTED
                : t->node_path[node] ? t->node_path[node] : FRAME_HIDDEN_ONLY;
    struct path *p = &t->paths[id];
    t->site_path[site] = id;
    add(t->passing.v, f->v);
    add(p->v, f->v);
    if (!p->sites++ || weight(t, f) > p->best_value) {
        p->best = site;
        p->best_value = weight(t, f);
    }
}

int tree_paths_sum(struct tree *t, const struct snapshot *s, size_t n)
{
    t->n_sites = n < s->n_sites ? n : s->n_sites;
    if (!tree_reserve((void **)&t->site_path, &t->cap_sites, t->n_sites + 1, sizeof(uint32_t)))
        return -1;
    for (size_t i = 0; i < t->n_paths; i++) {
        struct path *p = &t->paths[i];
        p->sites = p->best = 0;
        p->best_value = 0;
        memset(p->v, 0, sizeof p->v);
    }
    t->all = t->passing = (struct site_figures){ .v = { 0 } };
    for (uint32_t i = 0; i < t->n_sites; i++)
        add_site(t, s, i);
    for (size_t i = t->n_paths; i-- > 1;) {
        struct path *p = &t->paths[i], *up = &t->paths[p->parent];
        if (!p->sites)
            continue;
        add(up->v, p->v);
        if (!up->sites || p->best_value > up->best_value) {
            up->best = p->best;
            up->best_value = p->best_value;
        }
        up->sites += p->sites;
    }
    return 0;
}
