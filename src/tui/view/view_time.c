/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timeline: live bytes and rates over all that is recorded, marks, and a
 * cursor that goes back in time. Below the graphs stand the figures of the step
 * under the cursor, and the call sites that had the most live bytes at its end.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tui/model/timeline.h"
#include "tui/view/format.h"
#include "tui/view/graph.h"
#include "tui/view/growth.h"
#include "tui/view/site_list.h"
#include "tui/view/view.h"

#define MS            UINT64_C(1000000)
#define NS_PER_SECOND UINT64_C(1000000000)
#define SAMPLES_MAX   2048
#define TOP_MOST      SEG_SECOND_SITES
#define LIST_ROWS     ((int)TOP_MOST + 1)
#define LABEL_COLUMNS 20 /* from a label of the time axis to the next */

/* What a column of the graphs spans. Whole seconds can be halved but for one. */
static const unsigned steps_ms[] = { 50, 200, 1000, 2000, 4000, 10000, 20000, 60000 };
#define STEPS ((int)(sizeof steps_ms / sizeof *steps_ms))

struct timeline_view {
    struct table table;   /* the call sites below */
    bool begun;
    int zoom;             /* index of steps_ms */
    bool chosen;          /* somebody zoomed: no longer whatever shows all */
    bool back;            /* the cursor stays at `cursor`; else it is at the present */
    uint64_t cursor;      /* nanoseconds after set-up */
    uint64_t end;         /* the last step that shows, in steps */
    bool scrolled;        /* that is not the present */
    int cols;             /* of the graphs, when last drawn */
    unsigned n_top, top_version; /* version of the sites it is of, at the present */
    struct seg_second_site top[TOP_MOST];
    const struct view_context *x; /* while drawing */
};

static uint64_t step_of(const struct timeline_view *v)
{
    return steps_ms[v->zoom] * MS;
}

static uint64_t now_of(const struct view_context *x)
{
    return x->snapshot->target.wall_ns;
}

static void time_init(void *state)
{
    struct timeline_view *v = state;
    v->table.cursor_shown = true;
    v->table.sort = -1;
}

/* ---- what shows --------------------------------------------------------------------- */

/* The finest whole seconds that show all there is, unless somebody chose. */
static void choose_zoom(struct timeline_view *v, const struct view_context *x)
{
    uint64_t all = now_of(x) - timeline_first(x->snapshot) * NS_PER_SECOND;
    if (v->chosen)
        return;
    for (v->zoom = 2; v->zoom < STEPS - 1 && all / step_of(v) >= (uint64_t)v->cols; v->zoom++)
        ;
}

/* Bring cursor and window into range; the window moves only when it must. */
static void lay_out(struct timeline_view *v, const struct view_context *x)
{
    choose_zoom(v, x);
    uint64_t step = step_of(v), last = now_of(x) / step, cols = (uint64_t)v->cols;
    if (v->cursor >= now_of(x))
        v->back = false;
    if (!v->back)
        v->cursor = now_of(x);
    uint64_t at = v->cursor / step;
    if (!v->scrolled || v->end > last)
        v->end = last;
    if (at > v->end || !v->back)
        v->end = at;
    if (at + cols <= v->end)
        v->end = at + cols - 1;
    v->scrolled = v->end < last;
}

/* The seconds under the cursor: whole ones, whatever the step. */
static void cursor_seconds(const struct timeline_view *v, uint64_t *from, uint64_t *until)
{
    uint64_t step = step_of(v);
    *from = v->cursor / step * step / NS_PER_SECOND;
    *until = *from + (step < NS_PER_SECOND ? 1 : step / NS_PER_SECOND);
}

/* The largest sites of the present, anew when the sites have been read again. */
static void top_now(struct timeline_view *v, const struct view_context *x)
{
    const struct snapshot *s = x->snapshot;
    if (v->top_version == x->sites_version && v->n_top)
        return;
    v->top_version = x->sites_version;
    v->n_top = 0;
    for (uint32_t i = 0; i < s->n_sites; i++) {
        const struct site_row *r = &s->sites[i];
        unsigned at = v->n_top;
        if (r->live_bytes <= 0 || (at == TOP_MOST && r->live_bytes <= v->top[at - 1].live_bytes))
            continue;
        at -= at == TOP_MOST;
        for (; at > 0 && v->top[at - 1].live_bytes < r->live_bytes; at--)
            v->top[at] = v->top[at - 1];
        v->top[at] = (struct seg_second_site){
            .site = i, .live_bytes = r->live_bytes,
            .live_blocks = r->live_blocks < UINT32_MAX ? (uint32_t)r->live_blocks : UINT32_MAX,
        };
        v->n_top += v->n_top < TOP_MOST;
    }
}

static void find_top(struct timeline_view *v, const struct view_context *x,
                     const struct timeline_moment *m)
{
    if (!m->record) {
        top_now(v, x);
    } else {
        v->n_top = 0;
        v->top_version = x->sites_version - 1; /* not the present's */
        for (unsigned i = 0; i < m->record->n_top; i++)
            if (m->record->top[i].site < x->snapshot->n_sites)
                v->top[v->n_top++] = m->record->top[i];
    }
    v->table.n_rows = v->n_top;
}

/* ---- graphs ------------------------------------------------------------------------- */

/* Samples of a graph: two to a column in braille. Returns how many. */
static size_t live_samples(const struct timeline_view *v, const struct view_context *x,
                           const struct canvas *c, double *out)
{
    size_t n = (size_t)graph_samples(c, v->cols), per = n / (size_t)v->cols;
    uint64_t step = step_of(v) / per;
    trend_sample(x->trend, x->snapshot, (v->end + 1) * step_of(v) - 1, step, out, n);
    return n;
}

/* Rates of whole seconds, one for each column, given to all its samples. */
static void rate_samples(const struct timeline_view *v, const struct view_context *x,
                         enum timeline_rate rate, size_t per, double *out)
{
    uint64_t step = step_of(v), first = v->end + 1 - (uint64_t)v->cols;
    for (int i = v->cols - 1; i >= 0; i--) {
        double value = -1;
        uint64_t at = first + (uint64_t)i;
        if (v->end + 1 >= (uint64_t)v->cols - (uint64_t)i)
            timeline_rates(x->snapshot, rate, at * step / NS_PER_SECOND,
                           step < NS_PER_SECOND ? 1 : step / NS_PER_SECOND, &value, 1);
        for (size_t k = 0; k < per; k++)
            out[(size_t)i * per + k] = value;
    }
}

/* Below a second the density is finer, as far as it reaches back. */
static void refine(const struct timeline_view *v, const struct view_context *x, size_t per,
                   double *out)
{
    uint64_t step = step_of(v) / per, first = (v->end + 1 - (uint64_t)v->cols) * per;
    for (size_t i = 0; i < (size_t)v->cols * per; i++) {
        double value = -1;
        if (step_of(v) < NS_PER_SECOND && out[i] >= 0)
            timeline_density(x->snapshot, (first + i) * step, step, &value, 1);
        out[i] = value >= 0 ? value : out[i];
    }
}

static double highest_of(const double *samples, size_t n)
{
    double highest = 0;
    for (size_t i = 0; i < n; i++)
        highest = samples[i] > highest ? samples[i] : highest;
    return highest;
}

static void draw_live(const struct timeline_view *v, const struct view_context *x,
                      struct canvas *c, struct rect a)
{
    double samples[SAMPLES_MAX];
    char note[64], most[24], span[24], scale[16];
    double highest = highest_of(samples, live_samples(v, x, c, samples));
    double top = graph_ceiling_bytes(highest);
    snprintf(note, sizeof note, "max %s, %s a column",
             format_bytes(most, sizeof most, (int64_t)fmin(highest, 9e18)),
             format_duration(span, sizeof span, step_of(v)));
    graph_titled(c, a, ROLE_TREND, "Live bytes", note,
                 format_power(scale, sizeof scale, (uint64_t)top), samples, top);
}

static void draw_rate(const struct timeline_view *v, const struct view_context *x,
                      enum timeline_rate rate, struct canvas *c, struct rect a)
{
    double samples[SAMPLES_MAX];
    char note[64], most[24], scale[16];
    size_t per = (size_t)(graph_samples(c, v->cols) / v->cols);
    bool bytes = rate == TIMELINE_BYTES;
    rate_samples(v, x, rate, per, samples);
    if (!bytes)
        refine(v, x, per, samples);
    double highest = highest_of(samples, per * (size_t)v->cols);
    double top = bytes ? graph_ceiling_bytes(highest) : graph_ceiling(highest);
    if (bytes)
        snprintf(note, sizeof note, "max %s", format_bytes_rate(most, sizeof most, highest));
    else
        snprintf(note, sizeof note, "max %s/s, %s per ms",
                 format_rate(most, sizeof most - 8, highest),
                 format_rate(scale, sizeof scale, highest / 1000));
    graph_titled(c, a, ROLE_GRAPH, bytes ? "Bytes allocated/s" : "Allocations/s", note,
                 bytes ? format_power(scale, sizeof scale, (uint64_t)top)
                       : graph_scale(scale, sizeof scale, top), samples, top);
}

/* ---- time, cursor, marks ------------------------------------------------------------ */

/* The column of a time; -1: it does not show. */
static int column_of(const struct timeline_view *v, uint64_t ns)
{
    uint64_t at = ns / step_of(v);
    return at > v->end || at + (uint64_t)v->cols <= v->end
               ? -1 : v->cols - 1 - (int)(v->end - at);
}

/* After set-up. */
static char *time_label(char *out, size_t n, uint64_t ns)
{
    return ns ? format_duration(out, n, ns) : memcpy(out, "0 s", 4);
}

static void draw_axis(const struct timeline_view *v, struct canvas *c, int row, int col)
{
    char label[24];
    bool ascii = c->glyphs == GLYPHS_ASCII;
    for (int i = 0; i < v->cols; i++) {
        uint64_t back = (uint64_t)(v->cols - 1 - i), at = v->end - back;
        if (back > v->end || at % LABEL_COLUMNS)
            continue;
        time_label(label, sizeof label, at * step_of(v));
        canvas_fill(c, row, col + i, 1, ROLE_DIM, ascii ? '|' : 0x2575);
        if (canvas_width(c, label) < v->cols - i)
            canvas_text(c, row, col + i + 1, LABEL_COLUMNS - 2, ROLE_DIM, label);
    }
}

static void draw_cursor(const struct timeline_view *v, struct canvas *c, int top, int axis,
                        int col)
{
    int at = column_of(v, v->cursor);
    if (at < 0)
        return;
    for (int row = top; row < axis; row++)
        canvas_paint(c, row, col + at, 1, ROLE_CURSOR);
    canvas_fill(c, axis, col + at, 1, ROLE_STRONG, c->glyphs == GLYPHS_ASCII ? '^' : 0x25b2);
}

/* The name stands to the right, up to the next mark, or where that is too narrow
 * and there is none, to the left. */
static void draw_mark_name(const struct timeline_view *v, const char *name, struct canvas *c,
                           int row, int col, int at, int next)
{
    int width = canvas_width(c, name);
    if (next == v->cols && at + 1 + width > v->cols && at >= width)
        canvas_text(c, row, col + at - width, width, ROLE_PLAIN, name);
    else
        canvas_text(c, row, col + at + 1, next - at - (next < v->cols ? 2 : 1), ROLE_PLAIN, name);
}

static void draw_marks(const struct timeline_view *v, const struct view_context *x,
                       struct canvas *c, int row, int col)
{
    const struct growth *g = x->growth;
    for (size_t i = 0; g && i < g->n_marks; i++) {
        int at = g->marks[i]->foreign ? -1 : column_of(v, g->marks[i]->wall_ns), next = v->cols;
        if (at < 0)
            continue;
        for (size_t k = 0; k < g->n_marks; k++) {
            int other = g->marks[k]->foreign ? -1 : column_of(v, g->marks[k]->wall_ns);
            next = other > at && other < next ? other : next;
        }
        canvas_fill(c, row, col + at, 1, ROLE_WARN, c->glyphs == GLYPHS_ASCII ? 'v' : 0x25bc);
        draw_mark_name(v, g->marks[i]->name, c, row, col, at, next);
    }
}

/* ---- figures ------------------------------------------------------------------------ */

static void draw_figures(const struct timeline_view *v, const struct view_context *x,
                         const struct timeline_moment *a, const struct timeline_moment *b,
                         struct canvas *c, struct rect at)
{
    char one[24], two[24], ago[40] = "now", bytes[32], blocks[32];
    uint64_t from, until;
    cursor_seconds(v, &from, &until);
    if (v->back) {
        uint64_t past = now_of(x) > v->cursor ? now_of(x) - v->cursor : 0;
        snprintf(ago, sizeof ago, "%s ago", format_duration(one, sizeof one, past));
    }
    canvas_printf(c, at.row, at.col, at.cols, ROLE_STRONG,
                  "%s to %s, %s: live %s%s byte%s in %s%s block%s",
                  time_label(one, sizeof one, from * NS_PER_SECOND),
                  time_label(two, sizeof two, until * NS_PER_SECOND), ago,
                  b->estimated ? "~" : "", format_grouped(bytes, sizeof bytes, b->live_bytes),
                  format_s(b->live_bytes),
                  b->estimated ? "~" : "", format_grouped(blocks, sizeof blocks, b->live_blocks),
                  format_s(b->live_blocks));
    if (at.rows < 2)
        return;
    int64_t growth = b->live_bytes - a->live_bytes;
    char freed[32], change[32], allocated[24];
    canvas_printf(c, at.row + 1, at.col, at.cols, ROLE_PLAIN,
                  "allocated %s (%s), freed %s (%s), live %s%s",
                  format_grouped(blocks, sizeof blocks, (int64_t)(b->allocations - a->allocations)),
                  format_bytes(allocated, sizeof allocated,
                               (int64_t)(b->bytes_allocated - a->bytes_allocated)),
                  format_grouped(freed, sizeof freed, (int64_t)(b->frees - a->frees)),
                  format_bytes(one, sizeof one, (int64_t)(b->bytes_freed - a->bytes_freed)),
                  growth > 0 ? "+" : "", format_grouped(change, sizeof change, growth));
}

/* ---- the call sites ------------------------------------------------------------------ */

enum top_column { COLUMN_THEN, COLUMN_SHARE, COLUMN_BLOCKS, COLUMN_NOW, COLUMN_SINCE,
                  COLUMN_TREND, COLUMN_SITE, COLUMN_COUNT };

static const struct table_column columns[COLUMN_COUNT] = {
    [COLUMN_THEN] = { .name = "THEN", .width = 6, .fixed = true },
    [COLUMN_SHARE] = { .name = "THEN%", .width = 5, .fixed = true },
    [COLUMN_BLOCKS] = { .name = "#THEN", .width = 5, .fixed = true },
    [COLUMN_NOW] = { .name = "NOW", .width = 5, .fixed = true },
    [COLUMN_SINCE] = { .name = "SINCE", .width = 6, .fixed = true },
    [COLUMN_TREND] = { .name = "TREND", .width = 6, .left = true, .fixed = true,
                       .from_cols = 76 },
    [COLUMN_SITE] = { .name = "SITE", .left = true, .fixed = true },
};

struct top_data {
    struct timeline_view *v;
    const struct view_context *x;
    const struct timeline_moment *then;
};

static void draw_cell(void *data, size_t row, int column, struct canvas *c, int at_row, int col,
                      int width)
{
    const struct top_data *d = data;
    const struct seg_second_site *top = &d->v->top[row];
    int64_t now = d->x->snapshot->sites[top->site].live_bytes, since = now - top->live_bytes;
    char text[32], number[24];
    switch (column) {
    case COLUMN_SITE:
        site_list_label(d->x, top->site, c, at_row, col, width);
        return;
    case COLUMN_TREND:
        site_list_trend(d->x, top->site, c, at_row, col, width);
        return;
    case COLUMN_THEN:
        format_estimate(text, sizeof text, format_bytes_short(text, sizeof text, top->live_bytes),
                        d->then->estimated);
        break;
    case COLUMN_SHARE:
        format_percent(text, sizeof text, top->live_bytes, d->then->live_bytes);
        break;
    case COLUMN_BLOCKS: format_count(text, sizeof text, top->live_blocks); break;
    case COLUMN_NOW: format_bytes_short(text, sizeof text, now); break;
    default:
        snprintf(text, sizeof text, "%s%s", since > 0 ? "+" : "",
                 format_bytes_short(number, sizeof number, since));
    }
    canvas_text_right(c, at_row, col, width, column == COLUMN_THEN ? ROLE_STRONG : ROLE_PLAIN,
                      text);
}

static void draw_top(struct timeline_view *v, const struct view_context *x,
                     const struct timeline_moment *then, struct canvas *c, struct rect a)
{
    struct top_data data = { .v = v, .x = x, .then = then };
    table_draw(&v->table, columns, COLUMN_COUNT, c, a, draw_cell, &data);
    if (!v->n_top && a.rows > 1)
        canvas_text(c, a.row + 1, a.col, a.cols, ROLE_DIM, "no call sites were recorded then");
}

/* ---- the page ------------------------------------------------------------------------ */

static struct rect cut_top(struct rect *a, int rows)
{
    struct rect part = *a;
    part.rows = rows > a->rows ? a->rows : rows < 0 ? 0 : rows;
    a->row += part.rows;
    a->rows -= part.rows;
    return part;
}

static void draw_graphs(const struct timeline_view *v, const struct view_context *x,
                        struct canvas *c, struct rect a)
{
    int top = a.row, col = a.col + GRAPH_GUTTER, rates = a.rows >= 20 ? 2 : a.rows >= 9 ? 1 : 0;
    int each = a.rows > 4 ? (a.rows - 2) / (rates + 1) : a.rows - 2;
    draw_live(v, x, c, cut_top(&a, a.rows - 2 - rates * (each - (rates == 1))));
    if (rates > 0)
        draw_rate(v, x, TIMELINE_ALLOCATIONS, c, cut_top(&a, each - (rates == 1)));
    if (rates > 1)
        draw_rate(v, x, TIMELINE_BYTES, c, cut_top(&a, each));
    draw_marks(v, x, c, a.row, col);
    draw_axis(v, c, a.row + 1, col);
    draw_cursor(v, c, top + 1, a.row + 1, col);
}

static void time_draw(void *state, const struct view_context *x, struct canvas *c, struct rect a)
{
    struct timeline_view *v = state;
    int graphs = a.rows >= 12 ? a.rows * 3 / 5 : a.rows - 2;
    if (a.rows - graphs > LIST_ROWS + 2)
        graphs = a.rows - LIST_ROWS - 2;
    uint64_t from, until;
    v->cols = (a.cols > SAMPLES_MAX / 2 ? SAMPLES_MAX / 2 : a.cols) - GRAPH_GUTTER;
    if (v->cols < 2 || graphs < 3) {
        v->cols = v->cols < 1 ? 1 : v->cols;
        return;
    }
    lay_out(v, x);
    cursor_seconds(v, &from, &until);
    struct timeline_moment before = timeline_at(x->snapshot, from);
    struct timeline_moment then = timeline_at(x->snapshot, until);
    find_top(v, x, &then);
    draw_graphs(v, x, c, cut_top(&a, graphs));
    draw_figures(v, x, &before, &then, c, cut_top(&a, 2));
    draw_top(v, x, &then, c, a);
}

/* ---- input --------------------------------------------------------------------------- */

static void move_to(struct timeline_view *v, const struct view_context *x, uint64_t ns)
{
    uint64_t first = timeline_first(x->snapshot) * NS_PER_SECOND;
    v->cursor = ns < first ? first : ns;
    v->back = v->cursor / step_of(v) < now_of(x) / step_of(v);
}

static void move_by(struct timeline_view *v, const struct view_context *x, int64_t steps)
{
    uint64_t by = (uint64_t)(steps < 0 ? -steps : steps) * step_of(v);
    uint64_t at = v->back ? v->cursor : now_of(x);
    move_to(v, x, steps > 0 ? at + by : at > by ? at - by : 0);
}

/* To the next mark in a direction, by columns: one under the cursor is left. */
static void move_to_mark(struct timeline_view *v, const struct view_context *x, bool after)
{
    const struct growth *g = x->growth;
    uint64_t at = v->cursor / step_of(v), best = after ? UINT64_MAX : 0;
    bool any = false;
    for (size_t i = 0; g && i < g->n_marks; i++) {
        uint64_t mark = g->marks[i]->wall_ns;
        if (g->marks[i]->foreign || (after ? mark / step_of(v) <= at : mark / step_of(v) >= at))
            continue;
        best = any && (after ? best < mark : best > mark) ? best : mark;
        any = true;
    }
    if (any)
        move_to(v, x, best);
}

static void zoom(struct timeline_view *v, int by)
{
    int to = v->zoom + by;
    v->chosen = true;
    v->zoom = to < 0 ? 0 : to >= STEPS ? STEPS - 1 : to;
    v->scrolled = v->back; /* the cursor stays in sight */
    v->end = v->cursor / step_of(v) + (v->back ? (uint64_t)v->cols / 2 : 0);
}

static bool time_action(void *state, const struct view_context *x, enum action action)
{
    struct timeline_view *v = state;
    int page = v->cols / 4 > 1 ? v->cols / 4 : 1;
    switch (action) {
    case ACTION_EARLIER: move_by(v, x, -1); return true;
    case ACTION_LATER: move_by(v, x, 1); return true;
    case ACTION_FAR_EARLIER: move_by(v, x, -page); return true;
    case ACTION_FAR_LATER: move_by(v, x, page); return true;
    case ACTION_OLDEST: move_to(v, x, 0); return true;
    case ACTION_NOW: case ACTION_CANCEL: view_time_now(v); return true;
    case ACTION_MARK_BEFORE: move_to_mark(v, x, false); return true;
    case ACTION_MARK_AFTER: move_to_mark(v, x, true); return true;
    case ACTION_ZOOM_IN: zoom(v, -1); return true;
    case ACTION_ZOOM_OUT: zoom(v, 1); return true;
    default: return table_action(&v->table, columns, COLUMN_COUNT, action);
    }
}

/* On the graphs it moves the cursor, on the list it selects. */
static void time_click(void *state, const struct view_context *x, int row, int col)
{
    struct timeline_view *v = state;
    int at = col - GRAPH_GUTTER;
    if (row >= v->table.area.row && v->table.area.rows > 0)
        table_click(&v->table, columns, COLUMN_COUNT, row, col);
    else if (at >= 0 && at < v->cols && v->end + 1 >= (uint64_t)(v->cols - at))
        move_to(v, x, (v->end + 1 - (uint64_t)(v->cols - at)) * step_of(v));
}

static char *time_status(void *state, const struct view_context *x, char *out, size_t n)
{
    struct timeline_view *v = state;
    char first[24];
    snprintf(out, n, "%zu of %u call site%s, records from %s on",
             v->table.cursor + (v->n_top > 0), v->n_top, format_s(v->n_top),
             time_label(first, sizeof first, timeline_first(x->snapshot) * NS_PER_SECOND));
    return out;
}

const struct second_row *view_time_record(const void *state, const struct snapshot *s)
{
    const struct timeline_view *v = state;
    uint64_t from, until;
    cursor_seconds(v, &from, &until);
    return v->back ? timeline_at(s, until).record : NULL;
}

void view_time_now(void *state)
{
    struct timeline_view *v = state;
    v->back = v->scrolled = false;
}

uint32_t view_time_site(const void *state, const struct view_context *x)
{
    const struct timeline_view *v = state;
    uint32_t site = v->table.cursor < v->n_top ? v->top[v->table.cursor].site : UINT32_MAX;
    return site < x->snapshot->n_sites ? site : UINT32_MAX;
}

const struct view_ops view_time = {
    .name = "Time",
    .title = "Timeline",
    .state_bytes = sizeof(struct timeline_view),
    .reads = VIEW_READS_SITES,
    .where = WHERE_TARGET | WHERE_TIME | WHERE_SITES | WHERE_SHOWS,
    .init = time_init,
    .draw = time_draw,
    .action = time_action,
    .click = time_click,
    .status = time_status,
};
