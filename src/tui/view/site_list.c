/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of call sites. Only the rows that are shown are sorted, and only when the
 * sites or the order changed, or others are shown.
 */
#include "tui/view/site_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/model/site_watch.h"
#include "tui/view/block_filter.h"
#include "tui/view/format.h"
#include "tui/view/labels.h"
#include "tui/view/site_set.h"

#define PLACE_FROM   16 /* columns from which a site shows more than its function */
#define CALLERS_FROM 14 /* columns left over from which they are shown */

enum site_column {
    COLUMN_SHORT, COLUMN_LIVE, COLUMN_SHARE, COLUMN_BLOCKS, COLUMN_TREND, COLUMN_RATE, COLUMN_PEAK,
    COLUMN_TOTAL, COLUMN_ALLOCS, COLUMN_TEMPORARY, COLUMN_SHORT_PART, COLUMN_AVERAGE, COLUMN_SITE,
    COLUMN_COUNT
};

static const struct table_column columns[COLUMN_COUNT] = {
    [COLUMN_LIVE] = { .name = "LIVE", .width = 5 },
    [COLUMN_SHARE] = { .name = "LIVE%", .width = 5 },
    [COLUMN_BLOCKS] = { .name = "#LIVE", .width = 5 },
    [COLUMN_TREND] = { .name = "TREND", .width = 6, .left = true, .from_cols = 76 },
    [COLUMN_RATE] = { .name = "ALLOC/S", .width = 7 },
    [COLUMN_PEAK] = { .name = "PEAK", .width = 5, .from_cols = 90 },
    [COLUMN_TOTAL] = { .name = "TOTAL", .width = 5, .from_cols = 90 },
    [COLUMN_ALLOCS] = { .name = "ALLOCS", .width = 6, .from_cols = 72 },
    [COLUMN_TEMPORARY] = { .name = "TEMP%", .width = 5, .from_cols = 72 },
    [COLUMN_SHORT] = { .name = "SHORT", .width = 5, .from_cols = TABLE_NEVER },
    [COLUMN_SHORT_PART] = { .name = "SHORT%", .width = 6, .from_cols = 110 },
    [COLUMN_AVERAGE] = { .name = "AVG", .width = 5, .from_cols = 110 },
    [COLUMN_SITE] = { .name = "SITE", .left = true, .fixed = true },
};

/* The same where short-lived blocks are meant. */
static const struct table_column short_columns[COLUMN_COUNT] = {
    [COLUMN_LIVE] = { .name = "LIVE", .width = 5 },
    [COLUMN_SHARE] = { .name = "LIVE%", .width = 5, .from_cols = TABLE_NEVER },
    [COLUMN_BLOCKS] = { .name = "#LIVE", .width = 5, .from_cols = 90 },
    [COLUMN_TREND] = { .name = "TREND", .width = 6, .left = true, .from_cols = TABLE_NEVER },
    [COLUMN_SHORT] = { .name = "SHORT", .width = 5 },
    [COLUMN_RATE] = { .name = "ALLOC/S", .width = 7, .from_cols = 72 },
    [COLUMN_PEAK] = { .name = "PEAK", .width = 5, .from_cols = TABLE_NEVER },
    [COLUMN_TOTAL] = { .name = "TOTAL", .width = 5, .from_cols = 90 },
    [COLUMN_ALLOCS] = { .name = "ALLOCS", .width = 6 },
    [COLUMN_TEMPORARY] = { .name = "TEMP%", .width = 5, .from_cols = 72 },
    [COLUMN_SHORT_PART] = { .name = "SHORT%", .width = 6 },
    [COLUMN_AVERAGE] = { .name = "AVG", .width = 5, .from_cols = 72 },
    [COLUMN_SITE] = { .name = "SITE", .left = true, .fixed = true },
};

static const char *const in_words[COLUMN_COUNT] = {
    [COLUMN_LIVE] = "live bytes",
    [COLUMN_SHARE] = "share of live bytes",
    [COLUMN_BLOCKS] = "live blocks",
    [COLUMN_TREND] = "how live bytes change",
    [COLUMN_RATE] = "allocations per second",
    [COLUMN_PEAK] = "bytes at the heap's peak",
    [COLUMN_TOTAL] = "bytes allocated in all",
    [COLUMN_ALLOCS] = "allocations in all",
    [COLUMN_TEMPORARY] = "share of temporary allocations",
    [COLUMN_SHORT] = "frees of short-lived blocks",
    [COLUMN_SHORT_PART] = "share of short-lived allocations",
    [COLUMN_AVERAGE] = "average size of allocations",
};

static const struct table_column *columns_of(const struct site_list *l)
{
    return l->short_lived ? short_columns : columns;
}

/* Each has its order. */
static void change_columns(struct site_list *l, bool short_lived)
{
    int sort = l->table.sort;
    bool reverse = l->table.reverse;
    if (l->short_lived == short_lived)
        return;
    l->table.sort = l->others.sort;
    l->table.reverse = l->others.reverse;
    l->others.sort = sort;
    l->others.reverse = reverse;
    l->short_lived = short_lived;
    l->version = 0;
}

void site_list_init(struct site_list *l)
{
    l->table.sort = COLUMN_LIVE;
    l->others.sort = COLUMN_SHORT;
}

void site_list_fini(struct site_list *l)
{
    order_fini(&l->order);
}

void site_list_remember(const struct site_list *l, struct settings *s, const char *view)
{
    struct table usual = l->table;
    if (l->short_lived) {
        usual.sort = l->others.sort;
        usual.reverse = l->others.reverse;
    }
    table_remember(&usual, columns, s, view);
}

bool site_list_recall(struct site_list *l, const struct settings *s, const char *view)
{
    return table_recall(&l->table, columns, COLUMN_COUNT, s, view);
}

/* ---- order --------------------------------------------------------------- */
/* What is live of a site, or of those of its blocks that are meant. */
struct live {
    int64_t bytes, blocks;
    double average; /* size; of all that it ever allocated, unless filtered */
};

static struct live live_of(const struct site_list *l, const struct view_context *x, uint32_t site)
{
    const struct site_row *r = &x->snapshot->sites[site];
    if (!l->filtered || l->short_lived)
        return (struct live){
            .bytes = r->live_bytes, .blocks = r->live_blocks,
            .average = r->allocations ? (double)r->bytes_allocated / (double)r->allocations : 0,
        };
    struct choice_sum sum = block_filter_site(x->filter, site);
    return (struct live){ .bytes = (int64_t)sum.bytes, .blocks = (int64_t)sum.blocks,
                          .average = sum.blocks ? (double)sum.bytes / (double)sum.blocks : 0 };
}

static const struct verdict *verdict_of(const struct view_context *x, uint32_t site)
{
    return x->watch ? site_watch_verdict(x->watch, site) : NULL;
}

/* By kind, and then by slope, which is below 2^63 bytes a second. */
static double trend_key(const struct verdict *v)
{
    return v ? v->label * 1e20 + v->slope : 0;
}

static double key_of(const struct site_list *l, const struct view_context *x, uint32_t site,
                     int column)
{
    const struct site_row *r = &x->snapshot->sites[site];
    struct live live = live_of(l, x, site);
    switch (column) {
    case COLUMN_BLOCKS: return (double)live.blocks;
    case COLUMN_TREND: return trend_key(verdict_of(x, site));
    case COLUMN_RATE: return rate_table_get(x->site_rates, site);
    case COLUMN_PEAK: return (double)r->peak_bytes;
    case COLUMN_TOTAL: return (double)r->bytes_allocated;
    case COLUMN_ALLOCS: return (double)r->allocations;
    case COLUMN_TEMPORARY:
        return r->allocations ? (double)r->temporary / (double)r->allocations : 0;
    case COLUMN_SHORT: return (double)r->short_lived;
    case COLUMN_SHORT_PART:
        return r->allocations ? (double)r->short_lived / (double)r->allocations : 0;
    case COLUMN_AVERAGE: return live.average;
    default: return (double)live.bytes;
    }
}

static bool is_meant(const struct site_list *l, const struct view_context *x, uint32_t site)
{
    return !l->filtered     ? true
           : l->short_lived ? block_filter_short_site(x->filter, &x->snapshot->sites[site])
                            : live_of(l, x, site).blocks != 0;
}

static void collect(struct site_list *l, const struct view_context *x)
{
    const struct snapshot *s = x->snapshot;
    size_t n = 0;
    l->short_frees = 0;
    l->passing = (struct site_list_sum){ .bytes = 0 };
    if (order_reserve(&l->order, s->n_sites) != 0)
        return;
    for (uint32_t i = 0; i < s->n_sites; i++) {
        if (!s->sites[i].allocations || !is_meant(l, x, i) ||
            (l->only && !site_set_has(l->only, i)))
            continue;
        struct live live = live_of(l, x, i);
        l->passing.all_bytes += live.bytes;
        if (l->match && !site_match_has(l->match, s, i))
            continue;
        l->passing.bytes += live.bytes;
        l->passing.blocks += live.blocks;
        l->short_frees += s->sites[i].short_lived;
        double key = key_of(l, x, i, l->table.sort);
        l->order.items[n++] = (struct order_item){ .key = l->table.reverse ? -key : key,
                                                   .row = i };
    }
    l->order.n = n;
}

static void follow_chosen(struct site_list *l)
{
    size_t rank = order_rank(&l->order, l->site);
    if (rank < l->order.n)
        l->table.cursor = rank;
}

static bool is_stale(const struct site_list *l, const struct view_context *x)
{
    return l->version != x->sites_version || l->sorted_by != l->table.sort ||
           l->sorted_reverse != l->table.reverse ||
           (l->match && l->match_version != l->match->version) ||
           (x->filter && l->filter_version != x->filter->version);
}

static void refresh(struct site_list *l, const struct view_context *x, int rows)
{
    if (is_stale(l, x)) {
        collect(l, x);
        l->version = x->sites_version;
        l->match_version = l->match ? l->match->version : 0;
        l->filter_version = x->filter ? x->filter->version : 0;
        l->sorted_by = l->table.sort;
        l->sorted_reverse = l->table.reverse;
        if (l->chosen)
            follow_chosen(l);
    }
    l->table.n_rows = l->order.n;
    size_t end = table_layout(&l->table, rows);
    order_window(&l->order, l->table.top, end);
}

/* ---- cells --------------------------------------------------------------- */
/* Function, place, and if there is room for it who called. */
void site_list_label(const struct view_context *x, uint32_t site, struct canvas *c, int row,
                     int col, int width)
{
    struct label label;
    char callers[256];
    labels_site(x->symbols, x->snapshot, site, &label);
    int least = width / 2 < 28 ? width / 2 : 28;
    int place = width < PLACE_FROM ? 0
                : labels_place_room(width, canvas_width(c, label.function),
                                    canvas_width(c, label.place), least);
    int used = canvas_text_middle(c, row, col, width - (place ? place + 2 : 0),
                                  label.pending ? ROLE_DIM : ROLE_FUNCTION, label.function);
    if (place)
        used += 2 + canvas_text_middle(c, row, col + used + 2, place, ROLE_PLACE, label.place);
    if (width - used < CALLERS_FROM)
        return;
    labels_callers(x->symbols, x->snapshot, &label, callers, sizeof callers);
    canvas_text(c, row, col + used + 1, width - used - 1, ROLE_DIM, callers);
}

void site_list_trend(const struct view_context *x, uint32_t site, struct canvas *c, int row,
                     int col, int width)
{
    static const char *const words[VERDICT_COUNT] = {
        [VERDICT_NONE] = "", [VERDICT_STEADY] = "steady", [VERDICT_CHURNING] = "churn",
        [VERDICT_SHRINKING] = "shrink", [VERDICT_SATURATING] = "satur.",
        [VERDICT_GROWING] = "GROW",
    };
    const struct verdict *v = verdict_of(x, site);
    if (v)
        canvas_text(c, row, col, width, v->label == VERDICT_GROWING ? ROLE_STRONG : ROLE_DIM,
                    words[v->label]);
}

static char *cell_text(const struct site_list *l, uint32_t site, int column, char *out, size_t n)
{
    const struct view_context *x = l->x;
    const struct site_row *r = &x->snapshot->sites[site];
    struct live live = live_of(l, x, site);
    switch (column) {
    case COLUMN_LIVE: return format_bytes_short(out, n, live.bytes);
    case COLUMN_SHARE:
        return format_percent(out, n, live.bytes,
                              l->filtered ? (int64_t)x->filter->sums.taken.bytes
                                          : x->snapshot->totals.live_bytes);
    case COLUMN_BLOCKS: return format_count(out, n, live.blocks);
    case COLUMN_RATE: return format_rate(out, n, rate_table_get(x->site_rates, site));
    case COLUMN_PEAK: return format_bytes_short(out, n, r->peak_bytes);
    case COLUMN_TOTAL: return format_bytes_short(out, n, (int64_t)r->bytes_allocated);
    case COLUMN_ALLOCS: return format_count(out, n, (int64_t)r->allocations);
    case COLUMN_TEMPORARY:
        return format_percent(out, n, (int64_t)r->temporary, (int64_t)r->allocations);
    case COLUMN_SHORT: return format_count(out, n, (int64_t)r->short_lived);
    case COLUMN_SHORT_PART:
        snprintf(out, n, "-");
        return x->snapshot->totals.short_ns
                   ? format_percent(out, n, (int64_t)r->short_lived, (int64_t)r->allocations) : out;
    default: return format_bytes_short(out, n, (int64_t)live.average);
    }
}

static bool is_estimate(const struct site_row *r, int column)
{
    return r->samples && (column == COLUMN_LIVE || column == COLUMN_BLOCKS ||
                          column == COLUMN_PEAK || column == COLUMN_TOTAL ||
                          column == COLUMN_ALLOCS || column == COLUMN_SHORT);
}

/* "3.81M" to "3.8M", "14.6M" to "14M": an estimate has no such digits anyway. */
static void drop_digit(char *text)
{
    size_t n = strlen(text);
    size_t from = n > 3 && text[n - 3] == '.' ? n - 3 : n - 2;
    memmove(text + from, text + n - 1, 2);
}

static void draw_cell(void *data, size_t row, int column, struct canvas *c, int at_row,
                      int col, int width)
{
    struct site_list *l = data;
    uint32_t site = l->order.items[row].row;
    char text[32];
    if (column == COLUMN_SITE) {
        site_list_label(l->x, site, c, at_row, col, width);
        return;
    }
    if (column == COLUMN_TREND) {
        site_list_trend(l->x, site, c, at_row, col, width);
        return;
    }
    cell_text(l, site, column, text, sizeof text);
    if (is_estimate(&l->x->snapshot->sites[site], column)) {
        if (col > l->table.area.col) { /* there is a blank, for the mark */
            col--;
            width++;
        } else if ((int)strlen(text) == width) {
            drop_digit(text);
        }
        format_estimate(text, sizeof text, text, true);
    }
    bool own = column == COLUMN_LIVE || column == COLUMN_SHARE || column == COLUMN_BLOCKS ||
               column == COLUMN_AVERAGE;
    bool other = l->filtered && !l->short_lived && !own;
    canvas_text_right(c, at_row, col, width,
                      column == l->table.sort ? ROLE_STRONG : other ? ROLE_DIM : ROLE_PLAIN,
                      text);
}

static const char *empty_text(const struct site_list *l)
{
    return !l->filtered ? "no allocations yet"
         : l->short_lived || block_filter_ready(l->x->filter) ? "no such blocks"
                                                              : view_waits(l->x, "being summed...");
}

void site_list_draw(struct site_list *l, const struct view_context *x, struct canvas *c,
                    struct rect area)
{
    l->x = x;
    l->table.area = area;
    change_columns(l, l->filtered && block_filter_short(x->filter));
    refresh(l, x, area.rows);
    table_draw(&l->table, columns_of(l), COLUMN_COUNT, c, area, draw_cell, l);
    if (!l->order.n && area.rows > 1)
        canvas_text(c, area.row + 1, area.col, area.cols, ROLE_DIM,
                    empty_text(l));
    l->x = NULL;
}

/* ---- input --------------------------------------------------------------- */
uint32_t site_list_selected(const struct site_list *l)
{
    return l->table.cursor < l->order.n ? l->order.items[l->table.cursor].row : 0;
}

bool site_list_action(struct site_list *l, enum action action)
{
    size_t before = l->table.cursor;
    if (!table_action(&l->table, columns_of(l), COLUMN_COUNT, action))
        return false;
    /* Which site that is, only a sorted list knows. */
    order_window(&l->order, l->table.cursor, l->table.cursor + 1);
    if (action == ACTION_FIRST) {
        l->chosen = false;
    } else if (l->table.cursor != before) {
        l->chosen = true;
        l->site = site_list_selected(l);
    }
    return true;
}

void site_list_click(struct site_list *l, int row, int col)
{
    size_t before = l->table.cursor;
    table_click(&l->table, columns_of(l), COLUMN_COUNT, row, col);
    if (l->table.cursor != before) {
        l->chosen = true;
        l->site = site_list_selected(l);
    }
}

struct sought {
    const struct site_match *match;
    const struct snapshot *snapshot;
};

static bool is_found(const void *data, uint32_t site)
{
    const struct sought *f = data;
    return site_match_has(f->match, f->snapshot, site);
}

bool site_list_find(struct site_list *l, const struct site_match *match,
                    const struct snapshot *s, bool forward, bool *wrapped)
{
    struct sought sought = { .match = match, .snapshot = s };
    size_t at = order_find(&l->order, l->table.cursor, forward, is_found, &sought, wrapped);
    if (at >= l->order.n)
        return false;
    order_window(&l->order, at, at + 1);
    l->table.cursor = at;
    l->chosen = true;
    l->site = site_list_selected(l);
    return true;
}

void site_list_sort_menu(const struct site_list *l, struct menu *menu)
{
    table_sort_menu(&l->table, columns_of(l), in_words, COLUMN_COUNT, menu);
}

/* ---- the stack ----------------------------------------------------------- */
#define STACK_LABELS 512

static void draw_frame(struct canvas *c, struct rect area, int row, size_t number,
                       const struct label *label)
{
    int used = canvas_printf(c, row, area.col, area.cols, ROLE_DIM, "%3zu ", number);
    int room = area.cols - used;
    int place = labels_place_room(room, canvas_width(c, label->function),
                                  canvas_width(c, label->place), room / 2);
    int width = room - (place ? place + 2 : 0);
    int name = canvas_text_middle(c, row, area.col + used, width,
                                  label->pending ? ROLE_DIM : ROLE_FUNCTION,
                                  label->function);
    used += name;
    if (place)
        used += 2 + canvas_text_middle(c, row, area.col + used + 2, place, ROLE_PLACE,
                                       label->place);
    if (label->inlined)
        canvas_text(c, row, area.col + used + 1, area.cols - used - 1, ROLE_DIM, "inlined");
}

size_t site_list_stack(const struct view_context *x, uint32_t site, struct canvas *c,
                       struct rect area, size_t skip, size_t cursor)
{
    struct label *labels = malloc(STACK_LABELS * sizeof *labels);
    if (!labels)
        return 0;
    size_t n = labels_stack(x->symbols, x->snapshot, site, labels, STACK_LABELS);
    for (int i = 0; i < area.rows && skip + (size_t)i < n; i++)
        draw_frame(c, area, area.row + i, skip + (size_t)i, &labels[skip + (size_t)i]);
    if (cursor >= skip && cursor < n && cursor - skip < (size_t)area.rows)
        canvas_paint(c, area.row + (int)(cursor - skip), area.col, area.cols, ROLE_CURSOR);
    if (!n && area.rows > 0)
        canvas_text(c, area.row, area.col, area.cols, ROLE_DIM,
                    x->snapshot->target.tier == SEG_TIER_COUNTERS
                        ? "counters only, no stacks: M changes that" : "no stack is known");
    free(labels);
    return n;
}
