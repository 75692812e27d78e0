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

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "agent/stack.h"
#include "shared/segment.h"

/* How a frame's registers were found when the frame below it was left. */
struct memo_link {
    uintptr_t fp;
    uintptr_t fp_at;  /* fp was read there; 0: it is that of the frame below */
    uintptr_t cfa_at; /* sp was read there; 0: it was computed */
};

/* A frame that the walk under way has come through, and how it was left. */
struct memo_fresh {
    uintptr_t slot;
    uintptr_t fp;
    uint64_t rule;
};

/* Indexes count from the outermost frame, but in fresh[] from the leaf. A frame's
 * slot is where its pc, as a return address, lies: at sp - 8. */
struct memo {
    uintptr_t hi;        /* end of the stack that it is about */
    uint64_t generation; /* of the rules */
    size_t depth;
    size_t words;        /* lined up in slots[], a multiple of 4 */
    size_t guarded;      /* links[], needs_fp[] and `check` are about the frames below
                            this one; beyond, fp does not matter */
    uint64_t check[SEG_DEPTH_MAX / 64]; /* frames whose links must be verified */
    _Alignas(16) uintptr_t slots[SEG_DEPTH_MAX];
    _Alignas(16) uintptr_t pcs[SEG_DEPTH_MAX];
    uint64_t hashes[SEG_DEPTH_MAX]; /* of the frames up to each one, see known.h */
    struct memo_link links[SEG_DEPTH_MAX];
    uint8_t needs_fp[SEG_DEPTH_MAX]; /* its CFA, or an outer one, depends on fp */
    struct memo_fresh fresh[SEG_DEPTH_MAX];
};

/* Do the links of the first n frames hold? */
bool memo_links_hold(const struct memo *m, size_t n);

/* Not 0 when frame i's return address is not in its place any more. */
static inline uint64_t memo_differs(const struct memo *m, size_t i)
{
    return *(const volatile uint64_t *)m->slots[i] ^ m->pcs[i];
}

/* The return addresses of the frames [0, result) are all in their places, and if
 * result < n that of frame `result` is not. */
static inline size_t memo_holding_pcs(const struct memo *m, size_t n)
{
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        if (memo_differs(m, i) | memo_differs(m, i + 1) | memo_differs(m, i + 2) |
            memo_differs(m, i + 3))
            break;
    while (i < n && !memo_differs(m, i))
        i++;
    return i;
}

/* The remembered stack may come again: put all words that it depends on behind
 * one another in slots[] and pcs[], the guards behind the return addresses. Whoever
 * asks has pushed fp right below its return address. False: there are too many.
 * Until the next memo_unwind. */
bool memo_line_up(struct memo *m);

/* After that: do all words hold? There are some. Without a branch for each. */
static inline __attribute__((always_inline)) bool memo_holds(const struct memo *m)
{
#ifdef __SSE2__
#define MEMO_TWO(at)                                                                      \
    _mm_xor_si128(_mm_castpd_si128(_mm_loadh_pd(_mm_load_sd((const double *)(at)[0]),     \
                                                (const double *)(at)[1])),                \
                  *(const __m128i *)((at) + (m->pcs - m->slots)))
    /* One index for all, counted up to zero, is what the loop takes least
     * instructions with; the compiler, which would rather have two, is told nothing
     * of where it begins. */
    const uintptr_t *end = m->slots + m->words;
    ptrdiff_t i = -(ptrdiff_t)m->words;
    __asm__("" : "+r"(end));
    __m128i differ = _mm_setzero_si128();
    do
        differ = _mm_or_si128(differ, _mm_or_si128(MEMO_TWO(end + i), MEMO_TWO(end + i + 2)));
    while ((i += 4) != 0);
#undef MEMO_TWO
    return _mm_movemask_epi8(_mm_cmpeq_epi8(differ, _mm_setzero_si128())) == 0xffff;
#else
    uint64_t differ = 0;
    for (size_t i = 0; i < m->words; i++)
        differ |= memo_differs(m, i);
    return differ == 0;
#endif
}

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
    uint64_t differ = (m->slots[n - 1] ^ (first->sp - 8)) | (m->pcs[n - 1] ^ first->pc) |
                      (m->generation ^ __atomic_load_n(&stack_generation, __ATOMIC_ACQUIRE));
    if (differ || (n <= m->guarded && m->needs_fp[n - 1] && m->links[n - 1].fp != first->fp))
        return false;
    *holds = memo_holding_pcs(m, n - 1);
    return *holds == n - 1 && (m->guarded == 0 || memo_links_hold(m, n - 1));
}

/* Like stack_unwind, with SEG_DEPTH_MAX frames at most. `holds` is what memo_same
 * said of the same frame just before, or MEMO_UNKNOWN. Returns k: the k
 * outermost frames of the stack that this memo was last asked about are also
 * the k outermost ones of this stack. pcs[0..*fresh) are the frames below
 * them, leaf first; pcs has room for SEG_DEPTH_MAX. The stack is k + *fresh
 * frames deep. It is remembered, with its hashes, if m->depth says so. */
size_t memo_unwind(struct memo *m, const struct stack_frame *first, size_t holds,
                   uint64_t *pcs, size_t *fresh, enum stack_end *end);

#endif
