/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call sites in more room: the list, and the stack of the selected one
 * beside it or below it, with the source of the frame that it is called by. Enter
 * gives them the whole page, and a cursor to the stack.
 */
#include <math.h>
#include <stdio.h>

#include "tui/model/site_watch.h"
#include "tui/view/block_filter.h"
#include "tui/view/format.h"
#include "tui/view/graph.h"
#include "tui/view/growth.h"
#include "tui/view/places.h"
#include "tui/view/source_pane.h"
#include "tui/view/view_sites.h"

#define SIDE_BY_SIDE 160

static void sites_init(void *state)
{
    struct sites *v = state;
    site_list_init(&v->list);
    v->list.table.cursor_shown = true;
    view_sites_find_init(v);
}

static void sites_fini(void *state)
{
    struct sites *v = state;
    site_list_fini(&v->list);
    growth_list_fini(&v->growth);
    site_set_fini(&v->only);
    view_sites_find_fini(v);
}

static bool shows_growth(const struct view_context *x)
{
    return x->growth && x->growth->mode != GROWTH_OFF;
}

/* The page of a stack goes with the usual list. */
bool view_sites_shows_growth(const struct sites *v, const struct view_context *x)
{
    return shows_growth(x) && !v->details;
}

uint32_t view_sites_selected(const void *state, const struct view_context *x)
{
    const struct sites *v = state;
    uint32_t site = v->details            ? v->list.site
                    : shows_growth(x)     ? growth_list_selected(&v->growth, x)
                    : v->list.order.n     ? site_list_selected(&v->list)
                                          : UINT32_MAX;
    return site < x->snapshot->n_sites ? site : UINT32_MAX;
}

/* ---- drawing ------------------------------------------------------------- */
static struct rect cut_top(struct rect *a, int rows)
{
    struct rect part = *a;
    part.rows = rows;
    a->row += rows;
    a->rows -= rows;
    return part;
}

static void draw_figures(const struct view_context *x, uint32_t site, struct canvas *c,
                         struct rect a)
{
    const struct site_row *r = &x->snapshot->sites[site];
    char live[24], blocks[32], all[32], bytes[24], peak[24], temporary[16], error[2][40];
    char part[16], brief[40] = "";
    const char *about = r->samples ? "~" : "";
    bool ascii = c->glyphs == GLYPHS_ASCII;
    canvas_printf(c, a.row, a.col, a.cols, ROLE_PLAIN,
                  "live %s%s%s in %s%s%s block%s, at the peak %s%s", about,
                  format_bytes(live, sizeof live, r->live_bytes),
                  format_error_bytes(error[0], sizeof error[0], r->live_bytes_error, ascii),
                  about, format_grouped(blocks, sizeof blocks, r->live_blocks),
                  format_error_count(error[1], sizeof error[1], r->live_blocks_error, ascii),
                  format_s(r->live_blocks), about, format_bytes(peak, sizeof peak, r->peak_bytes));
    if (x->snapshot->totals.short_ns)
        snprintf(brief, sizeof brief, ", %s short-lived",
                 format_percent(part, sizeof part, (int64_t)r->short_lived,
                                (int64_t)r->allocations));
    canvas_printf(c, a.row + 1, a.col, a.cols, ROLE_PLAIN,
                  "overall %s%s%s in %s%s%s allocation%s, %s temporary%s", about,
                  format_bytes(bytes, sizeof bytes, (int64_t)r->bytes_allocated),
                  format_error_bytes(error[0], sizeof error[0], r->bytes_allocated_error,
                                     ascii),
                  about, format_grouped(all, sizeof all, (int64_t)r->allocations),
                  format_error_count(error[1], sizeof error[1], r->allocations_error, ascii),
                  format_s((int64_t)r->allocations),
                  format_percent(temporary, sizeof temporary, (int64_t)r->temporary,
                                 (int64_t)r->allocations), brief);
}

#define SHAPE_MOST 80

/* How its live bytes change: the verdict, and their curve beside it or below. */
static int draw_trend(const struct view_context *x, uint32_t site, struct canvas *c, struct rect a)
{
    const struct verdict *v = x->watch ? site_watch_verdict(x->watch, site) : NULL;
    const struct series *series = v ? site_watch_series(x->watch, site) : NULL;
    double shape[2 * SHAPE_MOST];
    char text[160], high[24];
    if (!x->watch)
        return 0;
    if (!v || !series->n) {
        canvas_text(c, a.row, a.col, a.cols, ROLE_DIM,
                    "not among the sites whose growth is watched");
        return 1;
    }
    canvas_text(c, a.row, a.col, a.cols, v->label == VERDICT_GROWING ? ROLE_STRONG : ROLE_PLAIN,
                format_verdict(text, sizeof text, v, c->glyphs == GLYPHS_ASCII));
    if (a.rows < 9)
        return 1;
    int cols = a.cols - 12 < SHAPE_MOST ? a.cols - 12 : SHAPE_MOST;
    int n = cols > 0 ? graph_samples(c, cols) : 0;
    double top = series_shape(series, shape, (unsigned)n);
    canvas_text_right(c, a.row + 1, a.col, 10, ROLE_DIM,
                      format_bytes(high, sizeof high, (int64_t)fmin(top, 9e18)));
    if (n)
        graph_area(c, (struct rect){ .row = a.row + 1, .col = a.col + 11, .rows = 2,
                                     .cols = cols }, ROLE_TREND, shape, top);
    return 3;
}

static const char *stack_note(const struct site_row *r)
{
    return r->flags & SEG_SITE_CUT ? "  (deeper ones are cut)"
         : r->flags & SEG_SITE_BROKEN ? "  (unwinding ended early)"
         : r->flags & SEG_SITE_FOREIGN ? "  (not on the thread's own stack)" : "";
}

/* The frame is on the page. */
static void keep_in_sight(struct sites *v, size_t frame, int page)
{
    size_t rows = page > 0 ? (size_t)page : 1;
    v->page = page;
    v->frame = v->details && frame != PLACES_NONE ? frame : 0;
    if (v->frame < v->skip)
        v->skip = v->frame;
    if (v->frame >= v->skip + rows)
        v->skip = v->frame - rows + 1;
}

static void draw_stack(struct sites *v, const struct view_context *x, struct canvas *c,
                       struct rect a)
{
    uint32_t site = view_sites_selected(v, x);
    if (a.rows < 2 || site == UINT32_MAX)
        return;
    canvas_fill(c, a.row, a.col, a.cols, ROLE_HEAD, ' ');
    canvas_printf(c, a.row, a.col, a.cols, ROLE_HEAD, "Stack of call site %u%s", site,
                  stack_note(&x->snapshot->sites[site]));
    a.row++;
    a.rows--;
    if (a.rows >= 9)
        draw_figures(x, site, c, cut_top(&a, 2));
    if (a.rows >= 4)
        cut_top(&a, draw_trend(x, site, c, a));
    if (a.rows >= 9)
        cut_top(&a, 1);
    size_t own = v->details && v->moved ? v->frame : places_own(x->symbols, x->snapshot, site);
    source_pane_draw(x, site, own, c, &a);
    keep_in_sight(v, own, a.rows);
    v->frames = site_list_stack(x, site, c, a, v->skip, v->details ? v->frame : SIZE_MAX);
}

static void draw_lists(struct sites *v, const struct view_context *x, struct canvas *c,
                       struct rect a)
{
    struct rect stack = a, list = a;
    if (x->snapshot->n_sites && v->list.site >= x->snapshot->n_sites)
        v->details = false; /* another program's, before exec */
    if (v->details) {
        /* Keeps the order and the cursor up to date, unseen. */
        site_list_draw(&v->list, x, c, (struct rect){ .row = a.row, .col = a.col });
        draw_stack(v, x, c, a);
        return;
    }
    v->skip = v->frame = 0;
    v->list.filtered = block_filter_on(x->filter);
    if (a.cols >= SIDE_BY_SIDE) {
        list.cols = a.cols * 3 / 5;
        stack.col += list.cols + 2;
        stack.cols -= list.cols + 2;
    } else if (a.rows >= 12) {
        list.rows = a.rows * 3 / 5;
        stack.row += list.rows;
        stack.rows -= list.rows;
    } else {
        stack.rows = 0;
    }
    if (shows_growth(x))
        growth_list_draw(&v->growth, x, c, list);
    else
        site_list_draw(&v->list, x, c, list);
    if (shows_growth(x) ? !v->growth.order.n : !v->list.order.n)
        view_sites_draw_none(v, x, c, list);
    draw_stack(v, x, c, stack);
}

static void sites_draw(void *state, const struct view_context *x, struct canvas *c,
                       struct rect a)
{
    struct sites *v = state;
    struct rect lists = a;
    if (v->find.prompt.question && a.rows > 0)
        lists.rows--;
    draw_lists(v, x, c, lists);
    prompt_draw(&v->find.prompt, c, a);
    menu_draw(&v->menu, c, a);
}

/* ---- input --------------------------------------------------------------- */
static void move(struct sites *v, long by)
{
    long to = (long)v->frame + by, last = (long)v->frames - 1;
    v->frame = (size_t)(to > last ? (last > 0 ? last : 0) : to < 0 ? 0 : to);
    v->moved = true;
}

static bool details_action(struct sites *v, enum action action)
{
    switch (action) {
    case ACTION_UP: move(v, -1); return true;
    case ACTION_DOWN: move(v, 1); return true;
    case ACTION_PAGE_UP: move(v, -v->page); return true;
    case ACTION_PAGE_DOWN: move(v, v->page); return true;
    case ACTION_FIRST: move(v, -(long)v->frames); return true;
    case ACTION_LAST: move(v, (long)v->frames); return true;
    case ACTION_QUIT: case ACTION_CANCEL: case ACTION_DETAILS:
        v->details = false;
        return !v->guest;
    default: return false;
    }
}

static bool sites_action(void *state, const struct view_context *x, enum action action)
{
    struct sites *v = state;
    uint32_t site = view_sites_selected(v, x);
    if (view_sites_find_action(v, x, action))
        return true;
    if (v->details)
        return details_action(v, action);
    if (action == ACTION_CANCEL && v->only.count) {
        view_sites_only(v, NULL);
        return true;
    }
    if (action == ACTION_DETAILS && site != UINT32_MAX) {
        /* The page stays with its site while the list goes on. */
        v->list.chosen = true;
        v->list.site = site;
        v->details = true;
        v->guest = v->moved = false;
        return true;
    }
    return shows_growth(x) ? growth_list_action(&v->growth, action)
                           : site_list_action(&v->list, action);
}

static void sites_click(void *state, const struct view_context *x, int row, int col)
{
    struct sites *v = state;
    if (view_sites_menu_click(v, x, row, col) || v->details)
        return;
    if (shows_growth(x))
        growth_list_click(&v->growth, row, col);
    else
        site_list_click(&v->list, row, col);
}

/* The blocks that are meant, if those are not all. */
static size_t describe_blocks(const struct sites *v, const struct view_context *x, char *out,
                              size_t n)
{
    char count[32], what[128];
    out[0] = '\0';
    if (!v->list.filtered)
        return 0;
    block_filter_describe(x->filter, x->snapshot, what, sizeof what);
    if (!block_filter_short(x->filter))
        return (size_t)snprintf(out, n, ", only blocks of %s", what);
    return (size_t)snprintf(out, n, ", %s%s %s", x->snapshot->totals.estimated ? "~" : "",
                            format_grouped(count, sizeof count, (int64_t)v->list.short_frees),
                            what);
}

static char *sites_status(void *state, const struct view_context *x, char *out, size_t n)
{
    struct sites *v = state;
    bool growth = shows_growth(x);
    const struct table *table = growth ? &v->growth.table : &v->list.table;
    int64_t rows = (int64_t)(growth ? v->growth.order.n : v->list.order.n);
    char at[32], all[32], what[128], in[80] = "";
    if (v->only.count)
        snprintf(in, sizeof in, " in %.40s (Esc: all)", v->only.name);
    if (v->find.message[0]) {
        snprintf(out, n, "%s", v->find.message);
        return out;
    }
    if (v->details) {
        snprintf(out, n, "frame %zu of %zu", v->frame + (v->frames > 0), v->frames);
        return out;
    }
    size_t used = view_sites_describe(v, x, out, n);
    format_grouped(at, sizeof at, (int64_t)table->cursor + (rows > 0));
    format_grouped(all, sizeof all, rows);
    if (used < n && growth)
        snprintf(out + used, n - used, "%s of %s site%s%s that changed %s", at, all,
                 format_s(rows), in, growth_describe(x->growth, x->snapshot, what, sizeof what));
    else if (used < n)
        used += (size_t)snprintf(out + used, n - used, "%s of %s call site%s%s", at, all,
                                 format_s(rows), in);
    if (used < n && !growth)
        describe_blocks(v, x, out + used, n - used);
    return out;
}

/* The lists have to be made anew, from their beginnings. */
void view_sites_only(void *state, const struct site_set *set)
{
    struct sites *v = state;
    bool only = set && site_set_copy(&v->only, set);
    if (!only)
        site_set_fini(&v->only);
    v->list.only = v->growth.only = only ? &v->only : NULL;
    v->list.version = v->growth.version = 0;
    v->list.chosen = v->growth.chosen = v->details = false;
    v->list.table.cursor = v->growth.table.cursor = 0;
}

void view_sites_show(void *state, uint32_t site)
{
    struct sites *v = state;
    view_sites_only(v, NULL);
    v->list.chosen = v->details = v->guest = true;
    v->moved = false;
    v->list.site = site;
    v->list.version = 0; /* the cursor has to find it */
}

static void sites_remember(const void *state, struct settings *s)
{
    const struct sites *v = state;
    site_list_remember(&v->list, s, "sites");
    settings_set(s, "sites", "filter", v->filter.error[0] ? NULL : v->filter_text);
}

static bool sites_recall(void *state, const struct settings *s)
{
    struct sites *v = state;
    const char *filter = settings_get(s, "sites", "filter");
    view_sites_filter(v, filter ? filter : "");
    return site_list_recall(&v->list, s, "sites");
}

const struct view_ops view_sites = {
    .name = "Sites",
    .title = "Call sites",
    .state_bytes = sizeof(struct sites),
    .reads = VIEW_READS_SITES | VIEW_READS_GROWTH | VIEW_READS_FILTER,
    .where = WHERE_TARGET | WHERE_LIST | WHERE_SORTED | WHERE_SITES | WHERE_FOUND |
             WHERE_SHOWS,
    .init = sites_init,
    .fini = sites_fini,
    .work = view_sites_work,
    .due = view_sites_due,
    .draw = sites_draw,
    .action = sites_action,
    .click = sites_click,
    .status = sites_status,
    .typing = view_sites_typing,
    .key = view_sites_key,
    .remember = sites_remember,
    .recall = sites_recall,
};
