/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pane beside a wide call tree: the row under the cursor in full, its figures,
 * the stack of the call site that has the largest part in it, and the source of the
 * row's function there.
 */
#include "tui/view/view_tree.h"

#include <stdio.h>
#include <string.h>

#include "tui/view/places.h"
#include "tui/view/site_list.h"
#include "tui/view/source_pane.h"

static void cut_top(struct rect *a, int rows)
{
    rows = rows > a->rows ? a->rows : rows;
    a->row += rows;
    a->rows -= rows;
}

static void draw_heading(struct canvas *c, struct rect *a, const char *text)
{
    if (a->rows < 1)
        return;
    canvas_fill(c, a->row, a->col, a->cols, ROLE_HEAD, ' ');
    canvas_text(c, a->row, a->col, a->cols, ROLE_HEAD, text);
    cut_top(a, 1);
}

/* A long name over as many lines as it needs, four at most. */
static void draw_name(struct canvas *c, struct rect *a, const char *name)
{
    size_t n = strlen(name), at = 0;
    for (int line = 0; at < n && line < 4 && a->rows > 0 && a->cols > 0; line++) {
        char part[512];
        size_t most = (size_t)a->cols < sizeof part ? (size_t)a->cols : sizeof part - 1;
        size_t length = n - at < most ? n - at : most;
        while (at + length < n && length > 1 && ((unsigned char)name[at + length] & 0xc0) == 0x80)
            length--; /* not within a character */
        snprintf(part, sizeof part, "%.*s", (int)length, name + at);
        canvas_text(c, a->row, a->col, a->cols, ROLE_FUNCTION, part);
        cut_top(a, 1);
        at += length;
    }
}

static void draw_place(struct canvas *c, struct rect *a, const struct tree_row *r)
{
    if (a->rows < 1 || r->group)
        return;
    if (r->file && r->line)
        canvas_printf(c, a->row, a->col, a->cols, ROLE_PLACE, "%s:%u", r->file, r->line);
    else if (r->file)
        canvas_printf(c, a->row, a->col, a->cols, ROLE_PLACE, "%s, several lines", r->file);
    else
        canvas_text(c, a->row, a->col, a->cols, ROLE_PLACE, r->module);
    cut_top(a, 1);
    if (r->file) {
        canvas_printf(c, a->row, a->col, a->cols, ROLE_DIM, "in %s", r->module);
        cut_top(a, 1);
    }
}

void view_tree_draw_pane(struct tree_view *v, const struct view_context *x, struct canvas *c,
                         struct rect a)
{
    const struct tree_row *r = view_tree_selected(v);
    if (!r || a.rows < 1)
        return;
    draw_heading(c, &a, r->group ? "The selected group" : "The selected row");
    draw_name(c, &a, r->function);
    draw_place(c, &a, r);
    cut_top(&a, 1);
    v->x = x;
    cut_top(&a, view_tree_draw_figures(v, r, c, a) + 1);
    v->x = NULL;
    if (a.rows < 3 || r->site >= x->snapshot->n_sites)
        return;
    draw_heading(c, &a, r->sites > 1 ? "Stack of its largest call site" : "Stack of its call site");
    source_pane_draw(x, r->site,
                     r->group ? places_own(x->symbols, x->snapshot, r->site)
                              : places_of(x->symbols, x->snapshot, r->site, r->function, r->module),
                     c, &a);
    site_list_stack(x, r->site, c, a, 0, SIZE_MAX);
}
