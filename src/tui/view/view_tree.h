/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call tree's view, shared by its parts: view_tree.c (the view),
 * view_tree_source.c (what the tree is made from, and when), view_tree_columns.c (its
 * table), view_tree_settings.c (what is remembered), view_tree_keys.c (keys, menus, what
 * is typed) and view_tree_pane.c (the pane beside it). Private to these. One thread.
 */
#ifndef MEMTOP_TUI_VIEW_VIEW_TREE_H
#define MEMTOP_TUI_VIEW_VIEW_TREE_H

#include "tui/model/tree.h"
#include "tui/view/finder.h"
#include "tui/view/menu.h"
#include "tui/view/site_set.h"
#include "tui/view/table.h"
#include "tui/view/view.h"

/* What the figures are about; each has its columns and its order. */
enum tree_about {
    ABOUT_LIVE, ABOUT_PEAK,
    ABOUT_THEN,   /* the largest sites of a second, under the timeline's cursor */
    ABOUT_GROWTH, /* marks are compared */
    ABOUT_SHORT,  /* freed blocks that were short-lived are selected */
    ABOUT_BLOCKS, /* selected ones, or by thread or size: what live blocks tell */
    ABOUT_COUNT
};

enum tree_grouping { GROUP_NONE, GROUP_MODULE, GROUP_THREAD, GROUP_SIZE };

enum tree_menu { MENU_SORT, MENU_COLUMNS, MENU_GROUP };

struct tree_view {
    struct tree *tree;
    struct tree_source from;
    struct site_figures *figures; /* that `from` has, and their parts */
    struct tree_part *parts;
    size_t capacity;
    char (*group_names)[48];      /* and the names of their groups */
    const char **groups;
    enum tree_about about;        /* what they are about */
    bool selects;                 /* they are of selected blocks */
    bool stale;                   /* all is to be made anew, whatever came */
    bool unsorted;                /* only the rows are */
    bool busy;                    /* steps are under way */
    bool renames;                 /* with newer names than before */
    bool failed;                  /* there was no memory for them */
    unsigned version, names, growth_version, sums_version; /* that it was made of */
    uint64_t then;                /* the second, likewise */
    uint64_t reader;
    uint64_t next_ns, next_names_ns, spent_ns;
    int64_t elsewhere;            /* growth in stacks that only a file knows */

    bool has_mark;                /* there is one to compare with */
    bool shows_age;               /* there is room for the column */
    bool peak;
    enum tree_grouping grouping;
    bool opened_all;
    bool touched;                 /* somebody has pressed a key */
    enum action later;            /* what waits for rows; ACTION_NONE: nothing */
    struct finder find;

    struct table table;
    struct { int sort; bool reverse; } orders[ABOUT_COUNT];
    uint32_t hidden[ABOUT_COUNT], forced[ABOUT_COUNT]; /* columns, by choice */
    bool chosen;                  /* the cursor stays on its row: */
    uint64_t key;
    uint32_t node;                /* that it has, in the standard tree */
    struct menu menu;
    enum tree_menu menu_kind;
    const struct view_context *x; /* while drawing */
};

/* The row under the cursor; NULL: none. */
static inline const struct tree_row *view_tree_selected(const struct tree_view *v)
{
    return v->tree && v->table.cursor < tree_count(v->tree)
               ? tree_row(v->tree, v->table.cursor) : NULL;
}

/* ---- view_tree_source.c --------------------------------------------------------- */

/* Go on with what takes long. Returns whether there is something new to draw. */
bool view_tree_work(void *state, const struct view_context *x, uint64_t now_ns);
uint64_t view_tree_due(const void *state, const struct view_context *x);

/* Make the rows anew if only they are to be: at once, or they come with view_tree_work. */
void view_tree_sort_rows(struct tree_view *v);

/* Keys act on rows: let those come that earlier keys have asked for, a moment long.
 * False: it takes longer, and the rows are still the old ones. */
bool view_tree_catch_up(struct tree_view *v, const struct view_context *x);

/* What the figures are to be about. */
enum tree_about view_tree_about(const struct tree_view *v, const struct view_context *x);

/* Whether only some live blocks are meant, which go before groups. */
bool view_tree_selects(const struct view_context *x);

/* The last mark of this run with figures; NULL: none. */
const struct mark *view_tree_mark(const struct view_context *x);

/* ---- view_tree_columns.c -------------------------------------------------------- */

void view_tree_columns_init(struct tree_view *v);

/* What the tree has to be sorted by for the table's column. */
int view_tree_sort(const struct tree_view *v);

void view_tree_draw_table(struct tree_view *v, struct canvas *c, struct rect area);

/* All figures of a row in words, for the pane. Returns rows drawn. */
int view_tree_draw_figures(struct tree_view *v, const struct tree_row *r, struct canvas *c,
                           struct rect area);

/* Moves and sorting; returns whether it was one of them. */
bool view_tree_table_action(struct tree_view *v, enum action action);
void view_tree_table_click(struct tree_view *v, int row, int col);

/* Whether a cell of the canvas is on the marker of the row under the cursor, or left
 * of it in its column. */
bool view_tree_on_marker(const struct tree_view *v, int row, int col);

/* Menus of columns; values are columns. */
void view_tree_sort_menu(struct tree_view *v);
void view_tree_columns_menu(struct tree_view *v);
void view_tree_sort_by(struct tree_view *v, int column);
void view_tree_switch_column(struct tree_view *v, int column);

/* A column by the name of its heading, of those that have a meaning there; -1 none.
 * And that name, NULL behind the last column. */
int view_tree_column(enum tree_about about, const char *name);
const char *view_tree_heading(int column);

/* ---- view_tree_settings.c ------------------------------------------------------- */

void view_tree_remember(const void *state, struct settings *s);
bool view_tree_recall(void *state, const struct settings *s);

/* ---- view_tree_keys.c ----------------------------------------------------------- */

bool view_tree_action(void *state, const struct view_context *x, enum action action);
void view_tree_click(void *state, const struct view_context *x, int row, int col);
unsigned view_tree_typing(const void *state);
void view_tree_key(void *state, const struct view_context *x, uint32_t key);

/* ---- view_tree_pane.c ----------------------------------------------------------- */

void view_tree_draw_pane(struct tree_view *v, const struct view_context *x, struct canvas *c,
                         struct rect area);

#endif
