/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions in a box over the screen: what is to become of the program when the
 * viewer is left, whether recording goes on, and how much is to be recorded.
 * Draws and understands keys; acts on nothing. One thread.
 */
#ifndef MEMTOP_TUI_VIEW_DIALOG_H
#define MEMTOP_TUI_VIEW_DIALOG_H

#include "tui/view/canvas.h"

enum dialog {
    DIALOG_CLOSED,
    DIALOG_QUIT,      /* leave it running, terminate it, or cancel? */
    DIALOG_WAITING,   /* it was asked to terminate and has not yet */
    DIALOG_TIER,      /* how much is to be recorded? */
    DIALOG_DETACH,    /* switch the agent off, or leave it at work? */
};

enum dialog_answer {
    ANSWER_NONE, ANSWER_LEAVE, ANSWER_TERMINATE, ANSWER_KILL, ANSWER_CANCEL,
    ANSWER_EXACT, ANSWER_COUNTERS, ANSWER_SAMPLED, ANSWER_DETACH, ANSWER_STAY,
};

/* An empty box with a frame. */
void dialog_box(struct canvas *c, struct rect area);

void dialog_draw(enum dialog d, struct canvas *c);
enum dialog_answer dialog_key(enum dialog d, uint32_t key);

#endif
