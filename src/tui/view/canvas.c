/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grid of cells, and text on it. Decodes UTF-8 itself, strictly, so that a
 * byte from elsewhere never reaches the terminal unchecked; takes widths from
 * wcwidth(), which needs a UTF-8 locale to be set. Called by everything that
 * draws; never prints.
 */
#include "tui/view/canvas.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

void canvas_init(struct canvas *c, enum canvas_glyphs glyphs)
{
    *c = (struct canvas){ .glyphs = glyphs, .cursor_row = -1, .cursor_col = -1 };
}

void canvas_fini(struct canvas *c)
{
    free(c->cells);
    c->cells = NULL;
    c->rows = c->cols = 0;
}

int canvas_resize(struct canvas *c, int rows, int cols)
{
    rows = rows < 1 ? 1 : rows;
    cols = cols < 1 ? 1 : cols;
    struct canvas_cell *cells = calloc((size_t)rows * (size_t)cols, sizeof *cells);
    if (!cells)
        return -1;
    free(c->cells);
    c->cells = cells;
    c->rows = rows;
    c->cols = cols;
    canvas_clear(c);
    return 0;
}

void canvas_clear(struct canvas *c)
{
    static const struct canvas_cell blank = { .text = { ' ' }, .fg = -1, .bg = -1 };
    size_t n = (size_t)c->rows * (size_t)c->cols;
    for (size_t i = 0; i < n; i++)
        c->cells[i] = blank;
    c->cursor_row = c->cursor_col = -1;
}

static struct canvas_cell *cell_at(const struct canvas *c, int row, int col)
{
    if (row < 0 || col < 0 || row >= c->rows || col >= c->cols)
        return NULL;
    return &c->cells[(size_t)row * (size_t)c->cols + (size_t)col];
}

/* ---- UTF-8 --------------------------------------------------------------- */
/* One code point of *text, which moves on. -1 for what is not valid. */
static int32_t decode(const char **text)
{
    const unsigned char *p = (const unsigned char *)*text;
    static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
    unsigned more = *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : 1;
    uint32_t value;

    ++*text;
    if (*p < 0x80)
        return *p;
    if (*p < 0xc2 || *p > 0xf4)
        return -1;
    value = *p & (0x3fu >> more);
    for (unsigned i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return -1;
        value = value << 6 | (p[i] & 0x3f);
    }
    *text += more;
    if (value < least[more] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
        return -1;
    return (int32_t)value;
}

size_t canvas_encode(char out[4], uint32_t u)
{
    if (u < 0x80) {
        out[0] = (char)u;
        return 1;
    }
    size_t more = u < 0x800 ? 1 : u < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = { 0, 0xc0, 0xe0, 0xf0 };
    out[0] = (char)(lead[more] | u >> (6 * more));
    for (size_t i = 1; i <= more; i++)
        out[i] = (char)(0x80 | (u >> (6 * (more - i)) & 0x3f));
    return more + 1;
}

/* Characters without a width that turn lines around or hide themselves. */
static bool deceives(uint32_t u)
{
    return (u >= 0x200b && u <= 0x200f) || (u >= 0x2028 && u <= 0x202e) ||
           (u >= 0x2060 && u <= 0x206f) || u == 0xfeff;
}

/* The next thing to draw: a character and its width, 0 if it combines, -1 if
 * it is to be left out. Returns false at the end. */
static bool next(const struct canvas *c, const char **text, uint32_t *u, int *width)
{
    if (**text == '\0')
        return false;
    int32_t value = decode(text);
    if (value == '\t')
        value = ' ';
    if (value < ' ' || value == 0x7f || (c->glyphs == GLYPHS_ASCII && value > 0x7e))
        value = '?';
    *u = (uint32_t)value;
    *width = value < 0x7f ? 1 : wcwidth((wchar_t)value);
    if (*width < 0) {
        *u = '?';
        *width = 1;
    } else if (deceives(*u)) {
        *width = -1;
    }
    return true;
}

int canvas_width(const struct canvas *c, const char *text)
{
    int total = 0, width;
    uint32_t u;
    while (next(c, &text, &u, &width))
        total += width > 0 ? width : 0;
    return total;
}

/* ---- text ---------------------------------------------------------------- */
static void put_plain(struct canvas *c, int row, int col, enum role role, uint32_t u)
{
    canvas_put(c, row, col, (struct canvas_cell){ .text = { u }, .role = (uint8_t)role,
                                                  .fg = -1, .bg = -1 });
}

static void combine(struct canvas *c, int row, int col, uint32_t u)
{
    struct canvas_cell *cell = cell_at(c, row, col);
    if (cell && !cell->text[1])
        cell->text[1] = u;
    else if (cell && !cell->text[2])
        cell->text[2] = u;
}

/* Draw without a mark; stops before the character that would not fit. */
static int draw(struct canvas *c, int row, int col, int room, enum role role,
                const char *text)
{
    int used = 0, width, last = -1;
    uint32_t u;
    while (next(c, &text, &u, &width)) {
        if (width < 0)
            continue;
        if (width == 0) {
            combine(c, row, last, u);
            continue;
        }
        if (used + width > room || col + used + width > c->cols)
            break;
        last = col + used;
        put_plain(c, row, last, role, u);
        if (width == 2)
            put_plain(c, row, last + 1, role, 0);
        used += width;
    }
    return used;
}

static void put_mark(struct canvas *c, int row, int col, enum role role)
{
    put_plain(c, row, col, role, c->glyphs == GLYPHS_ASCII ? '~' : 0x2026);
}

int canvas_text(struct canvas *c, int row, int col, int width, enum role role,
                const char *text)
{
    if (width <= 0)
        return 0;
    if (canvas_width(c, text) <= width)
        return draw(c, row, col, width, role, text);
    int used = draw(c, row, col, width - 1, role, text);
    put_mark(c, row, col + used, role);
    return used + 1;
}

void canvas_text_right(struct canvas *c, int row, int col, int width, enum role role,
                       const char *text)
{
    int used = canvas_width(c, text);
    int space = used < width ? width - used : 0;
    canvas_text(c, row, col + space, width - space, role, text);
}

/* The part of text after its first `skip` columns. */
static const char *skip_columns(const struct canvas *c, const char *text, int skip)
{
    int width;
    uint32_t u;
    while (skip > 0 && next(c, &text, &u, &width))
        skip -= width > 0 ? width : 0;
    return text;
}

int canvas_text_middle(struct canvas *c, int row, int col, int width, enum role role,
                       const char *text)
{
    int whole = canvas_width(c, text);
    if (width < 8 || whole <= width)
        return canvas_text(c, row, col, width, role, text);
    int tail = (width - 1) / 2, head = width - 1 - tail;
    int used = draw(c, row, col, head, role, text);
    put_mark(c, row, col + used, role);
    used++;
    return used + draw(c, row, col + used, width - used, role,
                       skip_columns(c, text, whole - tail));
}

int canvas_printf(struct canvas *c, int row, int col, int width, enum role role,
                  const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return canvas_text(c, row, col, width, role, text);
}

/* ---- cells --------------------------------------------------------------- */
void canvas_put(struct canvas *c, int row, int col, struct canvas_cell value)
{
    struct canvas_cell *cell = cell_at(c, row, col);
    if (cell)
        *cell = value;
}

void canvas_fill(struct canvas *c, int row, int col, int width, enum role role,
                 uint32_t character)
{
    for (int i = 0; i < width; i++)
        put_plain(c, row, col + i, role, character);
}

void canvas_paint(struct canvas *c, int row, int col, int width, enum role role)
{
    for (int i = 0; i < width; i++) {
        struct canvas_cell *cell = cell_at(c, row, col + i);
        if (cell)
            cell->role = (uint8_t)role;
    }
}

static void dump_cell(const struct canvas_cell *cell, FILE *out)
{
    char bytes[4];
    for (int k = 0; k < 3 && cell->text[k]; k++)
        fwrite(bytes, 1, canvas_encode(bytes, cell->text[k]), out);
}

void canvas_dump(const struct canvas *c, FILE *out)
{
    for (int row = 0; row < c->rows; row++) {
        int end = c->cols;
        while (end > 0 && cell_at(c, row, end - 1)->text[0] == ' ')
            end--;
        for (int col = 0; col < end; col++)
            dump_cell(cell_at(c, row, col), out);
        putc('\n', out);
    }
}
