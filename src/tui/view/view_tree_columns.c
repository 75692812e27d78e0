/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of the call tree: its columns, which depend on what the figures are
 * about, and the names with their place in the tree.
 */
#include "tui/view/view_tree.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tui/model/function.h"
#include "tui/view/format.h"
#include "tui/view/growth.h"
#include "tui/view/labels.h"

#define PLACE_FROM 24 /* columns from which a name has its place beside it */

enum {
    LIVE = 1 << ABOUT_LIVE, PEAK = 1 << ABOUT_PEAK, GROWTH = 1 << ABOUT_GROWTH,
    BLOCKS = 1 << ABOUT_BLOCKS, NOW = LIVE | BLOCKS, THEN = 1 << ABOUT_THEN,
    SHORT = 1 << ABOUT_SHORT, RUN = LIVE | PEAK | SHORT,
};

enum cell {
    CELL_BYTES, CELL_COUNT, CELL_SIGNED_BYTES, CELL_SIGNED_COUNT, CELL_SHARE, CELL_SELF,
    CELL_RATE, CELL_PART, CELL_AVERAGE, CELL_AGE, CELL_SITES, CELL_CHANGE, CELL_NAME,
};

struct tree_column {
    struct table_column head;
    enum cell cell;
    int figure;        /* enum tree_figure */
    int sort;          /* by that, or one of TREE_BY_ */
    unsigned about;    /* where it has a meaning */
    const char *words; /* in menus and in the pane */
};

#define PLAIN(name, width, from, cell, figure, about, words) \
    { { name, width, from, false, false }, cell, figure, figure, about, words }
#define SORTED(name, width, from, cell, figure, sort, about, words) \
    { { name, width, from, false, false }, cell, figure, sort, about, words }

static const struct tree_column columns[] = {
    PLAIN("dLIVE", 6, 0, CELL_SIGNED_BYTES, TREE_GROWTH_BYTES, GROWTH, "growth of live bytes"),
    PLAIN("d#LIVE", 6, 0, CELL_SIGNED_COUNT, TREE_GROWTH_BLOCKS, GROWTH, "growth of live blocks"),
    PLAIN("dALLOCS", 7, 60, CELL_SIGNED_COUNT, TREE_SINCE_ALLOCATIONS, GROWTH,
          "allocations since"),
    PLAIN("dFREES", 6, 90, CELL_SIGNED_COUNT, TREE_SINCE_FREES, GROWTH, "frees since"),
    PLAIN("ALIVE", 5, 70, CELL_BYTES, TREE_ALIVE_BYTES, GROWTH,
          "allocated since and still alive"),
    PLAIN("PEAK", 5, 0, CELL_BYTES, TREE_PEAK_BYTES, PEAK, "bytes at the heap's peak"),
    PLAIN("PEAK%", 5, 0, CELL_SHARE, TREE_PEAK_BYTES, PEAK, "share of the heap's peak"),
    PLAIN("#PEAK", 5, 0, CELL_COUNT, TREE_PEAK_BLOCKS, PEAK, "blocks at the heap's peak"),
    PLAIN("SHORT", 5, 0, CELL_COUNT, TREE_SHORT_LIVED, SHORT, "frees of short-lived blocks"),
    PLAIN("LIVE", 5, 0, CELL_BYTES, TREE_LIVE_BYTES, LIVE | PEAK | BLOCKS | SHORT,
          "live bytes"),
    PLAIN("THEN", 5, 0, CELL_BYTES, TREE_LIVE_BYTES, THEN, "live bytes then"),
    PLAIN("THEN%", 5, 0, CELL_SHARE, TREE_LIVE_BYTES, THEN, "share of what is recorded of then"),
    PLAIN("#THEN", 5, 0, CELL_COUNT, TREE_LIVE_BLOCKS, THEN, "live blocks then"),
    PLAIN("SINCE", 6, 0, CELL_SIGNED_BYTES, TREE_GROWTH_BYTES, THEN, "growth since then"),
    PLAIN("LIVE", 5, 90, CELL_BYTES, TREE_LIVE_BYTES, GROWTH, "live bytes at the end"),
    PLAIN("LIVE%", 5, 0, CELL_SHARE, TREE_LIVE_BYTES, NOW, "share of live bytes"),
    SORTED("SELF", 5, 100, CELL_SELF, TREE_LIVE_BYTES, TREE_BY_SELF, NOW,
           "live bytes of the function itself"),
    PLAIN("#LIVE", 5, 0, CELL_COUNT, TREE_LIVE_BLOCKS, NOW | PEAK, "live blocks"),
    PLAIN("dMARK", 6, 60, CELL_SIGNED_BYTES, TREE_GROWTH_BYTES, LIVE,
          "growth since the last mark"),
    PLAIN("ALLOC/S", 7, 60, CELL_RATE, TREE_RATE, LIVE | SHORT, "allocations per second"),
    PLAIN("PEAK", 5, 100, CELL_BYTES, TREE_PEAK_BYTES, LIVE, "bytes at the heap's peak"),
    PLAIN("TOTAL", 5, 100, CELL_BYTES, TREE_BYTES_ALLOCATED, RUN,
          "bytes allocated in all"),
    PLAIN("ALLOCS", 6, 120, CELL_COUNT, TREE_ALLOCATIONS, RUN, "allocations in all"),
    SORTED("TEMP%", 5, 100, CELL_PART, TREE_TEMPORARY, TREE_BY_TEMPORARY, RUN,
           "share of temporary allocations"),
    SORTED("SHORT%", 6, 120, CELL_PART, TREE_SHORT_LIVED, TREE_BY_SHORT, RUN,
           "share of short-lived allocations"),
    SORTED("AVG", 5, 132, CELL_AVERAGE, TREE_BYTES_ALLOCATED, TREE_BY_AVERAGE, RUN,
           "average size of allocations"),
    SORTED("AGE", 6, 100, CELL_AGE, TREE_AGE, TREE_BY_AGE, NOW, "average age of live blocks"),
    { { "SITES", 5, 132, false, true }, CELL_SITES, 0, 0, NOW | PEAK | SHORT, "call sites" },
    { { "", 4, 0, true, true }, CELL_CHANGE, 0, 0, GROWTH, "new or gone" },
    { { "FUNCTION", 0, 0, true, true }, CELL_NAME, 0, 0, NOW | RUN | GROWTH | THEN, NULL },
};
#define COLUMN_COUNT ((int)(sizeof columns / sizeof *columns))
_Static_assert(sizeof columns / sizeof *columns <= TABLE_COLUMNS, "there is room for all");

static int column_of(enum tree_about about, int figure)
{
    for (int i = 0; i < COLUMN_COUNT; i++)
        if (columns[i].about & 1u << about && columns[i].figure == figure)
            return i;
    return 0;
}

void view_tree_columns_init(struct tree_view *v)
{
    for (int i = 0; i < ABOUT_COUNT; i++)
        v->orders[i].sort = column_of((enum tree_about)i, i == ABOUT_PEAK ? TREE_PEAK_BYTES
                                                          : i == ABOUT_GROWTH ? TREE_GROWTH_BYTES
                                                          : i == ABOUT_SHORT ? TREE_SHORT_LIVED
                                                                              : TREE_LIVE_BYTES);
    v->table.sort = v->orders[v->about].sort;
}

int view_tree_column(enum tree_about about, const char *name)
{
    for (int i = 0; i < COLUMN_COUNT; i++)
        if (columns[i].about & 1u << about && !columns[i].head.fixed &&
            strcasecmp(columns[i].head.name, name) == 0)
            return i;
    return -1;
}

const char *view_tree_heading(int column)
{
    return column < COLUMN_COUNT ? columns[column].head.name : NULL;
}

int view_tree_sort(const struct tree_view *v)
{
    return columns[v->table.sort].sort;
}

/* ---- which columns --------------------------------------------------------------- */

static bool has_meaning(const struct tree_view *v, int column)
{
    return columns[column].about & 1u << v->about;
}

static bool is_shown(const struct tree_view *v, int column, int cols)
{
    uint32_t bit = UINT32_C(1) << column;
    int from = columns[column].head.from_cols;
    if (columns[column].cell == CELL_SELF && tree_options(v->tree)->mode == TREE_FLAT)
        from = 60; /* there it says the most */
    if (v->about == ABOUT_SHORT && (columns[column].cell == CELL_PART || from == 132 ||
                                    columns[column].figure == TREE_ALLOCATIONS))
        from = columns[column].cell == CELL_SITES ? from : 60; /* and so do these */
    if (columns[column].figure == TREE_GROWTH_BYTES && v->about == ABOUT_LIVE && !v->has_mark)
        return false;
    if (!has_meaning(v, column) || v->hidden[v->about] & bit)
        return false;
    return cols >= from || v->forced[v->about] & bit;
}

/* The table's columns: those that are not to be shown want more than there is. */
static void choose_columns(const struct tree_view *v, int cols,
                           struct table_column out[COLUMN_COUNT])
{
    for (int i = 0; i < COLUMN_COUNT; i++) {
        out[i] = columns[i].head;
        out[i].from_cols = is_shown(v, i, cols) ? 0 : INT_MAX;
    }
}

/* ---- cells ----------------------------------------------------------------------- */

static char *with_sign(char *out, size_t n, int64_t value, const char *number)
{
    char copy[24];
    snprintf(copy, sizeof copy, "%s", number);
    snprintf(out, n, "%s%s", value > 0 ? "+" : "", copy);
    return out;
}

static bool is_unknown(const struct tree_view *v, const struct tree_row *r,
                       const struct tree_column *column)
{
    const struct growth *g = v->x->growth;
    if (column->cell == CELL_AGE)
        return !r->v[TREE_AGED] || !r->v[TREE_LIVE_BLOCKS];
    if (column->figure == TREE_SHORT_LIVED)
        return !v->x->snapshot->totals.short_ns;
    if (v->about != ABOUT_GROWTH || !g)
        return false;
    if (column->figure == TREE_ALIVE_BYTES)
        return !g->alive_known;
    return g->to && g->to->foreign ? column->figure == TREE_LIVE_BYTES
                                   : column->figure != TREE_LIVE_BYTES && !g->figures;
}

/* New: all that was ever allocated was so since. Gone: nothing of it is left. */
static const char *change_of(const struct tree_view *v, const struct tree_row *r)
{
    const struct growth *g = v->x->growth;
    if (!g || !g->figures || (g->to && g->to->foreign))
        return "";
    if (r->v[TREE_SINCE_ALLOCATIONS] > 0 && r->v[TREE_ALLOCATIONS] == r->v[TREE_SINCE_ALLOCATIONS])
        return "new";
    return r->v[TREE_LIVE_BLOCKS] == 0 && r->v[TREE_GROWTH_BLOCKS] < 0 ? "gone" : "";
}

static char *cell_text(const struct tree_view *v, const struct tree_row *r,
                       const struct tree_column *column, char *out, size_t n)
{
    int64_t value = r->v[column->figure];
    if (is_unknown(v, r, column)) {
        snprintf(out, n, "-");
        return out;
    }
    switch (column->cell) {
    case CELL_COUNT: return format_count(out, n, value);
    case CELL_SIGNED_BYTES: return with_sign(out, n, value, format_bytes_short(out, n, value));
    case CELL_SIGNED_COUNT: return with_sign(out, n, value, format_count(out, n, value));
    case CELL_SHARE: return format_percent(out, n, value, tree_all(v->tree)->v[column->figure]);
    case CELL_SELF: return format_bytes_short(out, n, r->self[column->figure]);
    case CELL_RATE: return format_rate(out, n, (double)value / 1000);
    case CELL_PART: return format_percent(out, n, value, r->v[TREE_ALLOCATIONS]);
    case CELL_AVERAGE:
        return format_bytes_short(out, n, r->v[TREE_ALLOCATIONS]
                                      ? value / r->v[TREE_ALLOCATIONS] : 0);
    case CELL_AGE:
        if (value < r->v[TREE_AGED]) /* they are in milliseconds */
            snprintf(out, n, "<1 ms");
        else
            format_duration(out, n, (uint64_t)(value / r->v[TREE_AGED]) * 1000000);
        return out;
    case CELL_SITES: return format_count(out, n, r->sites);
    case CELL_CHANGE: snprintf(out, n, "%s", change_of(v, r)); return out;
    default: return format_bytes_short(out, n, value);
    }
}

/* Sums with estimates in them. */
static bool is_estimate(const struct tree_row *r, const struct tree_column *column)
{
    return r->v[TREE_SAMPLES] &&
           (column->cell == CELL_BYTES || column->cell == CELL_COUNT ||
            column->cell == CELL_SELF || column->cell == CELL_AVERAGE);
}

/* ---- names ------------------------------------------------------------------------ */

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

static void place_of(const struct tree_row *r, char *out, size_t n)
{
    const char *slash = r->file ? strrchr(r->file, '/') : NULL;
    const char *file = slash ? slash + 1 : r->file;
    if (!r->named || r->group)
        out[0] = '\0';
    else if (file && r->line)
        snprintf(out, n, "%s:%u", file, r->line);
    else
        snprintf(out, n, "%s", file ? file : r->module);
}

static void draw_name(const struct tree_row *r, struct canvas *c, int row, int col, int width)
{
    char name[512], place[300];
    int indent = indent_of(r, width);
    if ((int)r->depth > indent) { /* then a number says how deep */
        snprintf(place, sizeof place, "%u", r->depth);
        canvas_text_right(c, row, col, indent - 1, ROLE_DIM, place);
    }
    canvas_text(c, row, col + indent, width - indent, ROLE_STRONG,
                marker_of(r, c->glyphs == GLYPHS_ASCII));
    col += indent + 2;
    width -= indent + 2;
    function_short_name(name, sizeof name, r->function);
    place_of(r, place, sizeof place);
    int beside = width < PLACE_FROM ? 0
                 : labels_place_room(width, canvas_width(c, r->group ? r->function : name),
                                     canvas_width(c, place), width / 3);
    int used = canvas_text_middle(c, row, col, width - (beside ? beside + 2 : 0),
                                  r->group ? ROLE_STRONG : r->named ? ROLE_FUNCTION : ROLE_DIM,
                                  r->group ? r->function : name);
    if (beside)
        canvas_text_middle(c, row, col + used + 2, beside, ROLE_PLACE, place);
}

static void draw_cell(void *data, size_t at, int i, struct canvas *c, int row, int col,
                      int width)
{
    struct tree_view *v = data;
    const struct tree_column *column = &columns[i];
    const struct tree_row *r = tree_row(v->tree, at);
    char text[32];
    if (column->cell == CELL_NAME) {
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
    if (column->cell == CELL_CHANGE)
        canvas_text(c, row, col, width, ROLE_DIM, text);
    else
        canvas_text_right(c, row, col, width, i == v->table.sort ? ROLE_STRONG : ROLE_PLAIN,
                          text);
}

void view_tree_draw_table(struct tree_view *v, struct canvas *c, struct rect area)
{
    struct table_column shown[COLUMN_COUNT];
    choose_columns(v, area.cols, shown);
    v->shows_age = shown[column_of(ABOUT_LIVE, TREE_AGE)].from_cols == 0;
    table_draw(&v->table, shown, COLUMN_COUNT, c, area, draw_cell, v);
}

int view_tree_draw_figures(struct tree_view *v, const struct tree_row *r, struct canvas *c,
                           struct rect a)
{
    int drawn = 0;
    for (int i = 0; i < COLUMN_COUNT && drawn < a.rows; i++) {
        char text[32];
        if (!has_meaning(v, i) || !columns[i].words)
            continue;
        if (columns[i].figure == TREE_GROWTH_BYTES && v->about == ABOUT_LIVE && !v->has_mark)
            continue;
        cell_text(v, r, &columns[i], text, sizeof text);
        if (!text[0])
            continue;
        format_estimate(text, sizeof text, text, is_estimate(r, &columns[i]));
        canvas_text_right(c, a.row + drawn, a.col, 8, ROLE_STRONG, text);
        canvas_text(c, a.row + drawn++, a.col + 10, a.cols - 10, ROLE_PLAIN, columns[i].words);
    }
    return drawn;
}

/* ---- input ----------------------------------------------------------------------- */

bool view_tree_table_action(struct tree_view *v, enum action action)
{
    struct table_column shown[COLUMN_COUNT];
    choose_columns(v, v->table.area.cols, shown);
    return table_action(&v->table, shown, COLUMN_COUNT, action);
}

void view_tree_table_click(struct tree_view *v, int row, int col)
{
    struct table_column shown[COLUMN_COUNT];
    choose_columns(v, v->table.area.cols, shown);
    table_click(&v->table, shown, COLUMN_COUNT, row, col);
}

bool view_tree_on_marker(const struct tree_view *v, int row, int col)
{
    const int *name = v->table.heads[COLUMN_COUNT - 1];
    const struct tree_row *r = view_tree_selected(v);
    return r && row > v->table.area.row && name[1] && r->expandable && col >= name[0] &&
           col <= name[0] + indent_of(r, name[1]);
}

void view_tree_sort_menu(struct tree_view *v)
{
    menu_open(&v->menu, "Sort by", false);
    for (int i = 0; i < COLUMN_COUNT; i++)
        if (has_meaning(v, i) && !columns[i].head.fixed)
            menu_add(&v->menu, columns[i].words, i, i == v->table.sort);
}

void view_tree_columns_menu(struct tree_view *v)
{
    menu_open(&v->menu, "Columns", true);
    for (int i = 0; i < COLUMN_COUNT; i++)
        if (has_meaning(v, i) && columns[i].words)
            menu_add(&v->menu, columns[i].words, i, is_shown(v, i, v->table.area.cols));
}

void view_tree_sort_by(struct tree_view *v, int column)
{
    table_sort_by(&v->table, column);
}

void view_tree_switch_column(struct tree_view *v, int column)
{
    uint32_t bit = UINT32_C(1) << column;
    bool shown = is_shown(v, column, v->table.area.cols);
    if (shown) {
        v->hidden[v->about] |= bit;
        v->forced[v->about] &= ~bit;
    } else {
        v->hidden[v->about] &= ~bit;
        v->forced[v->about] |= bit;
    }
}
