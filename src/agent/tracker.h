/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracker: the one door through which hooks record what happened. Hooks
 * know nothing behind it; it knows nothing of how hooks were reached (preload
 * now, injection later).
 *
 * Order, so that another thread which is handed an address never finds a stale
 * record: a free is recorded before the block is released, an allocation after
 * it was obtained. A hook looks like this:
 *
 *     struct thread *t = tracker_enter();
 *     void *p = real.malloc(size);
 *     if (t) {
 *         if (p)
 *             tracker_alloc(t, SEG_FN_MALLOC, p, size, &caller, clock_ticks());
 *         tracker_leave(t);
 *     }
 *     return p;
 *
 * where events that are like the last one may be left to record.h.
 *
 * Every function runs inside malloc: no locks, no allocation, errno is kept by
 * the tracker itself. All of them are safe in threads at any stage of life, in
 * signal handlers, and in forked and vforked children.
 */
#ifndef MEMTOP_AGENT_TRACKER_H
#define MEMTOP_AGENT_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/gate.h"
#include "agent/stack.h"
#include "shared/segment.h"

/* A block taken out of the live table for the length of a realloc. */
struct tracker_block {
    bool known;     /* false: it was never recorded */
    bool sampled;   /* not known, but `sample` is its record */
    struct seg_sample sample;
    uint64_t size;
    uint64_t birth; /* in birth-stamp units */
    uint32_t site;
    uint32_t thread;
};

/* Once real functions are there, from the constructor; a first event that
 * comes earlier does the same. `allocator` is the path of the library that
 * serves malloc, `glibc` says whether that is the C library itself (blocks
 * then start at least 32 bytes apart), `overridden` that the program brings its
 * own malloc, so that its calls never reach the hooks. */
void tracker_init(const char *allocator, bool glibc, bool overridden);

/* Begin a hook. NULL: do not record (dormant, no segment, or re-entered from
 * the allocator's own inside), and tracker_leave must not be called. */
static inline struct thread *tracker_enter(void)
{
    return gate_enter();
}

static inline void tracker_leave(struct thread *t)
{
    gate_leave(t);
}

/* p, never NULL, was handed out, at that time. */
void tracker_alloc(struct thread *t, enum seg_function fn, void *p, size_t size,
                   const struct stack_frame *caller, uint64_t ticks);

/* p, never NULL, is about to be released. */
void tracker_free(struct thread *t, enum seg_function fn, void *p);

/* Around a realloc of p (never NULL): begin takes the old block out, end puts
 * the new one in, and cancel puts the old one back because the allocator
 * refused. A realloc that freed p and handed out nothing ends with q NULL. */
void tracker_realloc_begin(struct thread *t, void *p, struct tracker_block *old);
void tracker_realloc_end(struct thread *t, enum seg_function fn, void *p,
                         const struct tracker_block *old, void *q, size_t size,
                         const struct stack_frame *caller);
void tracker_realloc_cancel(struct thread *t, void *p,
                            const struct tracker_block *old);

/* A module's code at [start, end) is going away. */
void tracker_module_unloaded(uintptr_t start, uintptr_t end);

/* The program says that something begins: note the moment under a name, of
 * which at most SEG_MARK_NAME - 1 bytes are kept. NULL: none. */
void tracker_mark(const char *name);

/* The process ends in an orderly way: mark the segment, remove its file unless
 * it is to be kept. status is -1 where it is not known. Recording goes on
 * afterwards. Async-signal-safe. */
void tracker_goodbye(int status);

#endif
