/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line to type in, at the foot of a view. Called by views that ask for a text.
 * One thread.
 */
#ifndef MEMTOP_TUI_VIEW_PROMPT_H
#define MEMTOP_TUI_VIEW_PROMPT_H

#include "tui/view/canvas.h"

#define PROMPT_TEXT 256 /* bytes, NUL included */

struct prompt {
    const char *question; /* NULL: nothing is asked */
    const char *hint;     /* what can be typed, shown while nothing is; NULL: none */
    char text[PROMPT_TEXT];
};

enum prompt_answer { PROMPT_TYPING, PROMPT_DONE, PROMPT_CANCELLED };

/* Ask, with a text to begin with, and without a hint. */
void prompt_ask(struct prompt *p, const char *question, const char *text);

/* Take a key. When it says DONE, the text is the answer; then, and when it was
 * cancelled, nothing is asked any more. */
enum prompt_answer prompt_key(struct prompt *p, uint32_t key);

/* On the last row of the area. */
void prompt_draw(const struct prompt *p, struct canvas *c, struct rect area);

/* What was typed as the name of a file: "~/x" is in the home directory. Returns out. */
char *prompt_path(const struct prompt *p, char *out, size_t n);

#endif
