/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The screen put together: header, view, status line, key bar, and what lies
 * over them.
 */
#include "tui/view/app_state.h"

#include "tui/view/header.h"

#define LEAST_ROWS 6
#define LEAST_COLS 24
#define FIGURES_FROM_ROWS 14

static bool is_too_small(const struct app *a)
{
    return a->canvas.rows < LEAST_ROWS || a->canvas.cols < LEAST_COLS;
}

/* The output view gives its rows to the program. */
static int figure_rows(const struct app *a, int view)
{
    bool output = view_table[view] == &view_output;
    return a->canvas.rows >= FIGURES_FROM_ROWS && !output ? HEADER_FIGURES : 0;
}

struct rect app_view_rect(const struct app *a, int view)
{
    int top = 2 + figure_rows(a, view), bottom = 2;
    int rows = a->canvas.rows - top - bottom;
    return (struct rect){ .row = top, .rows = rows < 0 ? 0 : rows, .cols = a->canvas.cols };
}

void app_resize(struct app *a)
{
    int rows, cols;
    screen_size(&rows, &cols);
    if (canvas_resize(&a->canvas, rows, cols) != 0)
        return;
    if (a->terminal) {
        struct rect r = app_view_rect(a, view_index(&view_output));
        terminal_resize(a->terminal, r.rows, r.cols);
    }
    a->dirty = a->urgent = a->anew = true;
}

/* ---- parts ------------------------------------------------------------------ */
static const char *status_text(const struct app *a, const struct view_context *x, char *out,
                               size_t n)
{
    const struct view_ops *ops = view_table[a->current];
    if (a->notice[0])
        return a->notice;
    if (a->help || !ops->status)
        return "";
    return ops->status(a->states[a->current], x, out, n);
}

static void draw_target(struct app *a)
{
    struct canvas *c = &a->canvas;
    struct view_context x;
    char status[160];
    app_context(a, &x);
    struct rect area = app_view_rect(a, a->current);
    int figures = figure_rows(a, a->current);
    header_title(&x, c, 0);
    if (figures)
        header_figures(&x, c, (struct rect){ .row = 1, .rows = figures, .cols = c->cols });
    a->tab_row = 1 + figures;
    header_tabs(&x, a->current, c, a->tab_row, a->tabs);
    if (a->help)
        view_help_draw(c, area, app_place(a), &a->help_scroll);
    else
        view_table[a->current]->draw(a->states[a->current], &x, c, area);
    header_status(&x, c, c->rows - 2, status_text(a, &x, status, sizeof status));
    header_keys(c, c->rows - 1, app_where(a));
}

static void draw_waiting(struct app *a)
{
    canvas_fill(&a->canvas, 0, 0, a->canvas.cols, ROLE_TITLE, ' ');
    canvas_printf(&a->canvas, 0, 1, a->canvas.cols - 1, ROLE_TITLE, "memtop  pid %d  %s",
                  a->target.pid, a->target.state);
    header_keys(&a->canvas, a->canvas.rows - 1, app_where(a));
}

static void draw_picker(struct app *a)
{
    struct canvas *c = &a->canvas;
    if (a->help)
        view_help_draw(c, (struct rect){ .row = 0, .rows = c->rows - 2, .cols = c->cols },
                       app_place(a), &a->help_scroll);
    else
        picker_draw(&a->picker, c);
    canvas_text(c, c->rows - 2, 1, c->cols - 1, ROLE_STRONG, a->notice);
    header_keys(c, c->rows - 1, app_where(a));
}

void app_draw(struct app *a)
{
    canvas_clear(&a->canvas);
    a->tab_row = -1;
    if (is_too_small(a))
        canvas_text(&a->canvas, 0, 0, a->canvas.cols, ROLE_PLAIN, "terminal too small");
    else if (a->picking)
        draw_picker(a);
    else if (a->target.filled)
        draw_target(a);
    else
        draw_waiting(a);
    prompt_draw(&a->prompt, &a->canvas,
                (struct rect){ .rows = a->canvas.rows - 1, .cols = a->canvas.cols });
    dialog_draw(a->dialog, &a->canvas);
    screen_show(&a->canvas, a->anew);
    a->dirty = a->urgent = a->anew = false;
}
