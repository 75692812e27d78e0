/* SPDX-License-Identifier: Apache-2.0 */
/* Known stacks: what is found, what must not be, and what may be forgotten. */
#include "agent/known.h"
#include "tests/tap.h"

static uint64_t hash_of(uint64_t i)
{
    return known_mix(known_seed(0), i);
}

static void test_one(void)
{
    uint64_t hash = hash_of(1);
    tap_is_u64(known_site(hash), 0, "nothing is known at first");
    known_add(hash, 17);
    tap_is_u64(known_site(hash), 17, "a stack's site");
    known_add(hash, 18);
    tap_is_u64(known_site(hash), 18, "is the one that was said last");
    known_add(hash, SEG_SITES_MAX - 1);
    tap_is_u64(known_site(hash), SEG_SITES_MAX - 1, "and be it the last one that there can be");
}

/* Hashes in the same place, which differ in one of the bits that an entry has. */
static void test_bits(void)
{
    unsigned wrong = 0;
    uint64_t hash = hash_of(2);
    known_add(hash, 5);
    for (unsigned bit = KNOWN_SITE_BITS; bit < 64; bit++)
        wrong += known_site(hash ^ UINT64_C(1) << bit) != 0;
    tap_is_u64(wrong, 0, "another stack in the same place is not taken for it");
    tap_is_u64(known_site(hash), 5, "which is still there");
}

static void test_many(void)
{
    enum { STACKS = 600000 };
    unsigned found = 0, wrong = 0, again = 0;
    uint64_t first = known_table->mask;
    for (uint64_t i = 1; i <= STACKS; i++) {
        known_add(hash_of(i), (uint32_t)i);
        again += known_site(hash_of(i)) == i;
    }
    tap_is_u64(again, STACKS, "each of many is found at once");
    tap_ok(known_table->mask > first, "the table grows");
    for (uint64_t i = 1; i <= 2 * STACKS; i++) {
        uint32_t site = known_site(hash_of(i));
        found += site == i;
        wrong += site != 0 && site != i;
    }
    tap_is_u64(wrong, 0, "none is another one's");
    tap_ok(found > STACKS / 4 && found < STACKS, "some were forgotten (%u are left)", found);
}

int main(void)
{
    if (!known_init())
        return 99;
    test_one();
    test_bits();
    test_many();
    known_forget();
    tap_is_u64(known_site(hash_of(1)), 0, "all can be forgotten");
    return tap_done();
}
