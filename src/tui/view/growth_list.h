/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of call sites by what changed: the columns of a comparison, see
 * growth.h. Takes the place of the usual list while one is shown. One thread.
 */
#ifndef MEMTOP_TUI_VIEW_GROWTH_LIST_H
#define MEMTOP_TUI_VIEW_GROWTH_LIST_H

#include "tui/view/order.h"
#include "tui/view/site_list.h"
#include "tui/view/table.h"
#include "tui/view/view.h"

struct growth_list {
    struct table table;
    struct order order;
    bool chosen;         /* somebody moved the cursor: it stays on its row */
    uint32_t row;        /* that one */
    unsigned version;    /* of the growth that order was made for */
    int sorted_by;
    bool sorted_reverse;
    const struct site_set *only; /* no others; NULL: all */
    const struct site_match *match; /* nor others than these; NULL: all. Then without
                                       stacks that only a file knows */
    unsigned match_version;
    struct site_list_sum passing;   /* growth of live bytes and blocks */
    const struct view_context *x; /* while drawing */
};

void growth_list_fini(struct growth_list *l);
void growth_list_draw(struct growth_list *l, const struct view_context *x, struct canvas *c,
                      struct rect area);
bool growth_list_action(struct growth_list *l, enum action action);
void growth_list_click(struct growth_list *l, int row, int col);

/* As site_list_find and site_list_sort_menu. */
bool growth_list_find(struct growth_list *l, const struct site_match *match,
                      const struct view_context *x, bool forward, bool *wrapped);
void growth_list_sort_menu(const struct growth_list *l, struct menu *menu);

/* The site under the cursor, after drawing; MARK_NO_SITE: none of this run. */
uint32_t growth_list_selected(const struct growth_list *l, const struct view_context *x);

#endif
