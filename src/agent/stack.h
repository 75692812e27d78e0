/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is calling? From the registers of a hook's caller to its return
 * addresses, leaf first.
 *
 * Runs inside malloc: no locks, no allocation, no libc call that could do
 * either (dl_iterate_phdr and pthread_getattr_np included), errno untouched.
 * Never reads memory that might not be mapped. Safe in signal handlers that
 * did not interrupt the same thread's stack_unwind; the caller guards that.
 *
 * One implementation is linked in: stack_rows.c (x86-64) or stack_libunwind.c
 * (everything else, and --with-unwinder=libunwind).
 */
#ifndef MEMTOP_AGENT_STACK_H
#define MEMTOP_AGENT_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The frame that called the hook: pc is its return address, sp its stack
 * pointer after the call returns, fp its frame pointer register. */
struct stack_frame {
    uintptr_t pc;
    uintptr_t sp;
    uintptr_t fp;
};

/* Where a hook that was called at sp has its frame, which on x86 begins below the return
 * address with what it saves of fp. */
static inline uintptr_t stack_hook_frame(uintptr_t sp)
{
#if defined(__x86_64__)
    return sp - 2 * sizeof(uintptr_t);
#else
    return sp;
#endif
}

/* Why the walk ended. */
enum stack_end {
    STACK_COMPLETE, /* at the thread's first function */
    STACK_CUT,      /* at `max` frames */
    STACK_BROKEN,   /* no unwind information, or it made no sense */
    STACK_FOREIGN,  /* at the edge of what is known to be mapped stack */
};

/* Once, in the constructor or at the first event, before stack_unwind; also
 * in a forked child before it records. Uses no malloc. */
void stack_init(void);

/* Fill pcs[0..max) with the return addresses, beginning with first->pc.
 * A frame that was interrupted by a signal carries SEG_PC_EXACT in its pc.
 * Returns how many (at least 1) and sets *end. */
size_t stack_unwind(const struct stack_frame *first, uint64_t *pcs, size_t max,
                    enum stack_end *end);

/* Code in [start, end) has been unmapped or replaced: drop all that was
 * remembered about it. Any thread, also concurrently with stack_unwind. */
void stack_forget(uintptr_t start, uintptr_t end);

/* Is there unwind information about the frame of a pc that stack_unwind gave,
 * so that a walk must not end there? For verification. */
bool stack_explains(uint64_t pc);

/* Counts calls of stack_forget: a stack that was remembered under another
 * value may be about code that is gone. Atomic. */
extern uint64_t stack_generation __attribute__((visibility("hidden")));

#endif
