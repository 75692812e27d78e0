/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes and ages: two histograms of the live blocks, each within what is selected
 * in the other, beside what was allocated of a size and freed at an age; and the
 * call sites of the blocks that are selected. Of ages below the border of short lives
 * those that were freed are meant, which is what call sites know: all of them together.
 */
#include <stdio.h>
#include <string.h>

#include "tui/view/block_filter.h"
#include "tui/view/format.h"
#include "tui/view/graph.h"
#include "tui/view/histogram.h"
#include "tui/view/site_list.h"
#include "tui/view/view.h"

enum { PANE_SIZES, PANE_AGES, PANES };
#define ROWS_MOST 64 /* SEG_SIZE_CLASSES, and more than SEG_LIFE_CLASSES */
_Static_assert(ROWS_MOST >= SEG_SIZE_CLASSES && ROWS_MOST > SEG_LIFE_CLASSES, "rows");

/* A class of sizes or of ages. */
struct class_row {
    uint64_t min, max;              /* sizes inclusive; ages in ns, below max */
    struct choice_sum live;      /* within what else is selected */
    uint64_t blocks, bytes;         /* allocated of that size; freed at that age, bytes 0 */
    bool temporary;                 /* freed too soon to be timed */
    bool short_lived;               /* it is one with all others that are */
    bool selected;
};

struct pane {
    struct table table;
    bool placed;                    /* the cursor was put where most is */
    bool moved;                     /* somebody has moved it */
    struct class_row rows[ROWS_MOST];
};

struct sizes_view {
    struct pane panes[PANES];
    int front;                      /* pane that has the cursor */
    bool bytes;                     /* what the bars show */
    struct site_list list;          /* the call sites */
    const struct view_context *x;   /* while drawing */
};

static void sizes_init(void *state)
{
    struct sizes_view *v = state;
    for (int i = 0; i < PANES; i++)
        v->panes[i].table.sort = -1;
    site_list_init(&v->list);
}

static void sizes_fini(void *state)
{
    struct sizes_view *v = state;
    site_list_fini(&v->list);
}

/* ---- rows ---------------------------------------------------------------------------- */

static bool overlaps_size(const struct choice *w, const struct class_row *r)
{
    return w->by_size && r->min <= w->size_max && r->max >= w->size_min;
}

static bool overlaps_age(const struct choice *w, const struct class_row *r)
{
    return w->by_age && r->min < w->age_below_ns && r->max > w->age_min_ns;
}

/* All classes from the first that was ever used to the last. */
static void trim(struct pane *p, size_t n)
{
    size_t first = 0, last = 0, used = 0;
    for (size_t i = 0; i < n; i++) {
        const struct class_row *r = &p->rows[i];
        if (!r->live.blocks && !r->blocks && !r->selected)
            continue;
        first = used++ ? first : i;
        last = i + 1;
    }
    memmove(p->rows, p->rows + first, (last - first) * sizeof *p->rows);
    p->table.n_rows = last - first;
}

static void fill_sizes(struct pane *p, const struct view_context *x)
{
    const struct block_filter *f = x->filter;
    for (unsigned i = 0; i < SEG_SIZE_CLASSES; i++) {
        const struct size_row *size = &x->snapshot->sizes[i];
        struct class_row *r = &p->rows[i];
        *r = (struct class_row){ .min = size->min, .max = size->max,
                                 .blocks = size->allocations, .bytes = size->bytes_allocated };
        if (f && f->known)
            r->live = f->sums.sizes[i];
        r->selected = f && overlaps_size(&f->what, r);
    }
    trim(p, SEG_SIZE_CLASSES);
}

/* Those that were not timed come first, and have no bar: no scale would suit both. */
static void fill_ages(struct pane *p, const struct view_context *x)
{
    const struct block_filter *f = x->filter;
    const struct totals *t = &x->snapshot->totals;
    unsigned n = 0;
    p->table.n_rows = 0;
    if (!snapshot_has_births(x->snapshot))
        return;
    if (t->short_ns)
        p->rows[n++] = (struct class_row){ .blocks = t->temporary, .temporary = true,
                                           .short_lived = true,
                                           .selected = block_filter_short(f) };
    for (unsigned i = 0; i < SEG_LIFE_CLASSES; i++) {
        const struct lifetime_row *age = &x->snapshot->lifetimes[i];
        struct class_row *r = &p->rows[n++];
        *r = (struct class_row){ .min = i ? x->snapshot->lifetimes[i - 1].below_ns : 0,
                                 .max = age->below_ns, .blocks = age->frees,
                                 .short_lived = age->below_ns <= t->short_ns };
        if (f && f->known)
            r->live = f->sums.ages[i];
        r->selected = f && (overlaps_age(&f->what, r) ||
                            (r->short_lived && block_filter_short(f)));
    }
    trim(p, n);
}

/* Begin where most of the live blocks are. They grow older: the list that has not the
 * cursor follows them until somebody has moved there. */
static void place_cursor(struct pane *p, const struct view_context *x, bool front)
{
    size_t best = 0;
    if (p->moved || (p->placed && front) || !x->filter || !x->filter->known)
        return;
    for (size_t i = 1; i < p->table.n_rows; i++)
        if (p->rows[i].live.blocks > p->rows[best].live.blocks)
            best = i;
    p->table.cursor = best;
    p->placed = true;
}

/* ---- panes --------------------------------------------------------------------------- */

enum class_column { COLUMN_SELECTED, COLUMN_CLASS, COLUMN_LIVE, COLUMN_BLOCKS, COLUMN_ALL,
                    COLUMN_BAR, COLUMN_COUNT };

static const struct table_column columns[PANES][COLUMN_COUNT] = {
    [PANE_SIZES] = {
        [COLUMN_SELECTED] = { .name = "", .width = 1, .fixed = true },
        [COLUMN_CLASS] = { .name = "SIZE", .width = 9, .fixed = true },
        [COLUMN_LIVE] = { .name = "LIVE", .width = 5, .fixed = true },
        [COLUMN_BLOCKS] = { .name = "#LIVE", .width = 5, .fixed = true },
        [COLUMN_ALL] = { .name = "ALLOCS", .width = 6, .fixed = true },
        [COLUMN_BAR] = { .name = "", .left = true, .fixed = true },
    },
    [PANE_AGES] = {
        [COLUMN_SELECTED] = { .name = "", .width = 1, .fixed = true },
        [COLUMN_CLASS] = { .name = "AGE", .width = 9, .fixed = true },
        [COLUMN_LIVE] = { .name = "LIVE", .width = 5, .fixed = true },
        [COLUMN_BLOCKS] = { .name = "#LIVE", .width = 5, .fixed = true },
        [COLUMN_ALL] = { .name = "FREED", .width = 6, .fixed = true },
        [COLUMN_BAR] = { .name = "", .left = true, .fixed = true },
    },
};

struct pane_data {
    const struct pane *pane;
    int kind;
    bool bytes, known, estimated;
    double most; /* of the bars */
};

static double net_of(const struct pane_data *d, const struct class_row *r)
{
    return (double)(d->bytes ? r->live.bytes : r->live.blocks);
}

static double overall_of(const struct pane_data *d, const struct class_row *r)
{
    return (double)(d->bytes ? r->bytes : r->blocks);
}

/* "1.68 us": the bounds of ages are no round numbers. */
static char *age_text(char *out, size_t n, uint64_t ns)
{
    static const struct { double ns; const char *name; } units[] = {
        { 86400e9, "d" }, { 3600e9, "h" }, { 60e9, "min" }, { 1e9, "s" }, { 1e6, "ms" },
        { 1e3, "us" }, { 1, "ns" },
    };
    size_t i = 0;
    while (i < sizeof units / sizeof *units - 1 && (double)ns < units[i].ns)
        i++;
    snprintf(out, n, "%.3g %s", (double)ns / units[i].ns, units[i].name);
    return out;
}

static char *class_text(const struct pane_data *d, const struct class_row *r, char *out, size_t n)
{
    struct histogram_group group = { .min = r->min, .max = r->max };
    char bound[24];
    if (d->kind == PANE_SIZES)
        return histogram_label(out, n, &group);
    if (r->temporary)
        snprintf(out, n, "temporary");
    else if (r->max == UINT64_MAX)
        snprintf(out, n, ">%s", age_text(bound, sizeof bound, r->min));
    else
        snprintf(out, n, "<%s", age_text(bound, sizeof bound, r->max));
    return out;
}

static void draw_cell(void *data, size_t row, int column, struct canvas *c, int at_row, int col,
                      int width)
{
    const struct pane_data *d = data;
    const struct class_row *r = &d->pane->rows[row];
    char text[48] = "-";
    switch (column) {
    case COLUMN_SELECTED:
        if (r->selected)
            canvas_fill(c, at_row, col, 1, ROLE_STRONG, c->glyphs == GLYPHS_ASCII ? '*' : 0x25cf);
        return;
    case COLUMN_BAR:
        if (!r->temporary)
            graph_net_bar(c, at_row, col, width, net_of(d, r) / d->most,
                          overall_of(d, r) / d->most);
        return;
    case COLUMN_CLASS: class_text(d, r, text, sizeof text); break;
    case COLUMN_LIVE:
        if (d->known && !r->temporary)
            format_bytes_short(text, sizeof text, (int64_t)r->live.bytes);
        break;
    case COLUMN_BLOCKS:
        if (d->known && !r->temporary)
            format_count(text, sizeof text, (int64_t)r->live.blocks);
        break;
    default: format_count(text, sizeof text, (int64_t)r->blocks);
    }
    canvas_text_right(c, at_row, col, width, column == COLUMN_LIVE ? ROLE_STRONG : ROLE_PLAIN,
                      text);
}

static void draw_pane(struct sizes_view *v, const struct view_context *x, int kind,
                      struct canvas *c, struct rect a)
{
    struct pane *p = &v->panes[kind];
    struct pane_data d = { .pane = p, .kind = kind, .bytes = v->bytes, .most = 1,
                           .known = x->filter && x->filter->known };
    for (size_t i = 0; i < p->table.n_rows; i++) {
        if (p->rows[i].temporary)
            continue;
        double all = overall_of(&d, &p->rows[i]), net = net_of(&d, &p->rows[i]);
        d.most = all > d.most ? all : d.most;
        d.most = net > d.most ? net : d.most;
    }
    p->table.cursor_shown = v->front == kind;
    table_draw(&p->table, columns[kind], COLUMN_COUNT, c, a, draw_cell, &d);
    if (kind == PANE_AGES && !snapshot_has_births(x->snapshot) && a.rows > 1)
        canvas_text(c, a.row + 1, a.col, a.cols, ROLE_DIM, SNAPSHOT_NO_BIRTHS);
}

/* The same of short lives: how many, and what is exact about it. */
static void draw_short(const struct sizes_view *v, const struct view_context *x, struct canvas *c,
                       struct rect a)
{
    const struct totals *t = &x->snapshot->totals;
    struct histogram_group group = { .min = x->filter->what.size_min,
                                     .max = x->filter->what.size_max };
    const char *about = t->estimated ? "~" : "";
    char some[32], all[32], temporary[32], below[24], size[40];
    format_grouped(some, sizeof some, (int64_t)v->list.short_frees);
    format_grouped(all, sizeof all, (int64_t)t->short_lived);
    if (x->filter->what.by_size)
        canvas_printf(c, a.row, a.col, a.cols, ROLE_HEAD,
                      "%s%s of %s short-lived frees: sites of %s bytes (average, or live)",
                      about, some, all, histogram_label(size, sizeof size, &group));
    else
        canvas_printf(c, a.row, a.col, a.cols, ROLE_HEAD,
                      "%s%s short-lived frees: under %s old, %s of them temporary", about, all,
                      age_text(below, sizeof below, t->short_ns),
                      format_grouped(temporary, sizeof temporary, (int64_t)t->temporary));
}

/* What is selected, and how much that is. */
static void draw_selection(const struct sizes_view *v, const struct view_context *x,
                           struct canvas *c, struct rect a)
{
    const struct block_filter *f = x->filter;
    char what[128], blocks[32], bytes[24], all[24];
    canvas_fill(c, a.row, a.col, a.cols, ROLE_HEAD, ' ');
    if (block_filter_short(f)) {
        draw_short(v, x, c, a);
        return;
    }
    if (!f || !block_filter_ready(f)) {
        canvas_text(c, a.row, a.col, a.cols, ROLE_HEAD,
                    x->no_blocks ? "single blocks are not in this file: memtop snapshot --blocks"
                                 : view_waits(x, "live blocks are being summed..."));
        return;
    }
    const char *about = f->sums.estimated ? "~" : "";
    format_grouped(blocks, sizeof blocks, (int64_t)f->sums.taken.blocks);
    format_bytes(bytes, sizeof bytes, (int64_t)f->sums.taken.bytes);
    format_bytes(all, sizeof all, (int64_t)f->sums.all.bytes);
    if (block_filter_on(f))
        canvas_printf(c, a.row, a.col, a.cols, ROLE_HEAD, "%s%s live block%s, %s%s of %s: %s",
                      about, blocks, format_s((int64_t)f->sums.taken.blocks), about, bytes, all,
                      block_filter_describe(f, x->snapshot, what, sizeof what));
    else
        canvas_printf(c, a.row, a.col, a.cols, ROLE_HEAD, "all %s%s live block%s, %s%s", about,
                      blocks, format_s((int64_t)f->sums.taken.blocks), about, bytes);
}

static void sizes_draw(void *state, const struct view_context *x, struct canvas *c, struct rect a)
{
    struct sizes_view *v = state;
    struct rect left, right;
    fill_sizes(&v->panes[PANE_SIZES], x);
    fill_ages(&v->panes[PANE_AGES], x);
    for (int i = 0; i < PANES; i++)
        place_cursor(&v->panes[i], x, v->front == i);
    if (a.rows < 3)
        return;
    struct rect head = a;
    a.row++;
    a.rows--;
    int list = a.rows >= 14 ? a.rows * 2 / 5 : 0;
    left = right = (struct rect){ .row = a.row, .col = a.col, .rows = a.rows - list,
                                  .cols = (a.cols - 2) / 2 };
    right.col = a.col + left.cols + 2;
    right.cols = a.cols - left.cols - 2;
    draw_pane(v, x, PANE_SIZES, c, left);
    draw_pane(v, x, PANE_AGES, c, right);
    v->list.filtered = block_filter_on(x->filter);
    site_list_draw(&v->list, x, c, (struct rect){ .row = a.row + a.rows - list, .col = a.col,
                                                  .rows = list, .cols = a.cols });
    draw_selection(v, x, c, head);
}

/* ---- input --------------------------------------------------------------------------- */

static void widen(struct choice *w, int kind, const struct class_row *r)
{
    if (kind == PANE_SIZES) {
        w->size_min = w->by_size && w->size_min < r->min ? w->size_min : r->min;
        w->size_max = w->by_size && w->size_max > r->max ? w->size_max : r->max;
        w->by_size = true;
    } else {
        uint64_t from = w->short_lived ? 0 : r->min;
        w->age_min_ns = w->by_age && w->age_min_ns < from ? w->age_min_ns : from;
        w->age_below_ns = w->by_age && w->age_below_ns > r->max ? w->age_below_ns : r->max;
        w->by_age = true;
        w->short_lived = false;
    }
}

/* The row under the cursor; again up to another row; on one of these: all. */
static void select_row(struct sizes_view *v, const struct view_context *x, bool only_add)
{
    const struct pane *p = &v->panes[v->front];
    if (!x->filter || p->table.cursor >= p->table.n_rows)
        return;
    const struct class_row *r = &p->rows[p->table.cursor];
    struct choice what = x->filter->what;
    if (!r->selected && r->short_lived && !what.by_age)
        what.short_lived = !(what.by_thread = false);
    else if (!r->selected)
        widen(&what, v->front, r);
    else if (!only_add && v->front == PANE_SIZES)
        what.by_size = false;
    else if (!only_add)
        what.by_age = what.short_lived = false;
    block_filter_choose(x->filter, &what);
}

static bool sizes_action(void *state, const struct view_context *x, enum action action)
{
    struct sizes_view *v = state;
    struct pane *p = &v->panes[v->front];
    switch (action) {
    case ACTION_UNITS: v->bytes = !v->bytes; return true;
    case ACTION_OTHER_PANE: v->front = !v->front; return true;
    case ACTION_SELECT: select_row(v, x, false); return true;
    case ACTION_SELECT_SITES: select_row(v, x, true); return false;
    default:
        if (!table_action(&p->table, columns[v->front], COLUMN_COUNT, action))
            return false;
        p->moved = true;
        return true;
    }
}

static void sizes_click(void *state, const struct view_context *x, int row, int col)
{
    struct sizes_view *v = state;
    (void)x;
    for (int i = 0; i < PANES; i++) {
        const struct rect *a = &v->panes[i].table.area;
        if (row < a->row || row >= a->row + a->rows || col < a->col || col >= a->col + a->cols)
            continue;
        v->front = i;
        v->panes[i].moved = true;
        table_click(&v->panes[i].table, columns[i], COLUMN_COUNT, row, col);
    }
}

static char *sizes_status(void *state, const struct view_context *x, char *out, size_t n)
{
    struct sizes_view *v = state;
    char all[32];
    bool known = !block_filter_on(x->filter) || block_filter_short(x->filter) ||
                 block_filter_ready(x->filter);
    snprintf(out, n, "%s call site%s, bars in %s",
             known ? format_grouped(all, sizeof all, (int64_t)v->list.order.n) : "-",
             known ? format_s((int64_t)v->list.order.n) : "s", v->bytes ? "bytes" : "blocks");
    return out;
}

const struct view_ops view_sizes = {
    .name = "Sizes",
    .title = "Sizes and ages",
    .state_bytes = sizeof(struct sizes_view),
    .reads = VIEW_READS_SITES | VIEW_READS_SELECTED,
    .where = WHERE_TARGET | WHERE_SIZES | WHERE_SHOWS,
    .init = sizes_init,
    .fini = sizes_fini,
    .draw = sizes_draw,
    .action = sizes_action,
    .click = sizes_click,
    .status = sizes_status,
};
