/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that grow, and a cursor that stays within bounds; bytes.h. */
#include "tui/file/bytes.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES 10 /* of 64 bits */

void bytes_fini(struct bytes *b)
{
    free(b->data);
    *b = (struct bytes){ .data = NULL };
}

unsigned char *bytes_reserve(struct bytes *b, size_t n)
{
    if (b->room - b->n < n) {
        size_t room = b->room ? b->room : 256;
        while (room - b->n < n && room < SIZE_MAX / 2)
            room *= 2;
        unsigned char *grown = room - b->n < n ? NULL : realloc(b->data, room);
        if (!grown) {
            b->failed = true;
            return NULL;
        }
        b->data = grown;
        b->room = room;
    }
    return b->data + b->n;
}

void bytes_put(struct bytes *b, const void *data, size_t n)
{
    unsigned char *to = n ? bytes_reserve(b, n) : NULL;
    if (!to)
        return;
    memcpy(to, data, n);
    b->n += n;
}

void bytes_number(struct bytes *b, uint64_t value)
{
    unsigned char *to = bytes_reserve(b, NUMBER_BYTES);
    if (!to)
        return;
    for (; value >= 0x80; value >>= 7)
        *to++ = (unsigned char)(value | 0x80);
    *to++ = (unsigned char)value;
    b->n = (size_t)(to - b->data);
}

void bytes_signed(struct bytes *b, int64_t value)
{
    bytes_number(b, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

uint64_t cursor_number(struct cursor *c)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && c->at < c->end; shift += 7) {
        unsigned char byte = *c->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    c->bad = true;
    return 0;
}

int64_t cursor_signed(struct cursor *c)
{
    uint64_t value = cursor_number(c);
    return (int64_t)(value >> 1 ^ -(value & 1));
}

const void *cursor_take(struct cursor *c, uint64_t n)
{
    const void *at = c->at;
    if (c->bad || n > cursor_left(c)) {
        c->bad = true;
        return NULL;
    }
    c->at += n;
    return at;
}

struct cursor cursor_sub(struct cursor *c, uint64_t n)
{
    const void *at = cursor_take(c, n);
    struct cursor sub = cursor_of(at, at ? (size_t)n : 0);
    sub.bad = !at;
    return sub;
}
