/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A memo that goes with stack_fake.c: it remembers all of a made-up stack, whose
 * return addresses lie where the test has put them. So the hot path knows a stack
 * again as it does in a program.
 */
#include "agent/memo.h"

#include "agent/known.h"
#include "tests/stack_fake.h"

bool memo_links_hold(const struct memo *m, size_t n)
{
    (void)m;
    (void)n;
    return true;
}

bool memo_line_up(struct memo *m)
{
    m->words = m->depth;
    for (; m->words % 4 != 0; m->words++) {
        m->slots[m->words] = m->slots[0];
        m->pcs[m->words] = m->pcs[0];
    }
    return m->depth > 0;
}

size_t memo_unwind(struct memo *m, const struct stack_frame *first, size_t holds,
                   uint64_t *pcs, size_t *fresh, enum stack_end *end)
{
    (void)holds;
    size_t n = *fresh = stack_unwind(first, pcs, SEG_DEPTH_MAX, end);
    uint64_t hash = known_seed(stack_generation);
    m->depth = n;
    m->generation = stack_generation;
    for (size_t i = 0; i < n; i++) {
        m->slots[i] = (uintptr_t)&stack_fake_pcs[n - 1 - i];
        m->pcs[i] = pcs[n - 1 - i];
        m->hashes[i] = hash = known_mix(hash, m->pcs[i]);
    }
    return 0;
}
