/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which memory above a stack pointer may be read? Two cases:
 *
 * - The thread's own stack. It stays mapped while the thread lives, so what is
 *   learned about it is kept, in thread-local storage: each of its pages is
 *   tested once, all later calls cost a compare.
 * - Any other stack (signal stacks, coroutines). It can be unmapped between
 *   two calls, so nothing is kept: pages are tested as the walk goes up.
 *
 * A page is tested with a system call that reads it and reports a fault
 * instead of suffering it. Runs inside malloc and in signal handlers; x86-64.
 */
#ifndef MEMTOP_AGENT_BOUNDS_H
#define MEMTOP_AGENT_BOUNDS_H

#include <stdbool.h>
#include <stdint.h>

/* [sp, hi) may be read. */
struct bounds {
    uintptr_t hi;
    bool own; /* the thread's own stack: hi is its end */
};

/* What is known of the calling thread's own stack: [lo, hi) was tested. */
struct bounds_own {
    uintptr_t lo;
    uintptr_t hi;      /* 0: nothing is known yet */
    uintptr_t barrier; /* the page below lo, when it could not be read */
};

extern __thread struct bounds_own bounds_own
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* The slow part of bounds_find. */
struct bounds bounds_test(uintptr_t sp);

/* The bounds for a walk that starts at sp. */
static inline struct bounds bounds_find(uintptr_t sp)
{
    if (__builtin_expect(sp - bounds_own.lo < bounds_own.hi - bounds_own.lo, 1))
        return (struct bounds){ .hi = bounds_own.hi, .own = true };
    return bounds_test(sp);
}

/* The walk wants to read up to `wanted`: test further pages. False: it can't. */
bool bounds_extend(struct bounds *b, uintptr_t wanted);

/* Is sp where the process's first stack pointer was? */
bool bounds_at_start(uintptr_t sp);

/* Can [address, address + 8) be read? Always asks the kernel. */
bool bounds_readable(uintptr_t address);

#endif
