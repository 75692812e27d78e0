/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The size histogram. Groups end at powers of two, so that a range that is on
 * the screen today means the same tomorrow.
 */
#include "tui/view/histogram.h"

#include <stdio.h>

#include "tui/view/format.h"
#include "tui/view/graph.h"

#define LABEL_COLUMNS 10
#define TWO_COLUMNS 70 /* width from which groups stand in two columns */

/* ---- groups -------------------------------------------------------------- */
static bool used_range(const struct snapshot *s, size_t *first, size_t *last)
{
    bool any = false;
    for (size_t i = 0; i < SEG_SIZE_CLASSES; i++) {
        if (!s->sizes[i].allocations)
            continue;
        *first = any ? *first : i;
        *last = i;
        any = true;
    }
    return any;
}

/* Whether a group of powers of 2^bits ends with this class. */
static bool ends_group(const struct size_row *row, unsigned bits)
{
    uint64_t max = row->max;
    if (max == UINT64_MAX)
        return true;
    if (max < 16 || (max & (max - 1)) != 0)
        return false;
    return ((unsigned)__builtin_ctzll(max) - 4) % bits == 0;
}

static void add(const struct histogram *h, struct histogram_group *g,
                const struct size_row *row)
{
    g->max = row->max;
    g->net += h->bytes ? row->live_bytes : row->live_blocks;
    g->overall += (int64_t)(h->bytes ? row->bytes_allocated : row->allocations);
}

/* bits 0: each class is a group. Returns how many, or SIZE_MAX if too many. */
static size_t group_by(const struct histogram *h, const struct snapshot *s, unsigned bits,
                       size_t first, size_t last, size_t most, struct histogram_group *out)
{
    size_t n = 0;
    bool open = false;
    for (size_t i = first; i <= last; i++) {
        if (!open) {
            if (n == most)
                return SIZE_MAX;
            out[n++] = (struct histogram_group){ .min = s->sizes[i].min };
        }
        add(h, &out[n - 1], &s->sizes[i]);
        open = bits && !ends_group(&s->sizes[i], bits);
    }
    /* A range ends where it would end with more classes in use. */
    for (size_t i = last + 1; open && i < SEG_SIZE_CLASSES; i++) {
        out[n - 1].max = s->sizes[i].max;
        open = !ends_group(&s->sizes[i], bits);
    }
    return n;
}

size_t histogram_group(const struct histogram *h, const struct snapshot *s, size_t most,
                       struct histogram_group out[HISTOGRAM_GROUPS])
{
    size_t first = 0, last = 0;
    if (!used_range(s, &first, &last))
        return 0;
    for (unsigned bits = 0; bits < 64; bits++) {
        size_t n = group_by(h, s, bits, first, last, most, out);
        if (n != SIZE_MAX)
            return n;
    }
    return 0;
}

char *histogram_label(char *out, size_t n, const struct histogram_group *g)
{
    char low[24], high[24];
    uint64_t min = g->min;
    /* Above 1 KiB the odd byte at the lower end says nothing. */
    if (min > 1024)
        min--;
    format_power(low, sizeof low, min);
    format_power(high, sizeof high, g->max);
    if (g->max == UINT64_MAX)
        snprintf(out, n, ">%s", low);
    else if (g->min == g->max)
        snprintf(out, n, "%s", high);
    else
        snprintf(out, n, "%s-%s", low, high);
    return out;
}

/* ---- drawing ------------------------------------------------------------- */
static void draw_head(const struct histogram *h, struct canvas *c, struct rect a)
{
    bool ascii = c->glyphs == GLYPHS_ASCII;
    canvas_fill(c, a.row, a.col, a.cols, ROLE_HEAD, ' ');
    canvas_text_right(c, a.row, a.col, LABEL_COLUMNS, ROLE_HEAD, h->bytes ? "BYTES IN" : "SIZE");
    canvas_text_right(c, a.row, a.col + a.cols - 11, 5, ROLE_HEAD, "NET");
    canvas_text_right(c, a.row, a.col + a.cols - 5, 5, ROLE_HEAD, "ALL");
    if (a.cols < LABEL_COLUMNS + 11 + 16)
        return;
    int col = a.col + LABEL_COLUMNS + 1;
    canvas_fill(c, a.row, col, 1, ROLE_NET, ascii ? '#' : 0x2588);
    canvas_text(c, a.row, col + 2, 4, ROLE_HEAD, "net");
    canvas_fill(c, a.row, col + 6, 1, ROLE_OVERALL, ascii ? '-' : 0x2591);
    canvas_text(c, a.row, col + 8, 8, ROLE_HEAD, "overall");
}

static char *figure(const struct histogram *h, char *out, size_t n, int64_t value)
{
    return h->bytes ? format_bytes_short(out, n, value) : format_count(out, n, value);
}

static void draw_group(const struct histogram *h, const struct histogram_group *g,
                       int64_t most, struct canvas *c, int row, struct rect a)
{
    char text[48];
    int width = a.cols - LABEL_COLUMNS - 1 - 12;
    canvas_text_right(c, row, a.col, LABEL_COLUMNS, ROLE_PLAIN,
                      histogram_label(text, sizeof text, g));
    graph_net_bar(c, row, a.col + LABEL_COLUMNS + 1, width, (double)g->net / (double)most,
                  (double)g->overall / (double)most);
    canvas_text_right(c, row, a.col + a.cols - 11, 5, ROLE_STRONG,
                      figure(h, text, sizeof text, g->net));
    canvas_text_right(c, row, a.col + a.cols - 5, 5, ROLE_PLAIN,
                      figure(h, text, sizeof text, g->overall));
}

static int64_t highest(const struct histogram_group *groups, size_t n)
{
    int64_t most = 1;
    for (size_t i = 0; i < n; i++)
        most = groups[i].overall > most ? groups[i].overall : most;
    return most;
}

void histogram_draw(const struct histogram *h, const struct snapshot *s, struct canvas *c,
                    struct rect a)
{
    struct histogram_group groups[HISTOGRAM_GROUPS];
    int columns = a.cols >= TWO_COLUMNS && a.rows < 20 ? 2 : 1;
    int rows = a.rows - 1, width = (a.cols - 2 * (columns - 1)) / columns;
    size_t room = rows > 0 ? (size_t)(rows * columns) : 0;
    if (!room || width < LABEL_COLUMNS + 14)
        return;
    size_t n = histogram_group(h, s, room < HISTOGRAM_GROUPS ? room : HISTOGRAM_GROUPS, groups);
    int64_t most = highest(groups, n);
    for (int k = 0; k < columns; k++) {
        struct rect part = { .row = a.row, .col = a.col + k * (width + 2), .rows = a.rows,
                             .cols = width };
        draw_head(h, c, part);
        for (int i = 0; i < rows && (size_t)(k * rows + i) < n; i++)
            draw_group(h, &groups[k * rows + i], most, c, a.row + 1 + i, part);
    }
}
