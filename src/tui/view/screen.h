/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The screen: the terminal that we run on. It shows canvases and yields keys;
 * there is one per process. Called by the event loop only, in one thread. The
 * only implementation is screen_curses.c.
 */
#ifndef MEMTOP_TUI_VIEW_SCREEN_H
#define MEMTOP_TUI_VIEW_SCREEN_H

#include "tui/view/canvas.h"
#include "tui/view/keys.h"

enum screen_event_kind {
    SCREEN_NONE,
    SCREEN_KEY,
    SCREEN_RESIZE,
    SCREEN_CLICK,
    SCREEN_WHEEL_UP,
    SCREEN_WHEEL_DOWN,
};

struct screen_event {
    enum screen_event_kind kind;
    uint32_t key;  /* SCREEN_KEY: see keys.h */
    int row, col;  /* of the mouse */
};

/* Why the terminal cannot be taken over; NULL if it can. Changes nothing. */
const char *screen_check(void);

/* Take over the terminal. Returns NULL, or why it cannot be done, with the
 * terminal as it was. From then on it is restored by screen_close, at exit(),
 * and when the process crashes. */
const char *screen_open(bool ascii);
void screen_close(void); /* harmless when it is not open */

/* What a canvas for it may use. */
enum canvas_glyphs screen_glyphs(void);
void screen_size(int *rows, int *cols);

/* Readable when there may be an event. */
int screen_fd(void);

/* The next event; SCREEN_NONE when there is none. Never blocks. */
struct screen_event screen_next(void);

/* Show a canvas of the screen's size; `anew` draws what is there already. */
void screen_show(const struct canvas *c, bool anew);

/* Give the terminal back and stop, as by ^Z; returns when resumed. */
void screen_suspend(void);

#endif
