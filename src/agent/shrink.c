/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sweeps over the shadow heap; see shrink.h for why that is safe. Called from
 * history ticks, inside malloc; no locks: one thread sweeps, the others only
 * ever cancel a hold.
 */
#include "agent/shrink.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/blocks.h"
#include "agent/heap.h"
#include "agent/sandbox.h"
#include "agent/store.h"
#include "agent/thread.h"

#define FLOOR_BYTES (UINT64_C(2) << 20) /* of a segment: below, it does not matter */
#define LOOKS 64u      /* parts looked at in a tick */
#define HOLDS 8u       /* of these, parts taken back: 64 KiB each */
#define ROWS_MAX 256u  /* with more threads than that, nothing is taken back */
#define TRIES 64u      /* to find all threads outside of hooks, one a tick */

enum { HELD = 1, CANCELLED = 2, GOING = 3 };

/* word: what is committed << 32 | (1 + part) << 2 | state; 0: none. It is atomic, and
 * says all to those who cancel it; `what` is for the thread that sweeps. */
static struct hold {
    uint64_t word;
    struct blocks_part what;
} holds[HOLDS];

static uint64_t name_of(uint32_t part)
{
    return ((uint64_t)part + 1) << 2;
}

static uint32_t part_of(uint64_t word)
{
    return ((uint32_t)word >> 2) - 1;
}
uint32_t shrink_holds, shrink_lapsed;

static struct {
    int64_t high_bytes, high_blocks; /* the highest since the last sweep began */
    uint32_t next;                   /* part to look at; UINT32_MAX: no sweep */
    uint32_t tries;
    bool unable; /* the kernel refuses */
    bool barrier;
} state;

void shrink_attach(void)
{
    for (unsigned i = 0; i < HOLDS; i++)
        holds[i].word = 0;
    shrink_holds = 0;
    state.high_bytes = state.high_blocks = 0;
    state.next = UINT32_MAX;
    state.unable = false;
    /* With more threads it would have to wait for all processors. */
    state.barrier = heap_single_threaded() && prctl(PR_GET_SECCOMP) == 0 &&
                    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

/* ---- holds -------------------------------------------------------------------- */

/* In any thread. Restoring twice does no harm. */
static enum shrink_hold cancel(struct hold *h, uint32_t part, uint64_t word)
{
    struct blocks_part what;
    uint64_t expected = word | HELD;
    if (!__atomic_compare_exchange_n(&h->word, &expected, word | CANCELLED, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) &&
        expected != (word | CANCELLED))
        return expected == (word | GOING) ? SHRINK_GOING : SHRINK_NONE;
    if (blocks_part_with(part, (uint32_t)(word >> 32), &what))
        blocks_restore_part(&what);
    return SHRINK_CANCELLED;
}

enum shrink_hold shrink_ask_slowly(uint32_t part)
{
    for (unsigned i = 0; i < HOLDS; i++) {
        uint64_t word = __atomic_load_n(&holds[i].word, __ATOMIC_ACQUIRE) & ~UINT64_C(3);
        if ((word & UINT32_MAX) == name_of(part))
            return cancel(&holds[i], part, word);
    }
    return SHRINK_NONE;
}

static bool hold(struct hold *h, uint32_t part)
{
    if (!blocks_part(part, &h->what) || !blocks_part_is_free(&h->what))
        return false;
    __atomic_add_fetch(&shrink_holds, 1, __ATOMIC_ACQ_REL);
    __atomic_store_n(&h->word, (uint64_t)h->what.committed << 32 | name_of(part) | HELD,
                     __ATOMIC_RELEASE);
    blocks_hide_part(&h->what);
    return true;
}

/* All that is to be undone was undone. Whoever does not find the hold any more finds
 * that it lapsed. */
static void let_go(struct hold *h)
{
    __atomic_add_fetch(&shrink_lapsed, 1, __ATOMIC_RELEASE);
    __atomic_store_n(&h->word, 0, __ATOMIC_RELEASE);
    __atomic_sub_fetch(&shrink_holds, 1, __ATOMIC_ACQ_REL);
}

static void give_up(struct hold *h)
{
    blocks_restore_part(&h->what);
    let_go(h);
}

static bool punch(struct hold *h)
{
    int saved_errno = errno;
    bool done = madvise(h->what.records, h->what.length, MADV_REMOVE) == 0;
    errno = saved_errno;
    if (!done) {
        state.unable = true;
        give_up(h);
        return false;
    }
    store_refund(h->what.bytes);
    let_go(h);
    return true;
}

/* All records are free, and nothing was committed between the first look and the hold. */
static bool is_still_free(const struct hold *h, uint32_t part)
{
    struct blocks_part more;
    return blocks_part_is_free(&h->what) && !blocks_part(part, &more);
}

/* Nobody is about to use it: the last look. */
static void take_back(struct hold *h)
{
    uint64_t word = __atomic_load_n(&h->word, __ATOMIC_ACQUIRE) & ~UINT64_C(3);
    uint64_t expected = word | HELD;
    if (!is_still_free(h, part_of(word)) ||
        !__atomic_compare_exchange_n(&h->word, &expected, word | GOING, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        give_up(h);
    else
        punch(h);
}

/* ---- the other threads ----------------------------------------------------------- */

static bool synchronise(void)
{
    if (heap_single_threaded())
        return true;
    int saved_errno = errno;
    bool done = state.barrier &&
                syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
    state.unable |= !done;
    errno = saved_errno;
    return done;
}

/* Is every other thread outside of hooks, and so unaware of what is held? */
static bool all_outside(const struct thread *self)
{
    if (!synchronise() || __atomic_load_n(&threads_crowded, __ATOMIC_ACQUIRE))
        return false;
    for (uint32_t row = THREAD_ROW_FIRST, rows = threads_rows(); row < rows; row++) {
        struct thread *t = threads_state(row);
        uintptr_t gate = __atomic_load_n(&t->gate.word, __ATOMIC_ACQUIRE);
        if (t != self && gate != GATE_OPEN && gate != GATE_UNSET)
            return false;
    }
    return true;
}

/* ---- sweeps ------------------------------------------------------------------------ */

/* Begin when the heap has halved. */
static bool due(void)
{
    const struct seg_globals *g = store.globals;
    int64_t bytes = __atomic_load_n(&g->peak_bytes, __ATOMIC_RELAXED) -
                    __atomic_load_n(&g->room_bytes, __ATOMIC_RELAXED);
    int64_t blocks = __atomic_load_n(&g->peak_blocks, __ATOMIC_RELAXED) -
                     __atomic_load_n(&g->room_blocks, __ATOMIC_RELAXED);
    if (bytes > state.high_bytes)
        state.high_bytes = bytes;
    if (blocks > state.high_blocks)
        state.high_blocks = blocks;
    if (state.next != UINT32_MAX)
        return true;
    if (bytes >= state.high_bytes / 2 && blocks >= state.high_blocks / 2)
        return false;
    if (__atomic_load_n(&store.header->memory_used, __ATOMIC_RELAXED) < FLOOR_BYTES)
        return false;
    state.high_bytes = bytes;
    state.high_blocks = blocks;
    state.next = state.tries = 0;
    return true;
}

static void sweep(struct thread *t)
{
    uint32_t part = state.next, end = blocks_parts();
    unsigned n = 0;
    for (unsigned looks = 0; looks < LOOKS && n < HOLDS && part < end; looks++)
        n += hold(&holds[n], part++);
    bool safe = n > 0 && all_outside(t);
    for (unsigned i = 0; i < n; i++) {
        if (safe)
            take_back(&holds[i]);
        else
            give_up(&holds[i]);
    }
    if (n > 0 && !safe && ++state.tries < TRIES)
        return;
    state.tries = 0;
    state.next = part < end ? part : UINT32_MAX;
}

void shrink_tick(struct thread *t)
{
    if (state.unable || threads_rows() > ROWS_MAX || !due() || !sandbox_enter())
        return;
    sweep(t);
    sandbox_leave();
}
