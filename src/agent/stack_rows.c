/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unwinder of x86-64 with glibc: a walk over flat rows (rows.h), with
 * walk_slow.c for the frames that they cannot express. Needs no preparation
 * of modules: they are found, lock-free, by _dl_find_object.
 *
 * Runs inside malloc and in signal handlers.
 */
#include "agent/stack.h"

#include "agent/care.h"
#include "agent/walk.h"
#include "shared/segment.h"

uint64_t stack_generation;
uint64_t care_word = CARE_FIRST;

void stack_init(void)
{
    rows_init();
}

void stack_forget(uintptr_t start, uintptr_t end)
{
    rows_forget(start, end);
    walk_guess_forget();
    /* Pairs with the acquire of those who remember stacks. */
    __atomic_fetch_add(&stack_generation, 1, __ATOMIC_RELEASE);
    care_renew();
}

bool stack_explains(uint64_t pc)
{
    struct cfi_row row;
    return cfi_find((pc & SEG_PC_MASK) - !(pc & SEG_PC_EXACT), &row) == CFI_OK;
}

/* Walk by rows, from w at pcs[n - 1], until they end or there are max frames.
 * *kind is that of the last frame's rule. */
static inline size_t walk_rows(struct walk *w, uint64_t *pcs, size_t n, size_t max,
                               unsigned *kind)
{
    const struct rows_table *table =
        atomic_load_explicit(&rows_newest, memory_order_acquire);
    uintptr_t pc = w->pc, sp = w->sp, fp = w->fp, hi = w->bounds.hi;
    uint64_t rule;
    for (;;) {
        rule = rows_find(table, pc);
        if (n == max || !walk_rule(&sp, &fp, &pc, hi, rule))
            break;
        pcs[n++] = pc;
    }
    w->pc = pc;
    w->sp = sp;
    w->fp = fp;
    *kind = rows_kind(rule);
    return n;
}

size_t walk_on(struct walk *w, const struct stack_frame *first, uint64_t *pcs,
               size_t n, size_t max, enum stack_end *end)
{
    unsigned kind;
    do {
        n = walk_rows(w, pcs, n, max, &kind);
        if (__builtin_expect(kind == ROWS_END, 1)) {
            *end = STACK_COMPLETE;
            break;
        }
    } while (walk_slow(w, first, pcs, &n, max, end));
    return n;
}

size_t stack_unwind(const struct stack_frame *first, uint64_t *pcs, size_t max,
                    enum stack_end *end)
{
    struct walk w;
    walk_start(&w, first);
    pcs[0] = first->pc;
    return walk_on(&w, first, pcs, 1, max, end);
}
