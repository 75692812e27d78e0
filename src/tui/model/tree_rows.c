/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of a call tree: what is open, in order. Rows are found again by
 * keys, hashes of the frames from the top down to them.
 *
 * They are made in slices, level by level below what is open, and take the old ones'
 * place when all are there.
 */
#include <stdlib.h>
#include <string.h>

#include "tui/model/tree_parts.h"

/* ---- order --------------------------------------------------------------- */
static double ratio(int64_t a, int64_t b)
{
    return b ? (double)a / (double)b : 0;
}

static double value(const struct tree_row *r, int sort)
{
    switch (sort) {
    case TREE_BY_SELF: return (double)r->self[TREE_LIVE_BYTES];
    case TREE_BY_AVERAGE: return ratio(r->v[TREE_BYTES_ALLOCATED], r->v[TREE_ALLOCATIONS]);
    case TREE_BY_TEMPORARY: return ratio(r->v[TREE_TEMPORARY], r->v[TREE_ALLOCATIONS]);
    case TREE_BY_SHORT: return ratio(r->v[TREE_SHORT_LIVED], r->v[TREE_ALLOCATIONS]);
    case TREE_BY_AGE: return ratio(r->v[TREE_AGE], r->v[TREE_AGED]);
    default: return (double)r->v[sort];
    }
}

static int compare(const void *a, const void *b, void *tree)
{
    const struct tree *t = tree;
    const struct group_order *x = a, *y = b;
    const struct group *groups = t->making.levels[t->making.depth - 1].groups;
    const struct tree_row *p = &groups[x->group].row, *q = &groups[y->group].row;
    if (x->value != y->value)
        return (x->value > y->value) != t->making.reverse ? -1 : 1;
    if (p->v[TREE_LIVE_BYTES] != q->v[TREE_LIVE_BYTES])
        return p->v[TREE_LIVE_BYTES] > q->v[TREE_LIVE_BYTES] ? -1 : 1;
    const struct frame *f = &t->frames[p->frame], *g = &t->frames[q->frame];
    int order = strcmp(f->function, g->function);
    return order ? order : strcmp(f->module, g->module);
}

/* Of a level that is not empty. */
static const struct group *hottest_of(const struct level *l)
{
    size_t best = 0;
    for (size_t i = 1; i < l->n; i++) {
        double a = l->order[i].value, b = l->order[best].value;
        if ((a < 0 ? -a : a) > (b < 0 ? -b : b))
            best = i;
    }
    return &l->groups[l->order[best].group];
}

/* ---- what is open -------------------------------------------------------- */
void tree_rows_set(struct tree *t, uint64_t key, uint32_t node, bool open)
{
    uint32_t *state = tree_map_put(&t->state, key);
    if (state)
        *state = (t->grouped ? 0 : node << 2) | (open ? ROW_OPENED : ROW_CLOSED);
}

static bool is_open(struct tree *t, const struct tree_row *r, bool only)
{
    uint32_t state = tree_map_get(&t->state, r->key) & ROW_STATE;
    if (t->open_all && state != ROW_CLOSED)
        return true;
    return state ? state == ROW_OPENED : only && t->making.mode == TREE_STANDARD;
}

/* Groups' trees are of the same nodes. */
static uint64_t key_of_path(const struct tree *t, uint32_t path)
{
    const struct path *p = &t->paths[path];
    return tree_mix(tree_mix(t->grouped ? t->paths[p->top].frame : 0, p->node), p->nth);
}

uint64_t tree_rows_key(const struct tree *t, uint64_t above, uint32_t path, uint32_t frame)
{
    return t->options.mode == TREE_STANDARD ? key_of_path(t, path) : tree_mix(above, frame);
}

static uint64_t key_of(const struct tree *t, uint64_t above, const struct group *g)
{
    return t->making.mode == TREE_STANDARD ? key_of_path(t, g->path)
                                           : tree_mix(above, g->row.frame);
}

/* Finish a row and append it; false when there is no room for it. */
static bool append(struct tree *t, const struct level *l, struct tree_row *r, unsigned depth)
{
    struct making *m = &t->making;
    const struct frame *f = &t->frames[r->frame];
    r->group = f->group;
    r->function = f->function, r->module = f->module;
    r->file = f->file, r->line = f->line, r->named = f->named;
    r->depth = depth;
    r->last = l->next == l->n;
    if (m->hottest == TREE_FIRST_ROW)
        m->hottest = r->key;
    if (m->hottest == r->key)
        tree_rows_set(t, r->key, r->node, true);
    r->expanded = r->expandable && is_open(t, r, l->n == 1);
    if (m->n_rows >= (t->options.rows_max ? t->options.rows_max : TREE_ROWS_MAX) ||
        !tree_reserve_raw((void **)&m->rows, &m->cap_rows, m->n_rows + 1, sizeof *m->rows))
        return false;
    m->rows[m->n_rows++] = *r;
    return true;
}

bool tree_rows_changed(const int64_t *v)
{
    return v[TREE_GROWTH_BYTES] || v[TREE_GROWTH_BLOCKS] || v[TREE_SINCE_ALLOCATIONS] ||
           v[TREE_SINCE_FREES] || v[TREE_ALIVE_BYTES];
}

/* ---- levels ---------------------------------------------------------------- */
static struct level *innermost(const struct tree *t)
{
    return &t->making.levels[t->making.depth - 1];
}

/* The row that the innermost level is below: the last one that its own level has
 * given out. NULL at the top. */
static const struct group *row_above(const struct tree *t)
{
    if (t->making.depth < 2)
        return NULL;
    const struct level *l = innermost(t) - 1;
    return &l->groups[l->order[l->next - 1].group];
}

static bool descend(struct tree *t, uint64_t above)
{
    struct making *m = &t->making;
    if (!tree_reserve((void **)&m->levels, &m->cap_levels, m->depth + 1, sizeof *m->levels))
        return false;
    struct level *l = &m->levels[m->depth++];
    l->n = l->n_entries = l->at = l->next = 0;
    l->above = above;
    l->gathered = false;
    return true;
}

/* Only the frame that leads to what was zoomed into, and what changed; in order. */
static bool put_in_order(struct tree *t, struct level *l)
{
    size_t n = 0, level = t->making.depth - 1;
    if (!tree_reserve_raw((void **)&l->order, &l->cap_order, l->n, sizeof *l->order))
        return false;
    for (uint32_t i = 0; i < l->n; i++) {
        const struct tree_row *r = &l->groups[i].row;
        if ((level >= tree_zoomed(t) || r->frame == t->zoom[level]) &&
            (!t->options.changed || tree_rows_changed(r->v)))
            l->order[n++] = (struct group_order){ value(r, t->making.sort), i };
    }
    l->n = n;
    if (n)
        qsort_r(l->order, n, sizeof *l->order, compare, t);
    if (n && t->making.hottest == l->above)
        t->making.hottest = key_of(t, l->above, hottest_of(l));
    return true;
}

static int gather(struct tree *t, struct slice *slice)
{
    struct level *l = innermost(t);
    int result = tree_groups_gather(t, row_above(t), slice);
    l->gathered = result == 0;
    return result ? result : put_in_order(t, l) ? 0 : -1;
}

/* In the flat tree functions have nothing below them. */
static bool goes_on(const struct tree *t)
{
    return t->making.mode != TREE_FLAT || (t->grouped && t->making.depth == 1);
}

/* The innermost level's next row, and into it where it is open. 1: no more rows can be
 * had, -1 without memory. */
static int next_row(struct tree *t)
{
    struct level *l = innermost(t);
    struct tree_row *r = &l->groups[l->order[l->next].group].row;
    unsigned level = (unsigned)t->making.depth - 1, zoomed = (unsigned)tree_zoomed(t);
    bool inside = level + 1 >= zoomed;
    r->key = key_of(t, l->above, &l->groups[l->order[l->next].group]);
    l->next++;
    if (inside && !append(t, l, r, zoomed ? level - zoomed + 1 : level))
        return 1;
    if (goes_on(t) && (!inside || r->expanded))
        return descend(t, r->key) ? 0 : -1;
    return 0;
}

/* 1: the time is up. */
static int go_on(struct tree *t, struct slice *slice)
{
    struct making *m = &t->making;
    while (m->depth) {
        const struct level *l = innermost(t);
        int result = l->gathered ? 0 : gather(t, slice);
        if (result)
            return result;
        if (slice_over(slice))
            return 1;
        if (l->next == l->n)
            m->depth--;
        else if ((result = next_row(t)) < 0)
            return -1;
        if (result)
            m->depth = 0;
    }
    return 0;
}

/* ---- what stays ------------------------------------------------------------- */

static bool remember(struct tree *t, uint32_t node)
{
    if (!tree_reserve_raw((void **)&t->reopen, &t->cap_reopen, t->n_reopen + 1,
                          sizeof *t->reopen))
        return false;
    t->reopen[t->n_reopen++] = node;
    return true;
}

/* Rows that are open, whether anybody opened them or not; and what was opened but does
 * not show, as behind a filter. */
void tree_rows_remember(struct tree *t)
{
    bool room = !t->grouped;
    tree_map_settle(&t->state);
    for (size_t i = 0; i < t->n_rows && room && !t->all_anew; i++)
        if (t->rows[i].expanded && t->rows[i].node)
            room = remember(t, t->rows[i].node);
    for (size_t i = 0; i < t->state.capacity && room; i++)
        if ((t->state.at[i].value & ROW_STATE) == ROW_OPENED && t->state.at[i].value >> 2)
            room = remember(t, t->state.at[i].value >> 2);
}

uint64_t tree_key_of_node(const struct tree *t, uint32_t node)
{
    if (t->grouped || t->options.mode != TREE_STANDARD || node >= t->pathed_nodes ||
        !t->node_path[node])
        return 0;
    return key_of_path(t, t->node_path[node]);
}

/* A row that shows is below open ones: so is it again, and frames that have come
 * between them are open as well. What was closed since stays closed. */
static void reopen(struct tree *t, uint32_t path)
{
    uint64_t key = key_of_path(t, path);
    if ((tree_map_get(&t->state, key) & ROW_STATE) != ROW_CLOSED)
        tree_rows_set(t, key, t->paths[path].node, true);
}

static int reopen_all(struct tree *t, struct slice *slice)
{
    for (; t->n_reopen && !t->grouped; t->n_reopen--) {
        uint32_t node = t->reopen[t->n_reopen - 1];
        if (slice_over(slice))
            return 1;
        for (uint32_t path = node < t->pathed_nodes ? t->node_path[node] : 0; path;
             path = t->paths[path].parent)
            reopen(t, path);
    }
    t->n_reopen = 0;
    return 0;
}

/* ---- making ----------------------------------------------------------------- */

void tree_rows_restart(struct tree *t)
{
    t->making.begun = false;
}

/* What earlier rows were begun with may have changed since. */
static bool is_begun(const struct tree *t)
{
    const struct making *m = &t->making;
    return m->begun && m->mode == t->options.mode && m->sort == t->options.sort &&
           m->reverse == t->options.reverse;
}

static bool begin(struct tree *t)
{
    struct making *m = &t->making;
    if (!tree_reserve_raw((void **)&m->group_of, &m->cap_group_of, t->n_frames + 1,
                          sizeof *m->group_of))
        return false;
    memset(m->group_of, 0, (t->n_frames + 1) * sizeof *m->group_of);
    m->mode = t->options.mode;
    m->sort = t->options.sort;
    m->reverse = t->options.reverse;
    m->hottest = t->hottest;
    m->n_rows = m->depth = 0;
    m->begun = descend(t, (uint64_t)m->mode + 1);
    return m->begun;
}

static void finish(struct tree *t)
{
    struct making *m = &t->making;
    struct tree_row *rows = t->rows;
    size_t cap = t->cap_rows;
    t->rows = m->rows;
    t->n_rows = m->n_rows;
    t->cap_rows = m->cap_rows;
    m->rows = rows;
    m->cap_rows = cap;
    m->begun = false;
    t->hottest = 0;
    t->all_anew = t->zoom_lost = false;
}

static int make(struct tree *t, struct slice *slice)
{
    int result = reopen_all(t, slice);
    if (result)
        return result;
    if (!is_begun(t) && !begin(t))
        return -1;
    result = go_on(t, slice);
    if (!result && t->zoom_lost && t->n_zooms && !t->making.n_rows) {
        t->n_zooms = 0; /* better all than nothing */
        t->making.begun = false;
        return make(t, slice);
    }
    return result;
}

int tree_rows_make(struct tree *t, struct slice *slice)
{
    int result = make(t, slice);
    if (result < 0)
        t->n_rows = 0;
    if (result == 0)
        finish(t);
    else if (result < 0)
        t->making.begun = false;
    return result;
}

void tree_rows_fini(struct tree *t)
{
    struct making *m = &t->making;
    for (size_t i = 0; i < m->cap_levels; i++) {
        free(m->levels[i].groups);
        free(m->levels[i].order);
        free(m->levels[i].entries);
    }
    free(m->levels);
    free(m->rows);
    free(m->group_of);
    free(m->scratch);
}

size_t tree_rows_chain(const struct tree *t, size_t row, uint32_t *frames, size_t most)
{
    /* The topmost row is the end of the zoom. */
    size_t zoomed = tree_zoomed(t), base = zoomed ? zoomed - 1 : 0;
    size_t n = base + t->rows[row].depth + 1;
    if (n > most)
        return 0;
    memcpy(frames, t->zoom, base * sizeof *frames);
    for (size_t i = row + 1, at = n; i-- > 0 && at > base;)
        if (t->rows[i].depth + 1 == at - base)
            frames[--at] = t->rows[i].frame;
    return n;
}
