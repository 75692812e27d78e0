/* SPDX-License-Identifier: Apache-2.0 */
/* Shrinking: what is free goes, what is alive stays, and nobody is overtaken. */
#include "agent/shrink.h"

#include <dlfcn.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "agent/blocks.h"
#include "agent/care.h"
#include "agent/history.h"
#include "agent/hooks.h"
#include "agent/store.h"
#include "agent/thread.h"
#include "agent/tracker.h"
#include "tests/as_hooks.h"
#include "tests/tap.h"
#if defined __x86_64__
#include "tests/victims/stepping.h"
#endif

#define FIRST UINT64_C(0x7e0000000000)
#define BLOCKS 600000u /* 64 bytes apart: 293 parts, 18 MiB, with compact records 9 */
#define STEP 64u
#define BLOCKS_PER_PART 2048u
#define SWEEP_TICKS 64u /* to get through a sweep that is not held up */
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
static void begin_sweep(unsigned ticks)
{
    store.globals->peak_blocks = 1000;
    store.globals->room_blocks = 0;
    shrink_tick(self);
    store.globals->room_blocks = 999;
    for (unsigned i = 0; i < ticks; i++)
        shrink_tick(self);
}

static uint64_t sweep(void)
{
    uint64_t before = store.header->memory_used;
    begin_sweep(20 * SWEEP_TICKS);
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

/* ---- a thread that knows where its last block's record was ------------------------- */

static __attribute__((noinline)) void allocate_elsewhere(uintptr_t address)
{
    history_advance(self, clock_ticks()); /* so that nothing else makes it take the long way */
    event_alloc(self, (void *)address, 40, HOOK_CALLER());
    __asm__ volatile("");
}

static void at_the_same_place(void)
{
    fill();
    drain(BLOCKS + 1);
    take(FIRST);
    allocate_elsewhere(FIRST);
    allocate_elsewhere(FIRST + STEP);
    tracker_free(self, SEG_FN_FREE, (void *)FIRST);
    tracker_free(self, SEG_FN_FREE, (void *)(FIRST + STEP));
    tap_ok(self->again.block == (void *)(FIRST + STEP), "a thread remembers its last block");
    sweep();
    allocate_elsewhere(FIRST + STEP);
    tap_ok(take(FIRST + STEP), "but not where its record was, when that has gone");
}

/* ---- in the middle of a sweep ------------------------------------------------------ */

/* When the sweep holds all that is free among the first parts, and asks the kernel to
 * make the threads agree, this happens. What a thread did to a part just before it was
 * hidden, which is not to be had by chance, is done here by hand. */
static void (*meanwhile)(void);
static bool was_held; /* the first part, then */

/* The one that shrink.c calls. */
long syscall(long number, ...)
{
    static long (*next)(long, ...);
    long a[3];
    va_list list;
    va_start(list, number);
    for (unsigned i = 0; i < 3; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_membarrier && a[0] == MEMBARRIER_CMD_PRIVATE_EXPEDITED && meanwhile) {
        struct blocks_part first;
        void (*happen)(void) = meanwhile;
        meanwhile = NULL;
        was_held = !blocks_part(0, &first);
        happen();
    }
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "syscall");
    return next(number, a[0], a[1], a[2]);
}

/* The next sweep begins with the first part, which is committed and has no block. */
static void finish_sweep(void)
{
    put(FIRST + STEP, 40);
    begin_sweep(SWEEP_TICKS);
    take(FIRST + STEP);
}

/* `happen` is called in any case. */
static void during_a_sweep(void (*happen)(void))
{
    meanwhile = happen;
    was_held = false;
    begin_sweep(1);
    if (meanwhile)
        happen();
    meanwhile = NULL;
}

static struct blocks_part first_part; /* as it is before it is held */

static uint64_t *its_last_record(void)
{
    return &first_part.records[first_part.length / sizeof(uint64_t) - 2];
}

/* One block in each part but the first keeps it, so that there is reason for sweeps. */
static void spread_out(void)
{
    fill();
    drain(BLOCKS_PER_PART);
    take(FIRST);
}

static void commit_the_rest(void)
{
    first_part.region->committed |= 1;
    *its_last_record() = 1;
}

/* A thread found that of a part just a page was committed, and committed all of it. */
static void beside_its_page(void)
{
    put(FIRST, 1 << 19); /* the part went before */
    blocks_part(0, &first_part);
    take(FIRST);
    finish_sweep();
    during_a_sweep(commit_the_rest);
    tap_ok(was_held && *its_last_record() == 1, "what was committed meanwhile stays");
    *its_last_record() = 0;
}

#if defined __x86_64__
static unsigned stop_after, steps;
static bool missed, finished;

static void stop(void)
{
    pthread_barrier_wait(&meet);
    pthread_barrier_wait(&meet); /* the sweep has ended */
}

static void trapped(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)info;
    if (++steps != stop_after)
        return;
    stop();
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~(long)STEPPING_FLAG;
}

static void *free_and_allocate(void *unused)
{
    (void)unused;
    struct thread *t = tracker_enter();
    steps = 0;
    pthread_barrier_wait(&meet);
    stepping_set(STEPPING_FLAG);
    bool found = take(FIRST);
    put(FIRST, 40);
    stepping_set(0);
    missed = !found;
    tracker_leave(t);
    finished = steps < stop_after;
    if (finished)
        stop();
    return NULL;
}

static void let_it_step(void)
{
    blocks_restore_part(&first_part); /* a block was written before it was hidden */
    put(FIRST, 40);
    blocks_hide_part(&first_part);
    pthread_barrier_wait(&meet);
    pthread_barrier_wait(&meet);
}

/* A sweep begins before a thread does something to a block, and gives up in the middle
 * of that: after any instruction. */
static void across_its_end(void)
{
    struct sigaction action = { .sa_sigaction = trapped, .sa_flags = SA_SIGINFO };
    unsigned strayed = 0, unheld = 0;
    put(FIRST, 40);
    blocks_part(0, &first_part);
    take(FIRST);
    pthread_barrier_init(&meet, NULL, 2);
    sigaction(SIGTRAP, &action, NULL);
    for (stop_after = 1; !finished; stop_after += 3) {
        pthread_t id;
        finish_sweep();
        pthread_create(&id, NULL, free_and_allocate, NULL);
        during_a_sweep(let_it_step);
        pthread_barrier_wait(&meet);
        pthread_join(id, NULL);
        strayed += missed + !take(FIRST);
        unheld += !was_held;
    }
    tap_ok(stop_after > 50 && unheld == 0, "sweeps end while a block is freed and allocated");
    tap_is_u64(strayed, 0, "it is found, after whichever of %u instructions", stop_after);
}
#endif

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
    at_the_same_place();
    spread_out();
#if defined __x86_64__
    across_its_end();
#endif
    sweep();
    beside_its_page();
    tap_is_u64(blocks_overflow, 0, "nothing had to overflow");
    tracker_leave(self);
    tracker_goodbye(0);
    return tap_done();
}
