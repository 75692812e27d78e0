/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who calls? From the frame that called a hook to the site of its stack, and to what t, the
 * calling thread's, counts there. Runs inside malloc, with its gate shut; t is not the
 * shared one.
 */
#ifndef MEMTOP_AGENT_CALLER_H
#define MEMTOP_AGENT_CALLER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/stack.h"
#include "agent/thread.h"

/* The site of the caller's stack, which is the thread's last stack from now on; 0: there is
 * no memory for it. Its counters are t->again.counters, where these are known. `care` is
 * care_without_reasons, as it was before. */
uint32_t caller_site(struct thread *t, const struct stack_frame *caller, uint64_t care);

/* Where they are not, and right after that: those of *site, which caller_site said, or of
 * site 0, which *site is then. NULL without memory. */
struct seg_site_counters *caller_counters(struct thread *t, uint32_t *site,
                                          const struct stack_frame *caller);

/* Before something is recorded that t->caller asked for, whose stack is not a recent one:
 * find its site and counters, by this care. True: they are the last stack's now. */
bool caller_find(struct thread *t, uint64_t care);

#endif
