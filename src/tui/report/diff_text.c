/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A diff for people: signed figures, the largest changes first.
 */
#include <stdlib.h>
#include <string.h>

#include "tui/report/diff.h"
#include "tui/report/safe_text.h"
#include "tui/report/text_stack.h"
#include "tui/report/text_tree.h"
#include "tui/view/format.h"

static const char *bytes(char out[32], int64_t v)
{
    return format_bytes(out, 32, v);
}

static const char *count(char out[32], int64_t v)
{
    return format_grouped(out, 32, v);
}

/* "+1.20 MiB", "-3 B", "0 B" */
static const char *more_bytes(char out[32], int64_t v)
{
    char number[31];
    snprintf(out, 32, "%s%s", v > 0 ? "+" : "", format_bytes(number, sizeof number, v));
    return out;
}

static const char *more(char out[32], int64_t v)
{
    char number[31];
    snprintf(out, 32, "%s%s", v > 0 ? "+" : "", format_grouped(number, sizeof number, v));
    return out;
}

/* ---- header --------------------------------------------------------------------- */

static void print_side(FILE *out, const struct diff *d, enum delta_side side)
{
    const struct diff_side *s = &d->sides[side];
    char target[200], command[200], a[32], b[32], c[32], time[32];
    struct site_figures totals = diff_side_totals(d, side);
    fprintf(out, "%c  %s %s: %s\n", side == DELTA_A ? 'A' : 'B', s->what,
            safe_text_line(target, sizeof target, s->target),
            safe_text_line(command, sizeof command, s->command));
    fprintf(out, "   after %s: live %s%s in %s block%s",
            format_duration(time, sizeof time, s->wall_ns), s->estimated ? "~" : "",
            bytes(a, totals.v[TREE_LIVE_BYTES]), count(b, totals.v[TREE_LIVE_BLOCKS]),
            format_s(totals.v[TREE_LIVE_BLOCKS]));
    if (totals.v[TREE_ALLOCATIONS])
        fprintf(out, ", %s allocation%s", count(c, totals.v[TREE_ALLOCATIONS]),
                format_s(totals.v[TREE_ALLOCATIONS]));
    fputc('\n', out);
}

static void print_growth(FILE *out, const struct diff *d)
{
    struct site_figures g = diff_growth(d), a = diff_side_totals(d, DELTA_A);
    char x[32], y[32], z[32], percent[16];
    fprintf(out, "\n  growth %s in %s blocks, %s allocations", more_bytes(x, g.v[TREE_LIVE_BYTES]),
            more(y, g.v[TREE_LIVE_BLOCKS]), more(z, g.v[TREE_ALLOCATIONS]));
    if (a.v[TREE_LIVE_BYTES] > 0)
        fprintf(out, " (%s%s)", g.v[TREE_LIVE_BYTES] > 0 ? "+" : "",
                format_percent(percent, sizeof percent, g.v[TREE_LIVE_BYTES],
                               a.v[TREE_LIVE_BYTES]));
    fputc('\n', out);
    if (d->births)
        fputs("  counted are blocks that were born since and live; those freed since are not\n",
              out);
    if (d->forms->filter && *d->forms->filter) {
        char text[REPORT_COLUMNS];
        fprintf(out, "  filter %s: %s call site%s changed\n",
                safe_text_line(text, sizeof text, d->forms->filter),
                count(x, (int64_t)d->forms->selection.n),
                format_s((int64_t)d->forms->selection.n));
    }
}

/* ---- tables --------------------------------------------------------------------- */

static void print_row(FILE *out, const struct diff_row *row, bool threads)
{
    char name[48], x[32], y[32], z[32];
    const int64_t *a = row->v[DELTA_A].v, *b = row->v[DELTA_B].v;
    int blocks = threads ? TREE_FREES : TREE_LIVE_BLOCKS;
    int size = threads ? TREE_BYTES_ALLOCATED : TREE_LIVE_BYTES;
    fprintf(out, "  %-20.20s %15s %15s %12s\n", safe_text_line(name, sizeof name, row->name),
            more(x, b[TREE_ALLOCATIONS] - a[TREE_ALLOCATIONS]), more(y, b[blocks] - a[blocks]),
            more_bytes(z, b[size] - a[size]));
}

static int print_rows(FILE *out, const struct diff *d, enum forms_parts part)
{
    size_t n;
    bool threads = part == FORMS_THREADS;
    struct diff_row *rows = diff_rows(d, part, &n);
    if (!rows)
        return -1;
    fprintf(out, "\n  %-20s %15s %15s %12s\n", threads ? "THREAD" : "SIZES", "ALLOCATIONS",
            threads ? "FREES" : "LIVE BLOCKS", threads ? "BYTES" : "LIVE BYTES");
    for (size_t i = 0; i < n; i++)
        print_row(out, &rows[i], threads);
    free(rows);
    return 0;
}

static void print_site(FILE *out, const struct diff *d, const struct batch *b, uint32_t site)
{
    char v[32], w[32], x[32], y[32], z[32];
    const int64_t *g = d->delta->growth[site].v;
    enum mark_change change = delta_change(d->delta, site);
    fprintf(out, "\n%12s %12s %14s %12s %12s%s%s\n", more_bytes(v, g[TREE_LIVE_BYTES]),
            more(w, g[TREE_LIVE_BLOCKS]), more(x, g[TREE_ALLOCATIONS]),
            bytes(y, d->delta->figures[DELTA_A][site].v[TREE_LIVE_BYTES]),
            bytes(z, d->delta->figures[DELTA_B][site].v[TREE_LIVE_BYTES]),
            change == MARK_SAME ? "" : "  ", change == MARK_SAME ? "" : diff_change_name(change));
    text_stack(out, b);
}

static int print_sites(FILE *out, const struct diff *d)
{
    struct report r = { .snapshot = &d->delta->merged, .symbols = d->delta->symbols,
                        .top = d->top, .columns = d->columns, .forms = d->forms };
    struct batch b;
    if (batch_init(&b, &r) != 0)
        return -1;
    if (b.count)
        fprintf(out, "\n%12s %12s %14s %12s %12s  SITE\n", "LIVE BYTES", "LIVE BLOCKS",
                "ALLOCATIONS", "A LIVE", "B LIVE");
    else
        fputs("\n  no call site has changed\n", out);
    for (const struct site_row *site; (site = batch_next(&b));)
        print_site(out, d, &b, site->id);
    batch_fini(&b);
    return 0;
}

int diff_text(FILE *out, const struct diff *d)
{
    const struct forms *f = d->forms;
    int bad = 0;
    print_side(out, d, DELTA_A);
    print_side(out, d, DELTA_B);
    print_growth(out, d);
    if (f->parts & FORMS_SIZES)
        bad |= print_rows(out, d, FORMS_SIZES);
    if (f->parts & FORMS_THREADS)
        bad |= print_rows(out, d, FORMS_THREADS);
    if (f->parts & FORMS_TREE) {
        struct text_tree_how how = { .sort = f->sort, .top = f->tree_top, .is_signed = true,
                                     .columns = d->columns ? d->columns : REPORT_COLUMNS,
                                     .cut = f->tree_cut };
        bad |= text_tree_rows(out, f->tree, &how);
    }
    if (!f->parts || (f->parts & FORMS_SITES))
        bad |= print_sites(out, d);
    return bad;
}
