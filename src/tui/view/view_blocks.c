/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live blocks of one call site: address, size, age, thread; and what is in
 * one of them, read from the target each time it is drawn.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tui/view/block_filter.h"
#include "tui/view/block_list.h"
#include "tui/view/format.h"
#include "tui/view/labels.h"
#include "tui/view/order.h"
#include "tui/view/table.h"
#include "tui/view/view.h"

#define PER_ROW 16          /* bytes of a block in a row */
#define CONTENTS_COLUMNS 77 /* that they take */
#define SIDE_BY_SIDE 140

enum block_column { COLUMN_ADDRESS, COLUMN_SIZE, COLUMN_AGE, COLUMN_TID, COLUMN_NAME,
                    COLUMN_COUNT };

static const struct table_column columns[COLUMN_COUNT] = {
    [COLUMN_ADDRESS] = { .name = "ADDRESS", .width = 18 },
    [COLUMN_SIZE] = { .name = "SIZE", .width = 14 },
    [COLUMN_AGE] = { .name = "AGE", .width = 8 },
    [COLUMN_TID] = { .name = "THREAD", .width = 8 },
    [COLUMN_NAME] = { .name = "NAME", .left = true, .fixed = true },
};

struct blocks {
    struct table table;
    struct order order;
    unsigned version;
    int sorted_by;
    bool sorted_reverse;
    bool contents;        /* of `row`, on the whole page */
    struct block_row row;
    uint64_t skip;        /* its rows scrolled away */
    int page;
    const struct view_context *x; /* while drawing */
};

static void blocks_init(void *state)
{
    struct blocks *v = state;
    v->table.cursor_shown = true;
    v->table.sort = COLUMN_SIZE;
}

static void blocks_fini(void *state)
{
    struct blocks *v = state;
    order_fini(&v->order);
}

/* ---- the list ---------------------------------------------------------------------- */

static char *age_text(const struct view_context *x, const struct block_row *r, char *out, size_t n)
{
    uint64_t now = x->snapshot->target.wall_ns;
    if (snapshot_has_births(x->snapshot))
        return format_duration(out, n, now > r->birth_ns ? now - r->birth_ns : 0);
    snprintf(out, n, "-");
    return out;
}

static double key_of(const struct block_row *r, int column)
{
    switch (column) {
    case COLUMN_ADDRESS: return -(double)r->address;
    case COLUMN_AGE: return -(double)r->birth_ns;
    case COLUMN_TID: return -(double)r->tid;
    default: return (double)r->size;
    }
}

static void sort(struct blocks *v, const struct block_list *b)
{
    if (v->version == b->version && v->sorted_by == v->table.sort &&
        v->sorted_reverse == v->table.reverse)
        return;
    v->version = b->version;
    v->sorted_by = v->table.sort;
    v->sorted_reverse = v->table.reverse;
    if (order_reserve(&v->order, b->rows.n) != 0)
        return;
    for (uint32_t i = 0; i < b->rows.n; i++) {
        double key = key_of(&b->rows.rows[i], v->table.sort);
        v->order.items[i] = (struct order_item){ .key = v->table.reverse ? -key : key, .row = i };
    }
    order_first(&v->order, v->order.n);
}

static const char *thread_name(const struct snapshot *s, int tid)
{
    for (size_t i = 0; tid && i < s->n_threads; i++)
        if (s->threads[i].tid == tid)
            return s->threads[i].name;
    return tid || !snapshot_has_births(s) ? "" : "(ended)";
}

static void draw_cell(void *data, size_t at, int column, struct canvas *c, int row, int col,
                      int width)
{
    struct blocks *v = data;
    const struct block_row *r = &v->x->blocks->rows.rows[v->order.items[at].row];
    char text[32];
    switch (column) {
    case COLUMN_ADDRESS: snprintf(text, sizeof text, "0x%" PRIx64, r->address); break;
    case COLUMN_SIZE: format_grouped(text, sizeof text, (int64_t)r->size); break;
    case COLUMN_AGE: age_text(v->x, r, text, sizeof text); break;
    case COLUMN_TID: snprintf(text, sizeof text, r->tid ? "%d" : "-", r->tid); break;
    default:
        canvas_text(c, row, col, width, ROLE_FUNCTION, thread_name(v->x->snapshot, r->tid));
        return;
    }
    canvas_text_right(c, row, col, width, column == v->table.sort ? ROLE_STRONG : ROLE_PLAIN,
                      text);
}

static const char *births_text(const struct block_list *b)
{
    return !b->since ? "" : b->until == UINT64_MAX ? ", since the mark" : ", between the marks";
}

static void draw_title(const struct view_context *x, struct canvas *c, struct rect a)
{
    const struct block_list *b = x->blocks;
    char what[128] = "";
    struct label *label = malloc(sizeof *label);
    char count[32], bytes[24];
    canvas_fill(c, a.row, a.col, a.cols, ROLE_HEAD, ' ');
    if (label && b->set.count)
        snprintf(label->function, sizeof label->function, "%s (%zu call site%s)", b->set.name,
                 b->set.count, format_s((int64_t)b->set.count));
    else if (label && b->site < x->snapshot->n_sites)
        labels_site(x->symbols, x->snapshot, b->site, label);
    else if (label)
        label->function[0] = '\0';
    if (block_filter_on(x->filter) && !block_filter_short(x->filter))
        block_filter_describe(x->filter, x->snapshot, what, sizeof what);
    canvas_printf(c, a.row, a.col, a.cols, ROLE_HEAD, "%s block%s, %s, of %.100s%s%s%s",
                  format_grouped(count, sizeof count, (int64_t)b->rows.blocks),
                  format_s((int64_t)b->rows.blocks),
                  format_bytes(bytes, sizeof bytes, (int64_t)b->rows.bytes),
                  label ? label->function : "", births_text(b), *what ? ": " : "", what);
    free(label);
}

static void draw_list(struct blocks *v, const struct view_context *x, struct canvas *c,
                      struct rect a)
{
    draw_title(x, c, a);
    a.row++;
    a.rows--;
    sort(v, x->blocks);
    v->table.n_rows = v->order.n;
    v->x = x;
    table_draw(&v->table, columns, COLUMN_COUNT, c, a, draw_cell, v);
    v->x = NULL;
    if (!v->order.n && a.rows > 1)
        canvas_text(c, a.row + 1, a.col, a.cols, ROLE_DIM,
                    x->blocks->absent ? "not in this file: memtop snapshot --blocks has them"
                    : x->blocks->known ? "no live blocks" : view_waits(x, "being read..."));
}

/* ---- contents ------------------------------------------------------------------------ */

static void draw_bytes(struct canvas *c, struct rect a, int row, uint64_t offset,
                       const unsigned char *bytes, long n)
{
    int col = a.col + canvas_printf(c, row, a.col, a.cols, ROLE_DIM, "%8" PRIx64 "  ", offset);
    char text[PER_ROW + 1];
    long i = 0;
    for (; i < n; i++) {
        canvas_printf(c, row, col + (int)i * 3 + (i >= 8), 2, ROLE_PLAIN, "%02x", bytes[i]);
        text[i] = bytes[i] >= ' ' && bytes[i] < 127 ? (char)bytes[i] : '.';
    }
    text[i] = '\0';
    canvas_text(c, row, col + PER_ROW * 3 + 2, a.cols - (col - a.col) - PER_ROW * 3 - 2,
                ROLE_FUNCTION, text);
}

/* What is in a block, from its row *skip on, which is brought into range. */
static void draw_contents(const struct view_context *x, const struct block_row *row,
                          uint64_t *skip, struct canvas *c, struct rect a)
{
    char size[32], age[24];
    uint64_t rows = (row->size + PER_ROW - 1) / PER_ROW, page = (uint64_t)a.rows - 1;
    canvas_fill(c, a.row, a.col, a.cols, ROLE_HEAD, ' ');
    canvas_printf(c, a.row, a.col, a.cols, ROLE_HEAD, "0x%" PRIx64 ", %s byte%s, %s old",
                  row->address, format_grouped(size, sizeof size, (int64_t)row->size),
                  format_s((int64_t)row->size), age_text(x, row, age, sizeof age));
    if (a.rows < 2)
        return;
    if (*skip + page > rows)
        *skip = rows > page ? rows - page : 0;
    size_t want = (size_t)page * PER_ROW;
    unsigned char *bytes = malloc(want);
    uint64_t offset = *skip * PER_ROW;
    long got = bytes ? block_list_peek(x->blocks, row, offset, bytes, want) : -2;
    if (got <= 0)
        canvas_text(c, a.row + 1, a.col, a.cols, ROLE_DIM,
                    x->blocks->from_file ? "a file has no contents of blocks"
                    : got == -1 ? "gone" : got == 0 ? "empty" : "cannot be read");
    for (long i = 0; i < got; i += PER_ROW)
        draw_bytes(c, a, a.row + 1 + (int)(i / PER_ROW), offset + (uint64_t)i, bytes + i,
                   got - i < PER_ROW ? got - i : PER_ROW);
    free(bytes);
}

/* The list, and where there is room beside it what is in the block under the cursor. */
static void draw_list_and_block(struct blocks *v, const struct view_context *x, struct canvas *c,
                                struct rect a)
{
    struct rect list = a, block = a;
    uint64_t skip = 0;
    if (a.cols >= SIDE_BY_SIDE) {
        list.cols = a.cols - CONTENTS_COLUMNS - 2;
        block.col += list.cols + 2;
        block.cols = CONTENTS_COLUMNS;
    }
    draw_list(v, x, c, list);
    if (a.cols >= SIDE_BY_SIDE && v->table.cursor < v->order.n)
        draw_contents(x, &x->blocks->rows.rows[v->order.items[v->table.cursor].row], &skip, c,
                      block);
}

static void blocks_draw(void *state, const struct view_context *x, struct canvas *c,
                        struct rect a)
{
    struct blocks *v = state;
    if (a.rows < 1)
        return;
    if (!x->blocks || !x->blocks->wanted) {
        v->contents = false;
        canvas_text(c, a.row, a.col, a.cols, ROLE_DIM,
                    "b on a call site shows its live blocks here");
    } else if (v->contents) {
        v->page = a.rows - 1;
        draw_contents(x, &v->row, &v->skip, c, a);
    } else {
        draw_list_and_block(v, x, c, a);
    }
}

/* ---- input --------------------------------------------------------------------------- */

void view_blocks_begin(void *state)
{
    struct blocks *v = state;
    v->contents = false;
    v->table.cursor = 0;
}

static void scroll(struct blocks *v, int64_t by)
{
    int64_t to = (int64_t)v->skip + by;
    v->skip = to > 0 ? (uint64_t)to : 0; /* its end is brought into range when drawn */
}

static bool contents_action(struct blocks *v, enum action action)
{
    switch (action) {
    case ACTION_UP: scroll(v, -1); return true;
    case ACTION_DOWN: scroll(v, 1); return true;
    case ACTION_PAGE_UP: scroll(v, -v->page); return true;
    case ACTION_PAGE_DOWN: scroll(v, v->page); return true;
    case ACTION_FIRST: v->skip = 0; return true;
    case ACTION_LAST: v->skip = v->row.size / PER_ROW; return true;
    case ACTION_QUIT: case ACTION_CANCEL: case ACTION_CONTENTS:
        v->contents = false;
        return true;
    default: return false;
    }
}

static bool blocks_action(void *state, const struct view_context *x, enum action action)
{
    struct blocks *v = state;
    if (v->contents)
        return contents_action(v, action);
    if (x->blocks)
        sort(v, x->blocks); /* a pass may have ended since it was drawn */
    if (action == ACTION_CONTENTS && x->blocks && v->table.cursor < v->order.n) {
        v->row = x->blocks->rows.rows[v->order.items[v->table.cursor].row];
        v->contents = true;
        v->skip = 0;
        return true;
    }
    return table_action(&v->table, columns, COLUMN_COUNT, action);
}

static void blocks_click(void *state, const struct view_context *x, int row, int col)
{
    struct blocks *v = state;
    (void)x;
    if (!v->contents)
        table_click(&v->table, columns, COLUMN_COUNT, row, col);
}

static char *blocks_status(void *state, const struct view_context *x, char *out, size_t n)
{
    struct blocks *v = state;
    char at[32], all[32];
    bool cut = x->blocks && x->blocks->rows.n == BLOCK_LIST_MOST;
    if (v->contents) {
        snprintf(out, n, "what is in the block now; Esc: the list");
        return out;
    }
    snprintf(out, n, "%s of %s block%s%s%s",
             format_grouped(at, sizeof at, (int64_t)(v->table.cursor + (v->order.n > 0))),
             format_grouped(all, sizeof all, (int64_t)v->order.n), format_s((int64_t)v->order.n),
             cut ? ", others not listed" : "",
             snapshot_has_births(x->snapshot) ? "" : ", " SNAPSHOT_NO_BIRTHS);
    return out;
}

static void blocks_remember(const void *state, struct settings *s)
{
    const struct blocks *v = state;
    table_remember(&v->table, columns, s, "blocks");
}

static bool blocks_recall(void *state, const struct settings *s)
{
    struct blocks *v = state;
    return table_recall(&v->table, columns, COLUMN_COUNT, s, "blocks");
}

const struct view_ops view_blocks = {
    .name = "Blocks",
    .title = "Live blocks",
    .state_bytes = sizeof(struct blocks),
    .reads = VIEW_READS_BLOCKS,
    .where = WHERE_TARGET | WHERE_LIST | WHERE_SORTED | WHERE_BLOCKS | WHERE_SHOWS,
    .init = blocks_init,
    .fini = blocks_fini,
    .draw = blocks_draw,
    .action = blocks_action,
    .click = blocks_click,
    .status = blocks_status,
    .remember = blocks_remember,
    .recall = blocks_recall,
};
