/* SPDX-License-Identifier: Apache-2.0 */
/* Events in unit tests, recorded as the hooks record them. */
#ifndef MEMTOP_TESTS_AS_HOOKS_H
#define MEMTOP_TESTS_AS_HOOKS_H

#include "agent/caller.h"
#include "agent/record.h"

/* Events that the hot path took. */
static uint64_t events_quick;

static inline void event_alloc(struct thread *t, void *p, size_t size,
                              const struct stack_frame *caller)
{
    uint64_t ticks = clock_ticks();
    t->caller = *caller;
    uint64_t care = __atomic_load_n(&care_word, __ATOMIC_ACQUIRE);
    enum record done = RECORD_OTHERWISE;
    if (!thread_has_records(t))
        done = record_by_path(t, SEG_FN_MALLOC, p, size, ticks);
    else if (!thread_is_exact(t))
        done = record_plain(t, SEG_FN_MALLOC, p, size, ticks);
    else if (stack_hook_frame(caller->sp) == t->again.frame)
        done = record_alloc(t, SEG_FN_MALLOC, p, size, ticks);
    else if (record_recent_stack(t, caller->sp, care) || caller_find(t, care))
        done = record_found(t, SEG_FN_MALLOC, p, blocks_near((uintptr_t)p), size, care, ticks);
    if (done == RECORD_FULL)
        heap_flush(t, ticks);
    if (done == RECORD_OTHERWISE)
        tracker_alloc(t, SEG_FN_MALLOC, p, size, caller, ticks);
    else
        __atomic_add_fetch(&events_quick, 1, __ATOMIC_RELAXED);
}

static inline void event_free(struct thread *t, void *p)
{
    enum record done = thread_has_records(t) ? record_free(t, SEG_FN_FREE, p)
                                             : record_free_by_path(t, SEG_FN_FREE, p);
    if (done == RECORD_FULL)
        heap_flush(t, t->page->last_ticks);
    if (done == RECORD_OTHERWISE)
        tracker_free(t, SEG_FN_FREE, p);
    else
        __atomic_add_fetch(&events_quick, 1, __ATOMIC_RELAXED);
}

#endif
