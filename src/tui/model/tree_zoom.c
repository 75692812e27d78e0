/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zooming into a row of a call tree: only the frames from the top down to it are
 * followed, and only it and what is below it shows.
 */
#include <string.h>

#include "tui/model/tree_parts.h"

bool tree_zoom(struct tree *t, size_t row)
{
    uint32_t frames[ZOOM_DEPTH];
    if (t->options.mode == TREE_FLAT || row >= t->n_rows || t->n_zooms >= ZOOM_LEVELS)
        return false;
    size_t n = tree_rows_chain(t, row, frames, ZOOM_DEPTH);
    if (!n || n == tree_zoomed(t))
        return false;
    memcpy(t->zoom, frames, n * sizeof *frames);
    t->zooms[t->n_zooms++] = (struct zoom_level){ .n = n, .node = t->rows[row].node };
    tree_open(t, row, true);
    return true;
}

bool tree_zoom_out(struct tree *t)
{
    if (!t->n_zooms)
        return false;
    t->n_zooms--;
    tree_rows_restart(t);
    return true;
}

/* The path that the level's row has now: of its node, and there of its function if
 * that has kept its name. 0: it is gone. */
static uint32_t path_of(const struct tree *t, const struct zoom_level *level)
{
    uint32_t frame = t->zoom[level->n - 1];
    uint32_t innermost = level->node < t->pathed_nodes ? t->node_path[level->node] : 0;
    for (uint32_t path = innermost; path; path = t->paths[path].parent)
        if (t->paths[path].frame == frame)
            return path;
    return innermost;
}

static size_t depth_of(const struct tree *t, uint32_t path)
{
    size_t n = 0;
    for (; path; path = t->paths[path].parent)
        n++;
    return n;
}

void tree_zoom_follow(struct tree *t)
{
    uint32_t path = 0;
    if (!t->n_zooms)
        return;
    t->zoom_lost = t->grouped || t->options.mode != TREE_STANDARD;
    for (size_t i = 0; i < t->n_zooms && !t->zoom_lost; i++) {
        path = path_of(t, &t->zooms[i]);
        t->zooms[i].n = depth_of(t, path);
        t->zoom_lost = !path || t->zooms[i].n > ZOOM_DEPTH;
    }
    for (size_t n = tree_zoomed(t); n-- > 0 && !t->zoom_lost; path = t->paths[path].parent)
        t->zoom[n] = t->paths[path].frame;
}
