/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pane with the lines of source around a place, below a stack. One thread.
 */
#ifndef MEMTOP_TUI_VIEW_SOURCE_PANE_H
#define MEMTOP_TUI_VIEW_SOURCE_PANE_H

#include "tui/view/view.h"

/* Cut off the lower part of *a what the source of a frame of a site gets, where the
 * upper has its stack; and draw it. Without a place, or without room,
 * *a stays as it is. */
void source_pane_draw(const struct view_context *x, uint32_t site, size_t frame,
                      struct canvas *c, struct rect *a);

#endif
