/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The picker: a live list of the processes that can be looked at. Called by
 * the event loop. One thread.
 */
#ifndef MEMTOP_TUI_VIEW_PICKER_H
#define MEMTOP_TUI_VIEW_PICKER_H

#include "tui/reader/reader.h"
#include "tui/view/table.h"

struct picker {
    struct table table;
    struct found *found;
    size_t n;
    enum reader_status status;
    uint64_t next_ns;    /* when to look again */
    uint64_t now_realtime_ns;
};

void picker_init(struct picker *p);
void picker_fini(struct picker *p);

/* Look again if it is time. Returns whether there is something to draw. */
bool picker_refresh(struct picker *p, uint64_t now_ns);

/* The whole screen but its last row. */
void picker_draw(struct picker *p, struct canvas *c);

bool picker_action(struct picker *p, enum action action);
void picker_click(struct picker *p, int row, int col);

/* The process under the cursor, or 0. */
int picker_selected(const struct picker *p);

#endif
