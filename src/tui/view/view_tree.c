/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call tree: who allocates, through whom. Rows are made when the sites have
 * been read again, when names have arrived, and after each key that changes what
 * is shown.
 */
#include "tui/view/view_tree.h"

#include <stdio.h>
#include <stdlib.h>

#include "tui/view/format.h"

static void tree_view_init(void *state)
{
    struct tree_view *v = state;
    v->tree = tree_new();
    v->table.cursor_shown = true;
}

static void tree_view_fini(void *state)
{
    struct tree_view *v = state;
    tree_free(v->tree);
    free(v->figures);
}

/* ---- rows ------------------------------------------------------------------------ */

static bool reserve_figures(struct tree_view *v, size_t n)
{
    if (n <= v->capacity)
        return true;
    struct site_figures *more = realloc(v->figures, (n + n / 2) * sizeof *more);
    if (!more)
        return false;
    v->figures = more;
    v->capacity = n + n / 2;
    return true;
}

static void fill_figures(struct tree_view *v, const struct view_context *x)
{
    const struct snapshot *s = x->snapshot;
    tree_figures(s, false, v->figures);
    for (size_t i = 0; i < s->n_sites; i++)
        v->figures[i].v[TREE_RATE] = (int64_t)(rate_table_get(x->site_rates, i) * 1000);
}

/* The cursor stays with its row; where that is gone, with its place. */
static void follow_chosen(struct tree_view *v)
{
    for (size_t i = 0; v->chosen && i < tree_count(v->tree); i++)
        if (tree_row(v->tree, i)->key == v->key) {
            v->table.cursor = i;
            return;
        }
}

static void refresh(struct tree_view *v, const struct view_context *x)
{
    if (!v->tree || (!v->stale && v->version == x->sites_version && v->names == x->names_version))
        return;
    tree_options(v->tree)->sort = view_tree_sort(v);
    tree_options(v->tree)->reverse = v->table.reverse;
    v->failed = !reserve_figures(v, x->snapshot->n_sites);
    if (!v->failed) {
        fill_figures(v, x);
        v->failed = tree_update(v->tree, x->snapshot, x->symbols, v->figures,
                                x->snapshot->n_sites, x->names_version) != 0;
    }
    v->version = x->sites_version;
    v->names = x->names_version;
    v->stale = false;
    v->table.n_rows = tree_count(v->tree);
    follow_chosen(v);
}

static void tree_view_draw(void *state, const struct view_context *x, struct canvas *c,
                           struct rect a)
{
    struct tree_view *v = state;
    refresh(v, x);
    if (!v->tree)
        return;
    v->x = x;
    view_tree_draw_table(v, c, a);
    v->x = NULL;
    if (!tree_count(v->tree) && a.rows > 1)
        canvas_text(c, a.row + 1, a.col, a.cols, v->failed ? ROLE_WARN : ROLE_DIM,
                    v->failed ? "not enough memory for the tree" : "no allocations yet");
}

/* ---- keys ------------------------------------------------------------------------ */

static const struct tree_row *selected(const struct tree_view *v)
{
    return v->tree && v->table.cursor < tree_count(v->tree)
               ? tree_row(v->tree, v->table.cursor) : NULL;
}

static void choose(struct tree_view *v, size_t row)
{
    if (row >= tree_count(v->tree))
        return;
    v->table.cursor = row;
    v->key = tree_row(v->tree, row)->key;
    v->chosen = true;
}

static void open_row(struct tree_view *v, bool open)
{
    const struct tree_row *r = selected(v);
    if (!r || !r->expandable || r->expanded == open)
        return;
    choose(v, v->table.cursor);
    tree_open(v->tree, r->key, open);
    v->stale = true;
}

/* Close the row, or go to the one above where there is nothing to close. */
static void collapse(struct tree_view *v)
{
    const struct tree_row *r = selected(v);
    size_t i = v->table.cursor;
    if (!r)
        return;
    if (r->expanded) {
        open_row(v, false);
        return;
    }
    while (i > 0 && tree_row(v->tree, i)->depth >= r->depth)
        i--;
    choose(v, i);
}

static void toggle(struct tree_view *v)
{
    const struct tree_row *r = selected(v);
    if (r)
        open_row(v, !r->expanded);
}

static void next_mode(struct tree_view *v)
{
    struct tree_options *o = tree_options(v->tree);
    o->mode = (enum tree_mode)((o->mode + 1) % TREE_MODES);
    v->chosen = false;
    v->table.cursor = v->table.top = 0;
    v->stale = true;
}

static void open_all(struct tree_view *v)
{
    v->opened_all = !v->opened_all;
    tree_open_all(v->tree, v->opened_all);
    v->stale = true;
}

static bool move(struct tree_view *v, enum action action)
{
    int sort = v->table.sort;
    bool reverse = v->table.reverse;
    if (!view_tree_table_action(v, action))
        return false;
    v->stale |= v->table.sort != sort || v->table.reverse != reverse;
    if (action == ACTION_FIRST)
        v->chosen = false;
    else if (action != ACTION_SORT_LEFT && action != ACTION_SORT_RIGHT && action != ACTION_REVERSE)
        choose(v, v->table.cursor);
    return true;
}

static bool tree_view_action(void *state, const struct view_context *x, enum action action)
{
    struct tree_view *v = state;
    (void)x;
    if (!v->tree)
        return false;
    switch (action) {
    case ACTION_TREE_OPEN: toggle(v); return true;
    case ACTION_TREE_EXPAND: open_row(v, true); return true;
    case ACTION_TREE_COLLAPSE: collapse(v); return true;
    case ACTION_TREE_ALL: open_all(v); return true;
    case ACTION_TREE_MODE: next_mode(v); return true;
    default: return move(v, action);
    }
}

static void tree_view_click(void *state, const struct view_context *x, int row, int col)
{
    struct tree_view *v = state;
    size_t before = v->table.cursor;
    (void)x;
    if (!v->tree)
        return;
    view_tree_table_click(v, row, col);
    v->stale = true; /* it may be sorted by another column */
    if (v->table.cursor != before)
        choose(v, v->table.cursor);
    if (selected(v) && view_tree_on_marker(v, row, col))
        toggle(v);
}

static char *tree_view_status(void *state, const struct view_context *x, char *out, size_t n)
{
    static const char *const modes[TREE_MODES] = {
        [TREE_STANDARD] = "callers above callees", [TREE_INVERTED] = "callees above callers",
        [TREE_FLAT] = "one row per function",
    };
    struct tree_view *v = state;
    char all[32];
    (void)x;
    out[0] = '\0';
    if (v->tree)
        snprintf(out, n, "%zu of %s rows, %s", v->table.cursor + (tree_count(v->tree) > 0),
                 format_grouped(all, sizeof all, (int64_t)tree_count(v->tree)),
                 modes[tree_options(v->tree)->mode]);
    return out;
}

const struct view_ops view_tree = {
    .name = "Tree",
    .title = "Call tree",
    .state_bytes = sizeof(struct tree_view),
    .reads = VIEW_READS_SITES,
    .where = WHERE_TARGET | WHERE_LIST | WHERE_TREE,
    .init = tree_view_init,
    .fini = tree_view_fini,
    .draw = tree_view_draw,
    .action = tree_view_action,
    .click = tree_view_click,
    .status = tree_view_status,
};
