/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bars and graphs on a canvas: eighths of blocks and braille where the canvas
 * has them, plain characters where not. Called by views. One thread.
 */
#ifndef MEMTOP_TUI_VIEW_GRAPH_H
#define MEMTOP_TUI_VIEW_GRAPH_H

#include "tui/view/canvas.h"

/* How many samples an area of so many columns shows. */
int graph_samples(const struct canvas *c, int cols);

/* A filled curve over samples[0..graph_samples), 0 at the bottom of the area
 * and `top` at its upper edge. Whatever is above 0 shows as something. A
 * sample below 0 is one that nobody knows: left empty. */
void graph_area(struct canvas *c, struct rect area, enum role role,
                const double *samples, double top);

#define GRAPH_GUTTER 6 /* columns for the labels of a scale */

/* A heading, and below it the labels of the scale beside the curve, whose samples
 * are those of GRAPH_GUTTER columns less. */
void graph_titled(struct canvas *c, struct rect area, enum role role, const char *title,
                  const char *note, const char *scale, const double *samples, double top);

/* A horizontal bar: `part` (0 to 1) of `width` columns. */
void graph_bar(struct canvas *c, int row, int col, int width, enum role role,
               double part);

/* Two values in one bar: `net` in full blocks, from there to `overall` shaded.
 * They differ in glyph, not in colour alone. */
void graph_net_bar(struct canvas *c, int row, int col, int width, double net,
                   double overall);

/* The lowest of 1, 2, 5, 10, 20, 50 ... that is not below value; at least 1. */
double graph_ceiling(double value);

/* The same in powers of 2, for bytes. */
double graph_ceiling_bytes(double value);

/* The top of a scale, which is a round number: "200", "1k", "20k". */
char *graph_scale(char *out, size_t n, double top);

#endif
