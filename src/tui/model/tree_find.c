/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of a call tree's rows: which sites are in one, and where there is
 * one of a name that does not show yet. Both go over the parts' stacks.
 */
#include <stdlib.h>
#include <string.h>

#include "tui/model/tree_parts.h"

#define DEPTH_MOST 1024 /* frames of a stack, inlined ones included */

/* A part's paths in the order of the rows that lead to it. */
static size_t chain_of(const struct tree *t, size_t part, uint32_t *paths)
{
    bool up = t->options.mode != TREE_STANDARD;
    uint32_t path = t->part_path[part], top = t->paths[path].top;
    size_t n = 0;
    if (t->grouped && up)
        paths[n++] = top;
    for (; path && n < DEPTH_MOST && !(t->grouped && up && path == top);
         path = t->paths[path].parent)
        paths[n++] = path;
    for (size_t i = 0; !up && i < n / 2; i++) {
        uint32_t one = paths[i];
        paths[i] = paths[n - 1 - i];
        paths[n - 1 - i] = one;
    }
    return n;
}

static size_t frames_of(const struct tree *t, size_t part, uint32_t *frames)
{
    size_t n = chain_of(t, part, frames);
    for (size_t i = 0; i < n; i++)
        frames[i] = t->paths[frames[i]].frame;
    return n;
}

/* ---- the sites of a row ------------------------------------------------------ */

static bool has_frame(const uint32_t *frames, size_t n, uint32_t frame)
{
    for (size_t i = 0; i < n; i++)
        if (frames[i] == frame)
            return true;
    return false;
}

static bool is_in_row(const struct tree *t, const uint32_t *row, size_t n_row,
                      const uint32_t *frames, size_t n)
{
    if (t->options.mode == TREE_FLAT)
        return (n_row == 1 || frames[0] == row[0]) && has_frame(frames, n, row[n_row - 1]);
    return n >= n_row && memcmp(frames, row, n_row * sizeof *row) == 0;
}

bool tree_answers(const struct tree *t)
{
    bool anew = t->changed && t->phase > PHASE_PLACE; /* paths are made */
    return t->phase == PHASE_IDLE || (!t->from.parts && !anew);
}

size_t tree_row_sites(const struct tree *t, size_t row, bool *in, size_t n)
{
    uint32_t wanted[DEPTH_MOST], frames[DEPTH_MOST];
    size_t found = 0;
    if (row >= t->n_rows || !tree_answers(t))
        return 0;
    size_t n_wanted = tree_rows_chain(t, row, wanted, DEPTH_MOST);
    for (size_t i = 0; n_wanted && i < t->n_parts; i++) {
        uint32_t site = tree_part_site(t, i);
        if (!t->part_path[i] || site >= n || in[site] ||
            (t->options.changed && !tree_rows_changed(t->from.figures[i].v)))
            continue;
        in[site] = is_in_row(t, wanted, n_wanted, frames, frames_of(t, i, frames));
        found += in[site];
    }
    return found;
}

void tree_passing_sites(const struct tree *t, bool *in, size_t n)
{
    bool *passing = calloc(n + 1, sizeof *passing);
    for (size_t i = 0; passing && i < t->n_parts; i++)
        if (t->part_path[i] && tree_part_site(t, i) < n)
            passing[tree_part_site(t, i)] = true;
    for (size_t i = 0; i < n; i++)
        in[i] = in[i] && passing && passing[i];
    free(passing);
}

/* ---- rows that do not show --------------------------------------------------- */

struct search {
    bool *matches;          /* by frame */
    struct tree_map shown;  /* keys of rows */
    uint64_t best_key;
    size_t best_part;
    int64_t best;
};

static void look_at(struct search *s, const struct tree *t, size_t part)
{
    uint32_t paths[DEPTH_MOST];
    uint64_t key = (uint64_t)t->options.mode + 1;
    int sort = t->options.sort < TREE_FIGURES ? t->options.sort : TREE_LIVE_BYTES;
    int64_t value = t->from.figures[part].v[sort];
    value = value < 0 ? -value : value;
    if (s->best_key && value <= s->best)
        return;
    size_t n = chain_of(t, part, paths), zoomed = tree_zoomed(t);
    for (size_t i = 0; i < n; i++) {
        uint32_t frame = t->paths[paths[i]].frame;
        key = tree_rows_key(t, key, paths[i], frame);
        if (i < zoomed && frame != t->zoom[i])
            return;
        if (i + 1 < zoomed || !s->matches[frame] || tree_map_get(&s->shown, key))
            continue;
        s->best_key = key;
        s->best_part = part;
        s->best = value;
        return;
    }
}

static uint32_t node_of(const struct tree *t, uint32_t path)
{
    return t->options.mode == TREE_STANDARD ? t->paths[path].node : 0;
}

/* Open what is above the row. */
static void open_way(struct tree *t, const struct search *s)
{
    uint32_t paths[DEPTH_MOST];
    size_t n = chain_of(t, s->best_part, paths);
    uint64_t key = (uint64_t)t->options.mode + 1;
    for (size_t i = 0; i < n; i++) {
        key = tree_rows_key(t, key, paths[i], t->paths[paths[i]].frame);
        if (key == s->best_key)
            return;
        tree_rows_set(t, key, node_of(t, paths[i]), true);
    }
}

/* In the flat tree all functions show. */
uint64_t tree_reveal(struct tree *t, const struct pattern *p)
{
    struct search s = { .matches = calloc(t->n_frames + 1, sizeof(bool)) };
    if (!s.matches || !tree_answers(t) || t->options.mode == TREE_FLAT) {
        free(s.matches);
        return 0;
    }
    for (size_t i = 1; i < t->n_frames; i++) {
        const struct frame *f = &t->frames[i];
        s.matches[i] = pattern_matches(p, f->function, f->module, f->file);
    }
    for (size_t i = 0; i < t->n_rows; i++) {
        uint32_t *place = tree_map_put(&s.shown, t->rows[i].key);
        if (place)
            *place = 1;
    }
    for (size_t i = 0; i < t->n_parts; i++)
        if (t->part_path[i])
            look_at(&s, t, i);
    if (s.best_key) {
        open_way(t, &s);
        tree_rows_restart(t);
    }
    tree_map_fini(&s.shown);
    free(s.matches);
    return s.best_key;
}
