/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees as text; see text_tree.h. Deep rows are numbered once indenting them
 * further would push their names off the line.
 */
#include "tui/report/text_tree.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tui/model/function.h"
#include "tui/report/forms.h"
#include "tui/report/text_stack.h"
#include "tui/view/format.h"

#define NAME_LEAST 30 /* columns that are left to names at the least */

static const char *figure(char out[32], const struct text_tree_how *how, int which, int64_t v)
{
    char number[32];
    if (selection_figure_is_bytes(which))
        format_bytes(number, sizeof number, v);
    else
        format_grouped(number, sizeof number, v);
    snprintf(out, 32, "%s%.30s", how->is_signed && v > 0 ? "+" : "", number);
    return out;
}

static const char *heading(char out[32], int which)
{
    const char *name = which == TREE_BY_SELF ? "live_bytes" : selection_figure_name(which);
    for (size_t i = 0; i < 31; i++) {
        char c = name[i];
        out[i] = (char)(c == '_' ? ' ' : c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
        if (!c)
            break;
    }
    return out;
}

static void print_name(FILE *out, const struct text_tree_how *how, const struct tree_row *row,
                       unsigned used)
{
    char name[512], line[1024], depth[16] = "";
    unsigned room = how->columns > used + NAME_LEAST ? how->columns - used : NAME_LEAST;
    unsigned indent = row->depth, most = room > NAME_LEAST ? (room - NAME_LEAST) / 2 + 6 : 6;
    if (indent > most) {
        snprintf(depth, sizeof depth, "[%u] ", row->depth);
        indent = most;
    }
    function_short_name(name, sizeof name, row->function);
    struct symbol_frame f = { .function = name, .file = row->file, .line = row->line };
    size_t left = room > indent + strlen(depth) ? room - indent - strlen(depth) : 0;
    const char *module = *row->module ? row->module : NULL;
    text_frame(line, sizeof line, sizeof line, &f, module); /* where comes second */
    if (strlen(line) > left)
        f.file = NULL;
    if (strlen(name) + (module ? strlen(module) + 3 : 0) > left)
        module = NULL;
    text_frame(line, sizeof line, left, &f, module);
    fprintf(out, "%*s%s%s\n", (int)indent, "", depth, line);
}

static void print_row(FILE *out, const struct text_tree_how *how, const struct tree_row *row,
                      int64_t whole)
{
    char a[32], b[32], c[32], d[32], e[16];
    int by = how->sort == TREE_BY_SELF ? TREE_LIVE_BYTES : how->sort;
    int other = by == TREE_LIVE_BYTES ? TREE_LIVE_BLOCKS : TREE_LIVE_BYTES;
    fprintf(out, "%11s %5s %11s %11s  ", figure(a, how, by, row->v[by]),
            format_percent(e, sizeof e, row->v[by], whole), figure(b, how, by, row->self[by]),
            figure(c, how, other, row->v[other]));
    unsigned used = 11 + 1 + 5 + 1 + 11 + 1 + 11 + 2;
    if (how->columns >= 100 && by != TREE_ALLOCATIONS) {
        fprintf(out, "%11s  ", figure(d, how, TREE_ALLOCATIONS, row->v[TREE_ALLOCATIONS]));
        used += 13;
    }
    print_name(out, how, row, used);
}

static void print_headings(FILE *out, const struct text_tree_how *how)
{
    char a[32], b[32];
    int by = how->sort == TREE_BY_SELF ? TREE_LIVE_BYTES : how->sort;
    int other = by == TREE_LIVE_BYTES ? TREE_LIVE_BLOCKS : TREE_LIVE_BYTES;
    fprintf(out, "\n%11.11s %5s %11s %11.11s  ", heading(a, by), "%", "SELF", heading(b, other));
    if (how->columns >= 100 && by != TREE_ALLOCATIONS)
        fprintf(out, "%11s  ", "ALLOCATIONS");
    fputs("FUNCTION\n", out);
}

int text_tree_rows(FILE *out, const struct tree *t, const struct text_tree_how *how)
{
    bool cut = how->cut;
    bool *shown = forms_largest_rows(t, how->sort, how->top, &cut);
    if (!shown)
        return -1;
    int by = how->sort == TREE_BY_SELF ? TREE_LIVE_BYTES : how->sort;
    int64_t whole = tree_passing(t)->v[by];
    print_headings(out, how);
    for (size_t i = 0; i < tree_count(t); i++)
        if (shown[i])
            print_row(out, how, tree_row(t, i), whole);
    if (how->cut)
        fprintf(out, "  not all rows are here: --top and --filter choose among them\n");
    else if (cut)
        fprintf(out, "  smaller rows are left out: --top shows more\n");
    free(shown);
    return 0;
}

int text_tree(FILE *out, const struct report *r)
{
    struct text_tree_how how = { .sort = r->forms->sort, .top = r->forms->tree_top,
                                 .columns = text_columns(r), .cut = r->forms->tree_cut };
    return text_tree_rows(out, r->forms->tree, &how);
}
