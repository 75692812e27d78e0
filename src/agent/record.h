/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hot path of recording, inlined into the hooks. It is for events that are
 * like the thread's last ones, and leaves all others to the tracker before it has
 * counted anything: first everything is tested, then everything is written. The
 * tracker counts in the same way.
 *
 * It calls nobody, so that the hooks have no registers to save for it. Runs
 * inside malloc, with the thread's gate shut.
 */
#ifndef MEMTOP_AGENT_RECORD_H
#define MEMTOP_AGENT_RECORD_H

#include "agent/blocks.h"
#include "agent/care.h"
#include "agent/clock.h"
#include "agent/heap.h"
#include "agent/owned.h"
#include "agent/samples.h"
#include "agent/sites.h"
#include "agent/thread.h"
#include "agent/tier.h"
#include "agent/tracker.h"

#define HOT __attribute__((always_inline)) static inline
#define USUALLY(condition) __builtin_expect(!!(condition), 1)

/* Larger ones take the long way, for the sake of short instructions. */
#define RECORD_SIZE_MAX (SIZE_MAX >> 33)
_Static_assert(RECORD_SIZE_MAX < BLOCKS_SIZE_MASK - 1, "it fits");
_Static_assert(RECORD_SIZE_MAX < COMPACT_SIZE_MASK, "here, too");

/* So many events of one stack, and the memo is to be about it. */
#define RECORD_RUN 16u

/* What became of an event. */
enum record {
    RECORD_OTHERWISE, /* nothing: it is not that simple, leave it to the tracker */
    RECORD_DONE,
    RECORD_FULL,      /* it is done, and heap_flush is due */
};

/* ---- counting ------------------------------------------------------------------- */

/* Add to a counter of t's own, or of the shared row. */
HOT void record_add(bool shared, uint64_t *counter, uint64_t n)
{
    owned_add(shared, counter, n);
}

HOT struct seg_class *record_class(const struct thread *t, uint64_t size)
{
    return &t->page->classes[seg_size_class(size)];
}

/* True: heap_flush is due. */
HOT bool record_count_alloc(struct thread *t, bool shared, uint64_t size,
                            struct seg_class *class, struct seg_site_counters *c, uint64_t ticks)
{
    record_add(shared, &class->allocations, 1);
    record_add(shared, &class->bytes_allocated, size);
    if (USUALLY(c != NULL)) {
        sites_keep_peak(c, shared, __atomic_load_n(&store.globals->epoch, __ATOMIC_RELAXED));
        record_add(shared, &c->allocations, 1);
        record_add(shared, &c->bytes_allocated, size);
    }
    record_add(shared, &t->page->density_count, 1);
    __atomic_store_n(&t->page->last_ticks, ticks, __ATOMIC_RELAXED);
    return heap_grow(t, shared, size, ticks);
}

/* The same. */
HOT bool record_count_free(struct thread *t, bool shared, uint64_t size,
                           struct seg_class *class, struct seg_site_counters *c)
{
    record_add(shared, &class->frees, 1);
    record_add(shared, &class->bytes_freed, size);
    if (USUALLY(c != NULL)) {
        if (shared || !USUALLY(heap_is_falling(c->epoch)))
            sites_keep_peak(c, shared, heap_descend());
        record_add(shared, &c->frees, 1);
        record_add(shared, &c->bytes_freed, size);
    } else {
        heap_descend();
    }
    return heap_fall(t, shared, size);
}

/* c is NULL where there is no memory for counters. An addition of 0 or 1 costs less
 * than a branch that cannot be foreseen. */
HOT void record_count_lifetime(struct thread *t, bool shared, struct seg_site_counters *c,
                               uint64_t birth, uint64_t ticks)
{
    uint64_t age = ((ticks >> CLOCK_SHIFT_BIRTH) - birth) & BLOCKS_BIRTH_MASK;
    if (USUALLY(c != NULL))
        record_add(shared, &c->short_lived, age < UINT64_C(1) << CLOCK_SHIFT_SHORT);
    unsigned life = age ? 64 - (unsigned)__builtin_clzll(age) : 0;
    record_add(shared,
               &t->page->lifetimes[life < SEG_LIFE_CLASSES ? life : SEG_LIFE_CLASSES - 1], 1);
}

/* ---- what is known in advance --------------------------------------------------- */

/* p, at `record`, is now the block that was handed out last. */
HOT void record_expect_block(struct thread *t, const void *p, struct seg_block *record)
{
    t->again.block = p;
    t->again.record = record;
    t->again.when = blocks_when(0, t->row, (uintptr_t)p);
}

HOT void record_expect_size(struct thread *t, uint64_t size)
{
    t->again.size = size;
    t->again.class = record_class(t, size);
}

/* Those of the last stack's site, where they are known. */
HOT struct seg_site_counters *record_last_counters(const struct thread *t)
{
    struct seg_site_counters *c = t->again.counters;
    if (!c)
        __builtin_unreachable();
    return c;
}

/* Something else than handing out a block happened. */
HOT void record_pass(struct thread *t)
{
    t->again.handed = THREAD_PASSED;
}

/* Is it the last stack that calls again, its leaf calling at
 * again.frame? `care` is what care_word
 * is to be taken for. The leaf's pc lies on the stack like all others. */
HOT bool record_same_stack(const struct thread *t, uint64_t care)
{
    return USUALLY(care == t->again.care) && USUALLY(memo_holds(&t->memo));
}

HOT bool record_same_stack_at(const struct thread *t, uintptr_t sp, uint64_t care)
{
    return USUALLY(stack_hook_frame(sp) == t->again.frame) && record_same_stack(t, care);
}

/* What is remembered of a recent stack: its site, and where the thread's counters are. */
HOT uint64_t record_known(uint32_t site, const struct seg_site_counters *c)
{
    return site | (uint64_t)(c - store.chunks) << SEG_BLOCK_SITE_BITS;
}

/* Or is it one that it was at before? Then that is the last one from now on. One that
 * comes again and again does so with less ado once the memo is about it. */
HOT bool record_answered(struct thread *t, uintptr_t sp, uint64_t known)
{
    struct thread_again *again = &t->again;
    struct seg_site_counters *c = store.chunks + (known >> SEG_BLOCK_SITE_BITS);
    if (USUALLY(known != 0))
        again->run = c == again->counters ? again->run + 1 : 0;
    if (!USUALLY(known != 0) || !USUALLY(again->run < RECORD_RUN)) {
        t->recent.missed = sp;
        return false;
    }
    again->frame = 0;
    again->site = (uint32_t)known & BLOCKS_SITE_MASK;
    again->what = blocks_what(0, again->site);
    again->counters = c;
    return true;
}

HOT bool record_recent_stack(struct thread *t, uintptr_t sp, uint64_t care)
{
    return record_answered(t, sp, recent_find(&t->recent, sp, care));
}

HOT bool record_same_tick(const struct thread *t, uint64_t ticks)
{
    return USUALLY(ticks >> CLOCK_SHIFT_DENSITY == t->page->density_tick);
}

/* ---- allocations ------------------------------------------------------------------ */

/* Of a thread that is on the same path, and whose last stack's site is p's. */
HOT enum record record_at(struct thread *t, enum seg_function fn, struct seg_block *record,
                          size_t size, uint64_t what, uint64_t ticks)
{
    struct thread_again *again = &t->again;
    if (!USUALLY(record->what == 0))
        return RECORD_OTHERWISE;
    if (size != again->size) {
        if (!USUALLY(size <= RECORD_SIZE_MAX))
            return RECORD_OTHERWISE;
        record_expect_size(t, size);
    }
    blocks_write(record, what + size,
                 (ticks >> CLOCK_SHIFT_BIRTH & BLOCKS_BIRTH_MASK) | again->when);
    again->handed = what + size;
    OWNED_ADD(&t->page->functions[fn], 1);
    bool full = record_count_alloc(t, false, size, again->class, record_last_counters(t), ticks);
    return full ? RECORD_FULL : RECORD_DONE;
}

/* p, whose place may be `record`, is now the block that was handed out last. False: it is
 * not that simple. */
HOT bool record_find_block(struct thread *t, const void *p, struct seg_block *record)
{
    if (!USUALLY(record != NULL) || !USUALLY(!blocks_is_second((uintptr_t)p)))
        return false;
    record_expect_block(t, p, record);
    return true;
}

HOT enum record record_block(struct thread *t, enum seg_function fn, const void *p, size_t size,
                             uint64_t what, uint64_t ticks)
{
    if (p != t->again.block && !record_find_block(t, p, blocks_near((uintptr_t)p)))
        return RECORD_OTHERWISE;
    return record_at(t, fn, t->again.record, size, what, ticks);
}

/* p was handed out by fn, on THREAD_PATH_EXACT, in a hook at again.frame. */
HOT enum record record_alloc(struct thread *t, enum seg_function fn, const void *p, size_t size,
                             uint64_t ticks)
{
    if (!record_same_tick(t, ticks) ||
        !record_same_stack(t, __atomic_load_n(&care_word, __ATOMIC_ACQUIRE)))
        return RECORD_OTHERWISE;
    return record_block(t, fn, p, size, t->again.what, ticks);
}

/* The stack was found, by this care; `record` is p's. */
HOT enum record record_found(struct thread *t, enum seg_function fn, const void *p,
                             struct seg_block *record, size_t size, uint64_t care, uint64_t ticks)
{
    if (!record_same_tick(t, ticks) ||
        !USUALLY(__atomic_load_n(&care_word, __ATOMIC_ACQUIRE) == care) ||
        !record_find_block(t, p, record))
        return RECORD_OTHERWISE;
    return record_at(t, fn, record, size, t->again.what, ticks);
}

/* The same on THREAD_PATH_PLAIN: all blocks are site 0's. */
HOT enum record record_plain(struct thread *t, enum seg_function fn, const void *p, size_t size,
                             uint64_t ticks)
{
    if (!record_same_tick(t, ticks) || !USUALLY(t->again.counters != NULL) ||
        !USUALLY(__atomic_load_n(&care_word, __ATOMIC_ACQUIRE) == t->again.care))
        return RECORD_OTHERWISE;
    enum record done = record_block(t, fn, p, size, blocks_what(0, 0), ticks);
    if (done != RECORD_OTHERWISE)
        OWNED_ADD(&t->page->unattributed, 1);
    return done;
}

/* The same on THREAD_PATH_SAMPLED: p is no sample. */
HOT enum record record_passing(struct thread *t, enum seg_function fn, const void *p,
                               size_t size, uint64_t ticks)
{
    if (!record_same_tick(t, ticks) || sampler_meets(&t->sampler, size))
        return RECORD_OTHERWISE;
    struct seg_passed *passed = &t->page->passed[seg_size_class(size)];
    OWNED_ADD(&passed->allocations, 1);
    OWNED_ADD(&passed->bytes, size);
    OWNED_ADD(&t->page->density_count, 1);
    __atomic_store_n(&t->page->last_ticks, ticks, __ATOMIC_RELAXED);
    OWNED_ADD(&t->page->functions[fn], 1);
    t->again.block = p;
    t->again.handed = 0;
    return RECORD_DONE;
}

/* Put the record of a compact path's block in: it is not known where the last one was. */
HOT enum record record_compact_block(struct thread *t, enum seg_function fn, const void *p,
                                     size_t size, uint32_t site, uint64_t ticks)
{
    uint64_t *record = compact_near((uintptr_t)p);
    if (!USUALLY(record != NULL) || !USUALLY(!blocks_is_second((uintptr_t)p)) ||
        !USUALLY(*record == 0) || !USUALLY(size <= RECORD_SIZE_MAX))
        return RECORD_OTHERWISE;
    __atomic_store_n(record, compact_record(size, site, (uintptr_t)p), __ATOMIC_RELEASE);
    t->again.block = p;
    t->again.record = (struct seg_block *)&thread_nowhere;
    t->again.handed = 0;
    OWNED_ADD(&t->page->functions[fn], 1);
    bool full = record_count_alloc(t, false, size, record_class(t, size),
                                   record_last_counters(t), ticks);
    return full ? RECORD_FULL : RECORD_DONE;
}

/* The same on THREAD_PATH_COMPACT and THREAD_PATH_COMPACT_PLAIN; t->caller calls. */
HOT enum record record_compact(struct thread *t, enum seg_function fn, const void *p, size_t size,
                               bool plain, uint64_t ticks)
{
    uint64_t care = __atomic_load_n(&care_word, __ATOMIC_ACQUIRE);
    bool same = plain ? t->again.counters != NULL && care == t->again.care
                      : record_same_stack_at(t, t->caller.sp, care) ||
                            record_recent_stack(t, t->caller.sp, care);
    if (!record_same_tick(t, ticks) || !USUALLY(same))
        return RECORD_OTHERWISE;
    enum record done = record_compact_block(t, fn, p, size, plain ? 0 : t->again.site, ticks);
    if (plain && done != RECORD_OTHERWISE)
        OWNED_ADD(&t->page->unattributed, 1);
    return done;
}

/* The same by the other paths. */
HOT enum record record_by_path(struct thread *t, enum seg_function fn, const void *p,
                               size_t size, uint64_t ticks)
{
    uint32_t path = thread_path(t);
    return path == THREAD_PATH_SAMPLED ? record_passing(t, fn, p, size, ticks)
           : path >= THREAD_PATH_COMPACT
               ? record_compact(t, fn, p, size, path == THREAD_PATH_COMPACT_PLAIN, ticks)
               : RECORD_OTHERWISE;
}

/* ---- frees -------------------------------------------------------------------------- */

/* The counters of a site that was met before: it may be the last one. */
HOT struct seg_site_counters *record_counters(const struct thread *t, uint32_t site)
{
    return USUALLY(site == t->again.site && t->again.counters) ? t->again.counters
                                                         : sites_known(t, site);
}

/* The record is still what the thread's last event made of it: nothing has to be
 * looked up, and a temporary block's time is not taken, because the clock is a
 * large part of what an event costs. */
HOT enum record record_free_temporary(struct thread *t, enum seg_function fn)
{
    struct thread_again *again = &t->again;
    __atomic_store_n(&again->record->what, 0, __ATOMIC_RELEASE);
    record_pass(t);
    OWNED_ADD(&t->page->functions[fn], 1);
    OWNED_ADD(&t->page->temporary, 1);
    OWNED_ADD(&record_last_counters(t)->temporary, 1);
    bool full = record_count_free(t, false, again->size, again->class, record_last_counters(t));
    return full ? RECORD_FULL : RECORD_DONE;
}

/* p is about to be released by fn, on THREAD_PATH_EXACT or THREAD_PATH_PLAIN. */
HOT enum record record_free(struct thread *t, enum seg_function fn, const void *p)
{
    if (p == t->again.block && USUALLY(t->again.record->what == t->again.handed))
        return record_free_temporary(t, fn);
    struct seg_block *record = blocks_near((uintptr_t)p);
    if (!USUALLY(record != NULL))
        return RECORD_OTHERWISE;
    struct seg_block found = blocks_read(record);
    if (!USUALLY(blocks_is_at(found, (uintptr_t)p)))
        return RECORD_OTHERWISE;
    uint64_t what = found.what, when = found.when, ticks = clock_ticks();
    struct seg_site_counters *c = record_counters(t, (uint32_t)(what >> SEG_BLOCK_SIZE_BITS));
    if (!USUALLY(c != NULL) || !record_same_tick(t, ticks) || thread_has_just(t, p))
        return RECORD_OTHERWISE;
    uint64_t size = (what & BLOCKS_SIZE_MASK) - 1;
    record_count_lifetime(t, false, c, when, ticks);
    __atomic_store_n(&record->what, 0, __ATOMIC_RELEASE);
    record_pass(t);
    OWNED_ADD(&t->page->functions[fn], 1);
    bool full = record_count_free(t, false, size, record_class(t, size), c);
    return full ? RECORD_FULL : RECORD_DONE;
}

/* The same on THREAD_PATH_SAMPLED: nothing is known of p. */
HOT enum record record_free_passing(struct thread *t, enum seg_function fn, const void *p)
{
    if (!USUALLY(!__atomic_load_n(&tier.recorded, __ATOMIC_RELAXED)) ||
        samples_near((uintptr_t)p))
        return RECORD_OTHERWISE;
    if (thread_has_just(t, p))
        OWNED_ADD(&t->page->temporary, 1);
    record_pass(t);
    OWNED_ADD(&t->page->functions[fn], 1);
    OWNED_ADD(&t->page->unsampled_frees, 1);
    return RECORD_DONE;
}

/* The same on the paths of compact records. The clock is read for the history alone. */
HOT enum record record_free_compact(struct thread *t, enum seg_function fn, const void *p)
{
    uint64_t *record = compact_near((uintptr_t)p);
    uint64_t found = USUALLY(record != NULL) ? compact_read(record) : 0;
    if (!USUALLY(compact_is_at(found, (uintptr_t)p)))
        return RECORD_OTHERWISE;
    struct seg_site_counters *c = record_counters(t, compact_site(found));
    bool temporary = thread_has_just(t, p);
    if (!USUALLY(c != NULL) || (!temporary && !record_same_tick(t, clock_ticks())))
        return RECORD_OTHERWISE;
    if (temporary) {
        OWNED_ADD(&t->page->temporary, 1);
        OWNED_ADD(&c->temporary, 1);
    }
    uint64_t size = compact_size(found);
    __atomic_store_n(record, 0, __ATOMIC_RELEASE);
    record_pass(t);
    OWNED_ADD(&t->page->functions[fn], 1);
    return record_count_free(t, false, size, record_class(t, size), c) ? RECORD_FULL : RECORD_DONE;
}

/* The same by the other paths. */
HOT enum record record_free_by_path(struct thread *t, enum seg_function fn, const void *p)
{
    uint32_t path = thread_path(t);
    return path == THREAD_PATH_SAMPLED   ? record_free_passing(t, fn, p)
           : path >= THREAD_PATH_COMPACT ? record_free_compact(t, fn, p)
                                         : RECORD_OTHERWISE;
}

#endif
