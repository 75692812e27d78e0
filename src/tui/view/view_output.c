/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's own output, as its terminal shows it, with what scrolled away.
 * While somebody types, all keys but two go to the program.
 */
#include <stdio.h>
#include <string.h>

#include "tui/view/terminal.h"
#include "tui/view/view.h"

struct output {
    size_t back;   /* lines above the end */
    int page;
    bool typing;
};

static void output_draw(void *state, const struct view_context *x, struct canvas *c,
                        struct rect a)
{
    struct output *v = state;
    if (!x->terminal) {
        canvas_text(c, a.row, a.col, a.cols, ROLE_DIM,
                    "This program writes to a terminal of its own.");
        canvas_text(c, a.row + 1, a.col, a.cols, ROLE_DIM,
                    "\"memtop run CMD\" shows the output of CMD here.");
        return;
    }
    v->page = a.rows;
    v->typing = v->typing && !x->ended;
    if (v->back > terminal_history(x->terminal))
        v->back = terminal_history(x->terminal);
    terminal_draw(x->terminal, c, a, v->back, v->typing);
}

static void scroll(struct output *v, const struct view_context *x, long by)
{
    long to = (long)v->back + by, most = x->terminal ? (long)terminal_history(x->terminal) : 0;
    v->back = (size_t)(to < 0 ? 0 : to > most ? most : to);
}

static bool output_action(void *state, const struct view_context *x, enum action action)
{
    struct output *v = state;
    switch (action) {
    case ACTION_UP: scroll(v, x, 1); return true;
    case ACTION_DOWN: scroll(v, x, -1); return true;
    case ACTION_PAGE_UP: scroll(v, x, v->page); return true;
    case ACTION_PAGE_DOWN: scroll(v, x, -v->page); return true;
    case ACTION_FIRST: scroll(v, x, (long)1 << 30); return true;
    case ACTION_LAST: v->back = 0; return true;
    case ACTION_TYPE:
        v->typing = x->terminal && !x->ended;
        return true;
    case ACTION_LEAVE:
        v->typing = false;
        return true;
    default: return false;
    }
}

static unsigned output_typing(const void *state)
{
    const struct output *v = state;
    return v->typing ? WHERE_TYPING : 0;
}

static void output_key(void *state, const struct view_context *x, uint32_t key)
{
    struct output *v = state;
    v->back = 0;
    if (x->terminal && !x->ended)
        terminal_key(x->terminal, key);
    else
        v->typing = false;
}

static char *output_status(void *state, const struct view_context *x, char *out, size_t n)
{
    const struct output *v = state;
    if (x->terminal && terminal_output_error(x->terminal))
        snprintf(out, n, "saving the output failed: %s",
                 strerror(terminal_output_error(x->terminal)));
    else if (v->typing)
        snprintf(out, n, "typing to the program");
    else if (v->back)
        snprintf(out, n, "%zu lines up, of %zu", v->back, terminal_history(x->terminal));
    else
        out[0] = '\0';
    return out;
}

const struct view_ops view_output = {
    .name = "Output",
    .title = "The program's output",
    .state_bytes = sizeof(struct output),
    .where = WHERE_TARGET | WHERE_OUTPUT,
    .draw = output_draw,
    .action = output_action,
    .status = output_status,
    .typing = output_typing,
    .key = output_key,
};
