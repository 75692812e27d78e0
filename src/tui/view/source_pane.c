/* SPDX-License-Identifier: Apache-2.0 */
/* The pane of source lines; source_pane.h. */
#include "tui/view/source_pane.h"

#include "tui/model/sources.h"
#include "tui/view/places.h"

#define LEAST_ROWS 6   /* for a stack and some lines */
#define STACK_LEAST 3

/* As many rows as there are lines, where the stack leaves them, or half. */
static int rows_for(const struct source_lines *l, int room, size_t frames)
{
    int wanted = l && l->trouble[0] ? 2 : 2 + 2 * SOURCE_AROUND;
    int left = frames < (size_t)room ? room - (int)frames : 0;
    int most = left > room / 2 ? left : room / 2;
    most = most > room - STACK_LEAST ? room - STACK_LEAST : most;
    return wanted < most ? wanted : most;
}

static void draw_heading(const struct source_place *p, const struct source_lines *l,
                         struct canvas *c, struct rect a)
{
    static const char newer[] = "changed since the program was built";
    char place[SOURCE_PATH + 16];
    int width = a.cols, warning = (int)sizeof newer - 1;
    snprintf(place, sizeof place, "%s:%u", l ? l->path : p->file, p->line);
    canvas_fill(c, a.row, a.col, a.cols, ROLE_HEAD, ' ');
    if (l && l->newer && a.cols > warning + 16) {
        canvas_text_right(c, a.row, a.col, a.cols, ROLE_WARN, newer);
        width -= warning + 2;
    }
    canvas_text_middle(c, a.row, a.col, width, ROLE_HEAD, place);
}

/* The line itself in the middle, unless the file begins or ends before. */
static void draw_lines(const struct source_lines *l, unsigned line, struct canvas *c,
                       struct rect a)
{
    const char *marker = c->glyphs == GLYPHS_ASCII ? ">" : "▸";
    size_t own = line - l->first, rows = (size_t)a.rows;
    size_t at = own > rows / 2 ? own - rows / 2 : 0;
    if (at + rows > l->n)
        at = l->n > rows ? l->n - rows : 0;
    for (int i = 0; i < a.rows && at < l->n; i++, at++) {
        bool marked = at == own;
        int used = canvas_printf(c, a.row + i, a.col, a.cols, marked ? ROLE_STRONG : ROLE_DIM,
                                 "%s%6u ", marked ? marker : " ", l->first + (unsigned)at);
        canvas_text(c, a.row + i, a.col + used + 1, a.cols - used - 1,
                    marked ? ROLE_STRONG : ROLE_PLAIN, l->lines[at]);
    }
}

void source_pane_draw(const struct view_context *x, uint32_t site, size_t frame,
                      struct canvas *c, struct rect *a)
{
    struct source_place place;
    struct rect own = *a;
    if (!x->sources || a->rows < LEAST_ROWS ||
        !places_get(x->symbols, x->snapshot, site, frame, &place))
        return;
    const struct source_lines *l =
        sources_look(x->sources, &place, x->snapshot->target.start_realtime_ns);
    own.rows = rows_for(l, a->rows, places_count(x->symbols, x->snapshot, site));
    a->rows -= own.rows;
    own.row += a->rows;
    draw_heading(&place, l, c, own);
    own.row++;
    own.rows--;
    if (!l)
        canvas_text(c, own.row, own.col, own.cols, ROLE_DIM, "being read...");
    else if (l->trouble[0])
        canvas_text(c, own.row, own.col, own.cols, ROLE_DIM, l->trouble);
    else
        draw_lines(l, place.line, c, own);
}
