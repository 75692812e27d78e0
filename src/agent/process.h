/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's life in this process: set up, active, dormant, saying goodbye,
 * and beginning anew in a forked child at its first event.
 */
#ifndef MEMTOP_AGENT_PROCESS_H
#define MEMTOP_AGENT_PROCESS_H

#include <stdbool.h>

struct thread;

/* Does the calling process record? Makes the segment if it is time for it:
 * at the first event of the program and of each forked child. Inside malloc;
 * errno is kept. */
bool process_ready(void);

/* threads_register with errno kept. NULL: no page left. */
struct thread *process_register_thread(void);

#endif
