/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call tree's view, shared by its parts: view_tree.c (what is shown, keys)
 * and view_tree_columns.c (its table). Private to these. One thread.
 */
#ifndef MEMTOP_TUI_VIEW_VIEW_TREE_H
#define MEMTOP_TUI_VIEW_VIEW_TREE_H

#include "tui/model/tree.h"
#include "tui/view/table.h"
#include "tui/view/view.h"

struct tree_view {
    struct tree *tree;
    struct site_figures *figures; /* of the sites, for the tree */
    size_t capacity;
    unsigned version, names;      /* of sites and names that the rows are made of */
    bool stale;                   /* rows are to be made anew whatever came */
    bool failed;                  /* there was no memory for them */
    bool opened_all;

    struct table table;
    bool chosen;                  /* the cursor stays on its row: */
    uint64_t key;
    const struct view_context *x; /* while drawing */
};

/* ---- view_tree_columns.c -------------------------------------------------------- */

/* What the tree has to be sorted by for the table's column. */
int view_tree_sort(const struct tree_view *v);

void view_tree_draw_table(struct tree_view *v, struct canvas *c, struct rect area);

/* Moves and sorting; returns whether it was one of them. */
bool view_tree_table_action(struct tree_view *v, enum action action);
void view_tree_table_click(struct tree_view *v, int row, int col);

/* Whether a cell of the canvas is, or is left of, the marker of the row under
 * the cursor. */
bool view_tree_on_marker(const struct tree_view *v, int row, int col);

#endif
