/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Menus.
 */
#include "tui/view/menu.h"

#include <string.h>

#include "tui/view/dialog.h"
#include "tui/view/keys.h"

void menu_open(struct menu *m, const char *title, bool switches)
{
    *m = (struct menu){ .title = title, .switches = switches };
}

void menu_add(struct menu *m, const char *text, int value, bool on)
{
    if (m->n == MENU_ITEMS)
        return;
    bool first = on;
    for (int i = 0; i < m->n; i++)
        first = first && !m->items[i].on;
    if (first)
        m->cursor = m->n;
    m->items[m->n++] = (struct menu_item){ .text = text, .value = value, .on = on };
}

/* Take what is under the cursor. */
static int take(struct menu *m)
{
    struct menu_item *item = &m->items[m->cursor];
    if (!m->n)
        return -1;
    if (m->switches)
        item->on = !item->on;
    else
        m->title = NULL;
    return m->cursor;
}

int menu_key(struct menu *m, uint32_t key)
{
    switch (key) {
    case KEYCODE_UP: case 'k': m->cursor -= m->cursor > 0; return -1;
    case KEYCODE_DOWN: case 'j': m->cursor += m->cursor + 1 < m->n; return -1;
    case KEYCODE_HOME: case 'g': m->cursor = 0; return -1;
    case KEYCODE_END: case 'G': m->cursor = m->n ? m->n - 1 : 0; return -1;
    case ' ': return take(m);
    case KEYCODE_ENTER: case '\n':
        if (!m->switches)
            return take(m);
        m->title = NULL;
        return -1;
    case KEYCODE_ESCAPE: case 'q': case KEY_CONTROL('c'):
        m->title = NULL;
        return -1;
    default: return -1;
    }
}

int menu_click(struct menu *m, int row, int col)
{
    const struct rect *b = &m->box;
    int item = m->top + row - b->row - 1;
    if (row < b->row || row >= b->row + b->rows || col < b->col || col >= b->col + b->cols) {
        m->title = NULL;
        return -1;
    }
    if (row == b->row || row == b->row + b->rows - 1 || item >= m->n)
        return -1;
    m->cursor = item;
    return take(m);
}

static int width_of(const struct menu *m, const char *foot)
{
    size_t width = strlen(foot) > strlen(m->title) ? strlen(foot) : strlen(m->title);
    for (int i = 0; i < m->n; i++)
        width = strlen(m->items[i].text) + 4 > width ? strlen(m->items[i].text) + 4 : width;
    return (int)width + 4;
}

void menu_draw(struct menu *m, struct canvas *c, struct rect a)
{
    if (!m->title)
        return;
    const char *foot = m->switches ? "Space switches, Enter ends" : "Enter chooses, Esc cancels";
    struct rect b = { .rows = m->n + 2, .cols = width_of(m, foot) };
    b.rows = b.rows > a.rows ? a.rows : b.rows;
    b.cols = b.cols > a.cols ? a.cols : b.cols;
    b.row = a.row + (a.rows - b.rows) / 2;
    b.col = a.col + (a.cols - b.cols) / 2;
    m->box = b;
    if (b.rows < 3 || b.cols < 8)
        return;
    int room = b.rows - 2;
    m->top = m->cursor < m->top ? m->cursor : m->cursor >= m->top + room ? m->cursor - room + 1
                                                                         : m->top;
    dialog_box(c, b);
    canvas_text(c, b.row, b.col + 2, b.cols - 4, ROLE_HEAD, m->title);
    canvas_text(c, b.row + b.rows - 1, b.col + 2, b.cols - 4, ROLE_HEAD, foot);
    for (int i = 0; i < room && m->top + i < m->n; i++) {
        const struct menu_item *item = &m->items[m->top + i];
        int row = b.row + 1 + i;
        canvas_text(c, row, b.col + 2, 3, ROLE_STRONG, item->on ? (m->switches ? "[x]" : " *")
                                                       : m->switches ? "[ ]" : "");
        canvas_text(c, row, b.col + 6, b.cols - 8, ROLE_PLAIN, item->text);
        if (m->top + i == m->cursor)
            canvas_paint(c, row, b.col + 1, b.cols - 2, ROLE_CURSOR);
    }
}
