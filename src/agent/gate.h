/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate: one word for each thread that says whether its events are to be
 * recorded now, and the TLS pointer by which a hook finds it. Shut while the
 * thread is inside a hook, so that what the agent or the allocator does there
 * is not taken for the program's doing; unset until the thread is known, and
 * again after fork.
 *
 * Inlined into every hook: the whole way in is a load, a compare and a store.
 */
#ifndef MEMTOP_AGENT_GATE_H
#define MEMTOP_AGENT_GATE_H

#include <stdint.h>

struct thread; /* begins with a struct gate */

/* While shut it holds the address of the frame that shut it. */
#define GATE_UNSET ((uintptr_t)0)
#define GATE_OPEN  ((uintptr_t)1)

struct gate {
    uintptr_t word;
};

/* Never NULL. */
extern __thread struct gate *gate_self __attribute__((tls_model("initial-exec")));

/* The way in when the gate is not open (tracker.c). NULL: do not record. */
struct thread *gate_enter_slowly(struct gate *g, uintptr_t frame);

static inline struct thread *gate_enter(void)
{
    struct gate *g = gate_self;
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    if (__builtin_expect(g->word != GATE_OPEN, 0))
        return gate_enter_slowly(g, frame);
    g->word = frame;
    return (struct thread *)g;
}

static inline void gate_leave(struct thread *t)
{
    ((struct gate *)t)->word = GATE_OPEN;
}

#endif
