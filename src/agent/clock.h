/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time for the hot path: a counter that is read in a few nanoseconds without
 * a system call, and whose rate the reader works out from two pairs of
 * (ticks, CLOCK_MONOTONIC). Any thread, async-signal-safe.
 */
#ifndef MEMTOP_AGENT_CLOCK_H
#define MEMTOP_AGENT_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "shared/segment.h"

/* Nanoseconds of CLOCK_MONOTONIC; the vdso answers. */
static inline uint64_t clock_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#if defined(__x86_64__) || defined(__i386__)
#define CLOCK_KIND SEG_CLOCK_TSC
#define CLOCK_SHIFT_BIRTH 10   /* a quarter to half a microsecond */
#define CLOCK_SHIFT_DENSITY 21 /* half to one millisecond */
static inline uint64_t clock_ticks(void)
{
    return __builtin_ia32_rdtsc();
}
#elif defined(__aarch64__)
#define CLOCK_KIND SEG_CLOCK_CNTVCT
#define CLOCK_SHIFT_BIRTH 0
#define CLOCK_SHIFT_DENSITY 15
static inline uint64_t clock_ticks(void)
{
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
}
#else
#define CLOCK_KIND SEG_CLOCK_MONOTONIC
#define CLOCK_SHIFT_BIRTH 8
#define CLOCK_SHIFT_DENSITY 20
static inline uint64_t clock_ticks(void)
{
    return clock_monotonic_ns();
}
#endif

/* A block is short-lived whose age, in birth stamp units, has no more bits than that:
 * one that did not live for a density tick. */
#define CLOCK_SHIFT_SHORT (CLOCK_SHIFT_DENSITY - CLOCK_SHIFT_BIRTH)

static inline struct seg_clock_pair clock_pair(void)
{
    return (struct seg_clock_pair){ .ticks = clock_ticks(),
                                    .monotonic_ns = clock_monotonic_ns() };
}

/* Write the present pair where several threads may; returns its ticks. */
static inline uint64_t clock_note(struct seg_clock_pair *to)
{
    struct seg_clock_pair now = clock_pair();
    __atomic_store_n(&to->ticks, now.ticks, __ATOMIC_RELAXED);
    __atomic_store_n(&to->monotonic_ns, now.monotonic_ns, __ATOMIC_RELAXED);
    return now.ticks;
}

#endif
