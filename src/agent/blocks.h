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
#include <stddef.h>
#include <stdint.h>

#include "shared/segment.h"

struct block {
    uint64_t size;
    uint64_t birth; /* in birth-stamp units; compact records keep none and */
    uint32_t site;
    uint32_t thread; /* row; no row, either: both come back as 0 */
};

/* Where records are, for the hot path: each part of the shadow that is committed
 * as a whole has an entry, by the number of its first granule >> BLOCKS_PART_SHIFT.
 * It says what to add to a granule, times the bytes of a record, to get its record;
 * 0 stands for none. Leaves cover 128 GiB each (64 where granules are of 16 bytes); the one
 * that stands for all that are not there is never written. Entries appear when a
 * part is committed and go when it is held by a sweep, and only then. */
#define BLOCKS_PART_SHIFT 12u
#define BLOCKS_LEAF_SHIFT 20u
#define BLOCKS_LEAVES     2048u
struct blocks_leaf {
    uintptr_t bias[1u << BLOCKS_LEAF_SHIFT]; /* atomic */
};
extern struct blocks_leaf *blocks_leaves[BLOCKS_LEAVES] /* atomic; never NULL */
    __attribute__((visibility("hidden")));

/* What blocks_put_slowly found. */
enum blocks_result {
    BLOCKS_STORED,
    BLOCKS_REPLACED, /* *old was still there: its free went unseen */
    BLOCKS_FULL,     /* no memory left; nothing stored */
};

bool blocks_init(void);    /* reserve what is not there yet */
void blocks_release(void); /* give it back, where nobody uses it any more */
void blocks_attach(void); /* a new segment */
void blocks_forget(void); /* before it, in a process that had one: as fork does */

/* The ways in and out that always work. */
enum blocks_result blocks_put_slowly(uintptr_t address, const struct block *b,
                                     struct block *old);
bool blocks_take_slowly(uintptr_t address, struct block *out);

/* ---- for shrink.c ------------------------------------------------------------- */

/* A part of the shadow, of which something is committed. */
struct blocks_part {
    uint32_t committed;          /* all that is to be known besides its number */
    struct seg_region *region;
    uint32_t bit;                /* of region->committed; 0: only `pages` are */
    uint64_t *word;              /* of the pages committed one by one, and */
    uint64_t pages;              /* which of its bits those of this part are */
    unsigned first_page;         /* bit of the part's first page */
    size_t bytes;                /* committed, of */
    size_t length;
    uint64_t *records;           /* words, in either form */
    uint64_t granule;            /* its first one */
};

/* Parts are numbered from 0 on; not all of them are in use. */
uint32_t blocks_parts(void);

/* False: nothing of that part is committed. */
bool blocks_part(uint32_t number, struct blocks_part *out);

/* The same, of which it is known what is committed: fewer than 32 bits. */
bool blocks_part_with(uint32_t number, uint32_t committed, struct blocks_part *out);

/* Are all its records free? Only as of now. */
bool blocks_part_is_free(const struct blocks_part *p);

/* Make it look uncommitted, also to the hot path, and committed again. */
void blocks_hide_part(const struct blocks_part *p);
void blocks_restore_part(const struct blocks_part *p);

/* ---- records -------------------------------------------------------------------- */

#define BLOCKS_SIZE_MASK ((UINT64_C(1) << SEG_BLOCK_SIZE_BITS) - 1)
#define BLOCKS_SITE_MASK ((1u << SEG_BLOCK_SITE_BITS) - 1)
#define BLOCKS_BIRTH_MASK ((UINT64_C(1) << SEG_BLOCK_BIRTH_BITS) - 1)
#define BLOCKS_SUB_SHIFT (SEG_BLOCK_BIRTH_BITS + SEG_BLOCK_THREAD_BITS)

#pragma GCC visibility push(hidden)
extern uint32_t blocks_shift;    /* bytes per record = 1 << this */
extern uint32_t blocks_second;   /* see blocks_is_second; 0: no granule is shared */
extern bool blocks_compact;      /* the form of records; for one segment the same */
extern uint64_t blocks_overflow; /* other records in the overflow table; atomic */
extern int64_t blocks_lost;      /* blocks about that found no room; atomic */
#pragma GCC visibility pop

static inline uint64_t blocks_what(uint64_t size, uint32_t site)
{
    return (size + 1) | (uint64_t)site << SEG_BLOCK_SIZE_BITS;
}

static inline uint64_t blocks_when(uint64_t birth, uint32_t thread, uintptr_t address)
{
    return (birth & BLOCKS_BIRTH_MASK) | (uint64_t)thread << SEG_BLOCK_BIRTH_BITS |
           (uint64_t)(address >> 2) << BLOCKS_SUB_SHIFT;
}

/* May the block share its granule with one before it? Then its record is in the overflow
 * table, and only there: so threads that have one of them each never meet at a record. */
static inline bool blocks_is_second(uintptr_t address)
{
    return ((uint32_t)address & blocks_second) != 0;
}

/* The record, of so many bytes, of an address in a part that is committed as a whole,
 * else NULL. */
static inline __attribute__((always_inline)) void *blocks_near_of(size_t record_bytes,
                                                                  uintptr_t address)
{
    uint64_t granule = address >> blocks_shift;
    uint64_t part = granule >> BLOCKS_PART_SHIFT, leaf = part >> BLOCKS_LEAF_SHIFT;
    if (__builtin_expect(leaf >= BLOCKS_LEAVES, 0))
        return NULL;
    const struct blocks_leaf *there = __atomic_load_n(&blocks_leaves[leaf], __ATOMIC_RELAXED);
    uintptr_t bias = __atomic_load_n(&there->bias[part % (1u << BLOCKS_LEAF_SHIFT)],
                                     __ATOMIC_RELAXED);
    if (__builtin_expect(bias == 0, 0))
        return NULL;
    return (void *)(bias + granule * record_bytes);
}

static inline struct seg_block *blocks_near(uintptr_t address)
{
    return blocks_near_of(sizeof(struct seg_block), address);
}

/* A record, which may be another block's, of another thread. */
static inline struct seg_block blocks_read(const struct seg_block *record)
{
    struct seg_block found;
    found.what = __atomic_load_n(&record->what, __ATOMIC_ACQUIRE);
    found.when = __atomic_load_n(&record->when, __ATOMIC_RELAXED);
    return found;
}

/* Is it that of a block at just that address? */
static inline bool blocks_is_at(struct seg_block found, uintptr_t address)
{
    return found.what != 0 && ((found.when >> BLOCKS_SUB_SHIFT ^ address >> 2) & 7) == 0;
}

/* Fill the free record of a block. */
static inline void blocks_write(struct seg_block *record, uint64_t what, uint64_t when)
{
    __atomic_store_n(&record->when, when, __ATOMIC_RELAXED);
    __atomic_store_n(&record->what, what, __ATOMIC_RELEASE);
}

/* ---- compact records --------------------------------------------------------------- */

#define COMPACT_SIZE_MASK ((UINT64_C(1) << SEG_COMPACT_SIZE_BITS) - 1)
#define COMPACT_SITE_MASK ((1u << SEG_COMPACT_SITE_BITS) - 1)

static inline uint64_t compact_record(uint64_t size, uint32_t site, uintptr_t address)
{
    return (size + 1) | (uint64_t)site << SEG_COMPACT_SIZE_BITS |
           (uint64_t)(address >> 2) << SEG_COMPACT_SUB_SHIFT;
}

static inline uint64_t compact_size(uint64_t record)
{
    return (record & COMPACT_SIZE_MASK) - 1;
}

static inline uint32_t compact_site(uint64_t record)
{
    return (uint32_t)(record >> SEG_COMPACT_SIZE_BITS) & COMPACT_SITE_MASK;
}

static inline uint64_t *compact_near(uintptr_t address)
{
    return blocks_near_of(sizeof(uint64_t), address);
}

/* As blocks_read. */
static inline uint64_t compact_read(const uint64_t *record)
{
    return __atomic_load_n(record, __ATOMIC_ACQUIRE);
}

static inline bool compact_is_at(uint64_t record, uintptr_t address)
{
    return record != 0 && ((record >> SEG_COMPACT_SUB_SHIFT ^ address >> 2) & 7) == 0;
}

#endif
