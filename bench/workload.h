/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the small workloads share: a stack of a given depth and shape, a clock,
 * and the line that they print: "NAME ns_per_operation operations".
 */
#ifndef MEMTOP_BENCH_WORKLOAD_H
#define MEMTOP_BENCH_WORKLOAD_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NOINLINE __attribute__((noinline, unused))

static inline double workload_clock(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Wall clock: where threads may wait for one another. */
static inline double workload_now(void)
{
    return workload_clock(CLOCK_MONOTONIC);
}

/* Time on a processor: one thread alone, whatever else the machine does. */
static inline double workload_cpu(void)
{
    return workload_clock(CLOCK_THREAD_CPUTIME_ID);
}

static inline uint64_t workload_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Call leaf(arg) `depth` frames down; two bits of `path` choose the call site
 * in each of the frames. */
static NOINLINE void workload_descend(unsigned depth, uint64_t path, void (*leaf)(void *),
                                      void *arg)
{
    if (depth == 0) {
        leaf(arg);
    } else {
        switch (path & 3) {
        case 0: workload_descend(depth - 1, path >> 2, leaf, arg); break;
        case 1: workload_descend(depth - 1, path >> 2, leaf, arg); __asm__ volatile("# 1"); break;
        case 2: workload_descend(depth - 1, path >> 2, leaf, arg); __asm__ volatile("# 2"); break;
        default: workload_descend(depth - 1, path >> 2, leaf, arg); __asm__ volatile("# 3"); break;
        }
    }
    __asm__ volatile("" ::: "memory"); /* no tail call */
}

static inline __attribute__((unused)) void workload_report(const char *name, double ns, uint64_t operations)
{
    printf("%s %.3f %llu\n", name, ns / (double)operations, (unsigned long long)operations);
}

#endif
