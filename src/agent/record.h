/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hot path of recording, inlined into the hooks of malloc and free. It is
 * for events that are like the thread's last one, and leaves all others to the
 * tracker before it has changed anything: first everything is tested, then
 * everything is written. The tracker uses the second half as well.
 *
 * Runs inside malloc, with the thread's gate shut.
 */
#ifndef MEMTOP_AGENT_RECORD_H
#define MEMTOP_AGENT_RECORD_H

#include "agent/blocks.h"
#include "agent/care.h"
#include "agent/clock.h"
#include "agent/heap.h"
#include "agent/owned.h"
#include "agent/sites.h"
#include "agent/thread.h"
#include "agent/tracker.h"

#define HOT __attribute__((always_inline)) static inline

/* Larger ones take the long way, for the sake of short instructions. */
#define RECORD_SIZE_MAX (SIZE_MAX >> 33)
_Static_assert(RECORD_SIZE_MAX < BLOCKS_SIZE_MASK - 1, "it fits");

/* ---- counting ------------------------------------------------------------------- */

/* Add to a counter of t's own, or of the shared row. */
HOT void record_add(bool shared, uint64_t *counter, uint64_t n)
{
    owned_add(shared, counter, n);
}

HOT void record_count_alloc(struct thread *t, bool shared, uint64_t size,
                            struct seg_site_counters *c, uint64_t ticks)
{
    struct seg_class *class = &t->page->classes[seg_size_class(size)];
    record_add(shared, &class->allocations, 1);
    record_add(shared, &class->bytes_allocated, size);
    if (__builtin_expect(c != NULL, 1)) {
        sites_keep_peak(c, shared, __atomic_load_n(&store.globals->epoch, __ATOMIC_RELAXED));
        record_add(shared, &c->allocations, 1);
        record_add(shared, &c->bytes_allocated, size);
    }
    record_add(shared, &t->page->density_count, 1);
    __atomic_store_n(&t->page->last_ticks, ticks, __ATOMIC_RELAXED);
    heap_grow(t, shared, size, ticks);
}

HOT void record_count_free(struct thread *t, bool shared, uint64_t size,
                           struct seg_site_counters *c)
{
    struct seg_class *class = &t->page->classes[seg_size_class(size)];
    record_add(shared, &class->frees, 1);
    record_add(shared, &class->bytes_freed, size);
    uint32_t epoch = heap_descend();
    if (__builtin_expect(c != NULL, 1)) {
        sites_keep_peak(c, shared, epoch);
        record_add(shared, &c->frees, 1);
        record_add(shared, &c->bytes_freed, size);
    }
    heap_fall(t, shared, size);
}

HOT void record_count_lifetime(struct thread *t, bool shared, uint64_t birth, uint64_t ticks)
{
    uint64_t age = ((ticks >> CLOCK_SHIFT_BIRTH) - birth) & BLOCKS_BIRTH_MASK;
    unsigned life = age ? 64 - (unsigned)__builtin_clzll(age) : 0;
    record_add(shared,
               &t->page->lifetimes[life < SEG_LIFE_CLASSES ? life : SEG_LIFE_CLASSES - 1], 1);
}

/* The counters of a site that was met before: it may be the last one. */
HOT struct seg_site_counters *record_counters(struct thread *t, uint32_t site)
{
    return __builtin_expect(site == t->site && t->counters, 1) ? t->counters
                                                               : sites_counters(t, site);
}

/* ---- events --------------------------------------------------------------------- */

/* What `when` of t's records is at that time. */
HOT uint64_t record_when(const struct thread *t, const void *p, uint64_t ticks)
{
    return (ticks >> CLOCK_SHIFT_BIRTH & BLOCKS_BIRTH_MASK) | t->again.when |
           (uint64_t)((uintptr_t)p >> 2) << BLOCKS_SUB_SHIFT;
}

/* Is it the last stack that calls again? `care` is what care_word is to be taken
 * for. */
HOT bool record_same_stack(const struct thread *t, const struct stack_frame *caller, uint64_t care)
{
    const struct thread_again *again = &t->again;
    return __builtin_expect(caller->sp == again->sp, 1) &&
           __builtin_expect(caller->pc == again->pc, 1) &&
           __builtin_expect(care == again->care, 1) && __builtin_expect(memo_holds(&t->memo), 1);
}

/* p was handed out by fn. False: it is not that simple, use tracker_alloc. */
HOT bool record_alloc(struct thread *t, enum seg_function fn, void *p, size_t size,
                      const struct stack_frame *caller, uint64_t ticks)
{
    const struct thread_again *again = &t->again;
    if (__builtin_expect(__atomic_load_n(&t->path, __ATOMIC_RELAXED) != 0, 0) ||
        __builtin_expect(ticks >> CLOCK_SHIFT_DENSITY != t->page->density_tick, 0) ||
        __builtin_expect(size > RECORD_SIZE_MAX, 0) ||
        !record_same_stack(t, caller, __atomic_load_n(&care_word, __ATOMIC_ACQUIRE)))
        return false;
    struct seg_block *record = blocks_near((uintptr_t)p);
    if (__builtin_expect(!record, 0) || __builtin_expect(blocks_is_second((uintptr_t)p), 0) ||
        __builtin_expect(record->what != 0, 0))
        return false;
    blocks_write(record, again->what + size, record_when(t, p, ticks));
    t->last_block = p;
    OWNED_ADD(&t->page->functions[fn], 1);
    record_count_alloc(t, false, size, again->counters, ticks);
    return true;
}

/* p is about to be released by fn. False: it is not that simple, use tracker_free. The
 * time of a temporary block, which the thread's last event handed out, is not
 * taken: the clock is a large part of what an event costs. */
HOT bool record_free(struct thread *t, enum seg_function fn, const void *p)
{
    if (__builtin_expect(__atomic_load_n(&t->path, __ATOMIC_RELAXED) > THREAD_PATH_PLAIN, 0))
        return false;
    struct seg_block *record = blocks_near((uintptr_t)p);
    if (__builtin_expect(!record, 0))
        return false;
    struct seg_block found = blocks_read(record);
    if (__builtin_expect(!blocks_is_at(found, (uintptr_t)p), 0))
        return false;
    uint64_t what = found.what, when = found.when;
    struct seg_site_counters *c = record_counters(t, (uint32_t)(what >> SEG_BLOCK_SIZE_BITS));
    if (__builtin_expect(!c, 0))
        return false;
    if (t->last_block == p) {
        OWNED_ADD(&t->page->temporary, 1);
        OWNED_ADD(&c->temporary, 1);
    } else {
        uint64_t ticks = clock_ticks();
        if (__builtin_expect(ticks >> CLOCK_SHIFT_DENSITY != t->page->density_tick, 0))
            return false;
        record_count_lifetime(t, false, when, ticks);
    }
    __atomic_store_n(&record->what, 0, __ATOMIC_RELEASE);
    t->last_block = NULL;
    OWNED_ADD(&t->page->functions[fn], 1);
    record_count_free(t, false, (what & BLOCKS_SIZE_MASK) - 1, c);
    return true;
}

#endif
