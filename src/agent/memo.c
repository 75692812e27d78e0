/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stack memo of x86-64. See memo.h for what makes it sound.
 *
 * Runs inside malloc. Reads remembered places of the thread's own stack only
 * above the present stack pointer, where it is mapped.
 */
#include "agent/memo.h"

#include <stdbool.h>

#include "agent/known.h"
#include "agent/walk.h"

/* ---- verifying -------------------------------------------------------------- */
static bool link_holds(const struct memo *m, size_t i)
{
    const struct memo_link *link = &m->links[i];
    return (!link->fp_at || walk_load(link->fp_at) == link->fp) &&
           (!link->cfa_at || walk_load(link->cfa_at) == m->slots[i] + 8);
}

/* The first of the frames [0, n) whose link does not hold, or n. */
static inline size_t holding_links(const struct memo *m, size_t n)
{
    size_t end = n < m->guarded ? n : m->guarded;
    for (size_t word = 0; word * 64 < end; word++)
        for (uint64_t bits = m->check[word]; bits; bits &= bits - 1) {
            size_t i = word * 64 + (size_t)__builtin_ctzll(bits);
            if (i >= end)
                return n;
            if (!link_holds(m, i))
                return i;
        }
    return n;
}

bool memo_links_hold(const struct memo *m, size_t n)
{
    return holding_links(m, n) == n;
}

static bool line_up(struct memo *m, uintptr_t at, uintptr_t value)
{
    if (m->words == SEG_DEPTH_MAX)
        return false;
    m->slots[m->words] = at;
    m->pcs[m->words++] = value;
    return true;
}

bool memo_line_up(struct memo *m)
{
    size_t n = m->depth;
    if (n == 0)
        return false;
    m->words = n;
    /* The hook's own frame has saved the leaf's fp below its return address. */
    if (n <= m->guarded && m->needs_fp[n - 1] &&
        !line_up(m, m->slots[n - 1] - 8, m->links[n - 1].fp))
        return false;
    for (size_t i = 0; i < m->guarded && i < n - 1; i++) {
        const struct memo_link *link = &m->links[i];
        if (!(m->check[i / 64] >> i % 64 & 1))
            continue;
        if ((link->fp_at && !line_up(m, link->fp_at, link->fp)) ||
            (link->cfa_at && !line_up(m, link->cfa_at, m->slots[i] + 8)))
            return false;
    }
    while (m->words % 4 != 0)
        line_up(m, m->slots[0], m->pcs[0]);
    return true;
}

/* ---- remembering ------------------------------------------------------------- */

/* How fp and the CFA were found when `rule` led out of a frame with old_fp. */
static inline struct memo_link link_of(uint64_t rule, uintptr_t old_fp, uintptr_t cfa,
                                       uintptr_t fp)
{
    if (rows_kind(rule) == ROWS_DRAP)
        return (struct memo_link){ .fp = fp, .fp_at = old_fp,
                                   .cfa_at = old_fp + (uintptr_t)rows_cfa(rule) };
    int64_t saved = rows_fp(rule);
    return (struct memo_link){ .fp = fp, .fp_at = saved ? cfa + (uintptr_t)saved : 0 };
}

/* Of the frame beyond fresh[i], which is at `slot` and has `fp`. */
static struct memo_link link_beyond(const struct memo *m, size_t i, uintptr_t slot, uintptr_t fp)
{
    return link_of(m->fresh[i].rule, m->fresh[i].fp, slot + 8, fp);
}

/* Frame i's link is known, and whether it needs_fp. */
static void remember_link(struct memo *m, size_t i, struct memo_link link)
{
    m->links[i] = link;
    m->check[i / 64] &= ~(UINT64_C(1) << i % 64);
    if (link.cfa_at != 0 || (link.fp_at != 0 && m->needs_fp[i]))
        m->check[i / 64] |= UINT64_C(1) << i % 64;
}

/* Of the n frames of fresh[] on top of the first `kept` ones, the last of which
 * has `fp`, some depend on fp, or may pass it on to such. It matters to a frame if
 * its own CFA is computed from it, or if it is passed on to an outer frame to
 * which it matters. */
static __attribute__((noinline)) void guard(struct memo *m, size_t kept, size_t n, uintptr_t fp)
{
    bool passes = false;
    size_t last = m->guarded; /* frame after the last one to which fp matters */
    if (kept > 0) {
        if (kept > m->guarded)
            m->needs_fp[kept - 1] = false;
        struct memo_link link = { .fp = fp };
        remember_link(m, kept - 1,
                      n ? link_beyond(m, n - 1, m->slots[kept - 1], fp) : link);
        passes = m->links[kept - 1].fp_at == 0 && m->needs_fp[kept - 1];
    }
    /* Frames between have no links, for want of anything that needs them. */
    for (size_t i = m->guarded; i + 1 < kept; i++) {
        m->needs_fp[i] = false;
        m->check[i / 64] &= ~(UINT64_C(1) << i % 64);
    }
    for (size_t at = kept; n-- > 0; at++) {
        const struct memo_fresh *f = &m->fresh[n];
        m->needs_fp[at] = rows_uses_fp(f->rule) || passes;
        remember_link(m, at, n ? link_beyond(m, n - 1, f->slot, f->fp)
                               : (struct memo_link){ .fp = f->fp });
        passes = m->links[at].fp_at == 0 && m->needs_fp[at];
        if (m->needs_fp[at])
            last = at + 1;
    }
    m->guarded = last;
}

/* Put the n frames of fresh[], pcs[] on top of the first `kept` ones, the last of
 * which has `fp`. `uses_fp`: some of the n depend on theirs. */
static inline void remember(struct memo *m, size_t kept, size_t n, const uint64_t *pcs,
                            bool uses_fp, uintptr_t fp)
{
    uint64_t hash = kept ? m->hashes[kept - 1] : known_seed(m->generation);
    size_t at = kept;
    for (size_t i = n; i-- > 0; at++) {
        m->slots[at] = m->fresh[i].slot;
        m->pcs[at] = pcs[i];
        m->hashes[at] = hash = known_mix(hash, pcs[i]);
    }
    m->depth = at;
    if (__builtin_expect(uses_fp || m->guarded >= kept, 0)) {
        if (m->guarded > kept)
            m->guarded = kept;
        if (uses_fp || m->guarded > 0)
            guard(m, kept, n, fp);
    }
}

/* The walk met frame kept - 1, with `fp`, and all beyond it holds. */
static inline size_t join(struct memo *m, size_t kept, bool uses_fp, uintptr_t fp,
                          uint64_t *pcs, size_t *fresh, enum stack_end *end)
{
    if (__builtin_expect(kept + *fresh <= SEG_DEPTH_MAX, 1)) {
        remember(m, kept, *fresh, pcs, uses_fp, fp);
        *end = STACK_COMPLETE;
        return kept;
    }
    while (*fresh < SEG_DEPTH_MAX)
        pcs[(*fresh)++] = m->pcs[--kept];
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
        m->depth = m->guarded = 0;
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

/* Frames of the memo below `slot` are gone: their places may hold anything. */
static inline size_t drop_below(const struct memo *m, size_t top, uintptr_t slot)
{
    while (top > 0 && m->slots[top - 1] < slot)
        top--;
    return top;
}

/* Is the walk, which is at its slot, at remembered frame i? */
static inline bool meets(const struct memo *m, size_t i, uintptr_t pc, uintptr_t fp)
{
    return m->pcs[i] == pc && (i >= m->guarded || !m->needs_fp[i] || m->links[i].fp == fp);
}

/* The slot at which the walk may meet the last of the frames [0, top). */
static inline uintptr_t next_slot(const struct memo *m, size_t top)
{
    return top > 0 ? m->slots[top - 1] : UINTPTR_MAX;
}

/* From the leaf to the first of the frames [0, top) that it meets. */
static size_t walk_to_join(struct memo *m, size_t top, struct walk *w,
                           const struct stack_frame *first, uint64_t *pcs, size_t *fresh,
                           enum stack_end *end)
{
    const struct rows_table *table =
        atomic_load_explicit(&rows_newest, memory_order_acquire);
    uintptr_t pc = w->pc, sp = w->sp, fp = w->fp, next = next_slot(m, top);
    bool uses_fp = false;
    size_t n = 0;
    for (; n < SEG_DEPTH_MAX; n++) {
        if (sp - 8 >= next) {
            top = drop_below(m, top, sp - 8);
            next = next_slot(m, top);
            if (sp - 8 == next && meets(m, top - 1, pc, fp)) {
                *fresh = n;
                return join(m, top, uses_fp, fp, pcs, fresh, end);
            }
        }
        uint64_t rule = rows_find(table, pc);
        pcs[n] = pc;
        m->fresh[n] = (struct memo_fresh){ .slot = sp - 8, .fp = fp, .rule = rule };
        if (__builtin_expect(rows_kind(rule) == ROWS_SP, 1)) {
            if (__builtin_expect(walk_simply(&sp, &fp, &pc, w->bounds.hi, rule), 1))
                continue;
        } else if (rows_kind(rule) == ROWS_END) {
            remember(m, 0, n + 1, pcs, uses_fp, fp);
            *fresh = n + 1;
            *end = STACK_COMPLETE;
            return 0;
        } else {
            uses_fp |= rows_uses_fp(rule);
            if (walk_rule(&sp, &fp, &pc, w->bounds.hi, rule))
                continue;
        }
        w->pc = pc;
        w->sp = sp;
        w->fp = fp;
        *fresh = n + 1;
        walk_rest(m, w, first, pcs, fresh, end);
        return 0;
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
    size_t top = drop_below(m, m->depth, w.sp - 8);
    /* After a refresh nothing is remembered, and nothing holds. */
    size_t n = holds == MEMO_UNKNOWN ? memo_holding_pcs(m, top) : holds < top ? holds : top;
    n = m->guarded ? holding_links(m, n) : n;
    if (top > n + 1)
        top = n + 1;
    return walk_to_join(m, top, &w, first, pcs, fresh, end);
}
