/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stack memo of x86-64. See memo.h for what makes it sound.
 *
 * Runs inside malloc. Reads remembered places of the thread's own stack only
 * above the present stack pointer, where it is mapped.
 */
#include "agent/memo.h"

#include <stdbool.h>

#include "agent/walk.h"

/* ---- verifying -------------------------------------------------------------- */
static bool link_holds(const struct memo *m, size_t i)
{
    const struct memo_link *link = &m->links[i];
    return (!link->fp_at || walk_load(link->fp_at) == link->fp) &&
           (!link->cfa_at || walk_load(link->cfa_at) == m->frames[i].sp);
}

/* The first of the frames [0, n) whose link does not hold, or n. */
static inline size_t holding_links(const struct memo *m, size_t n)
{
    for (size_t word = 0; word * 64 < n; word++)
        for (uint64_t bits = m->check[word]; bits; bits &= bits - 1) {
            size_t i = word * 64 + (size_t)__builtin_ctzll(bits);
            if (i >= n || !link_holds(m, i))
                return i < n ? i : n;
        }
    return n;
}

bool memo_links_hold(const struct memo *m, size_t n)
{
    return holding_links(m, n) == n;
}

/* The frames [0, result) of the first n are all still in their places: a walk
 * that meets one of them, or frame `result`, knows the rest. */
static inline size_t holding(const struct memo *m, size_t n)
{
    const struct memo_frame *f = m->frames;
    size_t i = 0;
    while (i + 4 <= n && (MEMO_DIFFERS(&f[i]) | MEMO_DIFFERS(&f[i + 1]) |
                          MEMO_DIFFERS(&f[i + 2]) | MEMO_DIFFERS(&f[i + 3])) == 0)
        i += 4;
    while (i < n && MEMO_DIFFERS(&f[i]) == 0)
        i++;
    return holding_links(m, i);
}

/* ---- remembering ------------------------------------------------------------- */

/* Frame i's link must be verified. */
static inline void check_link(struct memo *m, size_t i)
{
    m->check[i / 64] |= UINT64_C(1) << i % 64;
    m->linked = true;
}

/* No link of the frames from `kept` on is to be verified yet. */
static inline void clear_checks(struct memo *m, size_t kept)
{
    size_t word = kept / 64;
    uint64_t any = m->check[word] &= (UINT64_C(1) << kept % 64) - 1;
    for (size_t i = 0; i < word; i++)
        any |= m->check[i];
    while (++word < SEG_DEPTH_MAX / 64)
        m->check[word] = 0;
    m->linked = any != 0;
}

static inline void remember_link(struct memo *m, size_t i, const struct memo_link *link)
{
    m->links[i] = *link;
    if (__builtin_expect(link->cfa_at != 0 || (link->fp_at != 0 && m->needs_fp[i]), 0))
        check_link(m, i);
}

/* Put the n frames of fresh[], pcs[] on top of the first `kept` ones. fp matters
 * to a frame if its own CFA is computed from it, or if it is passed on to an
 * outer frame to which it matters. */
static inline void remember(struct memo *m, size_t kept, size_t n, const uint64_t *pcs)
{
    bool passes = kept > 0 && m->links[kept - 1].fp_at == 0 && m->needs_fp[kept - 1];
    m->depth = kept + n;
    for (size_t at = kept; n-- > 0; at++) {
        const struct memo_fresh *f = &m->fresh[n];
        m->frames[at] = (struct memo_frame){ .sp = f->sp, .pc = pcs[n] };
        m->needs_fp[at] = f->uses_fp || passes;
        remember_link(m, at, &f->link);
        passes = f->link.fp_at == 0 && m->needs_fp[at];
    }
}

/* The walk met frame kept - 1, over this link, and all beyond it holds. */
static inline size_t join(struct memo *m, size_t kept, const struct memo_link *link,
                          uint64_t *pcs, size_t *fresh, enum stack_end *end)
{
    if (__builtin_expect(kept + *fresh <= SEG_DEPTH_MAX, 1)) {
        clear_checks(m, kept - 1);
        remember_link(m, kept - 1, link);
        remember(m, kept, *fresh, pcs);
        *end = STACK_COMPLETE;
        return kept;
    }
    while (*fresh < SEG_DEPTH_MAX)
        pcs[(*fresh)++] = m->frames[--kept].pc;
    m->depth = 0;
    *end = STACK_CUT;
    return 0;
}

/* Forget a stack whose code may be gone. False: this one is none that can be
 * remembered. */
static inline bool refresh(struct memo *m, const struct walk *w)
{
    uint64_t generation = __atomic_load_n(&stack_generation, __ATOMIC_ACQUIRE);
    if (__builtin_expect(m->generation != generation || m->hi != w->bounds.hi ||
                         !w->bounds.own, 0)) {
        m->depth = 0;
        m->generation = generation;
        m->hi = w->bounds.hi;
    }
    return w->bounds.own;
}

/* ---- walking ------------------------------------------------------------------ */

/* On from the last frame collected, without a memo. */
static __attribute__((noinline)) void
walk_rest(struct memo *m, struct walk *w, const struct stack_frame *first, uint64_t *pcs,
          size_t *fresh, enum stack_end *end)
{
    m->depth = 0;
    *fresh = walk_on(w, first, pcs, *fresh, SEG_DEPTH_MAX, end);
}

/* How fp and the CFA were found when `rule` led out of a frame with old_fp. */
static inline struct memo_link link_of(uint64_t rule, uintptr_t old_fp, uintptr_t cfa,
                                       uintptr_t fp)
{
    if (__builtin_expect(rows_kind(rule) == ROWS_DRAP, 0))
        return (struct memo_link){ .fp = fp, .fp_at = old_fp,
                                   .cfa_at = old_fp + (uintptr_t)rows_cfa(rule) };
    int64_t saved = rows_fp(rule);
    return (struct memo_link){ .fp = fp, .fp_at = saved ? cfa + (uintptr_t)saved : 0 };
}

/* Frames of the memo below sp are gone: their places may hold anything. */
static inline size_t drop_below(const struct memo *m, size_t top, uintptr_t sp)
{
    while (top > 0 && m->frames[top - 1].sp < sp)
        top--;
    return top;
}

/* Is the walk at remembered frame i? */
static inline bool meets(const struct memo *m, size_t i, uintptr_t sp, uintptr_t pc,
                         uintptr_t fp)
{
    return m->frames[i].sp == sp && m->frames[i].pc == pc &&
           (!m->needs_fp[i] || m->links[i].fp == fp);
}

/* From the leaf to the first of the frames [0, top) that it meets. */
static size_t walk_to_join(struct memo *m, size_t top, struct walk *w,
                           const struct stack_frame *first, uint64_t *pcs, size_t *fresh,
                           enum stack_end *end)
{
    const struct rows_table *table =
        atomic_load_explicit(&rows_newest, memory_order_acquire);
    uintptr_t pc = w->pc, sp = w->sp, fp = w->fp;
    struct memo_link link = { .fp = fp };
    size_t n = 0;
    for (; n < SEG_DEPTH_MAX; n++) {
        top = drop_below(m, top, sp);
        if (top > 0 && meets(m, top - 1, sp, pc, fp)) {
            *fresh = n;
            return join(m, top, &link, pcs, fresh, end);
        }
        uint64_t rule = rows_find(table, pc);
        uintptr_t old_fp = fp;
        pcs[n] = pc;
        m->fresh[n] = (struct memo_fresh){ .sp = sp, .link = link,
                                           .uses_fp = rows_uses_fp(rule) };
        if (__builtin_expect(rows_kind(rule) == ROWS_END, 0)) {
            clear_checks(m, 0);
            remember(m, 0, n + 1, pcs);
            *fresh = n + 1;
            *end = STACK_COMPLETE;
            return 0;
        }
        if (__builtin_expect(!walk_rule(&sp, &fp, &pc, w->bounds.hi, rule), 0)) {
            w->pc = pc;
            w->sp = sp;
            w->fp = fp;
            *fresh = n + 1;
            walk_rest(m, w, first, pcs, fresh, end);
            return 0;
        }
        link = link_of(rule, old_fp, sp, fp);
    }
    m->depth = 0;
    *fresh = n;
    *end = pc ? STACK_CUT : STACK_COMPLETE;
    return 0;
}

size_t memo_unwind(struct memo *m, const struct stack_frame *first, size_t holds,
                   uint64_t *pcs, size_t *fresh, enum stack_end *end)
{
    struct walk w;
    walk_start(&w, first);
    if (__builtin_expect(!refresh(m, &w), 0)) {
        *fresh = stack_unwind(first, pcs, SEG_DEPTH_MAX, end);
        return 0;
    }
    size_t top = drop_below(m, m->depth, w.sp);
    /* After a refresh nothing is remembered, and nothing holds. */
    holds = holds == MEMO_UNKNOWN ? holding(m, top) : holding_links(m, holds < top ? holds : top);
    if (top > holds + 1)
        top = holds + 1;
    return walk_to_join(m, top, &w, first, pcs, fresh, end);
}
