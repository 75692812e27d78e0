/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bars and graphs. A value becomes a whole number of the smallest steps that a
 * cell can show (8 in a bar or a block, 4 in braille, 3 in ASCII), and each
 * cell takes its share of them.
 */
#include "tui/view/graph.h"

#include <math.h>
#include <stdio.h>

#define SHADE      0x2591u

static int clamp(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

/* value of top as steps; never 0 for something, never more than all. */
static int steps_of(double value, double top, int all)
{
    if (!(value > 0) || !(top > 0))
        return 0;
    double exact = value / top * all;
    return exact >= all ? all : clamp((int)lround(exact), 1, all);
}

static void put(struct canvas *c, int row, int col, enum role role, uint32_t u)
{
    if (u != ' ')
        canvas_fill(c, row, col, 1, role, u);
}

/* ---- areas --------------------------------------------------------------- */
int graph_samples(const struct canvas *c, int cols)
{
    return c->glyphs == GLYPHS_BRAILLE ? 2 * cols : cols;
}

static int steps_per_cell(const struct canvas *c)
{
    return c->glyphs == GLYPHS_BRAILLE ? 4 : c->glyphs == GLYPHS_BLOCKS ? 8 : 3;
}

static uint32_t column_glyph(const struct canvas *c, int steps)
{
    static const char ascii[] = " .:#";
    if (steps == 0)
        return ' ';
    return c->glyphs == GLYPHS_ASCII ? (uint32_t)ascii[steps] : 0x2580u + (uint32_t)steps;
}

/* Dots of two columns, filled from the bottom. */
static uint32_t braille_glyph(int left, int right)
{
    static const uint8_t left_dots[] = { 0, 0x40, 0x44, 0x46, 0x47 };
    static const uint8_t right_dots[] = { 0, 0x80, 0xa0, 0xb0, 0xb8 };
    uint32_t dots = (uint32_t)left_dots[left] | right_dots[right];
    return dots ? 0x2800u + dots : ' ';
}

void graph_area(struct canvas *c, struct rect area, enum role role,
                const double *samples, double top)
{
    int per_cell = steps_per_cell(c), all = per_cell * area.rows;
    bool braille = c->glyphs == GLYPHS_BRAILLE;
    for (int col = 0; col < area.cols; col++) {
        int left = steps_of(samples[braille ? 2 * col : col], top, all);
        int right = braille ? steps_of(samples[2 * col + 1], top, all) : 0;
        for (int row = 0; row < area.rows; row++) {
            int below = (area.rows - 1 - row) * per_cell;
            int l = clamp(left - below, 0, per_cell), r = clamp(right - below, 0, per_cell);
            put(c, area.row + row, area.col + col, role,
                braille ? braille_glyph(l, r) : column_glyph(c, l));
        }
    }
}

void graph_titled(struct canvas *c, struct rect a, enum role role, const char *title,
                  const char *note, const char *scale, const double *samples, double top)
{
    int used = canvas_text(c, a.row, a.col, a.cols, ROLE_HEAD, title);
    canvas_text_right(c, a.row, a.col + used + 1, a.cols - used - 1, ROLE_DIM, note);
    if (a.rows < 2)
        return;
    canvas_text_right(c, a.row + 1, a.col, GRAPH_GUTTER - 1, ROLE_DIM, scale);
    if (a.rows > 2)
        canvas_text_right(c, a.row + a.rows - 1, a.col, GRAPH_GUTTER - 1, ROLE_DIM, "0");
    graph_area(c, (struct rect){ .row = a.row + 1, .col = a.col + GRAPH_GUTTER,
                                 .rows = a.rows - 1, .cols = a.cols - GRAPH_GUTTER },
               role, samples, top);
}

/* ---- bars ---------------------------------------------------------------- */
/* The glyph for so many eighths of a cell, from its left. */
static uint32_t bar_glyph(const struct canvas *c, int eighths)
{
    if (c->glyphs == GLYPHS_ASCII)
        return eighths >= 4 ? '#' : eighths ? '|' : ' ';
    return eighths ? 0x2590u - (uint32_t)eighths : ' ';
}

void graph_bar(struct canvas *c, int row, int col, int width, enum role role, double part)
{
    int eighths = width > 0 ? steps_of(part, 1, width * 8) : 0;
    for (int i = 0; i < width; i++)
        put(c, row, col + i, role, bar_glyph(c, clamp(eighths - i * 8, 0, 8)));
}

void graph_net_bar(struct canvas *c, int row, int col, int width, double net,
                   double overall)
{
    bool ascii = c->glyphs == GLYPHS_ASCII;
    int cells = width > 0 ? steps_of(overall, 1, width) : 0;
    int eighths = width > 0 ? steps_of(net, 1, width * 8) : 0;
    for (int i = 0; i < width; i++) {
        int here = clamp(eighths - i * 8, 0, 8);
        if (here)
            put(c, row, col + i, ROLE_NET, bar_glyph(c, here));
        else if (i < cells)
            put(c, row, col + i, ROLE_OVERALL, ascii ? '-' : SHADE);
    }
}

/* ---- scales -------------------------------------------------------------- */
double graph_ceiling(double value)
{
    double unit = 1;
    if (!(value > 1))
        return 1;
    while (unit * 10 < value)
        unit *= 10;
    return value <= unit ? unit : value <= 2 * unit ? 2 * unit :
           value <= 5 * unit ? 5 * unit : 10 * unit;
}

double graph_ceiling_bytes(double value)
{
    double unit = 1;
    while (unit < value)
        unit *= 2;
    return unit;
}

char *graph_scale(char *out, size_t n, double top)
{
    int thousands = 0;
    for (; top >= 1000 && thousands < 6; top /= 1000)
        thousands++;
    snprintf(out, n, "%.0f%.*s", top, thousands > 0, &" kMGTPE"[thousands]);
    return out;
}
