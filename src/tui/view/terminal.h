/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's terminal: an emulator fed from the master of its pty, with the
 * lines that scrolled away. Owns the emulator; the descriptors are the
 * caller's. Called by the event loop (feeding) and the output view (drawing,
 * keys). What the program sends is never passed to our own terminal. One
 * thread.
 */
#ifndef MEMTOP_TUI_VIEW_TERMINAL_H
#define MEMTOP_TUI_VIEW_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "tui/view/canvas.h"

struct terminal;

/* pty_fd is set to O_NONBLOCK. output_fd, where all bytes are copied to, may
 * be -1. NULL without memory. */
struct terminal *terminal_new(int pty_fd, int output_fd, int rows, int cols);
void terminal_free(struct terminal *t);

/* Read what there is, up to a bound, and write what is still to be written.
 * Returns false once the other side is closed. */
bool terminal_pump(struct terminal *t);

/* Whether something waits to be written: poll for POLLOUT too. */
bool terminal_wants_write(const struct terminal *t);

/* Changes when there is something new to draw. */
unsigned terminal_generation(const struct terminal *t);

/* 0, or the errno of a failed write to output_fd, which then ended. */
int terminal_output_error(const struct terminal *t);

/* Another size; tells the pty, and so the program. */
void terminal_resize(struct terminal *t, int rows, int cols);

/* Draw, `back` lines above the end. The cursor shows where it is drawn. */
void terminal_draw(struct terminal *t, struct canvas *c, struct rect area, size_t back,
                   bool cursor);

/* How many lines have scrolled away and are kept. */
size_t terminal_history(const struct terminal *t);

/* Send a key (enum key_code or a code point) to the program. */
void terminal_key(struct terminal *t, uint32_t key);

#endif
