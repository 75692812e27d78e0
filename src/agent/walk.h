/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of a walk up the stack, for those who drive one: stack_rows.c and
 * memo.c. walk_rule is the fast step and inlined; walk_slow takes whatever the
 * flat rows cannot express.
 *
 * Runs inside malloc and in signal handlers.
 */
#ifndef MEMTOP_AGENT_WALK_H
#define MEMTOP_AGENT_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/bounds.h"
#include "agent/rows.h"
#include "agent/stack.h"

/* A frame: its pc, and what its caller will be found from. */
struct walk {
    uintptr_t pc;
    uintptr_t sp;
    uintptr_t fp;
    bool fp_known;
    struct bounds bounds; /* of the stack that sp points into */
};

static inline void walk_start(struct walk *w, const struct stack_frame *first)
{
    w->pc = first->pc;
    w->sp = first->sp;
    w->fp = first->fp;
    w->fp_known = true;
    w->bounds = bounds_find(first->sp);
}

static inline uint64_t walk_load(uintptr_t address)
{
    return *(const volatile uint64_t *)address;
}

/* A step through a frame that was realigned. False: nothing was changed. */
static inline bool walk_realigned(uintptr_t *sp, uintptr_t *fp, uintptr_t *pc,
                                  uintptr_t hi, uint64_t rule)
{
    uintptr_t at = *fp + (uintptr_t)rows_cfa(rule);
    if (at < *sp || at > hi - 8 || *fp < *sp || *fp > hi - 8)
        return false;
    uintptr_t cfa = walk_load(at);
    if (cfa <= *sp || cfa > hi)
        return false;
    *fp = walk_load(*fp);
    *pc = walk_load(cfa - 8);
    *sp = cfa;
    return true;
}

/* A step through code without unwind information, supposing that its frame was
 * kept with a frame pointer. False: something speaks against it; nothing was
 * changed. */
bool walk_guess(uintptr_t *sp, uintptr_t *fp, uintptr_t *pc, uintptr_t hi,
                uint64_t rule);

/* Does a call instruction end at pc? It then is no signal's frame, either. */
bool walk_follows_call(uintptr_t pc);

/* Forget what walk_guess found out about code. */
void walk_guess_forget(void);

/* To the caller, by a rule of the kind ROWS_SP. False as below. */
static inline __attribute__((always_inline)) bool
walk_simply(uintptr_t *sp, uintptr_t *fp, uintptr_t *pc, uintptr_t hi, uint64_t rule)
{
    uintptr_t cfa = *sp + (uintptr_t)rows_cfa(rule);
    int64_t saved = rows_fp(rule);
    if (__builtin_expect(cfa > hi, 0))
        return false;
    if (saved)
        *fp = walk_load(cfa + (uintptr_t)saved);
    *pc = walk_load(cfa - 8);
    *sp = cfa;
    return true;
}

/* To the caller, by a rule; reads only [*sp, hi). False: the rule cannot say
 * it, or it leads out of the stack; nothing was changed. */
static inline __attribute__((always_inline)) bool
walk_rule(uintptr_t *sp, uintptr_t *fp, uintptr_t *pc, uintptr_t hi, uint64_t rule)
{
    unsigned kind = rows_kind(rule);
    int64_t saved = rows_fp(rule);
    uintptr_t cfa;
    if (__builtin_expect(kind == ROWS_SP, 1)) {
        cfa = *sp + (uintptr_t)rows_cfa(rule);
    } else if (kind == ROWS_FP) {
        cfa = *fp + (uintptr_t)rows_cfa(rule);
        if (cfa <= *sp || cfa + (uintptr_t)saved < *sp)
            return false;
    } else if (kind == ROWS_DRAP) {
        return walk_realigned(sp, fp, pc, hi, rule);
    } else {
        return rows_is_guess(rule) && walk_guess(sp, fp, pc, hi, rule);
    }
    if (__builtin_expect(cfa > hi, 0))
        return false;
    if (saved)
        *fp = walk_load(cfa + (uintptr_t)saved);
    *pc = walk_load(cfa - 8);
    *sp = cfa;
    return true;
}

/* *w is at the last frame of pcs[0..*n), and walk_rule could not leave it. Add
 * the frames up to one that was not interrupted. True: *w is there, go on.
 * False: the stack ends, *end says why. `first` is where the walk began: it is
 * done all over again, into pcs, if that takes more registers than *w has. */
bool walk_slow(struct walk *w, const struct stack_frame *first, uint64_t *pcs,
               size_t *n, size_t max, enum stack_end *end);

/* The walk itself, on from w, the last frame of pcs[0..n). Returns how many
 * frames there are then. */
size_t walk_on(struct walk *w, const struct stack_frame *first, uint64_t *pcs,
               size_t n, size_t max, enum stack_end *end);

#endif
