/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A menu in a box over a view: one of several is chosen, or several are switched
 * on and off. Called by views. One thread.
 */
#ifndef MEMTOP_TUI_VIEW_MENU_H
#define MEMTOP_TUI_VIEW_MENU_H

#include <stdint.h>

#include "tui/view/canvas.h"

#define MENU_ITEMS 32

struct menu {
    const char *title;    /* NULL: it is closed */
    bool switches;        /* several may be on, and it stays open */
    int n, cursor;
    struct menu_item {
        const char *text; /* static */
        int value;        /* the caller's */
        bool on;
    } items[MENU_ITEMS];
    struct rect box;      /* of the last drawing */
    int top;              /* first item shown */
};

/* Open it, empty. */
void menu_open(struct menu *m, const char *title, bool switches);
/* The cursor begins at the first item that is on. */
void menu_add(struct menu *m, const char *text, int value, bool on);

/* Take a key. Returns the item that was chosen or switched, else -1. It may be
 * closed afterwards. */
int menu_key(struct menu *m, uint32_t key);
/* The same for a click; one outside of the box closes it. */
int menu_click(struct menu *m, int row, int col);

void menu_draw(struct menu *m, struct canvas *c, struct rect area);

#endif
