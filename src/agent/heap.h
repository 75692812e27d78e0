/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap as one number: live bytes and blocks, their maxima, and the epoch
 * that the sites' peak figures hang on.
 *
 * With one thread the figures are exact. With more, a thread keeps up to
 * SEG_BATCH_BYTES to itself, so that no cache line travels on each event: the
 * peak may then be too low by that much for each thread, and the header says so.
 * Inline because it is on the hot path. Inside malloc.
 */
#ifndef MEMTOP_AGENT_HEAP_H
#define MEMTOP_AGENT_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/owned.h"
#include "agent/store.h"
#include "agent/thread.h"

#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 32)
#include <sys/single_threaded.h>
static inline bool heap_single_threaded(void)
{
    return __libc_single_threaded;
}
#else
static inline bool heap_single_threaded(void)
{
    return false;
}
#endif

/* What t kept to itself goes into the globals. */
void heap_flush(struct thread *t, uint64_t ticks);

/* So much more (or less) is alive; with any number of threads. */
void heap_take(int64_t bytes, int64_t blocks, uint64_t ticks);

/* t keeps so much more to itself. Returns how many bytes that makes. */
static inline __attribute__((always_inline)) int64_t heap_keep(struct thread *t, bool shared,
                                                               int64_t bytes, int64_t blocks)
{
    struct seg_thread *page = t->page;
    if (shared) {
        __atomic_add_fetch(&page->pending_blocks, blocks, __ATOMIC_RELAXED);
        return __atomic_add_fetch(&page->pending_bytes, bytes, __ATOMIC_RELAXED);
    }
    page->pending_blocks += blocks;
    return page->pending_bytes += bytes;
}

/* A maximum was passed by what *room is below zero. It is read once more, so that to
 * take from it and to test that is one instruction. */
static inline void heap_raise(int64_t *peak, int64_t *room)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    *peak -= *room;
    *room = 0;
}

/* `bytes` in a block more are alive, as of `ticks`. True: heap_flush is due. */
static inline __attribute__((always_inline)) bool heap_grow(struct thread *t, bool shared,
                                                            uint64_t bytes, uint64_t ticks)
{
    struct seg_globals *g = store.globals;
    if (!shared && __builtin_expect(heap_single_threaded(), 1)) {
        if (__builtin_expect((g->room_bytes -= (int64_t)bytes) < 0, 0)) {
            heap_raise(&g->peak_bytes, &g->room_bytes);
            g->peak_ticks = ticks;
            g->at_peak = 1;
        }
        if (__builtin_expect(--g->room_blocks < 0, 0))
            heap_raise(&g->peak_blocks, &g->room_blocks);
        return false;
    }
    return heap_keep(t, shared, (int64_t)bytes, 1) >= SEG_BATCH_BYTES;
}

/* They are gone. The same. */
static inline __attribute__((always_inline)) bool heap_fall(struct thread *t, bool shared,
                                                            uint64_t bytes)
{
    struct seg_globals *g = store.globals;
    if (!shared && __builtin_expect(heap_single_threaded(), 1)) {
        g->room_bytes += (int64_t)bytes;
        g->room_blocks++;
        return false;
    }
    return heap_keep(t, shared, -(int64_t)bytes, -1) <= -SEG_BATCH_BYTES;
}

/* The same for estimates: `blocks` more, or fewer. */
static inline void heap_add(struct thread *t, bool shared, int64_t bytes, int64_t blocks,
                            uint64_t ticks)
{
    if (!shared && heap_single_threaded())
        heap_take(bytes, blocks, ticks);
    else {
        int64_t pending = heap_keep(t, shared, bytes, blocks);
        if (pending >= SEG_BATCH_BYTES || pending <= -SEG_BATCH_BYTES)
            heap_flush(t, ticks);
    }
}

_Static_assert(offsetof(struct seg_globals, at_peak) ==
                   offsetof(struct seg_globals, epoch) + sizeof(uint32_t), "one word");

/* Is the heap below its peak, and this its epoch? One look at both: at_peak is the upper
 * half of the word. (Where it is the lower one, the answer is mostly no.) */
static inline bool heap_is_falling(uint32_t epoch)
{
    typedef uint64_t __attribute__((may_alias)) word;
    return __atomic_load_n((const word *)(const void *)&store.globals->epoch,
                           __ATOMIC_RELAXED) == epoch;
}

/* Call before a free is counted: the first one after a new maximum begins a
 * new epoch. Returns the epoch. */
static inline uint32_t heap_descend(void)
{
    struct seg_globals *g = store.globals;
    if (__builtin_expect(__atomic_load_n(&g->at_peak, __ATOMIC_RELAXED), 0) &&
        __atomic_exchange_n(&g->at_peak, 0, __ATOMIC_ACQ_REL))
        __atomic_add_fetch(&g->epoch, 1, __ATOMIC_ACQ_REL);
    return __atomic_load_n(&g->epoch, __ATOMIC_RELAXED);
}

#endif
