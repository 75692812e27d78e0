/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the hooks have in common, private to hooks*.c: who called, and how a
 * block that was handed out or taken is recorded. All of it runs inside malloc
 * and is inlined into the hooks, so that each of them stays one short path.
 */
#ifndef MEMTOP_AGENT_HOOKS_H
#define MEMTOP_AGENT_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/arena.h"
#include "agent/real.h"
#include "agent/record.h"

#define HOOK __attribute__((visibility("default")))

/* The frame that called the function in which this stands. Asking for the
 * frame's address makes the compiler keep a frame pointer there. */
#define HOOK_FRAME ((uintptr_t *)__builtin_frame_address(0))
#if defined(__x86_64__) || defined(__i386__)
#define HOOK_CALLER()                                          \
    (&(struct stack_frame){                                    \
        .pc = (uintptr_t)__builtin_return_address(0),          \
        .sp = (uintptr_t)(HOOK_FRAME + 2),                     \
        .fp = HOOK_FRAME[0],                                   \
    })
#else
#define HOOK_CALLER()                                          \
    (&(struct stack_frame){                                    \
        .pc = (uintptr_t)__builtin_return_address(0),          \
        .sp = (uintptr_t)__builtin_frame_address(0),           \
        .fp = (uintptr_t)__builtin_frame_address(0),           \
    })
#endif

/* Record what fn handed out. */
static inline void hook_record(struct thread *t, enum seg_function fn, void *p, size_t size,
                               const struct stack_frame *caller)
{
    tracker_alloc(t, fn, p, size, caller, clock_ticks());
}

/* The end of a hook that may have handed out p. Returns p. */
static inline void *hook_allocated(struct thread *t, enum seg_function fn, void *p,
                                   size_t size, const struct stack_frame *caller)
{
    if (t) {
        if (p)
            hook_record(t, fn, p, size, caller);
        tracker_leave(t);
    }
    return p;
}

/* Is p, about to be released, a block of the next allocator? NULL and blocks of
 * the arena need nothing. */
static inline bool hook_must_release(const void *p)
{
    return p && !arena_owns(p) && real_ready();
}

/* The next allocator will read the words before p, which are often in no cache:
 * they may come while we look for p's record, which often is not, either. */
static inline void hook_prepare_release(const void *p)
{
    __builtin_prefetch((const char *)p - 16, 1);
}

/* The begin of a hook that releases p; hook_released is its end. */
static inline struct thread *hook_releasing(enum seg_function fn, void *p)
{
    hook_prepare_release(p);
    struct thread *t = tracker_enter();
    if (t)
        tracker_free(t, fn, p);
    return t;
}

static inline void hook_released(struct thread *t)
{
    if (t)
        tracker_leave(t);
}

/* What malloc(size) and free(p) do, for calls by `caller`, the long way. */
static inline void *hook_malloc(size_t size, const struct stack_frame *caller)
{
    struct thread *t = tracker_enter();
    return hook_allocated(t, SEG_FN_MALLOC, real.malloc(size), size, caller);
}

static inline void hook_free(void *p)
{
    struct thread *t = hook_releasing(SEG_FN_FREE, p);
    real.free(p);
    hook_released(t);
}

#endif
