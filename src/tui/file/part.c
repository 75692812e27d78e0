/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoding and decoding of tables, column by column; see part.h. What is
 * decoded may say what it likes: rows are at most as many as the payload has
 * bytes, so that memory stays within a fixed multiple of the file's.
 */
#include "tui/file/part.h"

#include <stdlib.h>
#include <string.h>

/* ---- where the rows are -------------------------------------------------------- */

static size_t *size_at(const struct image *im, size_t at)
{
    return (size_t *)((char *)im + at);
}

size_t part_count(const struct part *p, const struct image *im)
{
    return p->n_at ? *size_at(im, p->n_at) : p->rows;
}

void *part_rows(const struct part *p, const struct image *im)
{
    char *at = (char *)im + p->rows_at;
    return p->n_at ? *(void **)at : at;
}

static bool reserve(const struct part *p, struct image *im, size_t n)
{
    void **rows = (void **)((char *)im + p->rows_at);
    if (!p->n_at || n <= *size_at(im, p->cap_at))
        return true;
    size_t room = *size_at(im, p->cap_at) * 2;
    room = room < n ? n : room;
    void *grown = realloc(*rows, room * p->row_bytes);
    if (!grown)
        return false;
    *rows = grown;
    *size_at(im, p->cap_at) = room;
    return true;
}

/* ---- one field ------------------------------------------------------------------ */

static uint64_t field_get(const unsigned char *at, unsigned bytes)
{
    uint8_t one;
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (bytes) {
    case 1: memcpy(&one, at, 1); return one;
    case 2: memcpy(&two, at, 2); return two;
    case 4: memcpy(&four, at, 4); return four;
    default: memcpy(&eight, at, 8); return eight;
    }
}

static void field_set(unsigned char *at, unsigned bytes, uint64_t value)
{
    uint8_t one = (uint8_t)value;
    uint16_t two = (uint16_t)value;
    uint32_t four = (uint32_t)value;
    switch (bytes) {
    case 1: memcpy(at, &one, 1); break;
    case 2: memcpy(at, &two, 2); break;
    case 4: memcpy(at, &four, 4); break;
    default: memcpy(at, &value, 8); break;
    }
}

/* ---- one column ------------------------------------------------------------------ */

/* Rows of which those below `known` are expected to be as in `before`. */
struct rows {
    const struct part_column *column;
    size_t row_bytes;
    unsigned char *rows;
    const unsigned char *before; /* may be `rows` itself while decoding */
    size_t first, n, known;
};

static unsigned char *cell(const struct rows *r, const unsigned char *rows, size_t row,
                           unsigned element)
{
    const struct part_column *c = r->column;
    return (unsigned char *)rows + row * r->row_bytes + c->offset + (size_t)element * c->stride;
}

/* Where the value stands that is expected; NULL: 0, or an empty text. */
static const unsigned char *expected(const struct rows *r, size_t row, unsigned element)
{
    if (row < r->known)
        return cell(r, r->before, row, element);
    return r->column->rising && row > 0 ? cell(r, r->rows, row - 1, element) : NULL;
}

static bool put_text(const struct rows *r, const unsigned char *at, const unsigned char *old,
                     struct bytes *out)
{
    size_t n = strnlen((const char *)at, r->column->bytes - 1u);
    if (old ? strncmp((const char *)at, (const char *)old, r->column->bytes) == 0 : !n) {
        bytes_number(out, 0);
        return false;
    }
    bytes_number(out, 1 + n);
    bytes_put(out, at, n);
    return true;
}

static bool put_number(const struct rows *r, const unsigned char *at, const unsigned char *old,
                       struct bytes *out)
{
    unsigned bytes = r->column->bytes;
    uint64_t value = field_get(at, bytes), was = old ? field_get(old, bytes) : 0;
    uint64_t difference = value - was;
    if (bytes == 4)
        difference = (uint64_t)(int32_t)difference;
    bytes_signed(out, (int64_t)difference);
    return difference != 0;
}

/* Returns whether anything is not as expected. */
static bool put_column(const struct rows *r, struct bytes *out)
{
    bool changed = false;
    for (size_t row = r->first; row < r->n && !out->failed; row++)
        for (unsigned k = 0; k < r->column->count; k++) {
            const unsigned char *at = cell(r, r->rows, row, k), *old = expected(r, row, k);
            changed |= r->column->text ? put_text(r, at, old, out) : put_number(r, at, old, out);
        }
    return changed;
}

static void get_text(const struct rows *r, unsigned char *at, const unsigned char *old,
                     struct cursor *c)
{
    uint64_t n = cursor_number(c);
    size_t room = r->column->bytes;
    if (!n) {
        if (old != at)
            memcpy(at, old ? (const char *)old : "", old ? room : 1);
        return;
    }
    const char *text = cursor_take(c, n - 1);
    if (!text)
        return;
    size_t kept = n - 1 < room - 1 ? (size_t)(n - 1) : room - 1;
    memset(at, 0, room);
    memcpy(at, text, kept);
}

static void get_column(const struct rows *r, struct cursor *c)
{
    for (size_t row = r->first; row < r->n && !c->bad; row++)
        for (unsigned k = 0; k < r->column->count; k++) {
            unsigned char *at = cell(r, r->rows, row, k);
            const unsigned char *old = expected(r, row, k);
            if (r->column->text) {
                get_text(r, at, old, c);
            } else {
                unsigned bytes = r->column->bytes;
                uint64_t value = old ? field_get(old, bytes) : 0;
                value += (uint64_t)cursor_signed(c);
                field_set(at, bytes, r->column->truth ? value != 0 : value);
            }
        }
}

/* ---- tables ---------------------------------------------------------------------- */

static bool put_columns(const struct part_column *columns, size_t n_columns, struct rows r,
                        struct bytes *out)
{
    struct bytes column = { .data = NULL };
    bool changed = false;
    bytes_number(out, r.n);
    bytes_number(out, r.first);
    bytes_number(out, n_columns);
    for (size_t i = 0; i < n_columns; i++) {
        r.column = &columns[i];
        column.n = 0;
        changed |= put_column(&r, &column);
        bytes_number(out, column.n);
        bytes_put(out, column.data, column.n);
        out->failed |= column.failed;
    }
    bytes_fini(&column);
    return changed;
}

static bool get_columns(const struct part_column *columns, size_t n_columns, struct rows r,
                        struct cursor *c)
{
    cursor_number(c); /* the extent, which is known */
    cursor_number(c);
    uint64_t n = cursor_number(c);
    for (uint64_t i = 0; i < n && !c->bad; i++) {
        uint64_t length = cursor_number(c);
        struct cursor column = cursor_sub(c, length);
        if (i >= n_columns)
            continue;
        r.column = &columns[i];
        get_column(&r, &column);
        c->bad |= column.bad;
    }
    return !c->bad;
}

bool part_encode(const struct part *p, const struct image *im, const struct image *before,
                 struct bytes *out)
{
    size_t n = part_count(p, im), known = before && !p->absolute ? part_count(p, before) : 0;
    struct rows r = {
        .row_bytes = p->row_bytes,
        .rows = part_rows(p, im),
        .before = known ? part_rows(p, before) : NULL,
        .n = n,
        .known = known < n ? known : n,
    };
    if (p->appended)
        r.first = r.known;
    bool changed = put_columns(p->columns, p->n_columns, r, out);
    return changed || n != known;
}

/* The head of a table: how many rows, and the first of them that is written. A
 * row takes a byte in each column at least. */
static bool get_extent(const struct cursor *payload, size_t most, size_t least, uint64_t *n,
                       uint64_t *first)
{
    struct cursor c = *payload;
    *n = cursor_number(&c);
    *first = cursor_number(&c);
    uint64_t columns = cursor_number(&c);
    return !c.bad && *n <= most && *first <= *n && columns >= least &&
           *n - *first <= cursor_left(&c) / least;
}

bool part_decode(const struct part *p, struct image *im, struct cursor payload, bool delta)
{
    uint64_t n, first;
    size_t known = delta && !p->absolute ? part_count(p, im) : 0;
    if (!get_extent(&payload, p->rows, p->least, &n, &first) || (!p->n_at && n > p->rows) ||
        first != (p->appended ? known : 0) || !reserve(p, im, (size_t)n))
        return false;
    unsigned char *rows = part_rows(p, im);
    known = known < n ? known : (size_t)n;
    size_t all = p->n_at ? (size_t)n : p->rows;
    if (all > known)
        memset(rows + known * p->row_bytes, 0, (all - known) * p->row_bytes);
    if (p->n_at)
        *size_at(im, p->n_at) = (size_t)n;
    return get_columns(p->columns, p->n_columns,
                       (struct rows){ .row_bytes = p->row_bytes, .rows = rows, .before = rows,
                                      .first = (size_t)first, .n = (size_t)n, .known = known },
                       &payload);
}

bool part_copy(const struct part *p, struct image *to, const struct image *from, size_t n)
{
    if (!reserve(p, to, n))
        return false;
    if (n)
        memcpy(part_rows(p, to), part_rows(p, from), n * p->row_bytes);
    if (p->n_at)
        *size_at(to, p->n_at) = n;
    return true;
}

bool part_remember(const struct part *p, struct image *to, const struct image *from)
{
    if (!p->appended)
        return part_copy(p, to, from, part_count(p, from));
    *size_at(to, p->n_at) = part_count(p, from);
    return true;
}

void part_put_rows(const struct part_column *columns, size_t n_columns, size_t row_bytes,
                   const void *rows, size_t n, struct bytes *out)
{
    put_columns(columns, n_columns,
                (struct rows){ .row_bytes = row_bytes, .rows = (unsigned char *)rows, .n = n },
                out);
}

size_t part_get_rows(const struct part_column *columns, size_t n_columns, size_t row_bytes,
                     void *rows, size_t most, struct cursor payload)
{
    uint64_t n, first;
    if (!get_extent(&payload, most, n_columns, &n, &first) || first)
        return 0;
    memset(rows, 0, (size_t)n * row_bytes);
    return get_columns(columns, n_columns,
                       (struct rows){ .row_bytes = row_bytes, .rows = rows, .n = (size_t)n },
                       &payload)
               ? (size_t)n : 0;
}
