/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables: layout, cursor, headings. Columns that find no room are left out;
 * the elastic one takes what is left.
 */
#include "tui/view/table.h"

#include <string.h>
#include <strings.h>

static bool shown(const struct table_column *column, int cols)
{
    return cols >= column->from_cols;
}

static size_t page(const struct table *t)
{
    return t->area.rows > 2 ? (size_t)t->area.rows - 1 : 1;
}

size_t table_layout(struct table *t, int area_rows)
{
    size_t room = area_rows > 1 ? (size_t)area_rows - 1 : 1;
    if (t->cursor >= t->n_rows)
        t->cursor = t->n_rows ? t->n_rows - 1 : 0;
    if (t->top > t->cursor)
        t->top = t->cursor;
    if (t->cursor >= t->top + room)
        t->top = t->cursor - room + 1;
    if (t->top + room > t->n_rows)
        t->top = t->n_rows > room ? t->n_rows - room : 0;
    return t->top + room < t->n_rows ? t->top + room : t->n_rows;
}

/* ---- drawing ------------------------------------------------------------- */
static void place_columns(struct table *t, const struct table_column *columns, int n,
                          struct rect area)
{
    int col = area.col, end = area.col + area.cols;
    memset(t->heads, 0, sizeof t->heads);
    for (int i = 0; i < n; i++) {
        int width = columns[i].width ? columns[i].width : end - col;
        if (!shown(&columns[i], area.cols) || col + width > end || width <= 0)
            continue;
        t->heads[i][0] = col;
        t->heads[i][1] = width;
        col += width + 1;
    }
}

static void draw_heads(const struct table *t, const struct table_column *columns, int n,
                       struct canvas *c, struct rect area)
{
    canvas_fill(c, area.row, area.col, area.cols, ROLE_HEAD, ' ');
    for (int i = 0; i < n; i++) {
        int col = t->heads[i][0], width = t->heads[i][1];
        enum role role = i == t->sort ? ROLE_SORT : ROLE_HEAD;
        if (!width)
            continue;
        if (columns[i].left)
            canvas_text(c, area.row, col, width, role, columns[i].name);
        else
            canvas_text_right(c, area.row, col, width, role, columns[i].name);
    }
}

void table_draw(struct table *t, const struct table_column *columns, int n,
                struct canvas *c, struct rect area, table_cell *cell, void *data)
{
    t->area = area;
    if (area.rows < 1 || area.cols < 1)
        return;
    place_columns(t, columns, n, area);
    draw_heads(t, columns, n, c, area);
    size_t end = table_layout(t, area.rows);
    for (size_t row = t->top; row < end; row++) {
        int at = area.row + 1 + (int)(row - t->top);
        if (at >= area.row + area.rows)
            break;
        for (int i = 0; i < n; i++)
            if (t->heads[i][1])
                cell(data, row, i, c, at, t->heads[i][0], t->heads[i][1]);
        if (t->cursor_shown && row == t->cursor)
            canvas_paint(c, at, area.col, area.cols, ROLE_CURSOR);
    }
}

/* ---- input --------------------------------------------------------------- */
static void move_cursor(struct table *t, long by)
{
    long to = (long)t->cursor + by, last = (long)t->n_rows - 1;
    t->cursor = (size_t)(to < 0 || last < 0 ? 0 : to > last ? last : to);
}

static void sort_next(struct table *t, const struct table_column *columns, int n, int step)
{
    int i = t->sort;
    do {
        i += step;
        if (i < 0 || i >= n)
            return;
    } while (columns[i].fixed || !t->heads[i][1]);
    t->sort = i;
}

bool table_action(struct table *t, const struct table_column *columns, int n,
                  enum action action)
{
    switch (action) {
    case ACTION_UP: move_cursor(t, -1); return true;
    case ACTION_DOWN: move_cursor(t, 1); return true;
    case ACTION_PAGE_UP: move_cursor(t, -(long)page(t)); return true;
    case ACTION_PAGE_DOWN: move_cursor(t, (long)page(t)); return true;
    case ACTION_FIRST: t->cursor = 0; return true;
    case ACTION_LAST: t->cursor = t->n_rows ? t->n_rows - 1 : 0; return true;
    case ACTION_SORT_LEFT: sort_next(t, columns, n, -1); return true;
    case ACTION_SORT_RIGHT: sort_next(t, columns, n, 1); return true;
    case ACTION_REVERSE: t->reverse = !t->reverse; return true;
    default: return false;
    }
}

static void click_head(struct table *t, const struct table_column *columns, int n, int col)
{
    for (int i = 0; i < n; i++) {
        /* The gap to the left of a heading belongs to it. */
        int first = t->heads[i][0] - 1, width = t->heads[i][1];
        if (!width || columns[i].fixed || col < first || col >= first + 1 + width)
            continue;
        if (t->sort == i)
            t->reverse = !t->reverse;
        else
            t->reverse = false;
        t->sort = i;
        return;
    }
}

void table_click(struct table *t, const struct table_column *columns, int n, int row, int col)
{
    const struct rect *a = &t->area;
    if (col < a->col || col >= a->col + a->cols || row < a->row || row >= a->row + a->rows)
        return;
    size_t at = t->top + (size_t)(row - a->row - 1);
    if (row == a->row)
        click_head(t, columns, n, col);
    else if (at < t->n_rows)
        t->cursor = at;
}

/* ---- the menu --------------------------------------------------------------- */

void table_sort_menu(const struct table *t, const struct table_column *columns,
                     const char *const *words, int n, struct menu *menu)
{
    menu_open(menu, "Sort by", false);
    for (int i = 0; i < n; i++)
        if (words[i] && !columns[i].fixed && columns[i].from_cols != TABLE_NEVER)
            menu_add(menu, words[i], i, i == t->sort);
}

void table_sort_by(struct table *t, int column)
{
    t->reverse = t->sort == column && !t->reverse;
    t->sort = column;
}

/* ---- settings --------------------------------------------------------------- */

void table_remember(const struct table *t, const struct table_column *columns,
                    struct settings *s, const char *view)
{
    settings_set(s, view, "sort", columns[t->sort].name);
    settings_set(s, view, "reverse", t->reverse ? "yes" : NULL);
}

bool table_recall(struct table *t, const struct table_column *columns, int n,
                  const struct settings *s, const char *view)
{
    const char *sort = settings_get(s, view, "sort");
    const char *reverse = settings_get(s, view, "reverse");
    t->reverse = reverse && strcmp(reverse, "yes") == 0;
    for (int i = 0; sort && i < n; i++)
        if (!columns[i].fixed && strcasecmp(columns[i].name, sort) == 0) {
            t->sort = i;
            return true;
        }
    return !sort;
}
