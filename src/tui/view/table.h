/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table on the canvas: headings, rows, a cursor, a scroll position and the
 * column that sorts. Called by the views that are lists, and by the picker.
 * It knows nothing of what its rows are. One thread.
 */
#ifndef MEMTOP_TUI_VIEW_TABLE_H
#define MEMTOP_TUI_VIEW_TABLE_H

#include <limits.h>

#include "tui/view/canvas.h"
#include "tui/view/keys.h"
#include "tui/view/menu.h"
#include "tui/view/settings.h"

#define TABLE_COLUMNS 32
#define TABLE_NEVER   INT_MAX /* from so many columns: it is not shown there */

struct table_column {
    const char *name;
    int width;      /* 0: elastic, the last one */
    int from_cols;  /* shown where the table has so many columns */
    bool left;      /* against the left; can be sorted by nevertheless */
    bool fixed;     /* cannot be sorted by */
};

struct table {
    size_t n_rows;      /* set by the view before table_draw */
    size_t cursor;      /* row that is selected */
    size_t top;         /* first row shown */
    bool cursor_shown;
    int sort;           /* column */
    bool reverse;
    struct rect area;   /* of the last drawing */
    int heads[TABLE_COLUMNS][2]; /* where headings were: first column, width */
};

/* Draws one cell. */
typedef void table_cell(void *data, size_t row, int column, struct canvas *c, int at_row,
                        int col, int width);

/* Bring cursor and top into range for an area of so many rows, heading
 * included. Returns the index behind the last row that shows. */
size_t table_layout(struct table *t, int area_rows);

/* Draw headings and rows. `columns` has n <= TABLE_COLUMNS entries. */
void table_draw(struct table *t, const struct table_column *columns, int n,
                struct canvas *c, struct rect area, table_cell *cell, void *data);

/* Moves and sorting; returns whether it was one of them. */
bool table_action(struct table *t, const struct table_column *columns, int n,
                  enum action action);

/* What it is sorted by, into settings and from them again. False: the settings name
 * no column that it can be sorted by. */
void table_remember(const struct table *t, const struct table_column *columns,
                    struct settings *s, const char *view);
bool table_recall(struct table *t, const struct table_column *columns, int n,
                  const struct settings *s, const char *view);

/* A menu of what it can be sorted by, whether it shows or not; words[i] says what column
 * i is, NULL: not in the menu. Values are columns. And sorting by one: again, the
 * other way round. */
void table_sort_menu(const struct table *t, const struct table_column *columns,
                     const char *const *words, int n, struct menu *menu);
void table_sort_by(struct table *t, int column);

/* A click: on a heading it sorts, again it reverses; on a row it selects. */
void table_click(struct table *t, const struct table_column *columns, int n, int row,
                 int col);

#endif
