/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A canvas: the screen as a grid of cells in memory. Views draw on it, a
 * screen shows it, a test prints it; it knows of no terminal. One thread.
 *
 * All drawing is clipped to the canvas, so that callers need not care how
 * small it is. Rows and columns count from 0. Text is UTF-8; what is not valid
 * or not printable becomes '?', because much of it comes from other processes.
 * Where the canvas is ASCII, so does everything above U+007E.
 */
#ifndef MEMTOP_TUI_VIEW_CANVAS_H
#define MEMTOP_TUI_VIEW_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum canvas_glyphs {
    GLYPHS_ASCII,
    GLYPHS_BLOCKS,  /* UTF-8 without braille: the Linux console */
    GLYPHS_BRAILLE,
};

/* What a cell means; the screen decides how that looks. */
enum role {
    ROLE_PLAIN,
    ROLE_DIM,      /* scales, units, what matters least */
    ROLE_STRONG,   /* figures that matter most */
    ROLE_TITLE,    /* the title line */
    ROLE_HEAD,     /* headings of tables and panes */
    ROLE_SORT,     /* the heading that sorts */
    ROLE_TAB,      /* the tab of the view that is shown */
    ROLE_KEY,      /* a key on the key bar */
    ROLE_LABEL,    /* what it does */
    ROLE_CURSOR,   /* the selected row */
    ROLE_WARN,
    ROLE_GOOD,
    ROLE_NET,      /* live */
    ROLE_OVERALL,  /* all that ever was */
    ROLE_PEAK,
    ROLE_RSS,
    ROLE_GRAPH,    /* density */
    ROLE_TREND,    /* live over time */
    ROLE_FUNCTION,
    ROLE_PLACE,    /* file:line */
    ROLE_TERMINAL, /* a program's output: attrs, fg and bg count */
    ROLE_COUNT
};

enum canvas_attr {
    ATTR_BOLD = 1, ATTR_UNDERLINE = 2, ATTR_REVERSE = 4, ATTR_ITALIC = 8,
};

struct canvas_cell {
    uint32_t text[3]; /* a character and what combines with it; text[0] is 0 in
                         the right half of a wide one */
    uint8_t role;
    uint8_t attrs;    /* enum canvas_attr, for ROLE_TERMINAL */
    int16_t fg, bg;   /* 0 to 255 or -1, for ROLE_TERMINAL */
    uint16_t zero;    /* no padding: cells are compared bytewise */
};

struct rect {
    int row, col, rows, cols;
};

struct canvas {
    int rows, cols;
    enum canvas_glyphs glyphs;
    int cursor_row, cursor_col; /* -1: hidden */
    struct canvas_cell *cells;  /* rows * cols */
};

/* An empty canvas in the caller's storage; _fini frees what it holds. */
void canvas_init(struct canvas *c, enum canvas_glyphs glyphs);
void canvas_fini(struct canvas *c);

/* Blank, at this size (at least 1 x 1). 0, or -1 without memory. */
int canvas_resize(struct canvas *c, int rows, int cols);
void canvas_clear(struct canvas *c);

/* The columns that text takes. */
int canvas_width(const struct canvas *c, const char *text);

/* Draw text in at most `width` columns, marked at its end if it was cut.
 * Returns the columns that it took. */
int canvas_text(struct canvas *c, int row, int col, int width, enum role role,
                const char *text);

/* The same, against the right end of `width` columns. */
void canvas_text_right(struct canvas *c, int row, int col, int width, enum role role,
                       const char *text);

/* The same, cut in its middle: both ends of a C++ name say something. */
int canvas_text_middle(struct canvas *c, int row, int col, int width, enum role role,
                       const char *text);

__attribute__((format(printf, 6, 7)))
int canvas_printf(struct canvas *c, int row, int col, int width, enum role role,
                  const char *format, ...);

/* One cell; text up to three code points, 0 for none. Not checked further. */
void canvas_put(struct canvas *c, int row, int col, struct canvas_cell cell);

/* Fill `width` cells with a printable character of one column. */
void canvas_fill(struct canvas *c, int row, int col, int width, enum role role,
                 uint32_t character);

/* Give cells another role; what they say stays. */
void canvas_paint(struct canvas *c, int row, int col, int width, enum role role);

/* Print it as text, trailing blanks cut. Errors are left in the stream. */
void canvas_dump(const struct canvas *c, FILE *out);

/* Encode a code point; returns the bytes (1 to 4), not terminated. */
size_t canvas_encode(char out[4], uint32_t character);

#endif
