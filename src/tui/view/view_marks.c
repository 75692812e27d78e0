/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The marks: when each was set, how much was live then, and what grew to the
 * next one or to now. Names of marks and files are typed on the last line.
 */
#include <limits.h>
#include <stdio.h>

#include "tui/view/format.h"
#include "tui/view/growth.h"
#include "tui/view/prompt.h"
#include "tui/view/table.h"
#include "tui/view/view.h"

enum mark_column {
    COLUMN_TAG, COLUMN_TIME, COLUMN_LIVE, COLUMN_BLOCKS, COLUMN_GROWTH, COLUMN_GROWTH_BLOCKS,
    COLUMN_NAME, COLUMN_COUNT
};

static const struct table_column columns[COLUMN_COUNT] = {
    [COLUMN_TAG] = { .name = "", .width = 1, .fixed = true },
    [COLUMN_TIME] = { .name = "TIME", .width = 7, .fixed = true },
    [COLUMN_LIVE] = { .name = "LIVE", .width = 9, .fixed = true },
    [COLUMN_BLOCKS] = { .name = "#LIVE", .width = 6, .fixed = true },
    [COLUMN_GROWTH] = { .name = "TO NEXT", .width = 10, .fixed = true },
    [COLUMN_GROWTH_BLOCKS] = { .name = "#", .width = 7, .fixed = true },
    [COLUMN_NAME] = { .name = "NAME", .left = true, .fixed = true },
};

enum question { ASK_NAME, ASK_SAVE, ASK_LOAD };

struct marks {
    struct table table;
    struct prompt prompt;
    enum question question;
    const struct mark *mark; /* that the question is about, if it is still there */
    const struct view_context *x; /* while drawing */
};

static void marks_init(void *state)
{
    struct marks *v = state;
    v->table.cursor_shown = true;
    v->table.sort = -1;
}

static size_t count(const struct view_context *x)
{
    return x->growth ? x->growth->n_marks : 0;
}

/* ---- drawing --------------------------------------------------------------------- */

/* The next mark of the same run that has figures; NULL: now. */
static bool find_next(const struct view_context *x, size_t i, const struct mark_figures **next)
{
    const struct growth *g = x->growth;
    *next = NULL;
    if (!g->marks[i]->counted || g->marks[i]->foreign)
        return false;
    for (size_t k = i + 1; k < g->n_marks && !*next; k++)
        if (g->marks[k]->counted && !g->marks[k]->foreign)
            *next = &g->marks[k]->totals;
    return true;
}

static void draw_growth(const struct view_context *x, size_t i, bool blocks, struct canvas *c,
                        int row, int col, int width)
{
    const struct mark_figures *next;
    const struct totals *t = &x->snapshot->totals;
    char text[32];
    if (!find_next(x, i, &next))
        return;
    const struct mark_figures *f = &x->growth->marks[i]->totals;
    int64_t grown = blocks ? (next ? mark_live_blocks(next) : t->live_blocks) - mark_live_blocks(f)
                           : (next ? mark_live_bytes(next) : t->live_bytes) - mark_live_bytes(f);
    text[0] = '+';
    if (blocks)
        format_count(text + (grown > 0), sizeof text - 1, grown);
    else
        format_bytes(text + (grown > 0), sizeof text - 1, grown);
    canvas_text_right(c, row, col, width, ROLE_STRONG, text);
}

static void draw_name(const struct mark *m, struct canvas *c, int row, int col, int width)
{
    char late[24];
    int used = canvas_text(c, row, col, width, ROLE_FUNCTION, m->name) + 2;
    if (m->foreign)
        canvas_printf(c, row, col + used, width - used, ROLE_DIM, "of %s", m->command);
    else if (!m->counted)
        canvas_text(c, row, col + used, width - used, ROLE_DIM, "from before the viewer");
    else if (m->number)
        canvas_printf(c, row, col + used, width - used, ROLE_DIM, "by the program, figures %s late",
                      format_duration(late, sizeof late, m->late_ns));
}

static void draw_cell(void *data, size_t i, int column, struct canvas *c, int row, int col,
                      int width)
{
    const struct view_context *x = ((struct marks *)data)->x;
    const struct growth *g = x->growth;
    const struct mark *m = g->marks[i];
    char text[32] = "";
    if (column == COLUMN_TAG)
        snprintf(text, sizeof text, "%s", m == g->tags[0] ? "A" : m == g->tags[1] ? "B" : "");
    else if (column == COLUMN_TIME)
        format_duration(text, sizeof text, m->wall_ns);
    else if (column == COLUMN_LIVE && m->counted)
        format_bytes(text, sizeof text, mark_live_bytes(&m->totals));
    else if (column == COLUMN_BLOCKS && m->counted)
        format_count(text, sizeof text, mark_live_blocks(&m->totals));
    if (column == COLUMN_NAME)
        draw_name(m, c, row, col, width);
    else if (column == COLUMN_GROWTH || column == COLUMN_GROWTH_BLOCKS)
        draw_growth(x, i, column == COLUMN_GROWTH_BLOCKS, c, row, col, width);
    else
        canvas_text_right(c, row, col, width, ROLE_PLAIN, text);
}

static void marks_draw(void *state, const struct view_context *x, struct canvas *c,
                       struct rect a)
{
    struct marks *v = state;
    struct rect list = a;
    v->table.n_rows = count(x);
    if (v->prompt.question && a.rows > 0)
        list.rows--;
    v->x = x;
    table_draw(&v->table, columns, COLUMN_COUNT, c, list, draw_cell, v);
    v->x = NULL;
    if (!v->table.n_rows && list.rows > 1)
        canvas_text(c, list.row + 1, list.col, list.cols, ROLE_DIM,
                    "no marks yet: m sets one, L loads one from a file");
    prompt_draw(&v->prompt, c, a);
}

/* ---- input -------------------------------------------------------------------------- */

static void ask(struct marks *v, const struct view_context *x, enum question question)
{
    char text[MARK_NAME + 8] = "";
    if (question != ASK_LOAD && v->table.cursor >= count(x))
        return;
    const struct mark *m = v->mark = question == ASK_LOAD ? NULL
                                                          : x->growth->marks[v->table.cursor];
    v->question = question;
    if (m)
        snprintf(text, sizeof text, "%s%s", m->name, question == ASK_SAVE ? ".json" : "");
    for (char *s = text; question == ASK_SAVE && *s; s++)
        if (*s == '/' || *s == ' ')
            *s = '-';
    prompt_ask(&v->prompt, question == ASK_NAME ? "Name: "
                           : question == ASK_SAVE ? "Save to: " : "Load from: ", text);
}

static bool marks_action(void *state, const struct view_context *x, enum action action)
{
    struct marks *v = state;
    if (!x->growth)
        return false;
    switch (action) {
    case ACTION_LEAVE: v->prompt.question = NULL; return true;
    case ACTION_COMPARE: growth_since(x->growth, v->table.cursor); return false; /* and show it */
    case ACTION_TAG: growth_tag(x->growth, v->table.cursor); return true;
    case ACTION_RENAME: ask(v, x, ASK_NAME); return true;
    case ACTION_DELETE: growth_delete(x->growth, v->table.cursor); return true;
    case ACTION_SAVE: ask(v, x, ASK_SAVE); return true;
    case ACTION_LOAD: ask(v, x, ASK_LOAD); return true;
    default: return table_action(&v->table, columns, COLUMN_COUNT, action);
    }
}

static void marks_click(void *state, const struct view_context *x, int row, int col)
{
    struct marks *v = state;
    (void)x;
    table_click(&v->table, columns, COLUMN_COUNT, row, col);
}

static unsigned marks_typing(const void *state)
{
    return ((const struct marks *)state)->prompt.question ? WHERE_PROMPT : 0;
}

static void answer(struct marks *v, const struct view_context *x)
{
    char path[PATH_MAX];
    size_t i = 0;
    prompt_path(&v->prompt, path, sizeof path);
    while (i < x->growth->n_marks && x->growth->marks[i] != v->mark)
        i++; /* it may have gone: then nothing is done */
    switch (v->question) {
    case ASK_NAME: growth_rename(x->growth, i, v->prompt.text); break;
    case ASK_SAVE: growth_save(x->growth, i, path); break;
    case ASK_LOAD: growth_load(x->growth, path); break;
    }
}

static void marks_key(void *state, const struct view_context *x, uint32_t key)
{
    struct marks *v = state;
    if (prompt_key(&v->prompt, key) == PROMPT_DONE)
        answer(v, x);
}

static char *marks_status(void *state, const struct view_context *x, char *out, size_t n)
{
    struct marks *v = state;
    char what[128] = "";
    if (x->growth)
        growth_describe(x->growth, x->snapshot, what, sizeof what);
    snprintf(out, n, "%zu of %zu mark%s%s%s", v->table.cursor + (count(x) > 0), count(x),
             format_s((int64_t)count(x)), *what ? "  D: " : "", what);
    return out;
}

const struct view_ops view_marks = {
    .name = "Marks",
    .title = "Marks",
    .state_bytes = sizeof(struct marks),
    .where = WHERE_TARGET | WHERE_LIST | WHERE_MARKS,
    .init = marks_init,
    .draw = marks_draw,
    .action = marks_action,
    .click = marks_click,
    .status = marks_status,
    .typing = marks_typing,
    .key = marks_key,
};
