/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call sites by growth. Sites in which nothing changed are left out.
 */
#include "tui/view/growth_list.h"

#include <stdio.h>
#include <string.h>

#include "tui/view/format.h"
#include "tui/view/growth.h"
#include "tui/view/site_set.h"

enum growth_column {
    COLUMN_LIVE, COLUMN_BLOCKS, COLUMN_ALLOCS, COLUMN_FREES, COLUMN_ALIVE, COLUMN_ALIVE_BLOCKS,
    COLUMN_NOW, COLUMN_CHANGE, COLUMN_SITE, COLUMN_COUNT
};

static const struct table_column columns[COLUMN_COUNT] = {
    [COLUMN_LIVE] = { .name = "dLIVE", .width = 6 },
    [COLUMN_BLOCKS] = { .name = "d#LIVE", .width = 6 },
    [COLUMN_ALLOCS] = { .name = "dALLOCS", .width = 7 },
    [COLUMN_FREES] = { .name = "dFREES", .width = 6, .from_cols = 90 },
    [COLUMN_ALIVE] = { .name = "ALIVE", .width = 5, .from_cols = 60 },
    [COLUMN_ALIVE_BLOCKS] = { .name = "#ALIVE", .width = 6, .from_cols = 70 },
    [COLUMN_NOW] = { .name = "LIVE", .width = 5, .from_cols = 90 },
    [COLUMN_CHANGE] = { .name = "", .width = 4, .fixed = true, .left = true },
    [COLUMN_SITE] = { .name = "SITE", .left = true, .fixed = true },
};

static const char *const in_words[COLUMN_COUNT] = {
    [COLUMN_LIVE] = "growth of live bytes",
    [COLUMN_BLOCKS] = "growth of live blocks",
    [COLUMN_ALLOCS] = "allocations since",
    [COLUMN_FREES] = "frees since",
    [COLUMN_ALIVE] = "bytes allocated since and still alive",
    [COLUMN_ALIVE_BLOCKS] = "blocks allocated since and still alive",
    [COLUMN_NOW] = "live bytes",
};

void growth_list_fini(struct growth_list *l)
{
    order_fini(&l->order);
}

/* ---- rows ---------------------------------------------------------------------- */

static const struct growth_alive *alive_of(const struct growth *g, uint32_t site)
{
    return g->alive_known && site < g->n_alive ? &g->alive[site] : NULL;
}

/* Where there are no figures, each site has a row. */
static size_t count_rows(const struct view_context *x)
{
    const struct growth *g = x->growth;
    return g->figures ? g->diff.n : g->from->counted ? 0 : x->snapshot->n_sites;
}

static struct mark_growth row_of(const struct view_context *x, uint32_t row)
{
    const struct growth *g = x->growth;
    if (g->figures && row < g->diff.n)
        return g->diff.rows[row];
    return (struct mark_growth){ .site = row, .key = STACK_BOOK_NONE };
}

static double key_of(const struct view_context *x, uint32_t row, int column)
{
    struct mark_growth r = row_of(x, row);
    const struct growth_alive *alive = alive_of(x->growth, r.site);
    switch (column) {
    case COLUMN_BLOCKS: return (double)r.live_blocks;
    case COLUMN_ALLOCS: return (double)r.allocations;
    case COLUMN_FREES: return (double)r.frees;
    case COLUMN_ALIVE: return alive ? (double)alive->bytes : 0;
    case COLUMN_ALIVE_BLOCKS: return alive ? (double)alive->blocks : 0;
    case COLUMN_NOW:
        return r.site < x->snapshot->n_sites ? (double)x->snapshot->sites[r.site].live_bytes : 0;
    default:
        return x->growth->figures ? (double)r.live_bytes : alive ? (double)alive->bytes : 0;
    }
}

static bool is_changed(const struct view_context *x, uint32_t row)
{
    struct mark_growth r = row_of(x, row);
    const struct growth_alive *alive = alive_of(x->growth, r.site);
    return r.allocations || r.frees || r.live_bytes || (alive && alive->blocks);
}

static void collect(struct growth_list *l, const struct view_context *x)
{
    size_t rows = count_rows(x), n = 0;
    l->passing = (struct site_list_sum){ .bytes = 0 };
    if (order_reserve(&l->order, rows) != 0)
        return;
    for (uint32_t i = 0; i < rows; i++) {
        struct mark_growth r = row_of(x, i);
        if (!is_changed(x, i) || (l->only && !site_set_has(l->only, r.site)))
            continue;
        l->passing.all_bytes += r.live_bytes;
        if (l->match && !site_match_has(l->match, x->snapshot, r.site))
            continue;
        l->passing.bytes += r.live_bytes;
        l->passing.blocks += r.live_blocks;
        double key = key_of(x, i, l->table.sort);
        l->order.items[n++] = (struct order_item){ .key = l->table.reverse ? -key : key,
                                                   .row = i };
    }
    l->order.n = n;
}

static void refresh(struct growth_list *l, const struct view_context *x, int rows)
{
    if (l->version != x->growth->version || l->sorted_by != l->table.sort ||
        l->sorted_reverse != l->table.reverse ||
        (l->match && l->match_version != l->match->version)) {
        collect(l, x);
        l->match_version = l->match ? l->match->version : 0;
        l->version = x->growth->version;
        l->sorted_by = l->table.sort;
        l->sorted_reverse = l->table.reverse;
        size_t rank = l->chosen ? order_rank(&l->order, l->row) : l->order.n;
        if (rank < l->order.n)
            l->table.cursor = rank;
    }
    l->table.n_rows = l->order.n;
    size_t end = table_layout(&l->table, rows);
    order_window(&l->order, l->table.top, end);
}

/* ---- cells ----------------------------------------------------------------------- */

/* A stack out of a file: its innermost frame, and who called. */
static void draw_foreign(const struct view_context *x, uint32_t key, struct canvas *c, int row,
                         int col, int width)
{
    const struct stack_book *book = &x->growth->book;
    const char *text = key < book->n ? book->texts[key] : "";
    while (*text && width > 0) {
        char line[512];
        size_t n = strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", (int)n, text);
        const char *name = strchr(line, '!');
        int used = canvas_text_middle(c, row, col, width, ROLE_FUNCTION, name ? name + 1 : line);
        used += canvas_text(c, row, col + used, width - used, ROLE_DIM, text[n] ? " < " : "");
        col += used;
        width -= used;
        text += n + (text[n] == '\n');
    }
}

static char *with_sign(char *out, size_t n, int64_t value, const char *number)
{
    char copy[24];
    snprintf(copy, sizeof copy, "%s", number);
    snprintf(out, n, "%s%s", value > 0 ? "+" : "", copy);
    return out;
}

static char *cell_text(const struct view_context *x, const struct mark_growth *r, int column,
                       char *out, size_t n)
{
    const struct growth_alive *alive = alive_of(x->growth, r->site);
    bool here = r->site < x->snapshot->n_sites;
    switch (column) {
    case COLUMN_LIVE: return with_sign(out, n, r->live_bytes,
                                       format_bytes_short(out, n, r->live_bytes));
    case COLUMN_BLOCKS: return with_sign(out, n, r->live_blocks,
                                         format_count(out, n, r->live_blocks));
    case COLUMN_ALLOCS: return with_sign(out, n, r->allocations,
                                         format_count(out, n, r->allocations));
    case COLUMN_FREES: return with_sign(out, n, r->frees, format_count(out, n, r->frees));
    case COLUMN_ALIVE: return format_bytes_short(out, n, alive ? (int64_t)alive->bytes : 0);
    case COLUMN_ALIVE_BLOCKS: return format_count(out, n, alive ? (int64_t)alive->blocks : 0);
    default:
        return format_bytes_short(out, n, here ? x->snapshot->sites[r->site].live_bytes : 0);
    }
}

static bool is_unknown(const struct view_context *x, int column)
{
    if (column == COLUMN_ALIVE || column == COLUMN_ALIVE_BLOCKS)
        return !x->growth->alive_known;
    return column != COLUMN_NOW && !x->growth->figures;
}

static void draw_cell(void *data, size_t at, int column, struct canvas *c, int row, int col,
                      int width)
{
    static const char *const changes[] = { [MARK_SAME] = "", [MARK_NEW] = "new",
                                           [MARK_VANISHED] = "gone" };
    struct growth_list *l = data;
    struct mark_growth r = row_of(l->x, l->order.items[at].row);
    char text[32] = "-";
    if (column == COLUMN_SITE && r.site < l->x->snapshot->n_sites) {
        site_list_label(l->x, r.site, c, row, col, width);
    } else if (column == COLUMN_SITE) {
        draw_foreign(l->x, r.key, c, row, col, width);
    } else if (column == COLUMN_CHANGE) {
        canvas_text(c, row, col, width, ROLE_DIM, changes[r.change]);
    } else {
        if (!is_unknown(l->x, column))
            cell_text(l->x, &r, column, text, sizeof text);
        canvas_text_right(c, row, col, width, column == l->table.sort ? ROLE_STRONG : ROLE_PLAIN,
                          text);
    }
}

static const char *empty_text(const struct view_context *x)
{
    const struct growth *g = x->growth;
    return g->naming ? "naming call sites..."
         : (g->figures || g->alive_known) ? "nothing changed"
         : g->no_births ? SNAPSHOT_NO_BIRTHS : view_waits(x, "being summed...");
}

void growth_list_draw(struct growth_list *l, const struct view_context *x, struct canvas *c,
                      struct rect area)
{
    l->x = x;
    l->table.area = area;
    l->table.cursor_shown = true;
    refresh(l, x, area.rows);
    table_draw(&l->table, columns, COLUMN_COUNT, c, area, draw_cell, l);
    if (!l->order.n && area.rows > 1)
        canvas_text(c, area.row + 1, area.col, area.cols, ROLE_DIM, empty_text(x));
    l->x = NULL;
}

/* ---- input ------------------------------------------------------------------------- */

uint32_t growth_list_selected(const struct growth_list *l, const struct view_context *x)
{
    if (l->table.cursor >= l->order.n)
        return MARK_NO_SITE;
    struct mark_growth r = row_of(x, l->order.items[l->table.cursor].row);
    return r.site < x->snapshot->n_sites ? r.site : MARK_NO_SITE;
}

static void choose(struct growth_list *l, size_t before)
{
    if (l->table.cursor == before || l->table.cursor >= l->order.n)
        return;
    order_window(&l->order, l->table.cursor, l->table.cursor + 1);
    l->chosen = true;
    l->row = l->order.items[l->table.cursor].row;
}

bool growth_list_action(struct growth_list *l, enum action action)
{
    size_t before = l->table.cursor;
    if (!table_action(&l->table, columns, COLUMN_COUNT, action))
        return false;
    if (action == ACTION_FIRST)
        l->chosen = false;
    else
        choose(l, before);
    return true;
}

void growth_list_click(struct growth_list *l, int row, int col)
{
    size_t before = l->table.cursor;
    table_click(&l->table, columns, COLUMN_COUNT, row, col);
    choose(l, before);
}

struct sought {
    const struct site_match *match;
    const struct view_context *x;
};

static bool is_found(const void *data, uint32_t row)
{
    const struct sought *f = data;
    return site_match_has(f->match, f->x->snapshot, row_of(f->x, row).site);
}

bool growth_list_find(struct growth_list *l, const struct site_match *match,
                      const struct view_context *x, bool forward, bool *wrapped)
{
    struct sought sought = { .match = match, .x = x };
    size_t at = order_find(&l->order, l->table.cursor, forward, is_found, &sought, wrapped);
    if (at >= l->order.n)
        return false;
    order_window(&l->order, at, at + 1);
    l->table.cursor = at;
    l->chosen = true;
    l->row = l->order.items[at].row;
    return true;
}

void growth_list_sort_menu(const struct growth_list *l, struct menu *menu)
{
    table_sort_menu(&l->table, columns, in_words, COLUMN_COUNT, menu);
}
