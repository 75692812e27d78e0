/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live blocks: the shadow heap. A block's record is found by arithmetic on its
 * address (see shared/segment.h), so there is no hash, no probing and no lock,
 * and the records share the heap's locality.
 *
 * The program itself orders the events of one address: whoever frees a block
 * was handed it. So a record has one writer at a time. Runs inside malloc.
 */
#ifndef MEMTOP_AGENT_BLOCKS_H
#define MEMTOP_AGENT_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

struct block {
    uint64_t size;
    uint64_t birth; /* in birth-stamp units */
    uint32_t site;
    uint32_t thread; /* row */
};

/* What blocks_put found. */
enum blocks_result {
    BLOCKS_STORED,
    BLOCKS_REPLACED, /* *old was still there: its free went unseen */
    BLOCKS_FULL,     /* no memory left; nothing stored */
};

bool blocks_init(void);   /* once per program image */
void blocks_attach(void); /* a new segment */

enum blocks_result blocks_put(uintptr_t address, const struct block *b, struct block *old);

/* Take the record of `address` out. False: there is none. */
bool blocks_take(uintptr_t address, struct block *out);

#endif
