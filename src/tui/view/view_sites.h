/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The view of call sites, shared by its parts: view_sites.c (the view) and
 * view_sites_find.c (what is searched, filtered and chosen). Private to these. One
 * thread.
 */
#ifndef MEMTOP_TUI_VIEW_VIEW_SITES_H
#define MEMTOP_TUI_VIEW_VIEW_SITES_H

#include "tui/model/site_match.h"
#include "tui/view/finder.h"
#include "tui/view/growth_list.h"
#include "tui/view/menu.h"
#include "tui/view/site_list.h"
#include "tui/view/site_set.h"
#include "tui/view/view.h"

struct sites {
    struct site_list list;
    struct growth_list growth; /* in its place while there is a comparison */
    struct site_set only; /* these, where count is not 0 */
    bool details;       /* the stack has the page */
    bool guest;         /* another view asked for it, to which leaving leads */
    bool moved;         /* there the cursor was moved to `frame`; else it is on the site's own */
    size_t frame;
    size_t skip;        /* frames scrolled away */
    size_t frames;      /* in the stack last drawn */
    int page;

    struct finder find;
    struct site_match found;   /* what find.search matches */
    enum action later;         /* NEXT or PREVIOUS: waits for names; NONE: nothing */
    struct pattern filter;
    char filter_text[128];     /* as it was typed; "" none */
    struct site_match passing; /* what `filter` matches */
    struct menu menu;          /* of columns to sort by */
};

/* Marks are compared, and what changed has the page's list. */
bool view_sites_shows_growth(const struct sites *v, const struct view_context *x);

/* ---- view_sites_find.c ---------------------------------------------------------- */

void view_sites_find_init(struct sites *v);
void view_sites_find_fini(struct sites *v);

/* Only sites with such a frame; "" all. */
void view_sites_filter(struct sites *v, const char *text);

/* Matching goes on, and a search that waits for it. */
bool view_sites_work(void *state, const struct view_context *x, uint64_t now_ns);
uint64_t view_sites_due(const void *state, const struct view_context *x);

/* Returns whether it was one of searching, filtering and sorting by choice. */
bool view_sites_find_action(struct sites *v, const struct view_context *x, enum action action);
unsigned view_sites_typing(const void *state);
void view_sites_key(void *state, const struct view_context *x, uint32_t key);
/* Returns whether the menu took it. */
bool view_sites_menu_click(struct sites *v, const struct view_context *x, int row, int col);

/* Why no site passes, over an empty list. */
void view_sites_draw_none(const struct sites *v, const struct view_context *x, struct canvas *c,
                          struct rect list);

/* What passes the filter, for the status line; "" without one. Returns bytes. */
size_t view_sites_describe(const struct sites *v, const struct view_context *x, char *out,
                           size_t n);

#endif
