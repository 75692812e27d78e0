/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire format of protocol buffers: varints and length-delimited fields.
 * Called by the writer of profiles. Never prints.
 */
#include "tui/export/proto.h"

#include <stdlib.h>
#include <string.h>

enum { WIRE_VARINT = 0, WIRE_BYTES = 2 };

#define VARINT_MAX 10 /* bytes of 64 bits */

void proto_fini(struct proto *p)
{
    free(p->bytes);
    *p = (struct proto){ .used = 0 };
}

/* Where the next n bytes go; NULL without memory. */
static unsigned char *reserve(struct proto *p, size_t n)
{
    if (p->room - p->used < n && !p->failed) {
        size_t room = 2 * p->room + n + 256;
        unsigned char *grown = realloc(p->bytes, room);
        p->failed = grown == NULL;
        p->bytes = grown ? grown : p->bytes;
        p->room = grown ? room : p->room;
    }
    return p->failed ? NULL : p->bytes + p->used;
}

static void put_varint(struct proto *p, uint64_t n)
{
    unsigned char *to = reserve(p, VARINT_MAX);
    if (!to)
        return;
    for (; n >= 0x80; n >>= 7)
        *to++ = (unsigned char)(n | 0x80);
    *to++ = (unsigned char)n;
    p->used = (size_t)(to - p->bytes);
}

static size_t varint_length(uint64_t n)
{
    size_t length = 1;
    for (; n >= 0x80; n >>= 7)
        length++;
    return length;
}

static void put_tag(struct proto *p, unsigned field, unsigned wire)
{
    put_varint(p, (uint64_t)field << 3 | wire);
}

void proto_number(struct proto *p, unsigned field, uint64_t n)
{
    if (n == 0)
        return;
    put_tag(p, field, WIRE_VARINT);
    put_varint(p, n);
}

void proto_bytes(struct proto *p, unsigned field, const void *bytes, size_t n)
{
    put_tag(p, field, WIRE_BYTES);
    put_varint(p, n);
    unsigned char *to = reserve(p, n);
    if (!to || n == 0)
        return;
    memcpy(to, bytes, n);
    p->used += n;
}

void proto_numbers(struct proto *p, unsigned field, const uint64_t *numbers, size_t n)
{
    size_t length = 0;
    for (size_t i = 0; i < n; i++)
        length += varint_length(numbers[i]);
    put_tag(p, field, WIRE_BYTES);
    put_varint(p, length);
    for (size_t i = 0; i < n; i++)
        put_varint(p, numbers[i]);
}
