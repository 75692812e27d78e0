/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live blocks in the segment: where the record of an address lies, and what is in
 * it. Part of shared/segment.h, which includes it.
 */
#ifndef MEMTOP_SHARED_SEGMENT_BLOCKS_H
#define MEMTOP_SHARED_SEGMENT_BLOCKS_H

#include <stdint.h>

/* ---- live blocks: the shadow heap ---------------------------------------- */
/* granule g = address >> granule_shift; region r = g >> 17; the region's entry
 * is region_l2[region_l1[r >> 12] - 1][r & 4095]; the block's record is
 * blocks[entry.blocks - 1][g & 131071]. Bit k of entry.committed says that the
 * whole k-th 1/32 of the region's records is committed; elsewhere single pages
 * may be, and the others read as zeros. Parts without a block are taken back. A
 * block that does not fit (the second one of a granule, an address above 48 bits,
 * 2^40 bytes or more) is in the overflow table. With SEG_FLAG_COMPACT a record is
 * a word, see below, and the rest is the same. */
#define SEG_REGION_SHIFT   17
#define SEG_REGION_BLOCKS  (1u << SEG_REGION_SHIFT)
#define SEG_L2_SHIFT       12
#define SEG_L2_ENTRIES     (1u << SEG_L2_SHIFT)
#define SEG_REGION_PARTS   32u
#define SEG_ADDRESS_BITS   48
#define SEG_GRANULE_GLIBC  5
#define SEG_GRANULE_OTHER  4

struct seg_region {
    uint32_t blocks;    /* atomic: 1 + index of the region's shadow */
    uint32_t committed; /* atomic: one bit for each part of it */
};

#define SEG_BLOCK_SIZE_BITS   40
#define SEG_BLOCK_SITE_BITS   24
#define SEG_BLOCK_BIRTH_BITS  48
#define SEG_BLOCK_THREAD_BITS 13
#define SEG_BLOCK_SUB_BITS    3

/* `what` is 0 for a granule in which no live block starts. */
struct seg_block {
    uint64_t what; /* (size + 1) | site << 40 */
    uint64_t when; /* birth | thread << 48 | sub << 61, sub = address >> 2 & 7 */
};

struct seg_overflow {
    uint64_t address; /* atomic; 0 never used, 1 used before, free again */
    uint64_t size;
    uint64_t when;    /* as in seg_block, sub unused */
    uint32_t site;
    uint32_t reserved;
};
#define SEG_OVERFLOW_SLOTS (1u << 22)
#define SEG_OVERFLOW_PROBES 64u

/* The slot where probing for `address` starts; SEG_OVERFLOW_PROBES follow.
 * Neighbours within 64 KiB stay neighbours, so that few pages are touched. */
static inline uint32_t seg_overflow_hash(uint64_t address)
{
    uint64_t window = (address >> 16) * UINT64_C(0x9e3779b97f4a7c15) >> 55;
    return (uint32_t)(window << 13 | (address >> 3 & 8191));
}

/* ---- compact records ------------------------------------------------------ */
/* Half as long, and without birth and thread: uint64_t[][SEG_REGION_BLOCKS]. A word
 * is 0 for a granule in which no live block starts, else
 * (size + 1) | site << 39 | sub << 61. What does not fit there is in the overflow
 * table, whose `when`, like that of samples, then says nothing. */
#define SEG_COMPACT_SIZE_BITS 39
#define SEG_COMPACT_SITE_BITS 22
#define SEG_COMPACT_SUB_SHIFT (SEG_COMPACT_SIZE_BITS + SEG_COMPACT_SITE_BITS)

_Static_assert(SEG_COMPACT_SUB_SHIFT + SEG_BLOCK_SUB_BITS == 64, "a word");
_Static_assert(sizeof(struct seg_region) == 8, "layout");
_Static_assert(sizeof(struct seg_block) == 16, "layout");
_Static_assert(sizeof(struct seg_overflow) == 32, "layout");

#endif
