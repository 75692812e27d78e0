/* SPDX-License-Identifier: Apache-2.0 */
/* What stack_unwind returns in unit tests that link stack_fake.c. */
#ifndef MEMTOP_TESTS_STACK_FAKE_H
#define MEMTOP_TESTS_STACK_FAKE_H

#include "agent/stack.h"
#include "shared/segment.h"

extern uint64_t stack_fake_pcs[SEG_DEPTH_MAX]; /* leaf first */
extern size_t stack_fake_depth;
extern bool stack_fake_explains; /* what stack_explains says */

/* The frame that calls from there, if that is where return addresses lie (memo_fake.c). */
static inline struct stack_frame stack_fake_leaf(void)
{
    return (struct stack_frame){ .pc = stack_fake_pcs[0], .sp = (uintptr_t)&stack_fake_pcs[1] };
}

#endif
