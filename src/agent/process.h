/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's life in this process: set up, active, dormant, saying goodbye,
 * and beginning anew in a forked child at its first event.
 */
#ifndef MEMTOP_AGENT_PROCESS_H
#define MEMTOP_AGENT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/config.h"
#include "shared/inject.h"

struct thread;

#define PROCESS_UNDECIDED 0u /* as fork leaves it: the next event decides */
#define PROCESS_DORMANT   3u

struct process_life {
    uint32_t state;   /* atomic */
    uint32_t holders; /* atomic: calls of process_hold that were not released */
};
extern struct process_life *process_life __attribute__((visibility("hidden")));

/* For those who pass by at each event: nothing is recorded now. */
static inline bool process_is_dormant(void)
{
    return __atomic_load_n(&process_life->state, __ATOMIC_ACQUIRE) == PROCESS_DORMANT;
}

/* Does the calling process record? Makes the segment if it is time for it:
 * at the first event of the program and of each forked child. Inside malloc;
 * errno is kept. */
bool process_ready(void);

/* The same, and true means that the segment stays mapped until process_release:
 * for those whose thread's gate is not shut. Atomic operations; not for the hot
 * path. */
bool process_hold(void);
void process_release(void);

/* Does the process record already? Makes nothing. */
bool process_records(void);

/* At a thread's first event: process_ready, and a state for the thread, with its gate
 * shut by `frame`, or the shared one. NULL: the process does not record. No signal
 * handler runs meanwhile. errno is kept. */
struct thread *process_enter(uintptr_t frame);

/* The clock is about to be forbidden to the calling thread: end the recording, like a
 * detach. Outside of hooks. */
void process_end_recording(void);

/* The process is about to limit its address space. Where the agent's is more than a
 * quarter of what it may have then, recording ends, and nearly all of it is given back.
 * Outside of hooks; errno is kept. */
void process_limit(uint64_t bytes);

/* ---- for those who attach and detach; one at a time, outside of hooks --------- */

/* Who serves malloc, and how the hooks are reached. */
struct process_front {
    const char *allocator;
    bool glibc;
    bool overridden;
    enum seg_front kind;
};

/* Make a new segment without recording anything yet. INJECT_ACTIVE: there is one. */
enum inject_result process_prepare(const struct config *c, const struct process_front *front);

/* From this moment on all events are recorded; or: it was for nothing. */
void process_go(void);
void process_cancel(void);

/* From this moment on none is. INJECT_INACTIVE: none was. */
enum inject_result process_halt(void);

/* Say in the segment that it was detached, and let go of it if no thread is in a hook
 * any more. INJECT_LINGERING: some are; then in process_leave or process_prepare. */
enum inject_result process_finish(void);

/* Nothing is recorded: let go of the segment that was left. INJECT_LINGERING as above;
 * INJECT_INACTIVE: there is none. */
enum inject_result process_leave(void);

#endif
