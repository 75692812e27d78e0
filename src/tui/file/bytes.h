/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers and text to bytes and back. Numbers take seven bits a byte, the low
 * ones first, the eighth saying that more follow; signed ones are zigzagged
 * first. A cursor never leaves its bytes: what is not there is 0, and `bad`
 * says so. Pure; one thread per object.
 */
#ifndef MEMTOP_TUI_FILE_BYTES_H
#define MEMTOP_TUI_FILE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: none. */
struct bytes {
    unsigned char *data;
    size_t n, room;
    bool failed; /* memory ran out; what was put since is not there */
};

void bytes_fini(struct bytes *b);

/* Make room for n more and return where; NULL without memory. */
unsigned char *bytes_reserve(struct bytes *b, size_t n);

void bytes_put(struct bytes *b, const void *data, size_t n);
void bytes_number(struct bytes *b, uint64_t value);
void bytes_signed(struct bytes *b, int64_t value);

struct cursor {
    const unsigned char *at, *end;
    bool bad;
};

static inline struct cursor cursor_of(const void *data, size_t n)
{
    const unsigned char *at = data;
    return (struct cursor){ .at = at, .end = n ? at + n : at };
}

static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->at);
}

uint64_t cursor_number(struct cursor *c);
int64_t cursor_signed(struct cursor *c);

/* The next n bytes, which are passed over; NULL where there are not so many. */
const void *cursor_take(struct cursor *c, uint64_t n);

/* A cursor over the next n bytes, which are passed over. */
struct cursor cursor_sub(struct cursor *c, uint64_t n);

#endif
