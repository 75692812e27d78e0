/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The picker. The cursor stays on its process while others come and go.
 */
#include "tui/view/picker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tui/view/format.h"

#define PERIOD_NS UINT64_C(1000000000)

enum picker_column {
    COLUMN_PID, COLUMN_STATE, COLUMN_UP, COLUMN_LIVE, COLUMN_RECORDS, COLUMN_COMMAND,
    COLUMN_COUNT
};

static const struct table_column columns[COLUMN_COUNT] = {
    [COLUMN_PID] = { .name = "PID", .width = 8 },
    [COLUMN_STATE] = { .name = "STATE", .width = 9, .left = true },
    [COLUMN_UP] = { .name = "UP", .width = 6 },
    [COLUMN_LIVE] = { .name = "LIVE", .width = 6 },
    [COLUMN_RECORDS] = { .name = "RECORDS", .width = 7, .from_cols = 60 },
    [COLUMN_COMMAND] = { .name = "COMMAND", .left = true },
};

void picker_init(struct picker *p)
{
    *p = (struct picker){ .table = { .cursor_shown = true, .sort = -1 } };
}

void picker_fini(struct picker *p)
{
    free(p->found);
    p->found = NULL;
    p->n = 0;
}

int picker_selected(const struct picker *p)
{
    return p->table.cursor < p->n ? p->found[p->table.cursor].pid : 0;
}

static uint64_t realtime_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool is_listed(const struct found *list, size_t n, int pid)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].alive && list[i].pid == pid)
            return true;
    return false;
}

/* Behind those with the agent come those that could get it. Who was detached is among
 * the former, with what was recorded. */
static void add_bare(struct picker *p)
{
    struct found *bare;
    size_t n, with_agent = p->n;
    if (reader_find_bare(p->found, p->n, &bare, &n) == READER_OK && n) {
        struct found *all = reallocarray(p->found, p->n + n, sizeof *all);
        if (all)
            p->found = all;
        for (size_t i = 0; all && i < n; i++)
            if (!is_listed(all, with_agent, bare[i].pid))
                all[p->n++] = bare[i];
    }
    free(bare);
}

bool picker_refresh(struct picker *p, uint64_t now_ns)
{
    if (now_ns < p->next_ns)
        return false;
    int selected = picker_selected(p);
    picker_fini(p);
    p->status = reader_find_all(&p->found, &p->n);
    if (p->status != READER_OK) {
        p->found = NULL;
        p->n = 0;
    } else {
        add_bare(p);
    }
    for (size_t i = 0; i < p->n; i++)
        if (p->found[i].pid == selected)
            p->table.cursor = i;
    p->table.n_rows = p->n;
    p->now_realtime_ns = realtime_ns();
    p->next_ns = now_ns + PERIOD_NS;
    return true;
}

/* ---- drawing ----------------------------------------------------------------- */
static const char *state_name(const struct found *f)
{
    if (f->bare)
        return "no agent";
    if (!f->readable)
        return "forbidden";
    switch (f->state) {
    case TARGET_RUNNING: return f->alive ? "running" : "ended";
    case TARGET_EXITED: return "exited";
    case TARGET_KILLED: return "ended";
    case TARGET_REPLACED: return "replaced";
    case TARGET_DETACHED: return "detached";
    case TARGET_STATES: break;
    }
    return "?";
}

static char *cell_text(const struct picker *p, const struct found *f, int column, char *out,
                       size_t n)
{
    uint64_t age = p->now_realtime_ns > f->start_realtime_ns
                       ? p->now_realtime_ns - f->start_realtime_ns : 0;
    switch (column) {
    case COLUMN_PID: snprintf(out, n, "%d", f->pid); return out;
    case COLUMN_STATE: snprintf(out, n, "%s", state_name(f)); return out;
    case COLUMN_UP: return format_duration(out, n, age);
    case COLUMN_LIVE: return format_bytes_short(out, n, f->live_bytes);
    default: return format_bytes_short(out, n, (int64_t)f->segment_bytes);
    }
}

static void draw_cell(void *data, size_t row, int column, struct canvas *c, int at_row,
                      int col, int width)
{
    const struct picker *p = data;
    const struct found *f = &p->found[row];
    char text[32];
    bool known = f->readable || column == COLUMN_PID || column == COLUMN_STATE ||
                 (f->bare && column == COLUMN_UP);
    if (column == COLUMN_COMMAND) {
        canvas_text(c, at_row, col, width, ROLE_FUNCTION, f->command);
        return;
    }
    cell_text(p, f, column, text, sizeof text);
    enum role role = !f->alive || !f->readable ? ROLE_DIM : ROLE_PLAIN;
    if (columns[column].left)
        canvas_text(c, at_row, col, width, role, known ? text : "-");
    else
        canvas_text_right(c, at_row, col, width, role, known ? text : "-");
}

static void draw_nothing(const struct picker *p, struct canvas *c, int row)
{
    static const char *const hints[] = {
        "No process runs with memtop's agent. Start one in another terminal:",
        "",
        "    memtop run CMD          with the viewer",
        "    memtop stat CMD         with a report at its end",
        "    LD_PRELOAD=.../libmemtop.so CMD",
        "",
        "It appears here as soon as it runs, as do processes that memtop may attach to.",
    };
    if (p->status != READER_OK) {
        canvas_text(c, row, 1, c->cols - 1, ROLE_WARN, reader_message(p->status));
        return;
    }
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        canvas_text(c, row + (int)i, 1, c->cols - 1, ROLE_PLAIN, hints[i]);
}

void picker_draw(struct picker *p, struct canvas *c)
{
    canvas_fill(c, 0, 0, c->cols, ROLE_TITLE, ' ');
    canvas_text(c, 0, 1, c->cols - 1, ROLE_TITLE, "memtop  processes that can be looked at");
    int rows = c->rows - 3;
    if (p->n == 0) {
        draw_nothing(p, c, 2);
        return;
    }
    table_draw(&p->table, columns, COLUMN_COUNT, c,
               (struct rect){ .row = 1, .col = 0, .rows = rows < 2 ? 2 : rows, .cols = c->cols },
               draw_cell, p);
}

/* ---- input ------------------------------------------------------------------- */
bool picker_action(struct picker *p, enum action action)
{
    return table_action(&p->table, columns, COLUMN_COUNT, action);
}

void picker_click(struct picker *p, int row, int col)
{
    int sort = p->table.sort;
    table_click(&p->table, columns, COLUMN_COUNT, row, col);
    p->table.sort = sort; /* always by pid, as they were found */
}
