/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shrinking: parts of the shadow heap in which no block is left go back to the
 * file system. When the heap has fallen to half of what it was, a sweep looks at
 * all parts, a few in each density tick.
 *
 * A part is taken back only when nobody can be about to write there, at no cost
 * to the hot path, which trusts the table of committed parts:
 *
 *   1. the part is announced in a hold, and its committed bits and its entry in
 *      that table are cleared;
 *   2. membarrier(2) makes every running thread see both;
 *   3. no thread is within a hook: their gates are open. Whoever enters one from
 *      now on finds no committed part, and looks for a hold;
 *   4. all records are still free: the hold becomes final, and the pages go.
 *
 * Whoever needs the part before that cancels the hold. If 3 or 4 fails, all is
 * as it was, and it is tried again later. So to see that nothing of a part is
 * committed, and that it is not held, does not say that it was so at one time:
 * see shrink_ended.
 */
#ifndef MEMTOP_AGENT_SHRINK_H
#define MEMTOP_AGENT_SHRINK_H

#include <stdbool.h>
#include <stdint.h>

struct thread;

/* Hold the part of which nothing is committed any more, or let it go. */
enum shrink_hold {
    SHRINK_NONE,      /* nobody holds it: it is not committed */
    SHRINK_CANCELLED, /* it was held and is committed again: look once more */
    SHRINK_GOING,     /* its pages are being taken: use the overflow table */
};

/* A new segment. */
void shrink_attach(void);

/* Sweep a little, if there is reason to. t is the calling thread's, in a hook and
 * not the shared one; one thread at a time. */
void shrink_tick(struct thread *t);

/* Parts are numbered through: shadow * SEG_REGION_PARTS + part. */
enum shrink_hold shrink_ask_slowly(uint32_t part);

extern uint32_t shrink_holds; /* how many there are; atomic */
extern uint32_t shrink_lapsed; /* how many there were; atomic */

/* Whether a hold ended since this was asked for: then look at the part once more, if
 * nothing of it was committed. */
static inline uint32_t shrink_ended(void)
{
    return __atomic_load_n(&shrink_lapsed, __ATOMIC_ACQUIRE);
}

static inline enum shrink_hold shrink_ask(uint32_t part)
{
    if (__builtin_expect(__atomic_load_n(&shrink_holds, __ATOMIC_ACQUIRE) == 0, 1))
        return SHRINK_NONE;
    return shrink_ask_slowly(part);
}

#endif
