/* SPDX-License-Identifier: Apache-2.0 */
/* Shrinking: what is free goes, what is alive stays, and nobody is overtaken. */
#include "agent/shrink.h"

#include <pthread.h>
#include <stdlib.h>

#include "agent/blocks.h"
#include "agent/care.h"
#include "agent/store.h"
#include "agent/thread.h"
#include "agent/tracker.h"
#include "tests/tap.h"

#define FIRST UINT64_C(0x7e0000000000)
#define BLOCKS 600000u /* 64 bytes apart: 293 parts, 18 MiB, with compact records 9 */
#define STEP 64u
#define LARGE UINT64_C(0x7d0000000000)

static struct thread *self;

static void put(uintptr_t address, uint64_t size)
{
    struct block old, b = { .size = size, .site = 3, .birth = 4, .thread = 2 };
    blocks_put_slowly(address, &b, &old);
}

static bool take(uintptr_t address)
{
    struct block out;
    return blocks_take_slowly(address, &out);
}

static void fill(void)
{
    for (unsigned i = 0; i < BLOCKS; i++)
        put(FIRST + (uint64_t)i * STEP, 40);
    for (unsigned i = 0; i < 64; i++) /* each with a page of its own */
        put(LARGE + ((uint64_t)i << 20), 1 << 19);
}

/* All but every `spare`th block. */
static void drain(unsigned spare)
{
    for (unsigned i = 0; i < BLOCKS; i++)
        if (i % spare != 0)
            take(FIRST + (uint64_t)i * STEP);
    for (unsigned i = 0; i < 64; i++)
        take(LARGE + ((uint64_t)i << 20));
}

/* As if the heap had been large and were small now. */
static uint64_t sweep(void)
{
    uint64_t before = store.header->memory_used;
    store.globals->peak_blocks = 1000;
    store.globals->room_blocks = 0;
    shrink_tick(self);
    store.globals->room_blocks = 999;
    for (unsigned i = 0; i < 1000; i++)
        shrink_tick(self);
    return before - store.header->memory_used;
}

static pthread_barrier_t meet;

static void *in_a_hook(void *unused)
{
    (void)unused;
    struct thread *t = tracker_enter();
    pthread_barrier_wait(&meet);
    pthread_barrier_wait(&meet);
    tracker_leave(t);
    pthread_barrier_wait(&meet);
    pthread_barrier_wait(&meet); /* it lives on, outside of hooks */
    return NULL;
}

static void beside_a_thread(void)
{
    pthread_t id;
    pthread_barrier_init(&meet, NULL, 2);
    pthread_create(&id, NULL, in_a_hook, NULL);
    pthread_barrier_wait(&meet);
    fill();
    drain(BLOCKS);
    tap_is_u64(sweep(), 0, "nothing goes while another thread is within a hook");
    pthread_barrier_wait(&meet);
    pthread_barrier_wait(&meet);
    tap_ok(sweep() >= (blocks_compact ? 8 << 20 : 16 << 20), "it goes when that has left");
    pthread_barrier_wait(&meet);
    pthread_join(id, NULL);
}

int main(void)
{
    tracker_init("/lib/libc.so.6", true, false);
    self = tracker_enter();
    fill();
    uint64_t full = store.header->memory_used, part = blocks_compact ? 32768 : 65536;
    tap_ok(full >= 288 * part, "the segment has grown");
    tap_is_u64(sweep(), 0, "nothing goes while blocks are alive");

    drain(BLOCKS / 2); /* two stay */
    uint64_t care = care_without_reasons();
    uint64_t gone = sweep();
    tap_ok(care_without_reasons() != care, "no thread goes on with places that it knew");
    tap_ok(gone >= 290 * part, "free parts and pages go: %llu KiB",
           (unsigned long long)gone >> 10);
    tap_ok(!take(FIRST + STEP) && !take(LARGE), "what was free is not found");
    put(FIRST + 100000 * STEP, 40);
    tap_ok(take(FIRST + 100000 * STEP), "a part that went is committed again");
    tap_ok(take(FIRST) && take(FIRST + BLOCKS / 2 * STEP), "what was alive stays");

    fill();
    tap_is_u64(store.header->memory_used, full, "all is counted once when it comes back");
    drain(BLOCKS + 1);
    take(FIRST);
    tap_ok(sweep() >= 292 * part, "and goes again");
    beside_a_thread();
    tap_is_u64(blocks_overflow, 0, "nothing had to overflow");
    tracker_leave(self);
    tracker_goodbye(0);
    return tap_done();
}
