/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stack memo: a thread's last stack, so that its next one is unwound only
 * as far as it is new. The rest is verified, by reading again each word of the
 * stack that the former walk depended on: a load and a compare a frame, and no
 * table.
 *
 * Why that is sound. A walk is a function of its registers (pc, sp and fp), of
 * the rules and of the words that it reads. A remembered frame is joined only
 * if pc and sp agree, and fp where an outer frame's CFA depends on it; then,
 * from there outwards, each return address and each saved fp that such a CFA
 * depends on must still be in its place. Rules are for ever, until code goes
 * away, which empties the memo. Stacks with signal frames, with frames that no
 * rule expresses, on other stacks than the thread's own, or deeper than
 * SEG_DEPTH_MAX are not remembered.
 *
 * One memo belongs to one thread; the caller sees to it that a signal handler
 * does not enter it again. All zeros is an empty memo.
 */
#ifndef MEMTOP_AGENT_MEMO_H
#define MEMTOP_AGENT_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/stack.h"
#include "shared/segment.h"

/* A frame. Its pc is also the word at sp - 8. */
struct memo_frame {
    uintptr_t sp;
    uintptr_t pc;
};

/* How a frame's registers were found when the frame below it was left. */
struct memo_link {
    uintptr_t fp;
    uintptr_t fp_at;  /* fp was read there; 0: it is that of the frame below */
    uintptr_t cfa_at; /* sp was read there; 0: it was computed */
};

/* A frame that the walk under way has come through. */
struct memo_fresh {
    uintptr_t sp;
    struct memo_link link;
    uintptr_t uses_fp; /* its CFA depends on fp */
};

/* Indexes count from the outermost frame, but in fresh[] from the leaf. */
struct memo {
    uintptr_t hi;        /* end of the stack that it is about */
    uint64_t generation; /* of the rules */
    size_t depth;
    bool linked;         /* any of `check` is set below depth */
    uint64_t check[SEG_DEPTH_MAX / 64]; /* frames whose links must be verified */
    struct memo_frame frames[SEG_DEPTH_MAX];
    struct memo_link links[SEG_DEPTH_MAX];
    uint8_t needs_fp[SEG_DEPTH_MAX]; /* its CFA, or an outer one, depends on fp */
    struct memo_fresh fresh[SEG_DEPTH_MAX];
};

/* Do the links of the first n frames hold? */
bool memo_links_hold(const struct memo *m, size_t n);

/* Not 0 when frame f's return address is not in its place any more. */
#define MEMO_DIFFERS(f) (*(const volatile uint64_t *)((f)->sp - 8) ^ (f)->pc)

#define MEMO_UNKNOWN SIZE_MAX

/* Is this the stack that was remembered, all of it? Cheaper than memo_unwind,
 * which says the same by no fresh frames. If it is not, *holds may be set to
 * what was learned on the way, for memo_unwind. */
static inline bool memo_same(const struct memo *m, const struct stack_frame *first,
                             size_t *holds)
{
    size_t n = m->depth;
    if (n == 0)
        return false;
    const struct memo_frame *leaf = &m->frames[n - 1];
    uint64_t differ = (leaf->sp ^ first->sp) | (leaf->pc ^ first->pc) |
                      (m->generation ^ __atomic_load_n(&stack_generation, __ATOMIC_ACQUIRE));
    if (differ || (m->needs_fp[n - 1] && m->links[n - 1].fp != first->fp))
        return false;
    const struct memo_frame *f = m->frames;
    for (; f + 4 <= leaf; f += 4)
        if (MEMO_DIFFERS(f) | MEMO_DIFFERS(f + 1) | MEMO_DIFFERS(f + 2) | MEMO_DIFFERS(f + 3))
            break;
    while (f < leaf && !MEMO_DIFFERS(f))
        f++;
    *holds = (size_t)(f - m->frames);
    return f == leaf && (!m->linked || memo_links_hold(m, n - 1));
}

/* Like stack_unwind, with SEG_DEPTH_MAX frames at most. `holds` is what memo_same
 * said of the same frame just before, or MEMO_UNKNOWN. Returns k: the k
 * outermost frames of the stack that this memo was last asked about are also
 * the k outermost ones of this stack. pcs[0..*fresh) are the frames below
 * them, leaf first; pcs has room for SEG_DEPTH_MAX. The stack is k + *fresh
 * frames deep. */
size_t memo_unwind(struct memo *m, const struct stack_frame *first, size_t holds,
                   uint64_t *pcs, size_t *fresh, enum stack_end *end);

#endif
