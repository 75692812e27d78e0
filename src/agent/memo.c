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

/* Why a frame's fp matters, in needs_fp: its CFA is computed from it, or it is
 * passed on, unchanged, to a frame that needs it. */
#define MEMO_USES_FP   1
#define MEMO_PASSES_FP 2

/* A walk under way: the frame that it is at, and how that was found. */
struct visit {
    uintptr_t pc;
    uintptr_t sp;
    struct memo_link link;
    size_t fresh; /* frames collected */
    size_t top;   /* remembered frames that may still be met: [0, top) */
};

/* ---- verifying -------------------------------------------------------------- */
static inline uint64_t frame_differs(const struct memo_frame *f)
{
    return walk_load(f->sp - 8) ^ f->pc;
}

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

/* The frames [0, result) of the first n are all still in their places: a walk
 * that meets one of them, or frame `result`, knows the rest. */
static inline size_t holding(const struct memo *m, size_t n)
{
    const struct memo_frame *f = m->frames;
    size_t i = 0;
    while (i + 4 <= n && (frame_differs(&f[i]) | frame_differs(&f[i + 1]) |
                          frame_differs(&f[i + 2]) | frame_differs(&f[i + 3])) == 0)
        i += 4;
    while (i < n && frame_differs(&f[i]) == 0)
        i++;
    return holding_links(m, i);
}

/* ---- walking ---------------------------------------------------------------- */
/* Frames below the walk are gone: their places may hold anything. */
static inline void drop_below(const struct memo *m, struct visit *v)
{
    while (v->top > 0 && m->frames[v->top - 1].sp < v->sp)
        v->top--;
}

/* Is the walk at a remembered frame? It is frame top - 1 then. */
static inline bool meets(const struct memo *m, struct visit *v)
{
    drop_below(m, v);
    if (v->top == 0)
        return false;
    const struct memo_frame *f = &m->frames[v->top - 1];
    return f->sp == v->sp && f->pc == v->pc &&
           (!m->needs_fp[v->top - 1] || m->links[v->top - 1].fp == v->link.fp);
}

static inline void collect(struct memo *m, const struct visit *v, uint64_t *pcs)
{
    pcs[v->fresh] = v->pc;
    m->fresh_sp[v->fresh] = v->sp;
    m->fresh_links[v->fresh] = v->link;
}

/* Leave the frame by a rule. False: none does. */
static inline bool leave(struct visit *v, uintptr_t hi, uint64_t rule)
{
    uintptr_t old_fp = v->link.fp;
    if (!walk_rule(&v->sp, &v->link.fp, &v->pc, hi, rule))
        return false;
    int64_t saved = rows_fp(rule);
    v->link.fp_at = saved ? v->sp + (uintptr_t)saved : 0;
    v->link.cfa_at = 0;
    if (__builtin_expect(rows_kind(rule) == ROWS_DRAP, 0)) {
        v->link.fp_at = old_fp;
        v->link.cfa_at = old_fp + (uintptr_t)rows_cfa(rule);
    }
    return true;
}

/* ---- remembering ------------------------------------------------------------- */
static inline void set_check(struct memo *m, size_t i)
{
    const struct memo_link *link = &m->links[i];
    uint64_t bit = UINT64_C(1) << i % 64;
    bool check = link->cfa_at || (link->fp_at && m->needs_fp[i]);
    m->check[i / 64] = check ? m->check[i / 64] | bit : m->check[i / 64] & ~bit;
}

/* Put the collected frames on top of the first `kept` ones. */
static inline void remember(struct memo *m, const struct visit *v, size_t kept,
                            const uint64_t *pcs)
{
    for (size_t i = v->fresh, at = kept; i-- > 0; at++) {
        m->frames[at] = (struct memo_frame){ .sp = m->fresh_sp[i], .pc = pcs[i] };
        m->links[at] = m->fresh_links[i];
        bool passes = at > 0 && m->links[at - 1].fp_at == 0 && m->needs_fp[at - 1];
        m->needs_fp[at] = (uint8_t)(m->fresh_uses_fp[i] | (passes ? MEMO_PASSES_FP : 0));
        set_check(m, at);
    }
    m->depth = kept + v->fresh;
}

/* The walk met frame kept - 1, and all beyond it holds. */
static inline size_t join(struct memo *m, const struct visit *v, uint64_t *pcs,
                          size_t *fresh, enum stack_end *end)
{
    size_t kept = v->top;
    m->links[kept - 1] = v->link;
    set_check(m, kept - 1);
    *end = STACK_COMPLETE;
    *fresh = v->fresh;
    if (__builtin_expect(kept + v->fresh <= SEG_DEPTH_MAX, 1)) {
        remember(m, v, kept, pcs);
        return kept;
    }
    while (*fresh < SEG_DEPTH_MAX)
        pcs[(*fresh)++] = m->frames[--kept].pc;
    m->depth = 0;
    *end = STACK_CUT;
    return 0;
}

/* The walk is at its start without having met a remembered frame. */
static inline size_t begin(struct memo *m, const struct visit *v, const uint64_t *pcs,
                           size_t *fresh, enum stack_end *end)
{
    remember(m, v, 0, pcs);
    *fresh = v->fresh;
    *end = STACK_COMPLETE;
    return 0;
}

/* On from the last frame collected, without a memo. */
static __attribute__((noinline)) size_t
walk_rest(struct memo *m, const struct visit *v, struct walk *w,
          const struct stack_frame *first, uint64_t *pcs, size_t *fresh,
          enum stack_end *end)
{
    m->depth = 0;
    w->pc = v->pc;
    w->sp = v->sp;
    w->fp = v->link.fp;
    *fresh = walk_on(w, first, pcs, v->fresh, SEG_DEPTH_MAX, end);
    return 0;
}

/* The visit is at one frame too many, or at the mark beyond the last one. */
static size_t cut(struct memo *m, const struct visit *v, size_t *fresh,
                  enum stack_end *end)
{
    m->depth = 0;
    *fresh = v->fresh;
    *end = v->pc ? STACK_CUT : STACK_COMPLETE;
    return 0;
}

/* Forget a stack whose code may be gone. False: this one is none that can be
 * remembered. */
static inline bool refresh(struct memo *m, const struct walk *w)
{
    uint64_t generation = atomic_load_explicit(&rows_generation, memory_order_acquire);
    if (__builtin_expect(m->generation != generation || m->hi != w->bounds.hi ||
                         !w->bounds.own, 0)) {
        m->depth = 0;
        m->generation = generation;
        m->hi = w->bounds.hi;
    }
    return w->bounds.own;
}

size_t memo_unwind(struct memo *m, const struct stack_frame *first, uint64_t *pcs,
                   size_t *fresh, enum stack_end *end)
{
    struct walk w;
    walk_start(&w, first);
    if (__builtin_expect(!refresh(m, &w), 0)) {
        *fresh = stack_unwind(first, pcs, SEG_DEPTH_MAX, end);
        return 0;
    }
    const struct rows_table *table =
        atomic_load_explicit(&rows_newest, memory_order_acquire);
    struct visit v = {
        .pc = w.pc, .sp = w.sp, .link = { .fp = w.fp }, .top = m->depth,
    };
    drop_below(m, &v);
    size_t holds = holding(m, v.top);
    if (v.top > holds + 1)
        v.top = holds + 1;
    while (v.fresh < SEG_DEPTH_MAX) {
        if (meets(m, &v))
            return join(m, &v, pcs, fresh, end);
        uint64_t rule = rows_find(table, v.pc);
        collect(m, &v, pcs);
        m->fresh_uses_fp[v.fresh++] = rows_uses_fp(rule) ? MEMO_USES_FP : 0;
        if (rows_kind(rule) == ROWS_END)
            return begin(m, &v, pcs, fresh, end);
        if (!leave(&v, w.bounds.hi, rule))
            return walk_rest(m, &v, &w, first, pcs, fresh, end);
    }
    return cut(m, &v, fresh, end);
}
