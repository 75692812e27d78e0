/* SPDX-License-Identifier: Apache-2.0 */
/* What the floor is made of, as a program (floor.c) and to be preloaded (floor_preload.c). */
#ifndef MEMTOP_BENCH_FLOOR_H
#define MEMTOP_BENCH_FLOOR_H

#include <stdint.h>
#include <time.h>

struct record {
    uint64_t what, when;
};

#define RECORDS (UINT64_C(1) << 32) /* of a heap of 128 GiB, without tags */
#define WORDS_APART 8 /* of a stack, a line of a cache */

static inline uint64_t clock_now(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_nsec;
#endif
}

#endif
