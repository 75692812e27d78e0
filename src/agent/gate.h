/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate: one word for each thread that says whether its events are to be
 * recorded now, and the TLS pointer by which a hook finds it. Shut while the
 * thread is inside a hook, so that what the agent or the allocator does there
 * is not taken for the program's doing; unset until the thread is known, and
 * again after fork.
 *
 * Inlined into every hook: the whole way in is a load, a compare and a store, and
 * another look. Between the compare and the store a signal handler can fork, and
 * the child return here, where fork has wiped the state; from the store on forks.h
 * takes care of such a child. Who comes in by gate_try takes that look at the
 * thread's path: that is wiped, too.
 */
#ifndef MEMTOP_AGENT_GATE_H
#define MEMTOP_AGENT_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct thread; /* begins with a struct gate */

/* While shut it holds the address of the frame that shut it. */
#define GATE_UNSET ((uintptr_t)0)
#define GATE_OPEN  ((uintptr_t)1)

struct gate {
    uintptr_t word;
    uintptr_t ready; /* 0: there is nothing behind it (any more) */
};

/* Never NULL. */
extern __thread struct gate *gate_self
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* The way in when the gate is not open (tracker.c). NULL: do not record. */
struct thread *gate_enter_slowly(uintptr_t frame);

/* Is a hook under way, as far as one can tell at `frame`? A longjmp out of a signal
 * handler can leave a gate shut for ever. */
bool gate_is_shut(const struct gate *g, uintptr_t frame);

/* What follows stays behind the gate, as signal handlers see it. Other threads that
 * want to know whether it is shut make the processors agree (threads_shut, shrink.c). */
static inline void gate_fence(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline struct thread *gate_enter(void)
{
    struct gate *g = gate_self;
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    if (__builtin_expect(g->word != GATE_OPEN, 0))
        return gate_enter_slowly(frame);
    __atomic_store_n(&g->word, frame, __ATOMIC_RELAXED);
    gate_fence();
    if (__builtin_expect(!g->ready, 0))
        return gate_enter_slowly(frame);
    return (struct thread *)g;
}

/* The same, but NULL whenever it is not open, and to be entered the slow way. The
 * caller has yet to see that the thread's path is not THREAD_PATH_UNSET; if it is,
 * gate_enter is the way in. */
static inline __attribute__((always_inline)) struct thread *gate_try(void)
{
    struct gate *g = gate_self;
    if (__builtin_expect(g->word != GATE_OPEN, 0))
        return NULL;
    __atomic_store_n(&g->word, (uintptr_t)__builtin_frame_address(0), __ATOMIC_RELAXED);
    gate_fence();
    return (struct thread *)g;
}

static inline void gate_leave(struct thread *t)
{
    __atomic_store_n(&((struct gate *)t)->word, GATE_OPEN, __ATOMIC_RELEASE);
}

#endif
