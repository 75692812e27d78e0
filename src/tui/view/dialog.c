/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The questions. Nothing that ends the program is on a single key
 * outside of it.
 */
#include "tui/view/dialog.h"

#include <string.h>

#include "tui/view/keys.h"

#define LINES_MAX 7

static const char *const quit_lines[LINES_MAX] = {
    "The program is still running.",
    "",
    "l    leave it running",
    "t    terminate it (SIGTERM)",
    "Esc  cancel",
};

static const char *const waiting_lines[LINES_MAX] = {
    "Asked to terminate; it has not ended yet.",
    "",
    "l    leave it running",
    "K    kill it (SIGKILL)",
    "Esc  cancel",
};

static const char *const tier_lines[LINES_MAX] = {
    "How much is to be recorded?",
    "",
    "e    exact: every block with its stack",
    "c    counters only: every block, no stacks",
    "s    sampled: few stacks, the rest estimated",
    "Esc  as it is",
};

static const char *const detach_lines[LINES_MAX] = {
    "memtop's agent was loaded into this process.",
    "",
    "d    detach: the process goes on without it",
    "l    leave it at work: it can be looked at again",
    "Esc  cancel",
};

static const char *const *lines_of(enum dialog d)
{
    return d == DIALOG_TIER ? tier_lines
           : d == DIALOG_WAITING ? waiting_lines
           : d == DIALOG_DETACH ? detach_lines : quit_lines;
}

void dialog_box(struct canvas *c, struct rect a)
{
    bool ascii = c->glyphs == GLYPHS_ASCII;
    for (int row = 0; row < a.rows; row++)
        canvas_fill(c, a.row + row, a.col, a.cols, ROLE_PLAIN, ' ');
    canvas_fill(c, a.row, a.col, a.cols, ROLE_HEAD, ascii ? '-' : 0x2500);
    canvas_fill(c, a.row + a.rows - 1, a.col, a.cols, ROLE_HEAD, ascii ? '-' : 0x2500);
    for (int row = 0; row < a.rows; row++) {
        bool top = row == 0, end = row == a.rows - 1;
        canvas_fill(c, a.row + row, a.col, 1, ROLE_HEAD,
                    ascii ? (top || end ? '+' : '|') : top ? 0x250c : end ? 0x2514 : 0x2502);
        canvas_fill(c, a.row + row, a.col + a.cols - 1, 1, ROLE_HEAD,
                    ascii ? (top || end ? '+' : '|') : top ? 0x2510 : end ? 0x2518 : 0x2502);
    }
}

void dialog_draw(enum dialog d, struct canvas *c)
{
    const char *const *lines = lines_of(d);
    int rows = 0, cols = 0;
    if (d == DIALOG_CLOSED)
        return;
    for (; rows < LINES_MAX && lines[rows]; rows++)
        cols = (int)strlen(lines[rows]) > cols ? (int)strlen(lines[rows]) : cols;
    struct rect a = { .rows = rows + 2, .cols = cols + 6 };
    a.rows = a.rows > c->rows ? c->rows : a.rows;
    a.cols = a.cols > c->cols ? c->cols : a.cols;
    a.row = (c->rows - a.rows) / 2;
    a.col = (c->cols - a.cols) / 2;
    dialog_box(c, a);
    for (int i = 0; i < rows && i + 1 < a.rows - 1; i++)
        canvas_text(c, a.row + 1 + i, a.col + 3, a.cols - 4, i ? ROLE_PLAIN : ROLE_STRONG,
                    lines[i]);
}

static enum dialog_answer tier_key(uint32_t key)
{
    switch (key) {
    case 'e': return ANSWER_EXACT;
    case 'c': return ANSWER_COUNTERS;
    case 's': return ANSWER_SAMPLED;
    case 'n': case 'q': case 'M': case KEYCODE_ESCAPE: return ANSWER_CANCEL;
    default: return ANSWER_NONE;
    }
}

static enum dialog_answer detach_key(uint32_t key)
{
    switch (key) {
    case 'd': return ANSWER_DETACH;
    case 'l': return ANSWER_STAY;
    case 'c': case 'n': case KEYCODE_ESCAPE: return ANSWER_CANCEL;
    default: return ANSWER_NONE;
    }
}

enum dialog_answer dialog_key(enum dialog d, uint32_t key)
{
    if (d == DIALOG_DETACH)
        return detach_key(key);
    if (d == DIALOG_TIER)
        return tier_key(key);
    switch (key) {
    case 'l': return ANSWER_LEAVE;
    case 't': return d == DIALOG_QUIT ? ANSWER_TERMINATE : ANSWER_NONE;
    case 'K': return d == DIALOG_WAITING ? ANSWER_KILL : ANSWER_NONE;
    case 'c': case 'n': case KEYCODE_ESCAPE: return ANSWER_CANCEL;
    default: return ANSWER_NONE;
    }
}
