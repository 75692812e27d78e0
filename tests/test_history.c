/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of seconds: their largest call sites, found by a scan that is spread over
 * the ticks between two of them. More sites than a tick's slice has, in one thread.
 */
#include <stdlib.h>

#include "agent/store.h"
#include "agent/thread.h"
#include "tests/as_hooks.h"
#include "tests/stack_fake.h"
#include "tests/tap.h"

enum { SITES = 3000, GONE = 20, SECONDS_MAX = 20 };

static uint32_t site_of[SITES]; /* as the agent numbers them */

static void *address_of(unsigned i)
{
    return (void *)(UINT64_C(0x7fe000000000) + UINT64_C(64) * i);
}

/* In no order that a scan has. */
static size_t size_of(unsigned i)
{
    return 1000 + 10 * ((size_t)i * 1237 % SITES);
}

static void allocate(unsigned i)
{
    stack_fake_depth = 3;
    for (size_t k = 0; k < 3; k++)
        stack_fake_pcs[k] = 0x1000 + (k == 0 ? i * 16 : k);
    struct stack_frame caller = stack_fake_leaf();
    struct thread *t = tracker_enter();
    event_alloc(t, address_of(i), size_of(i), &caller);
    site_of[i] = (uint32_t)(blocks_near((uintptr_t)address_of(i))->what >> SEG_BLOCK_SIZE_BITS);
    tracker_leave(t);
}

static void release(unsigned i)
{
    struct thread *t = tracker_enter();
    event_free(t, address_of(i));
    tracker_leave(t);
}

static struct seg_second newest(void)
{
    struct seg_second found = { 0 };
    for (unsigned i = 0; i < SEG_SECONDS_SLOTS; i++)
        if (store.seconds[i].second > found.second)
            found = store.seconds[i];
    return found;
}

/* Events go on until there is a new record. */
static struct seg_second next_record(void)
{
    uint64_t last = newest().second;
    uint64_t end = clock_monotonic_ns() + SECONDS_MAX * UINT64_C(1000000000);
    do {
        for (unsigned i = 0; i < 1000; i++) {
            allocate(SITES - 1);
            release(SITES - 1);
        }
    } while (newest().second == last && clock_monotonic_ns() < end);
    return newest();
}

/* Are these the largest sites of those that are at least the n-th largest? The last one's
 * block comes and goes. */
static bool has_largest_from(const struct seg_second *r, unsigned n)
{
    for (unsigned k = 0; k < SEG_SECOND_SITES; k++, n++) {
        unsigned i = 0;
        while (size_of(i) != 1000 + 10 * (size_t)(SITES - 1 - n))
            i++;
        if (r->top[k].site != site_of[i] || r->top[k].live_bytes != (int64_t)size_of(i) ||
            r->top[k].live_blocks != 1)
            return false;
    }
    return true;
}

/* A scan is through within two records at most. */
static bool soon_has_largest_from(unsigned n)
{
    for (unsigned tries = 0; tries < 3; tries++) {
        struct seg_second r = next_record();
        if (has_largest_from(&r, n))
            return true;
    }
    return false;
}

int main(void)
{
    setenv("MEMTOP_KEEP", "0", 1);
    tracker_init("/lib/libc.so.6", true, false);
    for (unsigned i = 0; i < SITES; i++)
        allocate(i);
    release(SITES - 1);
    tap_ok(soon_has_largest_from(0), "a record has the largest of %d sites", SITES);
    struct seg_second before = newest(), after = next_record();
    tap_ok(after.second > before.second && has_largest_from(&after, 0), "the next one has, too");
    tap_is_u64(after.sites, SITES + 1, "it knows how many there are");
    for (unsigned i = 0; i < SITES; i++)
        if (size_of(i) > 1000 + 10 * (size_t)(SITES - 1 - GONE))
            release(i);
    tap_ok(soon_has_largest_from(GONE), "when they are gone, those that were smaller");
    tracker_goodbye(0);
    after = newest();
    tap_ok(has_largest_from(&after, GONE), "and at the end");
    return tap_done();
}
