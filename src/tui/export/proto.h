/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protocol buffers, as far as profiles need them: a message is built in
 * memory, field after field, then written or made a field of another one.
 */
#ifndef MEMTOP_TUI_EXPORT_PROTO_H
#define MEMTOP_TUI_EXPORT_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: an empty message. `failed`: memory ran out, and it is not whole. */
struct proto {
    unsigned char *bytes;
    size_t used, room;
    bool failed;
};

void proto_fini(struct proto *p);

/* A number; 0 is left out, as it is the default. */
void proto_number(struct proto *p, unsigned field, uint64_t n);

/* Text, bytes, or a message; an empty one is written too. */
void proto_bytes(struct proto *p, unsigned field, const void *bytes, size_t n);

/* Several numbers, 0 among them. */
void proto_numbers(struct proto *p, unsigned field, const uint64_t *numbers, size_t n);

#endif
