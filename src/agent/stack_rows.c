/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unwinder of x86-64 with glibc: a walk over flat rows (rows.h), with
 * walk_slow.c for the frames that they cannot express. Needs no preparation
 * of modules: they are found, lock-free, by _dl_find_object.
 *
 * Runs inside malloc and in signal handlers.
 */
#include "agent/stack.h"

#include "agent/walk.h"

void stack_init(void)
{
    rows_init();
}

void stack_forget(uintptr_t start, uintptr_t end)
{
    rows_forget(start, end);
}

/* Walk by rows, from w at pcs[n - 1], until they end or there are max frames. */
static size_t walk_rows(struct walk *w, uint64_t *pcs, size_t n, size_t max)
{
    const struct rows_table *table =
        atomic_load_explicit(&rows_newest, memory_order_acquire);
    uintptr_t pc = w->pc, sp = w->sp, fp = w->fp, hi = w->bounds.hi;
    while (n < max && walk_rule(&sp, &fp, &pc, hi, rows_find(table, pc)))
        pcs[n++] = pc;
    w->pc = pc;
    w->sp = sp;
    w->fp = fp;
    return n;
}

/* There are max frames: is that all? */
static enum stack_end end_at_max(const struct walk *w, size_t *n)
{
    const struct rows_table *table =
        atomic_load_explicit(&rows_newest, memory_order_acquire);
    if (w->pc == 0) {
        (*n)--;
        return STACK_COMPLETE;
    }
    return rows_kind(rows_find(table, w->pc)) == ROWS_END ? STACK_COMPLETE : STACK_CUT;
}

size_t stack_unwind(const struct stack_frame *first, uint64_t *pcs, size_t max,
                    enum stack_end *end)
{
    struct walk w;
    size_t n = 0;
    walk_start(&w, first);
    pcs[n++] = first->pc;
    do {
        n = walk_rows(&w, pcs, n, max);
        if (n == max) {
            *end = end_at_max(&w, &n);
            break;
        }
    } while (walk_slow(&w, first, pcs, &n, max, end));
    return n;
}
