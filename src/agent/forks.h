/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forks out of the middle of a hook: a signal handler interrupts malloc and
 * forks, and the child returns from the handler, into the hook. The hook must
 * find its thread's state there, although fork wipes it, and must not go on
 * writing on the parent's segment.
 *
 * So before such a fork the state is copied, and in the child it is put back,
 * and the segment becomes a private copy. The hook ends with those. Until then
 * nothing is recorded in the child; at the first event after that all is wiped
 * once more, and the child makes its own segment as others do.
 *
 *     parent       handler ── fork ──┐ waits, goes on
 *     child                          └ back into the hook ─ its end ─ malloc: set up
 *                                      `inside`: no set-up          └ all wiped first
 *
 * Whatever is not inside of a hook needs none of this, and fork() is all that
 * happens. fork, _Fork and syscall() come here; a clone() by an instruction of the
 * program's own does not.
 */
#ifndef MEMTOP_AGENT_FORKS_H
#define MEMTOP_AGENT_FORKS_H

#include <stdbool.h>
#include <stdint.h>

struct thread;

struct forks_guard {
    struct thread *thread; /* whose hook was interrupted; NULL: none was */
    struct thread *copy;   /* of it and of the shared one */
};

/* Before a fork by a function with this frame. False: no memory for the copy, so
 * that the fork must fail. errno is kept. */
bool forks_prepare(struct forks_guard *g, uintptr_t frame);

/* After it. `pid` is what it returned. errno is kept. */
void forks_done(const struct forks_guard *g, int pid);

/* In a child that has no segment yet: must it wait for the end of a hook of its
 * parent's? When that has come, wipes what the hook left. */
bool forks_wait(void);

#endif
