/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of the call tree: its columns, and the names with their place in
 * the tree.
 */
#include "tui/view/view_tree.h"

#include <stdio.h>

#include "tui/model/function.h"
#include "tui/view/format.h"

#define PLACE_FROM 24 /* columns from which a name has its place beside it */

enum tree_column {
    COLUMN_LIVE, COLUMN_SHARE, COLUMN_SELF, COLUMN_BLOCKS, COLUMN_RATE, COLUMN_PEAK,
    COLUMN_TOTAL, COLUMN_ALLOCS, COLUMN_TEMPORARY, COLUMN_AVERAGE, COLUMN_SITES, COLUMN_NAME,
    COLUMN_COUNT
};

static const struct table_column columns[COLUMN_COUNT] = {
    [COLUMN_LIVE] = { .name = "LIVE", .width = 5 },
    [COLUMN_SHARE] = { .name = "LIVE%", .width = 5 },
    [COLUMN_SELF] = { .name = "SELF", .width = 5, .from_cols = 72 },
    [COLUMN_BLOCKS] = { .name = "#LIVE", .width = 5 },
    [COLUMN_RATE] = { .name = "ALLOC/S", .width = 7, .from_cols = 60 },
    [COLUMN_PEAK] = { .name = "PEAK", .width = 5, .from_cols = 100 },
    [COLUMN_TOTAL] = { .name = "TOTAL", .width = 5, .from_cols = 100 },
    [COLUMN_ALLOCS] = { .name = "ALLOCS", .width = 6, .from_cols = 100 },
    [COLUMN_TEMPORARY] = { .name = "TEMP%", .width = 5, .from_cols = 100 },
    [COLUMN_AVERAGE] = { .name = "AVG", .width = 5, .from_cols = 132 },
    [COLUMN_SITES] = { .name = "SITES", .width = 5, .from_cols = 132, .fixed = true },
    [COLUMN_NAME] = { .name = "FUNCTION", .left = true, .fixed = true },
};

int view_tree_sort(const struct tree_view *v)
{
    static const int sorts[COLUMN_COUNT] = {
        [COLUMN_LIVE] = TREE_LIVE_BYTES, [COLUMN_SHARE] = TREE_LIVE_BYTES,
        [COLUMN_SELF] = TREE_BY_SELF, [COLUMN_BLOCKS] = TREE_LIVE_BLOCKS,
        [COLUMN_RATE] = TREE_RATE, [COLUMN_PEAK] = TREE_PEAK_BYTES,
        [COLUMN_TOTAL] = TREE_BYTES_ALLOCATED, [COLUMN_ALLOCS] = TREE_ALLOCATIONS,
        [COLUMN_TEMPORARY] = TREE_BY_TEMPORARY, [COLUMN_AVERAGE] = TREE_BY_AVERAGE,
    };
    return sorts[v->table.sort];
}

/* ---- cells --------------------------------------------------------------------- */

static char *cell_text(const struct tree_view *v, const struct tree_row *r, int column,
                       char *out, size_t n)
{
    switch (column) {
    case COLUMN_LIVE: return format_bytes_short(out, n, r->v[TREE_LIVE_BYTES]);
    case COLUMN_SHARE:
        return format_percent(out, n, r->v[TREE_LIVE_BYTES],
                              tree_all(v->tree)->v[TREE_LIVE_BYTES]);
    case COLUMN_SELF: return format_bytes_short(out, n, r->self[TREE_LIVE_BYTES]);
    case COLUMN_BLOCKS: return format_count(out, n, r->v[TREE_LIVE_BLOCKS]);
    case COLUMN_RATE: return format_rate(out, n, (double)r->v[TREE_RATE] / 1000);
    case COLUMN_PEAK: return format_bytes_short(out, n, r->v[TREE_PEAK_BYTES]);
    case COLUMN_TOTAL: return format_bytes_short(out, n, r->v[TREE_BYTES_ALLOCATED]);
    case COLUMN_ALLOCS: return format_count(out, n, r->v[TREE_ALLOCATIONS]);
    case COLUMN_TEMPORARY:
        return format_percent(out, n, r->v[TREE_TEMPORARY], r->v[TREE_ALLOCATIONS]);
    case COLUMN_AVERAGE:
        return format_bytes_short(out, n, r->v[TREE_ALLOCATIONS]
                                      ? r->v[TREE_BYTES_ALLOCATED] / r->v[TREE_ALLOCATIONS] : 0);
    default: return format_count(out, n, r->sites);
    }
}

/* Sums with estimates in them. */
static bool is_estimate(const struct tree_row *r, int column)
{
    return r->v[TREE_SAMPLES] && column != COLUMN_SHARE && column != COLUMN_TEMPORARY &&
           column != COLUMN_SITES && column != COLUMN_RATE;
}

/* Deep rows keep at least half of the column for their names. */
static int indent_of(const struct tree_row *r, int width)
{
    int indent = (int)r->depth, most = width / 2 - 2;
    return indent < most ? indent : most < 0 ? 0 : most;
}

static const char *marker_of(const struct tree_row *r, bool ascii)
{
    if (!r->expandable)
        return " ";
    return r->expanded ? (ascii ? "-" : "▾") : ascii ? "+" : "▸";
}

static void draw_name(const struct tree_row *r, struct canvas *c, int row, int col, int width)
{
    char name[512], place[300] = "";
    int indent = indent_of(r, width);
    canvas_text(c, row, col + indent, width - indent, ROLE_STRONG,
                marker_of(r, c->glyphs == GLYPHS_ASCII));
    col += indent + 2;
    width -= indent + 2;
    function_short_name(name, sizeof name, r->function);
    if (r->named && r->module[0])
        snprintf(place, sizeof place, "%s", r->module);
    int beside = width < PLACE_FROM ? 0 : canvas_width(c, place);
    beside = beside > width / 3 ? width / 3 : beside;
    int used = canvas_text_middle(c, row, col, width - (beside ? beside + 2 : 0),
                                  r->named ? ROLE_FUNCTION : ROLE_DIM, name);
    if (beside)
        canvas_text_middle(c, row, col + used + 2, beside, ROLE_PLACE, place);
}

static void draw_cell(void *data, size_t at, int column, struct canvas *c, int row, int col,
                      int width)
{
    struct tree_view *v = data;
    const struct tree_row *r = tree_row(v->tree, at);
    char text[32];
    if (column == COLUMN_NAME) {
        draw_name(r, c, row, col, width);
        return;
    }
    cell_text(v, r, column, text, sizeof text);
    if (is_estimate(r, column)) {
        format_estimate(text, sizeof text, text, true);
        if (col > v->table.area.col) { /* there is a blank, for the mark */
            col--;
            width++;
        }
    }
    canvas_text_right(c, row, col, width, column == v->table.sort ? ROLE_STRONG : ROLE_PLAIN,
                      text);
}

void view_tree_draw_table(struct tree_view *v, struct canvas *c, struct rect area)
{
    table_draw(&v->table, columns, COLUMN_COUNT, c, area, draw_cell, v);
}

/* ---- input --------------------------------------------------------------------- */

bool view_tree_table_action(struct tree_view *v, enum action action)
{
    return table_action(&v->table, columns, COLUMN_COUNT, action);
}

void view_tree_table_click(struct tree_view *v, int row, int col)
{
    table_click(&v->table, columns, COLUMN_COUNT, row, col);
}

bool view_tree_on_marker(const struct tree_view *v, int row, int col)
{
    const int *name = v->table.heads[COLUMN_NAME];
    const struct tree_row *r = tree_row(v->tree, v->table.cursor);
    return row > v->table.area.row && name[1] && r->expandable && col >= name[0] &&
           col <= name[0] + indent_of(r, name[1]);
}
