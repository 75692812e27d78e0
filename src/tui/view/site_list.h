/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of call sites: which come first by which figure, and their columns.
 * Shared by the overview and the view of sites. One thread.
 */
#ifndef MEMTOP_TUI_VIEW_SITE_LIST_H
#define MEMTOP_TUI_VIEW_SITE_LIST_H

#include "tui/model/site_match.h"
#include "tui/view/order.h"
#include "tui/view/table.h"
#include "tui/view/view.h"

/* What is live of the sites that pass, and of those that there were to pass. */
struct site_list_sum {
    int64_t bytes, blocks, all_bytes;
};

struct site_list {
    struct table table;
    struct order order;  /* by the table's sort column */
    bool chosen;         /* somebody moved the cursor: it stays on its site */
    uint32_t site;       /* that one */
    unsigned version;    /* of the sites that order was made for; 0 none */
    int sorted_by;
    bool sorted_reverse;
    bool short_lived;    /* rows are of sites with short-lived blocks: those columns */
    uint64_t short_frees; /* and so many they have */
    struct { int sort; bool reverse; } others; /* order of the columns not shown */
    bool filtered;       /* rows are of the blocks that the context's filter means */
    unsigned filter_version;
    const struct site_set *only; /* no others; NULL: all */
    const struct site_match *match; /* nor others than these; NULL: all */
    unsigned match_version;
    struct site_list_sum passing;
    const struct view_context *x; /* while drawing */
};

/* Of an empty one, all zeros. */
void site_list_init(struct site_list *l);
void site_list_fini(struct site_list *l);
void site_list_draw(struct site_list *l, const struct view_context *x, struct canvas *c,
                    struct rect area);
bool site_list_action(struct site_list *l, enum action action);
void site_list_click(struct site_list *l, int row, int col);

/* As table_remember and table_recall have it. */
void site_list_remember(const struct site_list *l, struct settings *s, const char *view);
bool site_list_recall(struct site_list *l, const struct settings *s, const char *view);

/* Put the cursor on the next site that matches, or the one before. False: there is
 * none. *wrapped: it was found from the other end. */
bool site_list_find(struct site_list *l, const struct site_match *match,
                    const struct snapshot *s, bool forward, bool *wrapped);

/* A menu of what it can be sorted by; values are for table_sort_by. */
void site_list_sort_menu(const struct site_list *l, struct menu *menu);

/* The site under the cursor, after drawing; 0 if there is none. */
uint32_t site_list_selected(const struct site_list *l);

/* Draw what a site is called in one line. */
void site_list_label(const struct view_context *x, uint32_t site, struct canvas *c, int row,
                     int col, int width);

/* Draw the verdict on how a site's live bytes change, in one word. */
void site_list_trend(const struct view_context *x, uint32_t site, struct canvas *c, int row,
                     int col, int width);

/* Draw a site's stack, leaf first, skipping `skip` frames; `cursor` is on one of them,
 * or SIZE_MAX. Returns how many frames there are. */
size_t site_list_stack(const struct view_context *x, uint32_t site, struct canvas *c,
                       struct rect area, size_t skip, size_t cursor);

#endif
