/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands around each view: title line, bars and rates above it, status
 * line and key bar below it. Called by the event loop. One thread.
 */
#ifndef MEMTOP_TUI_VIEW_HEADER_H
#define MEMTOP_TUI_VIEW_HEADER_H

#include "tui/view/view.h"

#define HEADER_FIGURES 3 /* rows of header_figures */

/* "memtop COMMAND  pid 123  up 1m23s  running" */
void header_title(const struct view_context *x, struct canvas *c, int row);

/* Live, peak and RSS with bars, and the rates: HEADER_FIGURES rows. */
void header_figures(const struct view_context *x, struct canvas *c, struct rect area);

/* The tabs of the views, closer together where there is less room; spans[i] gets
 * column and width of each. */
void header_tabs(const struct view_context *x, int current, struct canvas *c, int row,
                 int spans[VIEW_COUNT][2]);

/* What is wrong or worth knowing, then what the view or the loop says. */
void header_status(const struct view_context *x, struct canvas *c, int row,
                   const char *text);

/* The keys that are valid in `where`, as many as fit. */
void header_keys(struct canvas *c, int row, unsigned where);

#endif
