/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The paths of a call tree: stacks merged from the root, or from the group of a
 * part. A path is made once.
 */
#include <stdlib.h>
#include <string.h>

#include "tui/model/tree_parts.h"

#define PATH_NONE UINT32_MAX

static bool has_above(const struct tree *t, uint32_t path, uint32_t frame, uint32_t *where)
{
    for (; path; path = t->paths[path].parent)
        if (t->paths[path].frame == frame) {
            *where = path;
            return true;
        }
    return false;
}

/* Room for one more path and its sums. */
static bool reserve(struct tree *t)
{
    return tree_reserve_raw((void **)&t->paths, &t->cap_paths, t->n_paths + 1,
                            sizeof *t->paths) &&
           tree_reserve_raw((void **)&t->sums, &t->cap_sums, t->n_paths + 1, sizeof *t->sums);
}

/* The path of a frame below another path; 0 without memory. */
static uint32_t path_below(struct tree *t, uint32_t parent, uint32_t frame, uint32_t node,
                           uint32_t nth)
{
    uint32_t above = 0;
    uint32_t *id = tree_map_put(&t->path_ids, ((uint64_t)parent << 32 | frame) + 1);
    if (!id || *id)
        return id ? *id : 0;
    bool nested = has_above(t, parent, frame, &above);
    if (nested && t->options.fold)
        return *id = above;
    if (!reserve(t))
        return 0;
    uint32_t path = (uint32_t)t->n_paths++;
    t->sums[path] = (struct site_figures){ .v = { 0 } };
    t->paths[path] = (struct path){ .parent = parent, .frame = frame, .nested = nested,
                                    .top = parent ? t->paths[parent].top : path,
                                    .node = node, .nth = nth,
                                    .next = t->paths[parent].child };
    t->paths[parent].child = path;
    return *id = path;
}

void tree_paths_clear(struct tree *t)
{
    t->n_paths = t->pathed_nodes = 0;
    tree_map_clear(&t->path_ids);
    tree_map_clear(&t->grouped_ids);
}

static int begin(struct tree *t)
{
    if (t->n_paths)
        return 0;
    if (!reserve(t) || !tree_map_reserve(&t->path_ids, t->placed_nodes) ||
        (t->grouped && !tree_map_reserve(&t->grouped_ids, t->placed_nodes)))
        return -1;
    t->paths[0] = (struct path){ .parent = 0 };
    t->sums[0] = (struct site_figures){ .v = { 0 } };
    t->n_paths = 1;
    return 0;
}

int tree_paths_match(struct tree *t, const struct snapshot *s, struct slice *slice)
{
    for (; t->matched_nodes < t->placed_nodes; t->matched_nodes++) {
        size_t i = t->matched_nodes;
        const struct place *p = &t->places[t->node_place[i]];
        if (slice_over(slice))
            return 1;
        t->node_match[i] = i && (p->matches || t->node_match[s->nodes[i].parent]);
    }
    return 0;
}

/* The path of a node whose parent's is `path`. */
static uint32_t path_of_node(struct tree *t, uint32_t node, uint32_t path)
{
    const struct place *p = &t->places[t->node_place[node]];
    for (uint32_t k = p->n; k-- > 0;) {
        uint32_t frame = p->frames[k];
        if (t->frames[frame].hidden && !t->options.show_hidden)
            continue;
        path = path_below(t, path, frame, node, p->n - k);
        if (!path)
            return PATH_NONE;
    }
    return path;
}

int tree_paths_extend(struct tree *t, const struct snapshot *s, struct slice *slice)
{
    if (begin(t) != 0)
        return -1;
    for (; !t->grouped && t->pathed_nodes < t->placed_nodes; t->pathed_nodes++) {
        uint32_t i = (uint32_t)t->pathed_nodes;
        if (slice_over(slice))
            return 1;
        uint32_t path = i ? path_of_node(t, i, t->node_path[s->nodes[i].parent]) : 0;
        if (path == PATH_NONE)
            return -1;
        t->node_path[i] = path;
    }
    return 0;
}

/* ---- parts in groups --------------------------------------------------------- */

/* The module of the innermost frame that shows. */
static const char *module_of(const struct tree *t, const struct snapshot *s, uint32_t node)
{
    const char *none = node ? "(in hidden frames only)" : "(unattributed)";
    for (; node; node = s->nodes[node].parent) {
        const struct place *p = &t->places[t->node_place[node]];
        for (uint32_t k = 0; k < p->n; k++)
            if (t->options.show_hidden || !t->frames[p->frames[k]].hidden)
                return t->frames[p->frames[k]].module;
    }
    return none;
}

static uint32_t path_of_group(struct tree *t, const struct snapshot *s, size_t part,
                              uint32_t node)
{
    uint32_t group = t->from.parts ? t->from.parts[part].group : 0;
    const char *name = t->options.by_module ? module_of(t, s, node)
                     : group < t->from.n_groups ? t->from.groups[group] : "?";
    uint32_t frame = tree_frames_group(t, name);
    return frame ? path_below(t, 0, frame, 0, frame) : 0;
}

/* From the innermost ancestor whose path in this group is known. */
static uint32_t path_in_group(struct tree *t, const struct snapshot *s, uint32_t group,
                              uint32_t leaf)
{
    uint32_t chain[SEG_DEPTH_MAX + 1], n = 0, path = group;
    for (uint32_t node = leaf; node && n <= SEG_DEPTH_MAX; node = s->nodes[node].parent) {
        uint32_t known = tree_map_get(&t->grouped_ids, (uint64_t)group << 32 | node);
        if (known) {
            path = known;
            break;
        }
        chain[n++] = node;
    }
    while (n-- > 0) {
        uint32_t *id = tree_map_put(&t->grouped_ids, (uint64_t)group << 32 | chain[n]);
        path = id ? path_of_node(t, chain[n], path) : PATH_NONE;
        if (path == PATH_NONE)
            return PATH_NONE;
        *id = path;
    }
    return path;
}

uint32_t tree_paths_of_part(struct tree *t, const struct snapshot *s, size_t part)
{
    uint32_t site = tree_part_site(t, part), node = s->sites[site].node;
    uint32_t group = 0, path;
    if (node >= t->placed_nodes)
        node = 0;
    if (t->grouped && !(group = path_of_group(t, s, part, node)))
        return 0;
    path = !node ? group : t->grouped ? path_in_group(t, s, group, node) : t->node_path[node];
    if (path == PATH_NONE)
        return 0;
    uint32_t special = node ? FRAME_HIDDEN_ONLY : FRAME_UNATTRIBUTED;
    return path != group ? path : path_below(t, group, special, 0, special);
}
