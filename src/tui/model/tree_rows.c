/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of a call tree: what is open, in order. Rows are found again by
 * keys, hashes of the frames from the top down to them.
 */
#include <stdlib.h>
#include <string.h>

#include "tui/model/tree_parts.h"

/* Rows with the same parent, before they are sorted. */
struct group {
    struct tree_row row;
    uint32_t frame, path; /* path: in the standard tree */
    size_t first, n;      /* its entries, in the inverted one */
    int64_t best;
};

/* A part on its way up, in the inverted tree. */
struct entry {
    uint32_t part, path;
};

struct groups {
    struct group *at;
    size_t n, cap;
};

static void add(int64_t *to, const int64_t *from)
{
    for (int k = 0; k < TREE_FIGURES; k++)
        to[k] += from[k];
}

static struct group *group_new(struct groups *g, uint32_t frame)
{
    if (!tree_reserve((void **)&g->at, &g->cap, g->n + 1, sizeof *g->at))
        return NULL;
    g->at[g->n] = (struct group){ .frame = frame };
    return &g->at[g->n++];
}

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
    case TREE_BY_AGE: return ratio(r->v[TREE_AGE], r->v[TREE_AGED]);
    default: return (double)r->v[sort];
    }
}

static int compare(const void *a, const void *b, void *tree)
{
    const struct tree *t = tree;
    const struct group *x = a, *y = b;
    double p = value(&x->row, t->options.sort), q = value(&y->row, t->options.sort);
    if (p != q)
        return (p > q) != t->options.reverse ? -1 : 1;
    if (x->row.v[TREE_LIVE_BYTES] != y->row.v[TREE_LIVE_BYTES])
        return x->row.v[TREE_LIVE_BYTES] > y->row.v[TREE_LIVE_BYTES] ? -1 : 1;
    const struct frame *f = &t->frames[x->frame], *g = &t->frames[y->frame];
    int order = strcmp(f->function, g->function);
    return order ? order : strcmp(f->module, g->module);
}

static size_t hottest_of(const struct groups *g, int sort)
{
    size_t best = 0;
    for (size_t i = 1; i < g->n; i++) {
        double a = value(&g->at[i].row, sort), b = value(&g->at[best].row, sort);
        if ((a < 0 ? -a : a) > (b < 0 ? -b : b))
            best = i;
    }
    return best;
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
    return state ? state == ROW_OPENED : only && t->options.mode == TREE_STANDARD;
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
    return tree_rows_key(t, above, g->path, g->frame);
}

/* Finish a row and append it; false when there is no room for it. */
static bool append(struct tree *t, struct group *g, uint64_t above, unsigned depth, bool only,
                   bool last)
{
    const struct frame *f = &t->frames[g->frame];
    struct tree_row *r = &g->row;
    r->key = key_of(t, above, g);
    r->frame = g->frame;
    r->group = f->group;
    r->function = f->function, r->module = f->module;
    r->file = f->file, r->line = f->line, r->named = f->named;
    r->depth = depth;
    r->last = last;
    if (t->hottest == r->key)
        tree_rows_set(t, r->key, r->node, true);
    r->expanded = r->expandable && is_open(t, r, only);
    if (t->n_rows >= (t->options.rows_max ? t->options.rows_max : TREE_ROWS_MAX) ||
        !tree_reserve((void **)&t->rows, &t->cap_rows, t->n_rows + 1, sizeof *t->rows))
        return false;
    t->rows[t->n_rows++] = *r;
    return true;
}

bool tree_rows_changed(const int64_t *v)
{
    return v[TREE_GROWTH_BYTES] || v[TREE_GROWTH_BLOCKS] || v[TREE_SINCE_ALLOCATIONS] ||
           v[TREE_SINCE_FREES] || v[TREE_ALIVE_BYTES];
}

/* Keep only the frame that leads to what was zoomed into, and what changed. */
static void narrow(const struct tree *t, struct groups *g, unsigned level)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n; i++)
        if ((level >= tree_zoomed(t) || g->at[i].frame == t->zoom[level]) &&
            (!t->options.changed || tree_rows_changed(g->at[i].row.v)))
            g->at[n++] = g->at[i];
    g->n = n;
}

typedef int children(struct tree *t, const struct group *of, const struct entry *entries,
                     uint64_t key, unsigned level);

/* Sort, append, and go on below those that are open. */
static int emit(struct tree *t, struct groups *g, const struct entry *entries, uint64_t above,
                unsigned level, children *below)
{
    narrow(t, g, level);
    unsigned zoomed = (unsigned)tree_zoomed(t);
    bool inside = level + 1 >= zoomed, follow = t->hottest && t->hottest == above;
    if (g->n)
        qsort_r(g->at, g->n, sizeof *g->at, compare, t);
    if (follow && g->n)
        t->hottest = key_of(t, above, &g->at[hottest_of(g, t->options.sort)]);
    for (size_t i = 0; i < g->n; i++) {
        struct group *one = &g->at[i];
        uint64_t key = key_of(t, above, one);
        unsigned depth = zoomed ? level - zoomed + 1 : level;
        if (inside && !append(t, one, above, depth, g->n == 1, i + 1 == g->n))
            return 0;
        if (below && (!inside || one->row.expanded) &&
            below(t, one, entries, key, level + 1) != 0)
            return -1;
    }
    return 0;
}

/* ---- standard -------------------------------------------------------------- */
static bool has_children(const struct tree *t, uint32_t path)
{
    for (uint32_t i = t->paths[path].child; i; i = t->paths[i].next)
        if (t->paths[i].sites && (!t->options.changed || tree_rows_changed(t->paths[i].v)))
            return true;
    return false;
}

static void fill_standard(const struct tree *t, struct group *g, uint32_t path)
{
    const struct path *p = &t->paths[path];
    g->path = path;
    g->row.site = p->best;
    g->row.sites = p->sites;
    g->row.node = t->options.mode == TREE_STANDARD ? p->node : 0;
    g->row.expandable = has_children(t, path);
    memcpy(g->row.v, p->v, sizeof p->v);
    memcpy(g->row.self, p->v, sizeof p->v);
    for (uint32_t i = p->child; i; i = t->paths[i].next)
        for (int k = 0; k < TREE_FIGURES; k++)
            g->row.self[k] -= t->paths[i].v[k];
}

static int standard(struct tree *t, const struct group *of, const struct entry *entries,
                    uint64_t key, unsigned level)
{
    struct groups g = { .n = 0 };
    int result = 0;
    for (uint32_t i = t->paths[of ? of->path : 0].child; i && !result; i = t->paths[i].next) {
        if (!t->paths[i].sites)
            continue;
        struct group *one = group_new(&g, t->paths[i].frame);
        result = one ? 0 : -1;
        if (one)
            fill_standard(t, one, i);
    }
    if (!result)
        result = emit(t, &g, entries, key, level, standard);
    free(g.at);
    return result;
}

/* ---- inverted -------------------------------------------------------------- */
/* Groups are above the functions that allocate. */
static bool is_group_level(const struct tree *t, unsigned level)
{
    return t->grouped && level == 0;
}

static uint32_t frame_of(const struct tree *t, const struct entry *e, unsigned level)
{
    const struct path *p = &t->paths[e->path];
    return is_group_level(t, level) ? t->paths[p->top].frame : p->frame;
}

/* The path of what comes below an entry; 0: nothing does. */
static uint32_t path_above(const struct tree *t, const struct entry *e, unsigned level)
{
    uint32_t parent = t->paths[e->path].parent;
    if (is_group_level(t, level))
        return e->path;
    return t->grouped && parent == t->paths[e->path].top ? 0 : parent;
}

/* Which group each entry belongs to, and the groups' sums. */
static int collect(struct tree *t, struct groups *g, uint32_t *group_of,
                   const struct entry *entries, size_t n, unsigned level)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t frame = frame_of(t, &entries[i], level);
        if (!group_of[frame]) {
            if (!group_new(g, frame))
                return -1;
            group_of[frame] = (uint32_t)g->n;
        }
        struct group *one = &g->at[group_of[frame] - 1];
        const int64_t *v = t->from.figures[entries[i].part].v;
        int64_t w = v[t->options.sort < TREE_FIGURES ? t->options.sort : 0];
        w = w < 0 ? -w : w;
        add(one->row.v, v);
        if (!one->row.sites++ || w > one->best) {
            one->best = w;
            one->row.site = tree_part_site(t, entries[i].part);
        }
        bool more = path_above(t, &entries[i], level) != 0;
        one->row.expandable |= more;
        one->n += more;
    }
    for (size_t i = 0; level == (t->grouped ? 1u : 0u) && i < g->n; i++)
        memcpy(g->at[i].row.self, g->at[i].row.v, sizeof g->at[i].row.v);
    return 0;
}

/* Entries one frame up, group by group. */
static void advance(const struct tree *t, struct groups *g, const uint32_t *group_of,
                    const struct entry *from, size_t n, struct entry *to, unsigned level)
{
    size_t at = 0;
    for (size_t i = 0; i < g->n; i++) {
        g->at[i].first = at;
        at += g->at[i].n;
        g->at[i].n = 0;
    }
    for (size_t i = 0; i < n; i++) {
        struct group *one = &g->at[group_of[frame_of(t, &from[i], level)] - 1];
        uint32_t above = path_above(t, &from[i], level);
        if (above)
            to[one->first + one->n++] = (struct entry){ from[i].part, above };
    }
}

static int invert(struct tree *t, const struct entry *entries, size_t n, uint64_t key,
                  unsigned level);

static int inverted(struct tree *t, const struct group *of, const struct entry *entries,
                    uint64_t key, unsigned level)
{
    return invert(t, entries + of->first, of->n, key, level);
}

static int invert(struct tree *t, const struct entry *entries, size_t n, uint64_t key,
                  unsigned level)
{
    struct groups g = { .n = 0 };
    uint32_t *group_of = calloc(t->n_frames + 1, sizeof *group_of);
    struct entry *up = calloc(n + 1, sizeof *up);
    int result = group_of && up ? collect(t, &g, group_of, entries, n, level) : -1;
    if (!result) {
        advance(t, &g, group_of, entries, n, up, level);
        free(group_of);
        group_of = NULL;
        result = emit(t, &g, up, key, level, inverted);
    }
    free(g.at);
    free(group_of);
    free(up);
    return result;
}

static int invert_all(struct tree *t)
{
    struct entry *entries = calloc(t->n_parts + 1, sizeof *entries);
    size_t n = 0;
    if (!entries)
        return -1;
    for (uint32_t i = 0; i < t->n_parts; i++)
        if (t->part_path[i])
            entries[n++] = (struct entry){ i, t->part_path[i] };
    int result = invert(t, entries, n, TREE_INVERTED + 1, 0);
    free(entries);
    return result;
}

/* ---- flat ------------------------------------------------------------------ */
/* A function's inclusive sum; of recursive calls only the outermost counts. */
static bool add_path(struct groups *g, uint32_t *group_of, const struct path *p)
{
    if (!group_of[p->frame]) {
        if (!group_new(g, p->frame))
            return false;
        group_of[p->frame] = (uint32_t)g->n;
    }
    if (p->nested)
        return true;
    struct group *one = &g->at[group_of[p->frame] - 1];
    add(one->row.v, p->v);
    if (!one->row.sites || p->best_value > one->best) {
        one->best = p->best_value;
        one->row.site = p->best;
    }
    one->row.sites += p->sites;
    return true;
}

/* The functions in a group, or in all. */
static int functions(struct tree *t, const struct group *of, const struct entry *entries,
                     uint64_t key, unsigned level)
{
    struct groups g = { .n = 0 };
    uint32_t *group_of = calloc(t->n_frames + 1, sizeof *group_of);
    int result = group_of ? 0 : -1;
    for (size_t i = 1; i < t->n_paths && !result; i++) {
        const struct path *p = &t->paths[i];
        if (p->sites && (!of || (p->top == of->path && i != of->path)) &&
            !add_path(&g, group_of, p))
            result = -1;
    }
    for (uint32_t i = 0; i < t->n_parts && !result; i++) {
        const struct path *p = &t->paths[t->part_path[i]];
        if (t->part_path[i] && (!of || p->top == of->path))
            add(g.at[group_of[p->frame] - 1].row.self, t->from.figures[i].v);
    }
    if (!result)
        result = emit(t, &g, entries, key, level, NULL);
    free(g.at);
    free(group_of);
    return result;
}

static int flat(struct tree *t)
{
    struct groups g = { .n = 0 };
    int result = 0;
    if (!t->grouped)
        return functions(t, NULL, NULL, TREE_FLAT + 1, 0);
    for (uint32_t i = t->paths[0].child; i && !result; i = t->paths[i].next) {
        struct group *one = t->paths[i].sites ? group_new(&g, t->paths[i].frame) : NULL;
        result = one || !t->paths[i].sites ? 0 : -1;
        if (one)
            fill_standard(t, one, i);
    }
    if (!result)
        result = emit(t, &g, NULL, TREE_FLAT + 1, 0, functions);
    free(g.at);
    return result;
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

void tree_rows_reopen(struct tree *t)
{
    for (size_t i = 0; i < t->n_reopen && !t->grouped; i++)
        for (uint32_t path = t->reopen[i] < t->pathed_nodes ? t->node_path[t->reopen[i]] : 0;
             path; path = t->paths[path].parent)
            reopen(t, path);
    t->n_reopen = 0;
}

static int make(struct tree *t)
{
    t->n_rows = 0;
    t->all_anew = false;
    return t->options.mode == TREE_FLAT ? flat(t)
               : t->options.mode == TREE_INVERTED ? invert_all(t)
               : standard(t, NULL, NULL, TREE_STANDARD + 1, 0);
}

int tree_rows_make(struct tree *t)
{
    if (t->n_reopen)
        tree_rows_reopen(t);
    int result = make(t);
    if (t->zoom_lost && t->n_zooms && !t->n_rows && !result) {
        t->n_zooms = 0; /* better all than nothing */
        result = make(t);
    }
    t->zoom_lost = false;
    t->hottest = 0;
    return result;
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
