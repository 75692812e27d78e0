/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads of a process, and which of them could be asked for a call. Looked
 * at through /proc, without stopping any.
 */
#ifndef MEMTOP_TUI_INJECT_THREADS_H
#define MEMTOP_TUI_INJECT_THREADS_H

#include "tui/inject/program.h"

struct thread_look {
    int tid;
    char state;          /* of /proc/PID/task/TID/stat */
    bool asleep;         /* in a system call, with what follows */
    long number;
    uint64_t stack, pc;
};

/* All of them, the caller's to free; those come first that would notice a stop
 * least. Returns how many, 0 when the process is gone or memory is short. */
size_t threads_list(int pid, struct thread_look **out);

/* Is this a stack that the thread was started on, with enough room below? Not a
 * coroutine's, not one for signals. `tls` is the thread's fs base, 0: unknown. */
bool threads_stack_fits(const struct program *p, uint64_t stack, uint64_t tls);

#endif
