/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is below a row of a call tree, in each of its modes: functions, or the groups
 * at its top, with their figures, in no order yet.
 */
#include <string.h>

#include "tui/model/tree_parts.h"

static struct level *level_of(const struct tree *t)
{
    return &t->making.levels[t->making.depth - 1];
}

static void add(int64_t *to, const int64_t *from)
{
    for (int k = 0; k < TREE_FIGURES; k++)
        to[k] += from[k];
}

static struct group *group_new(struct level *l, uint32_t frame)
{
    if (!tree_reserve_raw((void **)&l->groups, &l->cap, l->n + 1, sizeof *l->groups))
        return NULL;
    l->groups[l->n] = (struct group){ .row.frame = frame };
    return &l->groups[l->n++];
}

/* The level's group of a frame; NULL without memory. */
static struct group *group_of(struct tree *t, struct level *l, uint32_t frame)
{
    uint32_t *id = &t->making.group_of[frame];
    if (!*id) {
        if (!group_new(l, frame))
            return NULL;
        *id = (uint32_t)l->n;
    }
    return &l->groups[*id - 1];
}

static void forget_frames(struct tree *t, const struct level *l)
{
    for (size_t i = 0; i < l->n; i++)
        t->making.group_of[l->groups[i].row.frame] = 0;
}

/* ---- standard -------------------------------------------------------------- */
static bool has_children(const struct tree *t, uint32_t path)
{
    for (uint32_t i = t->paths[path].child; i; i = t->paths[i].next)
        if (t->paths[i].sites && (!t->options.changed || tree_rows_changed(t->sums[i].v)))
            return true;
    return false;
}

static void fill(const struct tree *t, struct group *g, uint32_t path, struct slice *slice)
{
    const struct path *p = &t->paths[path];
    const int64_t *v = t->sums[path].v;
    g->path = path;
    g->row.site = p->best;
    g->row.sites = p->sites;
    g->row.node = t->making.mode == TREE_STANDARD ? p->node : 0;
    g->row.expandable = has_children(t, path);
    memcpy(g->row.v, v, sizeof g->row.v);
    memcpy(g->row.self, v, sizeof g->row.self);
    for (uint32_t i = p->child; i; i = t->paths[i].next) {
        slice_over(slice); /* counts: it is the caller who asks */
        for (int k = 0; k < TREE_FIGURES; k++)
            g->row.self[k] -= t->sums[i].v[k];
    }
}

/* l->at: the child that was taken last. */
static int standard(struct tree *t, const struct group *of, struct slice *slice)
{
    struct level *l = level_of(t);
    for (;;) {
        uint32_t i = l->at ? t->paths[l->at].next : t->paths[of ? of->path : 0].child;
        if (!i)
            return 0;
        if (slice_over(slice))
            return 1;
        l->at = i;
        if (!t->paths[i].sites)
            continue;
        struct group *one = group_new(l, t->paths[i].frame);
        if (!one)
            return -1;
        fill(t, one, i, slice);
    }
}

/* ---- inverted -------------------------------------------------------------- */
/* Groups are above the functions that allocate. */
static bool is_group_level(const struct tree *t)
{
    return t->grouped && t->making.depth == 1;
}

static uint32_t frame_of(const struct tree *t, const struct entry *e)
{
    const struct path *p = &t->paths[e->path];
    return is_group_level(t) ? t->paths[p->top].frame : p->frame;
}

/* The path of what comes below an entry; 0: nothing does. */
static uint32_t path_above(const struct tree *t, const struct entry *e)
{
    const struct path *p = &t->paths[e->path];
    if (is_group_level(t))
        return e->path;
    return t->grouped && p->parent == p->top ? 0 : p->parent;
}

/* The entries of the row above; at the top all parts that there are. */
static size_t count_entries(const struct tree *t, const struct group *of)
{
    return of ? of->n : t->n_parts;
}

static struct entry entry_at(const struct tree *t, const struct group *of, size_t i)
{
    if (of)
        return t->making.levels[t->making.depth - 2].entries[of->first + i];
    return (struct entry){ .part = (uint32_t)i, .path = t->part_path[i] };
}

static bool take_entry(struct tree *t, struct level *l, const struct entry *e)
{
    struct group *one = group_of(t, l, frame_of(t, e));
    if (!one)
        return false;
    const int64_t *v = t->from.figures[e->part].v;
    int64_t w = v[t->making.sort < TREE_FIGURES ? t->making.sort : 0];
    w = w < 0 ? -w : w;
    add(one->row.v, v);
    if (!one->row.sites++ || w > one->best) {
        one->best = w;
        one->row.site = tree_part_site(t, e->part);
    }
    uint32_t above = path_above(t, e);
    if (!above)
        return true;
    one->row.expandable = true;
    one->n++;
    t->making.scratch[l->n_entries++] =
        (struct entry){ .part = e->part, .path = above,
                        .group = (uint32_t)(one - l->groups) };
    return true;
}

/* One frame up, group by group. */
static void sort_entries(struct tree *t, struct level *l)
{
    size_t at = 0;
    for (size_t i = 0; i < l->n; i++) {
        l->groups[i].first = at;
        at += l->groups[i].n;
        l->groups[i].n = 0;
    }
    for (size_t i = 0; i < l->n_entries; i++) {
        const struct entry *e = &t->making.scratch[i];
        struct group *one = &l->groups[e->group];
        l->entries[one->first + one->n++] = *e;
    }
}

/* The functions that allocate have all of it to themselves. */
static void fill_self(const struct tree *t, struct level *l)
{
    for (size_t i = 0; t->making.depth == (t->grouped ? 2u : 1u) && i < l->n; i++)
        memcpy(l->groups[i].row.self, l->groups[i].row.v, sizeof l->groups[i].row.v);
}

static int inverted(struct tree *t, const struct group *of, struct slice *slice)
{
    struct level *l = level_of(t);
    struct making *m = &t->making;
    size_t n = count_entries(t, of);
    if (!tree_reserve_raw((void **)&m->scratch, &m->cap_scratch, n, sizeof *m->scratch) ||
        !tree_reserve_raw((void **)&l->entries, &l->cap_entries, n, sizeof *l->entries))
        return -1;
    for (; l->at < n; l->at++) {
        struct entry e = entry_at(t, of, l->at);
        if (slice_over(slice))
            return 1;
        if (e.path && !take_entry(t, l, &e))
            return -1;
    }
    sort_entries(t, l);
    fill_self(t, l);
    forget_frames(t, l);
    return 0;
}

/* ---- flat ------------------------------------------------------------------ */
/* The path that comes after another one, of all or of those below a group; 0: none. */
static uint32_t path_after(const struct tree *t, const struct group *of, uint32_t path)
{
    uint32_t top = of ? of->path : 0;
    if (!of)
        return path + 1 < t->n_paths ? path + 1 : 0;
    if (!path || t->paths[path].child)
        return t->paths[path ? path : top].child;
    while (path != top && !t->paths[path].next)
        path = t->paths[path].parent;
    return path == top ? 0 : t->paths[path].next;
}

/* A function's sums. Of recursive calls only the outermost counts for the inclusive
 * one; its own is what is not in the paths below. */
static bool take_path(struct tree *t, struct level *l, uint32_t path, uint32_t top)
{
    const struct path *p = &t->paths[path];
    const int64_t *v = t->sums[path].v;
    struct group *one = group_of(t, l, p->frame);
    if (!one)
        return false;
    add(one->row.self, v);
    if (!p->nested) {
        add(one->row.v, v);
        if (!one->row.sites || p->best_value > one->best) {
            one->best = p->best_value;
            one->row.site = p->best;
        }
        one->row.sites += p->sites;
    }
    if (p->parent == top)
        return true;
    one = group_of(t, l, t->paths[p->parent].frame); /* it came before */
    for (int k = 0; k < TREE_FIGURES; k++)
        one->row.self[k] -= v[k];
    return true;
}

/* The functions in a group, or in all. l->at: the path that was taken last. */
static int functions(struct tree *t, const struct group *of, struct slice *slice)
{
    struct level *l = level_of(t);
    for (;;) {
        uint32_t i = path_after(t, of, (uint32_t)l->at);
        if (!i)
            break;
        if (slice_over(slice))
            return 1;
        l->at = i;
        if (t->paths[i].sites && !take_path(t, l, i, of ? of->path : 0))
            return -1;
    }
    forget_frames(t, l);
    return 0;
}

int tree_groups_gather(struct tree *t, const struct group *of, struct slice *slice)
{
    enum tree_mode mode = t->making.mode;
    if (mode == TREE_INVERTED)
        return inverted(t, of, slice);
    return mode == TREE_STANDARD || is_group_level(t) ? standard(t, of, slice)
                                                      : functions(t, of, slice);
}
