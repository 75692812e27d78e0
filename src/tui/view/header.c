/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Title, bars, rates, tabs, status line and key bar.
 */
#include "tui/view/header.h"

#include <stdio.h>
#include <string.h>

#include "tui/view/block_filter.h"
#include "tui/view/format.h"
#include "tui/view/graph.h"

/* ---- title ---------------------------------------------------------------- */
/* The folders of the program say less than its arguments. */
static const char *short_command(const char *command)
{
    size_t first = strcspn(command, " ");
    const char *slash = memrchr(command, '/', first);
    return slash && slash[1] && slash[1] != ' ' ? slash + 1 : command;
}

void header_title(const struct view_context *x, struct canvas *c, int row)
{
    const struct target_info *t = &x->snapshot->target;
    char up[16], tier[64], right[224];
    canvas_fill(c, row, 0, c->cols, ROLE_TITLE, ' ');
    format_tier(tier, sizeof tier, x->snapshot, c->glyphs == GLYPHS_ASCII);
    snprintf(right, sizeof right, "  %s  pid %d  %s %s  %s ", tier, t->pid,
             x->ended ? "ran" : "up", format_duration(up, sizeof up, t->wall_ns),
             x->paused ? "PAUSED" : x->state);
    int width = canvas_width(c, right);
    if (width > c->cols * 3 / 4)
        width = c->cols * 3 / 4;
    canvas_text(c, row, c->cols - width, width, ROLE_TITLE, right);
    int used = canvas_text(c, row, 1, c->cols - width - 1, ROLE_TITLE, "memtop  ");
    canvas_text(c, row, 1 + used, c->cols - width - 1 - used, ROLE_TITLE,
                short_command(t->command));
}

/* ---- figures --------------------------------------------------------------- */
#define LEFT_COLUMNS  31
#define RIGHT_COLUMNS 30

struct figure {
    const char *name;
    enum role role;
    int64_t bytes;    /* -1 unknown */
    bool estimated;
    char note[48];
};

static void draw_figure(const struct figure *f, int64_t most, struct canvas *c, int row,
                        int left, int bar)
{
    char bytes[24];
    canvas_text(c, row, 1, 5, ROLE_PLAIN, f->name);
    if (f->bytes < 0)
        snprintf(bytes, sizeof bytes, "-");
    else
        format_estimate(bytes, sizeof bytes, format_bytes(bytes, sizeof bytes, f->bytes),
                        f->estimated);
    canvas_text_right(c, row, 5, 9 + f->estimated, ROLE_STRONG, bytes);
    canvas_text(c, row, 16, left - 16, ROLE_DIM, f->note);
    if (bar > 0 && most > 0)
        graph_bar(c, row, left + 1, bar, f->role, (double)f->bytes / (double)most);
}

static void note_blocks(char *out, size_t n, int64_t blocks, bool estimated)
{
    char count[16];
    snprintf(out, n, "%s%s block%s", estimated ? "~" : "",
             format_count(count, sizeof count, blocks), format_s(blocks));
}

static void draw_rate(struct canvas *c, int row, int col, const char *name, double rate,
                      double bytes, bool known)
{
    char text[32], more[32];
    canvas_text(c, row, col, 8, ROLE_PLAIN, name);
    if (!known) {
        canvas_text_right(c, row, col + 8, 8, ROLE_DIM, "-");
        return;
    }
    format_rate(text, sizeof text - 2, rate);
    strcat(text, "/s");
    canvas_text_right(c, row, col + 8, 8, ROLE_STRONG, text);
    if (bytes >= 0)
        canvas_text_right(c, row, col + 17, 13, ROLE_PLAIN,
                          format_bytes_rate(more, sizeof more, bytes));
}

static void draw_rates(const struct view_context *x, struct canvas *c, int row, int rows,
                       int col)
{
    const struct rates *r = x->rates;
    if (rows > 0)
        draw_rate(c, row, col, "allocs", r->allocations, r->bytes_allocated, r->known);
    if (rows > 1)
        draw_rate(c, row + 1, col, "frees", r->frees, r->bytes_freed, r->known);
    if (rows > 2)
        draw_rate(c, row + 2, col, "reallocs", r->reallocations, -1, r->known);
}

/* What a third column holds where there is room for it. */
static void draw_sums(const struct view_context *x, struct canvas *c, int row, int rows,
                      int col)
{
    const struct totals *t = &x->snapshot->totals;
    char count[32], other[32];
    if (rows > 0)
        canvas_printf(c, row, col, 40, ROLE_DIM, "in all %s, %s",
                      format_grouped(count, sizeof count, (int64_t)t->allocations),
                      format_bytes(other, sizeof other, (int64_t)t->bytes_allocated));
    if (rows > 1)
        canvas_printf(c, row + 1, col, 40, ROLE_DIM, "in all %s, %s",
                      format_grouped(count, sizeof count, (int64_t)t->frees),
                      format_bytes(other, sizeof other, (int64_t)t->bytes_freed));
    if (rows > 2)
        canvas_printf(c, row + 2, col, 40, ROLE_DIM, "in all %s; temporary %s of allocs",
                      format_grouped(count, sizeof count, (int64_t)t->reallocations),
                      format_percent(other, sizeof other, (int64_t)t->temporary,
                                     (int64_t)t->allocations));
}

void header_figures(const struct view_context *x, struct canvas *c, struct rect a)
{
    const struct snapshot *s = x->snapshot;
    char time[16];
    struct figure figures[HEADER_FIGURES] = {
        { .name = "Live", .role = ROLE_NET, .bytes = s->totals.live_bytes },
        { .name = "Peak", .role = ROLE_PEAK, .bytes = s->totals.peak_bytes },
        { .name = "RSS", .role = ROLE_RSS, .bytes = x->rss },
    };
    int64_t most = s->totals.peak_bytes > x->rss_peak ? s->totals.peak_bytes : x->rss_peak;
    int rates = a.cols >= 62 ? RIGHT_COLUMNS : 0, sums = a.cols >= 170 ? 44 : 0;
    int left = a.cols < LEFT_COLUMNS ? a.cols : LEFT_COLUMNS;
    int bar = a.cols - left - rates - sums - 3;

    figures[0].bytes = figures[0].bytes < 0 ? 0 : figures[0].bytes;
    figures[0].estimated = s->totals.estimated;
    figures[1].estimated = s->totals.peak_estimated;
    note_blocks(figures[0].note, sizeof figures[0].note, s->totals.live_blocks,
                s->totals.estimated);
    snprintf(figures[1].note, sizeof figures[1].note, "at %s",
             format_duration(time, sizeof time, s->totals.peak_ns));
    if (x->rss >= 0)
        snprintf(figures[2].note, sizeof figures[2].note, "memtop's %s",
                 format_bytes_short(time, sizeof time, (int64_t)s->target.segment_bytes));
    for (int i = 0; i < HEADER_FIGURES && i < a.rows; i++)
        draw_figure(&figures[i], most, c, a.row + i, left, bar > 60 ? 60 : bar);
    if (rates)
        draw_rates(x, c, a.row, a.rows, a.cols - rates - sums);
    if (sums)
        draw_sums(x, c, a.row, a.rows, a.cols - sums + 3);
}

/* ---- tabs ------------------------------------------------------------------ */
/* From the widest to the narrowest: a blank between neighbours' blanks, blanks
 * that neighbours share, names cut short, numbers alone. */
static const struct tab_style {
    int gap, name;
} tab_styles[] = { { 1, 16 }, { -1, 16 }, { -1, 3 }, { -1, 0 } };

static int tab_text(char *out, size_t n, int tab, int current, const struct tab_style *style)
{
    int name = tab == current && style->name == 0 ? 3 : style->name;
    /* Brackets say in monochrome what the colour says otherwise. */
    return snprintf(out, n, tab == current ? "[%d%s%.*s]" : " %d%s%.*s ", tab + 1,
                    name ? " " : "", name, view_table[tab]->name);
}

static int tabs_width(int current, const struct tab_style *style)
{
    char text[40];
    int width = 0;
    for (int i = 0; i < VIEW_COUNT; i++)
        width += tab_text(text, sizeof text, i, current, style) + (i ? style->gap : 0);
    return width;
}

void header_tabs(const struct view_context *x, int current, struct canvas *c, int row,
                 int spans[VIEW_COUNT][2])
{
    const struct tab_style *style = tab_styles;
    const struct tab_style *last = style + sizeof tab_styles / sizeof *tab_styles - 1;
    char text[96];
    int col = 0;
    while (style < last && tabs_width(current, style) > c->cols)
        style++;
    for (int i = 0; i < VIEW_COUNT; i++) {
        enum role role = i == current ? ROLE_TAB : ROLE_LABEL;
        int width = tab_text(text, sizeof text, i, current, style);
        /* Where a blank is shared, the bracket in it stays. */
        int skip = i > 0 && i - 1 == current && style->gap < 0;
        canvas_text(c, row, col + skip, c->cols - col - skip, role, text + skip);
        spans[i][0] = col;
        spans[i][1] = width;
        col += width + style->gap;
    }
    if (x->snapshot->target.allocator[0]) {
        const char *slash = strrchr(x->snapshot->target.allocator, '/');
        snprintf(text, sizeof text, "malloc of %s ",
                 slash ? slash + 1 : x->snapshot->target.allocator);
        if (canvas_width(c, text) < c->cols - col - 1)
            canvas_text_right(c, row, col + 1, c->cols - col - 1, ROLE_DIM, text);
    }
}

/* ---- status ---------------------------------------------------------------- */
/* The warnings that a target deserves, one at a time; NULL after the last. */
static const char *warning(const struct snapshot *s, int i)
{
    static const struct { unsigned flag; const char *text; } flags[] = {
        { SEG_FLAG_FOREIGN_HEAP, "has a malloc of its own, unseen" },
        { SEG_FLAG_SANDBOXED, "seccomp: records do not grow" },
        { SEG_FLAG_MEMORY_CAP, "records are full" },
        { SEG_FLAG_FORKED, "forked: inherited blocks unknown" },
    };
    const int n = sizeof flags / sizeof *flags;
    return i >= n ? NULL : s->target.flags & flags[i].flag ? flags[i].text : "";
}

static int draw_warnings(const struct view_context *x, struct canvas *c, int row)
{
    const struct totals *t = &x->snapshot->totals;
    char count[32], text[64];
    const char *what;
    int col = 1;
    if (t->lost) {
        snprintf(text, sizeof text, " LOST %s ",
                 format_grouped(count, sizeof count, (int64_t)t->lost));
        col += canvas_text(c, row, col, c->cols - col, ROLE_WARN, text) + 1;
    }
    if (x->snapshot->verify.mismatches) {
        snprintf(text, sizeof text, " WRONG STACKS %s ",
                 format_grouped(count, sizeof count,
                                (int64_t)x->snapshot->verify.mismatches));
        col += canvas_text(c, row, col, c->cols - col, ROLE_WARN, text) + 1;
    }
    for (int i = 0; (what = warning(x->snapshot, i)); i++)
        if (*what)
            col += canvas_printf(c, row, col, c->cols - col, ROLE_WARN, " %s ", what) + 1;
    return col;
}

/* Where the agent came late: what was there before, and how much of it went. */
static void describe_before(const struct snapshot *s, char *out, size_t n)
{
    char bytes[24], count[16];
    snprintf(out, n, "before attach %s, %s freed ",
             format_before(bytes, sizeof bytes, &s->target.attach),
             format_count(count, sizeof count, (int64_t)s->totals.foreign_frees));
}

static void describe_scope(const struct view_context *x, char *out, size_t n)
{
    const struct totals *t = &x->snapshot->totals;
    uint64_t slack = x->snapshot->target.peak_slack;
    bool late = x->snapshot->target.attach.late;
    char count[16], bytes[24], foreign[48] = "", exact[48] = "exact";
    if (t->foreign_frees && !late)
        snprintf(foreign, sizeof foreign, "  foreign frees %s",
                 format_count(count, sizeof count, (int64_t)t->foreign_frees));
    if (slack)
        snprintf(exact, sizeof exact, "exact, peak to %s",
                 format_bytes(bytes, sizeof bytes, (int64_t)slack));
    if (t->estimated)
        strcpy(exact, "~ is estimated");
    snprintf(out, n, "%s, %s%s ",
             x->selected && block_filter_short(x->filter) ? "SHORT-LIVED blocks"
             : x->selected ? "SELECTED live blocks" : late ? "since the attach" : "whole run",
             t->lost ? "incomplete" : exact, foreign);
}

/* Of what there is to say the longest that fits beside the text. */
static void draw_scope(const struct view_context *x, struct canvas *c, int row, int col)
{
    char scope[128], before[96] = "", both[224];
    describe_scope(x, scope, sizeof scope);
    if (x->snapshot->target.attach.late)
        describe_before(x->snapshot, before, sizeof before);
    snprintf(both, sizeof both, "%s%s%s", scope, *before ? " " : "", before);
    const char *const texts[] = { both, before, scope };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (*texts[i] && canvas_width(c, texts[i]) <= c->cols - col) {
            canvas_text_right(c, row, col, c->cols - col, ROLE_DIM, texts[i]);
            return;
        }
}

void header_status(const struct view_context *x, struct canvas *c, int row, const char *text)
{
    int col = draw_warnings(x, c, row);
    int used = canvas_text(c, row, col, c->cols - col, ROLE_PLAIN, text);
    draw_scope(x, c, row, col + used + 2);
}

/* ---- keys ------------------------------------------------------------------ */
static int draw_key(struct canvas *c, int row, int col, const char *key, const char *what)
{
    if (col + canvas_width(c, key) + 1 + canvas_width(c, what) > c->cols)
        return 0;
    int used = canvas_text(c, row, col, c->cols - col, ROLE_KEY, key) + 1;
    return used + canvas_text(c, row, col + used, c->cols - col - used, ROLE_LABEL, what) + 2;
}

/* Of a line that is typed, a menu, and a question: see prompt.h, menu.h, dialog.h. */
static void draw_other_keys(struct canvas *c, int row, unsigned where)
{
    int col = 1;
    if (where & (WHERE_PROMPT | WHERE_MENU))
        col += draw_key(c, row, col, "Enter", "OK");
    col += draw_key(c, row, col, "Esc", where & WHERE_MENU ? "Close" : "Cancel");
    if (where & WHERE_PROMPT)
        draw_key(c, row, col, "^U", "Erase");
}

void header_keys(struct canvas *c, int row, unsigned where)
{
    size_t n;
    const struct key_row *rows = keys_rows(&n);
    int col = 1;
    if (where & WHERE_ELSE & ~WHERE_TYPING) {
        draw_other_keys(c, row, where);
        return;
    }
    if (where & WHERE_TYPING)
        where = WHERE_TYPING;
    for (size_t i = 0; i < n; i++) {
        char name[16];
        if (!rows[i].bar || !(rows[i].where & where))
            continue;
        keys_name(name, sizeof name, rows[i].keys[0]);
        col += draw_key(c, row, col, name, rows[i].bar);
    }
}
