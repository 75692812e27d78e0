/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that forbid themselves system calls (seccomp): one that is not foreseen
 * can kill them, whoever made it. So from the moment in which a program asks for a
 * filter the agent makes none any more: the segment does not grow, and what finds no
 * room is counted as lost; threads that come later share a row, without stacks;
 * forked children are not recorded. A request that the kernel refuses changes
 * nothing.
 *
 * Seen are prctl() and syscall() (hooks_sandbox.c), not a syscall instruction of the
 * program's own. A filter that was there before the program began is not counted:
 * it let the set-up pass.
 *
 * Late system calls stand between sandbox_enter and sandbox_leave. Any thread, inside
 * malloc, async-signal-safe.
 */
#ifndef MEMTOP_AGENT_SANDBOX_H
#define MEMTOP_AGENT_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

extern uint32_t sandbox_filters; /* that were asked for and not refused; atomic */

/* Are system calls off limits from now on? */
static inline bool sandbox_is_closed(void)
{
    return __builtin_expect(__atomic_load_n(&sandbox_filters, __ATOMIC_SEQ_CST) != 0, 0);
}

/* May the agent make system calls? True: until sandbox_leave no filter comes. */
bool sandbox_enter(void);
void sandbox_leave(void);

/* Around a request for a filter, `refused` being what came of it. The first waits a
 * little for other threads to end what they are at. errno is kept. */
void sandbox_close(void);
void sandbox_closed(bool refused);

/* In a forked child: other threads' calls are in its parent. */
void sandbox_forked(void);

#endif
