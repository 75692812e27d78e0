/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of the call tree: moving, opening, zooming, what is shown and how, menus,
 * and what is typed to search and to filter by.
 */
#include "tui/view/view_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows ------------------------------------------------------------------------ */

static void choose(struct tree_view *v, size_t row)
{
    if (row >= tree_count(v->tree))
        return;
    v->table.cursor = row;
    v->key = tree_row(v->tree, row)->key;
    v->node = tree_row(v->tree, row)->node;
    v->chosen = true;
}

static void open_row(struct tree_view *v, bool open)
{
    const struct tree_row *r = view_tree_selected(v);
    if (!r || !r->expandable || r->expanded == open)
        return;
    choose(v, v->table.cursor);
    tree_open(v->tree, v->table.cursor, open);
    v->unsorted = true;
}

/* Close the row, or go to the one above where there is nothing to close. */
static void collapse(struct tree_view *v)
{
    const struct tree_row *r = view_tree_selected(v);
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

static void open_all(struct tree_view *v)
{
    v->opened_all = !v->opened_all;
    tree_open_all(v->tree, v->opened_all);
    v->unsorted = true;
}

static void open_hottest(struct tree_view *v)
{
    const struct tree_row *r = view_tree_selected(v);
    if (!r)
        return;
    choose(v, v->table.cursor);
    tree_open_hottest(v->tree, r->key);
    v->unsorted = true;
}

static void to_top(struct tree_view *v)
{
    v->chosen = false;
    v->table.cursor = v->table.top = 0;
}

static void next_mode(struct tree_view *v)
{
    struct tree_options *o = tree_options(v->tree);
    o->mode = (enum tree_mode)((o->mode + 1) % TREE_MODES);
    while (tree_zoom_out(v->tree))
        continue; /* frames from the top mean something else now */
    to_top(v);
    v->unsorted = true;
}

/* Once the rows are there. */
static void wait_for_rows(struct tree_view *v, enum action action)
{
    v->later = action;
    snprintf(v->find.message, sizeof v->find.message, "the tree is being built...");
}

static bool has_rows(const struct tree_view *v)
{
    return !v->stale && !v->unsorted && tree_answers(v->tree);
}

enum action view_tree_late(void *state)
{
    struct tree_view *v = state;
    enum action action = v->later;
    if (action == ACTION_NONE || !v->tree || !(has_rows(v) || v->failed))
        return ACTION_NONE;
    v->later = ACTION_NONE;
    return action;
}

static void zoom(struct tree_view *v, bool in)
{
    if (v->stale || v->unsorted)
        wait_for_rows(v, in ? ACTION_TREE_ZOOM : ACTION_TREE_UNZOOM);
    else if (in ? tree_zoom(v->tree, v->table.cursor) : tree_zoom_out(v->tree)) {
        to_top(v);
        v->unsorted = true;
    } else {
        snprintf(v->find.message, sizeof v->find.message, "%s", in ? "nothing to zoom into"
                                                         : "it is not zoomed");
    }
}

static bool move(struct tree_view *v, enum action action)
{
    int sort = v->table.sort;
    bool reverse = v->table.reverse;
    if (!view_tree_table_action(v, action))
        return false;
    bool sorted = v->table.sort != sort || v->table.reverse != reverse;
    v->unsorted |= sorted;
    if (action == ACTION_FIRST)
        v->chosen = false;
    else if (!sorted)
        choose(v, v->table.cursor);
    return true;
}

/* ---- searching ------------------------------------------------------------------- */

static bool matches(const struct tree_view *v, const struct tree_row *r)
{
    return pattern_matches(&v->find.search, r->function, r->module, r->file);
}

/* The next row that matches; behind the last one those that do not show. */
static void search(struct tree_view *v, bool forward)
{
    size_t n = tree_count(v->tree), i = v->table.cursor;
    if (!finder_searches(&v->find))
        return;
    while (forward ? ++i < n : i-- > 0)
        if (matches(v, tree_row(v->tree, i))) {
            choose(v, i);
            return;
        }
    if (!has_rows(v)) {
        wait_for_rows(v, forward ? ACTION_NEXT : ACTION_PREVIOUS);
        return;
    }
    uint64_t key = forward ? tree_reveal(v->tree, &v->find.search) : 0;
    if (key) {
        v->key = key;
        v->node = 0;
        v->chosen = v->unsorted = true;
        return;
    }
    for (i = forward ? 0 : n; forward ? i < n : i-- > 0; i += forward)
        if (matches(v, tree_row(v->tree, i))) {
            choose(v, i);
            finder_wrapped(&v->find);
            return;
        }
    finder_not_found(&v->find);
}

/* ---- questions and menus --------------------------------------------------------- */

#define FILTER_HINT "part of a name, /regex/, function: module: file: thread: size:"

/* "thread:" and "size:" ask at groups, which they turn on. */
static void set_filter(struct tree_view *v, const char *text)
{
    struct tree_options *o = tree_options(v->tree);
    static const struct { const char *name; enum tree_grouping grouping; } groups[] = {
        { "thread:", GROUP_THREAD }, { "size:", GROUP_SIZE },
    };
    snprintf(o->filter, sizeof o->filter, "%.*s", (int)sizeof o->filter - 1, text);
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        size_t n = strlen(groups[i].name);
        if (strncmp(text, groups[i].name, n) != 0)
            continue;
        v->grouping = groups[i].grouping;
        snprintf(o->filter, sizeof o->filter, "group:%.100s", text + n);
    }
    v->stale = true;
}

static void ask_group(struct tree_view *v)
{
    static const char *const names[] = {
        [GROUP_NONE] = "no groups", [GROUP_MODULE] = "by the module that allocates",
        [GROUP_THREAD] = "by thread (live blocks)", [GROUP_SIZE] = "by size (live blocks)",
    };
    v->menu_kind = MENU_GROUP;
    menu_open(&v->menu, "Group", false);
    for (int i = 0; i <= GROUP_SIZE; i++)
        menu_add(&v->menu, names[i], i, (int)v->grouping == i);
}

static void set_grouping(struct tree_view *v, enum tree_grouping grouping)
{
    struct tree_options *o = tree_options(v->tree);
    if (strncmp(o->filter, "group:", 6) == 0)
        o->filter[0] = '\0';
    v->grouping = grouping;
    v->touched = false;
    while (tree_zoom_out(v->tree))
        continue;
    to_top(v);
    v->stale = true;
}

static void take_item(struct tree_view *v, int item)
{
    if (item < 0)
        return;
    int value = v->menu.items[item].value;
    if (v->menu_kind == MENU_GROUP) {
        set_grouping(v, (enum tree_grouping)value);
    } else if (v->menu_kind == MENU_COLUMNS) {
        view_tree_switch_column(v, value);
    } else {
        view_tree_sort_by(v, value);
        v->unsorted = true;
    }
}

static void answer(struct tree_view *v, enum finder_question question)
{
    if (question == FINDER_FILTER)
        set_filter(v, v->find.prompt.text);
    else if (question == FINDER_SEARCH)
        search(v, true);
}

unsigned view_tree_typing(const void *state)
{
    const struct tree_view *v = state;
    return v->find.prompt.question ? WHERE_PROMPT : v->menu.title ? WHERE_MENU : 0;
}

void view_tree_key(void *state, const struct view_context *x, uint32_t key)
{
    struct tree_view *v = state;
    if (v->tree)
        view_tree_catch_up(v, x);
    if (v->menu.title)
        take_item(v, menu_key(&v->menu, key));
    else
        answer(v, finder_key(&v->find, key));
}

/* ---- actions --------------------------------------------------------------------- */

static void flip(struct tree_view *v, bool *option)
{
    *option = !*option;
    v->stale = true;
}

static bool change(struct tree_view *v, enum action action)
{
    struct tree_options *o = tree_options(v->tree);
    switch (action) {
    case ACTION_TREE_MODE: next_mode(v); return true;
    case ACTION_TREE_PEAK: flip(v, &v->peak); return true;
    case ACTION_TREE_HIDDEN: flip(v, &o->show_hidden); return true;
    case ACTION_TREE_FOLD: flip(v, &o->fold); return true;
    case ACTION_TREE_GROUP: ask_group(v); return true;
    case ACTION_TREE_COLUMNS:
        v->menu_kind = MENU_COLUMNS;
        view_tree_columns_menu(v);
        return true;
    case ACTION_SORT:
        v->menu_kind = MENU_SORT;
        view_tree_sort_menu(v);
        return true;
    default: return false;
    }
}

/* Which the loop then shows. */
static bool asks_for_sites(enum action action, const struct tree_row *r)
{
    return action == ACTION_TREE_SITES || action == ACTION_BLOCKS ||
           (action == ACTION_TREE_OPEN && r && !r->expandable);
}

bool view_tree_action(void *state, const struct view_context *x, enum action action)
{
    struct tree_view *v = state;
    if (!v->tree)
        return false;
    view_tree_catch_up(v, x);
    const struct tree_row *r = view_tree_selected(v);
    v->find.message[0] = '\0';
    v->later = ACTION_NONE;
    if (!v->touched && tree_count(v->tree)) {
        v->touched = true;
        tree_open_hottest(v->tree, 0); /* what is opened from now on is theirs to say */
    }
    if (asks_for_sites(action, r) && !has_rows(v)) {
        wait_for_rows(v, action);
        return true;
    }
    switch (action) {
    case ACTION_LEAVE: v->find.prompt.question = v->menu.title = NULL; return true;
    case ACTION_TREE_OPEN:
        if (r && r->expandable)
            open_row(v, !r->expanded);
        return r && r->expandable; /* a leaf's sites are shown by the loop */
    case ACTION_TREE_EXPAND: open_row(v, true); return true;
    case ACTION_TREE_COLLAPSE: collapse(v); return true;
    case ACTION_TREE_ALL: open_all(v); return true;
    case ACTION_TREE_HOTTEST: open_hottest(v); return true;
    case ACTION_TREE_ZOOM: zoom(v, true); return true;
    case ACTION_TREE_UNZOOM: zoom(v, false); return true;
    case ACTION_SEARCH: finder_ask_search(&v->find); return true;
    case ACTION_FILTER:
        finder_ask_filter(&v->find, tree_options(v->tree)->filter, FILTER_HINT);
        return true;
    case ACTION_NEXT: search(v, true); return true;
    case ACTION_PREVIOUS: search(v, false); return true;
    default: return change(v, action) || move(v, action);
    }
}

void view_tree_click(void *state, const struct view_context *x, int row, int col)
{
    struct tree_view *v = state;
    int sort = v->table.sort;
    bool reverse = v->table.reverse;
    if (!v->tree)
        return;
    view_tree_catch_up(v, x);
    size_t before = v->table.cursor;
    if (v->menu.title) {
        take_item(v, menu_click(&v->menu, row, col));
        return;
    }
    view_tree_table_click(v, row, col);
    v->unsorted |= v->table.sort != sort || v->table.reverse != reverse;
    if (v->table.cursor != before)
        choose(v, v->table.cursor);
    const struct tree_row *r = view_tree_selected(v);
    if (r && view_tree_on_marker(v, row, col))
        open_row(v, !r->expanded);
}
