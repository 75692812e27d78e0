/* SPDX-License-Identifier: Apache-2.0 */
/* Compact records: what goes in comes out at the borders of their bit fields, and
 * what they have no room for is in the overflow table, whole. */
#include "agent/blocks.h"

#include <stdlib.h>

#include "agent/store.h"
#include "agent/tracker.h"
#include "tests/tap.h"

#define LARGEST ((UINT64_C(1) << SEG_COMPACT_SIZE_BITS) - 2)
#define LAST_SITE (SEG_SITES_MAX - 1)
#define HEAP UINT64_C(0x555555560000)

static bool same(const struct block *a, const struct block *b)
{
    return a->size == b->size && a->site == b->site;
}

/* `beside`: how many records it has in the overflow table. */
static void round_trip(uintptr_t address, uint64_t size, uint32_t site, uint64_t beside)
{
    struct block out, old, b = { .size = size, .site = site, .birth = 77, .thread = 5 };
    uint64_t before = blocks_overflow;
    tap_ok(blocks_put_slowly(address, &b, &old) == BLOCKS_STORED &&
               blocks_overflow - before == beside,
           "%llu bytes at site %u: %s", (unsigned long long)size, site,
           beside ? "in the overflow table" : "in a record");
    tap_ok(!blocks_take_slowly(address ^ 8, &out) && !blocks_take_slowly(address ^ 32, &out),
           "it is not beside that");
    tap_ok(blocks_take_slowly(address, &out) && same(&out, &b), "the same comes out");
    tap_ok(!blocks_take_slowly(address, &out) && blocks_overflow == before, "only once");
}

/* Each place within a granule that a record can tell. */
static void places(void)
{
    unsigned wrong = 0;
    for (uintptr_t at = 0; at < 32; at += 4) {
        struct block out, old, b = { .size = 1000 + at, .site = LAST_SITE };
        wrong += blocks_put_slowly(HEAP + at, &b, &old) != BLOCKS_STORED;
        for (uintptr_t other = 0; other < 32; other += 4)
            wrong += other != at && blocks_take_slowly(HEAP + other, &out);
        wrong += !blocks_take_slowly(HEAP + at, &out) || !same(&out, &b);
    }
    tap_is_u64(wrong, 0, "a record is of one address only");
}

static void neighbours(void)
{
    unsigned wrong = 0;
    for (unsigned i = 0; i < 4096; i++) {
        struct block old, b = { .size = i, .site = i };
        wrong += blocks_put_slowly(0x610000000000u + i * 8, &b, &old) != BLOCKS_STORED;
    }
    for (unsigned i = 0; i < 4096; i++) {
        struct block out, b = { .size = i, .site = i };
        wrong += !blocks_take_slowly(0x610000000000u + i * 8, &out) || !same(&out, &b);
    }
    tap_is_u64(wrong, 0, "4096 blocks 8 bytes apart, three of four in the overflow table");
    tap_is_u64(blocks_overflow, 0, "which is empty again");
}

/* A record whose free went unseen, and what comes in its place. */
static void replaced(void)
{
    static const uint64_t sizes[] = { 10, LARGEST, LARGEST + 1, 20, UINT64_C(1) << 50, 0 };
    struct block out, old, last = { .size = 0 };
    unsigned wrong = 0;
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct block b = { .size = sizes[i], .site = i + 1 };
        enum blocks_result got = blocks_put_slowly(HEAP, &b, &old);
        wrong += i == 0 ? got != BLOCKS_STORED : got != BLOCKS_REPLACED || !same(&old, &last);
        last = b;
    }
    wrong += !blocks_take_slowly(HEAP, &out) || !same(&out, &last);
    wrong += blocks_take_slowly(HEAP, &out);
    tap_is_u64(wrong, 0, "records of all sizes replace each other");
    tap_is_u64(blocks_overflow, 0, "and leave nothing behind");
}

static void births(void)
{
    struct block out, old, b = { .size = 5, .site = 6, .birth = 7, .thread = 8 };
    blocks_put_slowly(HEAP, &b, &old);
    tap_ok(blocks_take_slowly(HEAP, &out) && out.birth == 0 && out.thread == 0,
           "births and threads are not kept");
}

/* A part of the shadow is half as long; a large block has a page of it. */
static void memory(void)
{
    struct block out, old, b = { .size = 16 }, large = { .size = 1 << 20 };
    blocks_put_slowly(0x7e0000000000u, &b, &old);
    uint64_t first = store.header->memory_used;
    blocks_put_slowly(0x7e0000000000u + 4095 * 32, &b, &old);
    tap_is_u64(store.header->memory_used, first, "4096 granules are a part");
    blocks_put_slowly(0x7e0000000000u + 4096 * 32, &b, &old);
    tap_is_u64(store.header->memory_used - first, 32768, "of 32 KiB");
    blocks_put_slowly(0x7e0000000000u + 3 * 4096 * 32, &large, &old);
    tap_is_u64(store.header->memory_used - first - 32768, 4096, "or a page, for a large one");
    tap_ok(blocks_take_slowly(0x7e0000000000u + 3 * 4096 * 32, &out) && same(&out, &large) &&
               blocks_take_slowly(0x7e0000000000u, &out) && same(&out, &b),
           "all of them come out");
}

int main(void)
{
    setenv("MEMTOP_COMPACT", "1", 1);
    tracker_init("/lib/libc.so.6", true, false);
    tap_ok(blocks_compact && store.header->flags & SEG_FLAG_COMPACT, "the header says it");
    static const uint32_t sites[] = { 0, 1, LAST_SITE };
    for (unsigned i = 0; i < 3; i++) {
        round_trip(HEAP + 16, 0, sites[i], 0);
        round_trip(HEAP + 4096, LARGEST - 1, sites[i], 0);
        round_trip(HEAP + 4096, LARGEST, sites[i], 0);
        round_trip(HEAP + 4096, LARGEST + 1, sites[i], 1);
        round_trip(HEAP + 4096, UINT64_MAX - 1, sites[i], 1);
    }
    round_trip(HEAP, 10, LAST_SITE + 1, 1); /* there is no such site yet */
    round_trip(UINT64_C(0x12345678) << 32 | 64, 5, 6, 1);
    places();
    neighbours();
    replaced();
    births();
    memory();
    tracker_goodbye(0);
    return tap_done();
}
