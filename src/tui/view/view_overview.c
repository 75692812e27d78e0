/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The overview: density, live bytes over time, sizes, top call sites. Side by
 * side where the screen is wide, one below the other where it is not.
 */
#include <stdio.h>

#include "tui/view/format.h"
#include "tui/view/graph.h"
#include "tui/view/histogram.h"
#include "tui/view/site_list.h"
#include "tui/view/view.h"

#define WIDE 132        /* columns from which panes stand side by side */
#define SAMPLES_MAX 2048
#define DENSITY_WINDOW_NS 4e9

struct overview {
    struct site_list sites;
    bool bytes;         /* the histogram's unit */
    int zoom;           /* each step halves what the graphs span */
    struct rect list;   /* where the sites are */
};

static void overview_init(void *state)
{
    struct overview *v = state;
    site_list_init(&v->sites);
    v->sites.table.cursor_shown = false;
}

static void overview_fini(void *state)
{
    struct overview *v = state;
    site_list_fini(&v->sites);
}

/* ---- graphs -------------------------------------------------------------- */
static int samples_in(const struct canvas *c, struct rect a)
{
    int n = graph_samples(c, a.cols - GRAPH_GUTTER);
    return n < 1 ? 0 : n > SAMPLES_MAX ? SAMPLES_MAX : n;
}

/* Ticks in each of n samples. */
static uint64_t density_span(const struct density *d, int n, int zoom)
{
    double span = DENSITY_WINDOW_NS / d->tick_ns / n;
    for (; zoom > 0; zoom--)
        span /= 2;
    for (; zoom < 0; zoom++)
        span *= 2;
    uint64_t most = d->ticks / ((uint64_t)n + 1);
    uint64_t ticks = span < 1 ? 1 : (uint64_t)(span + 0.5);
    return ticks > most && most ? most : ticks;
}

/* Allocations per millisecond in whole spans of ticks, which are numbered from
 * the clock's start: a span keeps its value while it moves to the left. Spans
 * from before the target's start are -1. Returns the highest. */
static double density_samples(const struct density *d, uint64_t span, double *out, int n)
{
    uint64_t end = (d->last_tick + 1) / span;
    double highest = 0, ms = (double)span * d->tick_ns / 1e6;
    for (int i = 0; i < n; i++) {
        uint64_t back = (uint64_t)(n - i), first, sum = 0;
        out[i] = -1;
        if (back > end)
            continue;
        first = (end - back) * span;
        for (uint64_t t = first; t < first + span; t++)
            if (d->last_tick - t < d->ticks)
                sum += d->counts[d->ticks - 1 - (d->last_tick - t)];
        out[i] = (double)sum / ms;
        highest = out[i] > highest ? out[i] : highest;
    }
    return highest;
}

static void draw_density(const struct overview *v, const struct view_context *x,
                         struct canvas *c, struct rect a)
{
    const struct density *d = &x->snapshot->density;
    double samples[SAMPLES_MAX] = { 0 }, top = 1;
    char note[64] = "", most[16], scale[16], time[16];
    int n = samples_in(c, a);
    if (n && d->ticks && d->counts && d->tick_ns > 0) {
        uint64_t span = density_span(d, n, v->zoom);
        double highest = density_samples(d, span, samples, n);
        top = graph_ceiling(highest);
        format_duration(time, sizeof time, (uint64_t)((double)span * d->tick_ns * n));
        snprintf(note, sizeof note, "max %s in %s",
                 format_rate(most, sizeof most, highest), time);
    }
    graph_titled(c, a, ROLE_GRAPH, "Allocations per ms", note,
                 graph_scale(scale, sizeof scale, top), samples, top);
}

/* The finest step at which n samples span the whole run, then zoomed. */
static uint64_t trend_step(uint64_t wall_ns, int n, int zoom)
{
    static const unsigned steps_ms[] = { 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 60000 };
    int last = sizeof steps_ms / sizeof *steps_ms - 1, i = 0;
    while (i < last && (uint64_t)steps_ms[i] * 1000000 * (unsigned)n < wall_ns)
        i++;
    i -= zoom;
    return (uint64_t)steps_ms[i < 0 ? 0 : i > last ? last : i] * 1000000;
}

static void draw_trend(const struct overview *v, const struct view_context *x,
                       struct canvas *c, struct rect a)
{
    const struct snapshot *s = x->snapshot;
    double samples[SAMPLES_MAX] = { 0 }, highest = 0;
    char note[32] = "", scale[16], time[16];
    int n = samples_in(c, a);
    if (n) {
        uint64_t step = trend_step(s->target.wall_ns, n, v->zoom);
        trend_sample(x->trend, s, s->target.wall_ns, step, samples, (size_t)n);
        snprintf(note, sizeof note, "last %s",
                 format_duration(time, sizeof time, step * (unsigned)n));
    }
    for (int i = 0; i < n; i++)
        highest = samples[i] > highest ? samples[i] : highest;
    double top = graph_ceiling_bytes(highest);
    graph_titled(c, a, ROLE_TREND, "Live bytes", note,
                 format_power(scale, sizeof scale, (uint64_t)top), samples, top);
}

/* ---- layout -------------------------------------------------------------- */
static struct rect cut_top(struct rect *a, int rows)
{
    struct rect part = *a;
    rows = rows > a->rows ? a->rows : rows;
    part.rows = rows;
    a->row += rows;
    a->rows -= rows;
    return part;
}

static struct rect cut_left(struct rect *a, int cols, int gap)
{
    struct rect part = *a;
    cols = cols > a->cols ? a->cols : cols;
    part.cols = cols;
    a->col += cols + gap;
    a->cols -= cols + gap;
    return part;
}

static int between(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

static void draw_graphs(const struct overview *v, const struct view_context *x,
                        struct canvas *c, struct rect a)
{
    struct rect left = cut_left(&a, (a.cols - 2) / 2, 2);
    draw_density(v, x, c, left);
    draw_trend(v, x, c, a);
}

/* Sites, and the stack of the topmost where there is room for both. */
static void draw_sites(struct overview *v, const struct view_context *x, struct canvas *c,
                       struct rect a)
{
    bool stack = a.rows >= 24;
    struct rect list = stack ? cut_top(&a, a.rows * 3 / 5) : a;
    v->list = list;
    site_list_draw(&v->sites, x, c, list);
    if (!stack || !v->sites.order.n)
        return;
    cut_top(&a, 1);
    struct rect head = cut_top(&a, 1);
    canvas_fill(c, head.row, head.col, head.cols, ROLE_HEAD, ' ');
    canvas_text(c, head.row, head.col, head.cols, ROLE_HEAD,
                v->sites.chosen ? "Stack of the selected call site"
                                : "Stack of the first call site");
    site_list_stack(x, site_list_selected(&v->sites), c, a, 0, SIZE_MAX);
}

static void overview_draw(void *state, const struct view_context *x, struct canvas *c,
                          struct rect a)
{
    struct overview *v = state;
    struct histogram h = { .bytes = v->bytes };
    v->list = (struct rect){ .rows = 0 };
    if (a.rows >= 10)
        draw_graphs(v, x, c, cut_top(&a, between(a.rows / 4, 4, 13)));
    if (a.cols >= WIDE && a.rows >= 4) {
        cut_top(&a, a.rows > 20 ? 1 : 0);
        struct rect left = cut_left(&a, between(a.cols / 3, 44, 70), 3);
        histogram_draw(&h, x->snapshot, c, left);
    } else if (a.rows >= 9) {
        histogram_draw(&h, x->snapshot, c, cut_top(&a, between(a.rows * 2 / 5, 4, 14)));
        cut_top(&a, a.rows > 14 ? 1 : 0);
    }
    draw_sites(v, x, c, a);
}

/* ---- input --------------------------------------------------------------- */
static bool overview_action(void *state, const struct view_context *x, enum action action)
{
    struct overview *v = state;
    (void)x;
    switch (action) {
    case ACTION_UNITS: v->bytes = !v->bytes; return true;
    case ACTION_ZOOM_IN: v->zoom += v->zoom < 6; return true;
    case ACTION_ZOOM_OUT: v->zoom -= v->zoom > -6; return true;
    case ACTION_CANCEL:
        v->sites.table.cursor_shown = v->sites.chosen = false;
        v->sites.table.cursor = v->sites.table.top = 0;
        return true;
    default: break;
    }
    if (!site_list_action(&v->sites, action))
        return false;
    if (v->sites.chosen)
        v->sites.table.cursor_shown = true;
    return true;
}

static void overview_click(void *state, const struct view_context *x, int row, int col)
{
    struct overview *v = state;
    (void)x;
    if (!v->list.rows)
        return;
    site_list_click(&v->sites, row, col);
    if (v->sites.chosen)
        v->sites.table.cursor_shown = true;
}

uint32_t view_overview_site(const void *state)
{
    const struct overview *v = state;
    return site_list_selected(&v->sites);
}

const struct view_ops view_overview = {
    .name = "Overview",
    .title = "Overview",
    .state_bytes = sizeof(struct overview),
    .reads = VIEW_READS_SITES,
    .where = WHERE_TARGET | WHERE_GRAPHS | WHERE_LIST | WHERE_SORTED | WHERE_SITES | WHERE_SHOWS,
    .init = overview_init,
    .fini = overview_fini,
    .draw = overview_draw,
    .action = overview_action,
    .click = overview_click,
};
