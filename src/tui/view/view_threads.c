/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads and what each did. A thread's figures are the calls that it
 * made: blocks that it freed may be another's.
 */
#include <stdio.h>

#include "tui/view/block_filter.h"
#include "tui/view/format.h"
#include "tui/view/order.h"
#include "tui/view/table.h"
#include "tui/view/view.h"

enum thread_column {
    COLUMN_TID, COLUMN_RATE, COLUMN_ALLOCS, COLUMN_FREES, COLUMN_REALLOCS, COLUMN_BYTES,
    COLUMN_FREED, COLUMN_TEMPORARY, COLUMN_LAST, COLUMN_NAME, COLUMN_COUNT
};

static const struct table_column columns[COLUMN_COUNT] = {
    [COLUMN_TID] = { .name = "TID", .width = 7 },
    [COLUMN_RATE] = { .name = "ALLOC/S", .width = 7 },
    [COLUMN_ALLOCS] = { .name = "ALLOCS", .width = 6 },
    [COLUMN_FREES] = { .name = "FREES", .width = 5 },
    [COLUMN_REALLOCS] = { .name = "REALLOCS", .width = 8, .from_cols = 72 },
    [COLUMN_BYTES] = { .name = "BYTES", .width = 5 },
    [COLUMN_FREED] = { .name = "FREED", .width = 5, .from_cols = 60 },
    [COLUMN_TEMPORARY] = { .name = "TEMP%", .width = 5, .from_cols = 72 },
    [COLUMN_LAST] = { .name = "IDLE", .width = 6, .from_cols = 100 },
    [COLUMN_NAME] = { .name = "NAME", .left = true, .fixed = true },
};

struct threads {
    struct table table;
    struct order order;
    const struct view_context *x; /* while drawing */
};

static void threads_init(void *state)
{
    struct threads *v = state;
    v->table.cursor_shown = true;
    v->table.sort = COLUMN_RATE;
}

static void threads_fini(void *state)
{
    struct threads *v = state;
    order_fini(&v->order);
}

static uint64_t idle_ns(const struct view_context *x, const struct thread_row *r)
{
    uint64_t now = x->snapshot->target.wall_ns;
    return now > r->last_ns ? now - r->last_ns : 0;
}

static double key_of(const struct view_context *x, uint32_t row, int column)
{
    const struct thread_row *r = &x->snapshot->threads[row];
    switch (column) {
    case COLUMN_TID: return -(double)r->tid;
    /* What rests comes after what runs, in the order of what it did. */
    case COLUMN_RATE:
        return rate_table_get(x->thread_rates, row) + (double)r->allocations * 1e-12;
    case COLUMN_ALLOCS: return (double)r->allocations;
    case COLUMN_FREES: return (double)r->frees;
    case COLUMN_REALLOCS: return (double)r->reallocations;
    case COLUMN_FREED: return (double)r->bytes_freed;
    case COLUMN_TEMPORARY:
        return r->allocations ? (double)r->temporary / (double)r->allocations : 0;
    case COLUMN_LAST: return (double)idle_ns(x, r);
    default: return (double)r->bytes_allocated;
    }
}

static void sort(struct threads *v, const struct view_context *x)
{
    const struct snapshot *s = x->snapshot;
    v->table.n_rows = 0;
    if (order_reserve(&v->order, s->n_threads) != 0)
        return;
    for (uint32_t i = 0; i < s->n_threads; i++) {
        double key = key_of(x, i, v->table.sort);
        v->order.items[i] = (struct order_item){ .key = v->table.reverse ? -key : key,
                                                 .row = i };
    }
    order_first(&v->order, v->order.n);
    v->table.n_rows = v->order.n;
}

static bool is_selected(const struct view_context *x, const struct thread_row *r)
{
    return x->filter && x->filter->what.by_thread && x->filter->what.tid == r->tid;
}

static void draw_name(const struct thread_row *r, bool selected, struct canvas *c, int row,
                      int col, int width)
{
    int used = canvas_text(c, row, col, width, ROLE_FUNCTION, r->name[0] ? r->name : "?");
    if (!r->alive && r->tid)
        used += 1 + canvas_text(c, row, col + used + 1, width - used - 1, ROLE_DIM, "(ended)");
    if (selected)
        canvas_text(c, row, col + used + 1, width - used - 1, ROLE_STRONG, "SELECTED");
}

static char *cell_text(const struct view_context *x, uint32_t row, int column, char *out,
                       size_t n)
{
    const struct thread_row *r = &x->snapshot->threads[row];
    switch (column) {
    case COLUMN_TID:
        snprintf(out, n, r->tid ? "%d" : "-", r->tid);
        return out;
    case COLUMN_RATE: return format_rate(out, n, rate_table_get(x->thread_rates, row));
    case COLUMN_ALLOCS: return format_count(out, n, (int64_t)r->allocations);
    case COLUMN_FREES: return format_count(out, n, (int64_t)r->frees);
    case COLUMN_REALLOCS: return format_count(out, n, (int64_t)r->reallocations);
    case COLUMN_BYTES: return format_bytes_short(out, n, (int64_t)r->bytes_allocated);
    case COLUMN_FREED: return format_bytes_short(out, n, (int64_t)r->bytes_freed);
    case COLUMN_TEMPORARY:
        return format_percent(out, n, (int64_t)r->temporary, (int64_t)r->allocations);
    default: return format_duration(out, n, idle_ns(x, r));
    }
}

static void draw_cell(void *data, size_t row, int column, struct canvas *c, int at_row,
                      int col, int width)
{
    struct threads *v = data;
    uint32_t thread = v->order.items[row].row;
    const struct thread_row *r = &v->x->snapshot->threads[thread];
    char text[32];
    if (column == COLUMN_NAME) {
        draw_name(r, is_selected(v->x, r), c, at_row, col, width);
        return;
    }
    cell_text(v->x, thread, column, text, sizeof text);
    canvas_text_right(c, at_row, col, width, column == v->table.sort ? ROLE_STRONG : ROLE_PLAIN,
                      text);
}

static void threads_draw(void *state, const struct view_context *x, struct canvas *c,
                         struct rect a)
{
    struct threads *v = state;
    v->x = x;
    sort(v, x);
    table_draw(&v->table, columns, COLUMN_COUNT, c, a, draw_cell, v);
    v->x = NULL;
}

/* Only blocks of the thread under the cursor, or, with `toggle`, again of all. */
static void choose_thread(const struct threads *v, const struct view_context *x, bool toggle)
{
    if (!x->filter || v->table.cursor >= v->order.n)
        return;
    struct choice what = x->filter->what;
    const struct thread_row *r = &x->snapshot->threads[v->order.items[v->table.cursor].row];
    what.by_thread = !(toggle && is_selected(x, r));
    what.tid = r->tid;
    what.short_lived = false; /* by thread that is not known */
    block_filter_choose(x->filter, &what);
}

static bool threads_action(void *state, const struct view_context *x, enum action action)
{
    struct threads *v = state;
    bool selects = action == ACTION_SELECT || action == ACTION_SELECT_SITES;
    if (selects && !snapshot_has_births(x->snapshot))
        return true;
    if (selects) {
        choose_thread(v, x, action == ACTION_SELECT);
        return action == ACTION_SELECT;
    }
    return table_action(&v->table, columns, COLUMN_COUNT, action);
}

static void threads_click(void *state, const struct view_context *x, int row, int col)
{
    struct threads *v = state;
    (void)x;
    table_click(&v->table, columns, COLUMN_COUNT, row, col);
}

static char *threads_status(void *state, const struct view_context *x, char *out, size_t n)
{
    size_t alive = 0, sums = 0;
    (void)state;
    for (size_t i = 0; i < x->snapshot->n_threads; i++) {
        alive += x->snapshot->threads[i].alive;
        sums += x->snapshot->threads[i].tid == 0;
    }
    snprintf(out, n, "%zu thread%s, %zu alive%s", x->snapshot->n_threads - sums,
             format_s((int64_t)(x->snapshot->n_threads - sums)), alive,
             snapshot_has_births(x->snapshot) ? "" : ", no threads of blocks in compact mode");
    return out;
}

static void threads_remember(const void *state, struct settings *s)
{
    const struct threads *v = state;
    table_remember(&v->table, columns, s, "threads");
}

static bool threads_recall(void *state, const struct settings *s)
{
    struct threads *v = state;
    return table_recall(&v->table, columns, COLUMN_COUNT, s, "threads");
}

const struct view_ops view_threads = {
    .name = "Threads",
    .title = "Threads",
    .state_bytes = sizeof(struct threads),
    .where = WHERE_TARGET | WHERE_LIST | WHERE_SORTED | WHERE_THREADS | WHERE_SHOWS,
    .init = threads_init,
    .fini = threads_fini,
    .draw = threads_draw,
    .action = threads_action,
    .click = threads_click,
    .status = threads_status,
    .remember = threads_remember,
    .recall = threads_recall,
};
