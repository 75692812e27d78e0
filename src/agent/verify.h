/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verification of stacks (MEMTOP_VERIFY): what the fast path yields is compared
 * with what other unwinders see at the same place.
 *
 * There are two of them, because each is wrong somewhere: libgcc's, which is
 * what glibc's backtrace() uses, and libunwind's. A stack is a mismatch only if
 * neither agrees. They are loaded when verification is wanted, and never
 * linked; they may lock, allocate and use some kB of the program's stack.
 */
#ifndef MEMTOP_AGENT_VERIFY_H
#define MEMTOP_AGENT_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/stack.h"
#include "shared/segment.h"

struct thread;

/* Program counters with SEG_PC_EXACT, leaf first. */
struct verify_stack {
    size_t n;
    uint64_t pcs[SEG_DEPTH_MAX];
};

enum verify_result {
    VERIFY_SAME,
    VERIFY_PARTLY, /* one goes on where the other ends, at a frame without
                      unwind information: nobody can tell */
    VERIFY_DIFFERENT,
};

enum verify_result verify_compare(const struct verify_stack *ours,
                                  const struct verify_stack *theirs);

/* Load the other unwinders and let them allocate what they need; from now on
 * one in `interval` stacks is compared. From a constructor, not from a hook.
 * False: there is none. */
bool verify_load(unsigned interval);

/* Compare what was recorded as the stack of `site` with the calling thread's
 * stack above `caller`, now and then, and count it in the thread's page. Inside
 * a hook; errno is kept. t is not the shared row's. */
void verify_site(struct thread *t, const struct stack_frame *caller, uint32_t site);

#endif
