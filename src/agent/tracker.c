/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracker puts the parts together: one event becomes one record in the
 * live table and a few plain additions in the calling thread's shard. Called
 * by the hooks, inside malloc: no locks, no allocation, no stdio.
 *
 * An event that interrupted a hook of its own thread (a signal handler that
 * allocates) goes to the shared row with atomic additions and without a stack.
 */
#include "agent/tracker.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/caller.h"
#include "agent/history.h"
#include "agent/modules.h"
#include "agent/process.h"
#include "agent/record.h"
#include "agent/sandbox.h"
#include "agent/sampling.h"
#include "agent/store.h"

/* ---- in and out of a hook ---------------------------------------------------- */

/* An alternate stack for signals may be part of the very stack that it is an
 * alternative to. */
static bool on_alternate_stack(void)
{
    stack_t now;
    if (!sandbox_enter())
        return true;
    int saved_errno = errno;
    bool is = syscall(SYS_sigaltstack, NULL, &now) != 0 || (now.ss_flags & SS_ONSTACK);
    errno = saved_errno;
    sandbox_leave();
    return is;
}

/* The frame that shut a gate is gone when we run above it on the same stack. */
bool gate_is_shut(const struct gate *g, uintptr_t frame)
{
    uintptr_t word = g->word;
    if (word == GATE_UNSET || word == GATE_OPEN)
        return false;
    return frame <= word || frame - word >= 1u << 20 || on_alternate_stack();
}

static __attribute__((noinline)) struct thread *enter_slowly(uintptr_t frame)
{
    struct thread *t = thread_self();
    if (!t->gate.ready) {
        if (t->gate.word != GATE_UNSET) /* wiped while it was being shut */
            t->gate.word = GATE_UNSET;
        return process_enter(frame);
    }
    if (!process_hold())
        return NULL;
    bool nested = gate_is_shut(&t->gate, frame);
    if (nested)
        record_add(true, &threads_shared()->page->nested, 1);
    else
        __atomic_store_n(&t->gate.word, frame, __ATOMIC_RELAXED);
    process_release();
    if (nested)
        return threads_shared();
    return t->gate.ready ? t : process_enter(frame); /* as in gate_enter */
}

/* A dormant agent comes here at each event. */
struct thread *gate_enter_slowly(uintptr_t frame)
{
    return process_is_dormant() ? NULL : enter_slowly(frame);
}

/* t was turned off when recording ended. Does it take part in another one? If that
 * ends just now, too, t may have undone that it was turned off once more. */
static bool rejoin(struct thread *t)
{
    if (!process_ready())
        return false;
    threads_rejoin(t);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (process_ready())
        return true;
    __atomic_store_n(&t->path, THREAD_PATH_OFF, __ATOMIC_SEQ_CST);
    return false;
}

/* Around what touches the segment where nothing is simple. False: leave it out. The
 * shared row has no gate that says who is at work, so each one says it by itself. */
HOT bool begin(struct thread *t)
{
    return t->shared ? process_hold() : thread_path(t) != THREAD_PATH_OFF || rejoin(t);
}

HOT void end(struct thread *t)
{
    if (t->shared)
        process_release();
}

/* ---- counting ------------------------------------------------------------------- */

HOT void count_alloc(struct thread *t, bool shared, uint64_t size, uint32_t site,
                     struct seg_site_counters *c, uint64_t ticks)
{
    if (__builtin_expect(site == 0, 0))
        record_add(shared, &t->page->unattributed, 1);
    if (record_count_alloc(t, shared, size, record_class(t, size), c, ticks))
        heap_flush(t, ticks);
}

HOT void count_free(struct thread *t, bool shared, uint64_t size, struct seg_site_counters *c)
{
    if (record_count_free(t, shared, size, record_class(t, size), c))
        heap_flush(t, owned_read(&t->page->last_ticks));
}

/* A block that the thread's last event handed out is temporary. */
static void record_gone(struct thread *t, bool shared, const struct block *b, const void *p)
{
    uint32_t site = b->site;
    struct seg_site_counters *c = sites_counters_or_0(t, &site);
    if (!shared && thread_has_just(t, p)) {
        OWNED_ADD(&t->page->temporary, 1);
        if (c)
            OWNED_ADD(&c->temporary, 1);
    } else {
        uint64_t ticks = clock_ticks();
        history_advance(t, ticks);
        if (!blocks_compact)
            record_count_lifetime(t, shared, c, b->birth, ticks);
    }
    if (!shared)
        record_pass(t);
    count_free(t, shared, b->size, c);
}

/* ---- where nothing is simple ------------------------------------------------------- */

/* There is no room for the record of a block. */
static void count_lost(struct thread *t, bool shared, uint64_t size)
{
    __atomic_add_fetch(&blocks_lost, 1, __ATOMIC_RELAXED);
    record_add(shared, &t->page->lost, 1);
    record_add(shared, &t->page->lost_bytes, size);
}

HOT void put_slowly(struct thread *t, bool shared, void *p, size_t size, uint32_t site,
                    struct seg_site_counters *c, uint64_t ticks)
{
    struct block old, b = {
        .size = size,
        .birth = ticks >> CLOCK_SHIFT_BIRTH,
        .site = site,
        .thread = t->row,
    };
    enum blocks_result result = blocks_put_slowly((uintptr_t)p, &b, &old);
    if (result == BLOCKS_FULL) {
        count_lost(t, shared, size);
        return;
    }
    if (result == BLOCKS_REPLACED) {
        record_add(shared, &t->page->missed_frees, 1);
        uint32_t of = old.site;
        count_free(t, shared, old.size, sites_counters_or_0(t, &of));
    }
    count_alloc(t, shared, size, site, c, ticks);
}

static __attribute__((noinline)) void put_owned(struct thread *t, void *p, size_t size,
                                                uint32_t site, struct seg_site_counters *c,
                                                uint64_t ticks)
{
    put_slowly(t, false, p, size, site, c, ticks);
}

static __attribute__((noinline)) void put_shared(struct thread *t, void *p, size_t size,
                                                 uint64_t ticks)
{
    uint32_t site = 0;
    put_slowly(t, true, p, size, 0, sites_counters_or_0(t, &site), ticks);
}

/* Is there a lost block left that this one may be? */
static bool take_lost(void)
{
    int64_t lost = __atomic_load_n(&blocks_lost, __ATOMIC_RELAXED);
    while (lost > 0)
        if (__atomic_compare_exchange_n(&blocks_lost, &lost, lost - 1, true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return true;
    return false;
}

/* Once blocks went by without a record, all that is unknown may be one of them. */
static void count_unknown_free(struct thread *t, bool shared, const void *p)
{
    bool forked = __atomic_load_n(&store.header->flags, __ATOMIC_RELAXED) & SEG_FLAG_FORKED;
    struct seg_sample sample;
    bool temporary = tier_was_sampled() && !shared && thread_has_just(t, p);
    if (temporary)
        OWNED_ADD(&t->page->temporary, 1);
    if (!shared)
        record_pass(t);
    if (samples_take((uintptr_t)p, &sample))
        sampling_free(t, shared, &sample, temporary);
    else
        record_add(shared,
            tier_was_sampled()  ? &t->page->unsampled_frees
            : take_lost() ? &t->page->lost_frees
            : forked      ? &t->page->inherited_frees
                          : &t->page->foreign_frees, 1);
}

/* ---- events ------------------------------------------------------------------------ */

/* p was handed out; the hot path must look for its record. */
static void hand_out(struct thread *t, void *p)
{
    record_expect_block(t, p, (struct seg_block *)&thread_nowhere);
    t->again.handed = 0;
}

/* caller NULL: without a stack. */
HOT void alloc_owned(struct thread *t, void *p, size_t size, const struct stack_frame *caller,
                     uint64_t ticks)
{
    uint64_t care = care_without_reasons();
    uint32_t site = caller ? caller_site(t, caller, care) : 0;
    struct seg_site_counters *c = t->again.counters;
    if (__builtin_expect(!c, 0))
        c = caller_counters(t, &site, caller);
    t->again.care = care;
    struct seg_block *record = blocks_near((uintptr_t)p);
    if (__builtin_expect(!record || blocks_is_second((uintptr_t)p) || record->what != 0 ||
                         size > RECORD_SIZE_MAX ||
                         __atomic_load_n(&blocks_overflow, __ATOMIC_RELAXED) != 0, 0)) {
        hand_out(t, p);
        put_owned(t, p, size, site, c, ticks);
        return;
    }
    if (t->again.counters)
        record_expect_block(t, p, record);
    else
        hand_out(t, p);
    record_expect_size(t, size);
    t->again.handed = blocks_what(size, site);
    blocks_write(record, blocks_what(size, site),
                 blocks_when(ticks >> CLOCK_SHIFT_BIRTH, t->row, (uintptr_t)p));
    count_alloc(t, false, size, site, c, ticks);
}

/* The same with compact records. */
static __attribute__((noinline)) void alloc_compact(struct thread *t, void *p, size_t size,
                                                    const struct stack_frame *caller,
                                                    uint64_t ticks)
{
    uint64_t care = care_without_reasons(), *record = compact_near((uintptr_t)p);
    uint32_t site = caller ? caller_site(t, caller, care) : 0;
    struct seg_site_counters *c = t->again.counters;
    if (!c)
        c = caller_counters(t, &site, caller);
    t->again.care = care;
    hand_out(t, p);
    if (!record || blocks_is_second((uintptr_t)p) || *record != 0 || size > RECORD_SIZE_MAX ||
        __atomic_load_n(&blocks_overflow, __ATOMIC_RELAXED) != 0) {
        put_owned(t, p, size, site, c, ticks);
        return;
    }
    __atomic_store_n(record, compact_record(size, site, (uintptr_t)p), __ATOMIC_RELEASE);
    count_alloc(t, false, size, site, c, ticks);
}

static __attribute__((noinline, cold)) void record_sample(struct thread *t, void *p, size_t size,
                                                          const struct stack_frame *caller,
                                                          uint64_t ticks)
{
    uint32_t site = t->shared ? 0 : caller_site(t, caller, care_without_reasons());
    sampling_record(t, t->shared, p, size, site, ticks);
}

/* All but the hot path. */
static __attribute__((noinline)) void alloc_otherwise(struct thread *t, void *p, size_t size,
                                                      const struct stack_frame *caller,
                                                      uint64_t ticks)
{
    bool sampled = thread_path(t) == THREAD_PATH_SAMPLED ||
                   (t->shared && __atomic_load_n(&tier.kind, __ATOMIC_RELAXED) ==
                                     SEG_TIER_SAMPLED);
    if (thread_path(t) == THREAD_PATH_PLAIN) {
        alloc_owned(t, p, size, NULL, ticks);
    } else if (thread_path(t) >= THREAD_PATH_COMPACT) {
        alloc_compact(t, p, size, thread_path(t) == THREAD_PATH_COMPACT ? caller : NULL, ticks);
    } else if (sampled) {
        if (!t->shared)
            hand_out(t, p);
        if (sampling_count(t, t->shared, size, p, ticks))
            record_sample(t, p, size, caller, ticks);
    } else {
        put_shared(t, p, size, ticks);
    }
}

static __attribute__((noinline)) void alloc_counted(struct thread *t, enum seg_function fn,
                                                    void *p, size_t size,
                                                    const struct stack_frame *caller,
                                                    uint64_t ticks)
{
    if (!begin(t))
        return;
    history_advance(t, ticks);
    record_add(t->shared, &t->page->functions[fn], 1);
    if (thread_path(t) == THREAD_PATH_EXACT)
        alloc_owned(t, p, size, caller, ticks);
    else
        alloc_otherwise(t, p, size, caller, ticks);
    end(t);
}

void tracker_alloc(struct thread *t, enum seg_function fn, void *p, size_t size,
                   const struct stack_frame *caller, uint64_t ticks)
{
    /* The path comes first: where it is off, there may be no page. A tick may bring
     * another one. */
    if (__builtin_expect(thread_path(t) == THREAD_PATH_EXACT, 1) && !history_is_due(t, ticks)) {
        OWNED_ADD(&t->page->functions[fn], 1);
        alloc_owned(t, p, size, caller, ticks);
    } else {
        alloc_counted(t, fn, p, size, caller, ticks);
    }
}

/* While nothing is in the live table, nearly all frees end at the samples' filter. */
void tracker_free(struct thread *t, enum seg_function fn, void *p)
{
    struct block b;
    if (!begin(t))
        return;
    record_add(t->shared, &t->page->functions[fn], 1);
    if (!__atomic_load_n(&tier.recorded, __ATOMIC_RELAXED) || !blocks_take_slowly((uintptr_t)p, &b))
        count_unknown_free(t, t->shared, p);
    else if (t->shared)
        record_gone(t, true, &b, p);
    else
        record_gone(t, false, &b, p);
    end(t);
}

/* ---- realloc ------------------------------------------------------------------------ */

void tracker_realloc_begin(struct thread *t, void *p, struct tracker_block *old)
{
    struct block b;
    old->known = old->sampled = false;
    if (!begin(t))
        return;
    old->known = blocks_take_slowly((uintptr_t)p, &b);
    old->sampled = !old->known && samples_take((uintptr_t)p, &old->sample);
    if (old->known) {
        old->size = b.size;
        old->site = b.site;
        old->thread = b.thread;
        old->birth = b.birth;
    }
    end(t);
}

static void end_sampled(struct thread *t, bool shared, const void *p,
                        const struct tracker_block *old)
{
    bool temporary = !shared && thread_has_just(t, p);
    if (temporary)
        OWNED_ADD(&t->page->temporary, 1);
    if (!shared)
        record_pass(t);
    sampling_free(t, shared, &old->sample, temporary);
}

HOT void end_old(struct thread *t, bool shared, void *p, const struct tracker_block *old)
{
    if (old->known) {
        struct block b = { .size = old->size, .site = old->site, .birth = old->birth };
        record_gone(t, shared, &b, p);
    } else if (old->sampled)
        end_sampled(t, shared, p, old);
    else
        count_unknown_free(t, shared, p);
}

void tracker_realloc_end(struct thread *t, enum seg_function fn, void *p,
                         const struct tracker_block *old, void *q, size_t size,
                         const struct stack_frame *caller)
{
    if (!begin(t))
        return;
    uint64_t ticks = clock_ticks();
    bool shared = t->shared;
    history_advance(t, ticks);
    record_add(shared, &t->page->functions[fn], 1);
    if (shared)
        end_old(t, true, p, old);
    else
        end_old(t, false, p, old);
    if (q) {
        record_add(shared, &t->page->reallocations, 1);
        if (thread_path(t) == THREAD_PATH_EXACT)
            alloc_owned(t, q, size, caller, ticks);
        else
            alloc_otherwise(t, q, size, caller, ticks);
    }
    end(t);
}

void tracker_realloc_cancel(struct thread *t, void *p, const struct tracker_block *old)
{
    struct block replaced, b = {
        .size = old->size,
        .site = old->site,
        .birth = old->birth,
        .thread = old->thread,
    };
    if (!(old->known || old->sampled) || !begin(t))
        return;
    if (old->sampled)
        samples_put(&old->sample);
    else if (blocks_put_slowly((uintptr_t)p, &b, &replaced) == BLOCKS_FULL)
        count_lost(t, t->shared, old->size);
    end(t);
}

void tracker_module_unloaded(uintptr_t start, uintptr_t end)
{
    if (!process_hold())
        return;
    modules_suspect(start, end);
    process_release();
}
