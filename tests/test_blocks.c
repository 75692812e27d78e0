/* SPDX-License-Identifier: Apache-2.0 */
/* The live table: what goes in comes out, also where granules collide. */
#include "agent/blocks.h"

#include <stdlib.h>

#include "agent/store.h"
#include "agent/tracker.h"
#include "tests/tap.h"

static struct block block(uint64_t size, uint32_t site)
{
    return (struct block){ .size = size, .site = site, .birth = size * 3, .thread = 2 };
}

static bool same(const struct block *a, const struct block *b)
{
    return a->size == b->size && a->site == b->site && a->birth == b->birth &&
           a->thread == b->thread;
}

static void round_trip(uintptr_t address, uint64_t size, const char *what)
{
    struct block out, old, b = block(size, 0xabcdef);
    tap_ok(blocks_put_slowly(address, &b, &old) == BLOCKS_STORED, "%s: stored", what);
    tap_ok(blocks_take_slowly(address, &out) && same(&out, &b), "%s: the same comes out",
           what);
    tap_ok(!blocks_take_slowly(address, &out), "%s: only once", what);
}

static void neighbours(void)
{
    /* Eight-byte blocks side by side share a granule: none may be lost. */
    unsigned wrong = 0;
    for (unsigned i = 0; i < 4096; i++) {
        struct block old, b = block(i, i);
        wrong += blocks_put_slowly(0x610000000000u + i * 8, &b, &old) != BLOCKS_STORED;
    }
    tap_is_u64(wrong, 0, "4096 blocks 8 bytes apart are stored");
    for (unsigned i = 0; i < 4096; i++) {
        struct block out, b = block(i, i);
        wrong += !blocks_take_slowly(0x610000000000u + i * 8, &out) || !same(&out, &b);
    }
    tap_is_u64(wrong, 0, "and taken out again");
}

int main(void)
{
    tracker_init("/lib/libc.so.6", true, false);
    struct block out, old, first = block(10, 1), second = block(20, 2);

    round_trip(0x555555560010u, 0, "an empty block");
    round_trip(0x7ffff7f00000u, UINT64_C(100) << 30, "100 GB");
    round_trip(0x7ffff7f00010u, UINT64_C(4) << 40, "more than a record holds");
    round_trip(UINT64_C(0x12345678) << 32 | 64, 5, "an address above 48 bits");
    tap_ok(!blocks_take_slowly(0x123450u, &out), "an unknown address");
    tap_ok(!blocks_take_slowly(0x555555560000u, &out), "the other half of a granule");

    blocks_put_slowly(0x555555570020u, &first, &old);
    tap_ok(blocks_put_slowly(0x555555570020u, &second, &old) == BLOCKS_REPLACED &&
               same(&old, &first),
           "a record that is still there comes back");
    tap_ok(blocks_take_slowly(0x555555570020u, &out) && same(&out, &second),
           "the new one counts");
    neighbours();
    tracker_goodbye(0);
    return tap_done();
}
