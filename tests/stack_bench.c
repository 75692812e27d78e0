/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nanoseconds per stack, by depth: memo_unwind, stack_unwind and
 * unw_backtrace in the same run. To be run by hand, on a quiet machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "agent/memo.h"
#include "agent/stack.h"
#include "shared/segment.h"

#ifdef __clang__
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif
#define ROUNDS   5

enum method { MEMO, ROWS, LIBUNWIND, NOTHING, METHODS };
static const char *const names[METHODS] = {
    "memo_unwind", "stack_unwind", "unw_backtrace", "nothing",
};

static enum method method;
static uint64_t pcs[SEG_DEPTH_MAX];
static struct memo memo;
static volatile size_t frames;

/* Stands where a hook stands. */
static NOINLINE void hook(void)
{
    uintptr_t *frame = __builtin_frame_address(0);
    struct stack_frame first = {
        .pc = (uintptr_t)__builtin_return_address(0),
        .sp = (uintptr_t)(frame + 2),
        .fp = frame[0],
    };
    enum stack_end end;
    size_t fresh;
    if (method == MEMO)
        frames = memo_unwind(&memo, &first, MEMO_UNKNOWN, pcs, &fresh, &end) + fresh;
    else if (method == ROWS)
        frames = stack_unwind(&first, pcs, SEG_DEPTH_MAX, &end);
    else if (method == LIBUNWIND)
        frames = (size_t)unw_backtrace((void **)pcs, SEG_DEPTH_MAX);
}

static NOINLINE void leaf(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        hook();
        __asm__ volatile("" ::: "memory");
    }
}

/* Two functions with frames of different sizes, by the bits of `path`. */
static NOINLINE void go_right(unsigned depth, uint64_t path, unsigned count);

static NOINLINE void go_left(unsigned depth, uint64_t path, unsigned count)
{
    if (depth == 0)
        leaf(count);
    else if (path & 1)
        go_left(depth - 1, path >> 1, count);
    else
        go_right(depth - 1, path >> 1, count);
    __asm__ volatile("" ::: "memory");
}

static NOINLINE void go_right(unsigned depth, uint64_t path, unsigned count)
{
    volatile char local[72];
    local[0] = 1;
    if (depth == 0)
        leaf(count);
    else if (path & 1)
        go_right(depth - 1, path >> 1, count);
    else
        go_left(depth - 1, path >> 1, count);
    local[1] = local[0];
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t random_path(void)
{
    static uint64_t x = 88172645463325252u;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median over rounds of ns per stack. */
static double measure(enum method m, unsigned depth, unsigned paths, unsigned count)
{
    double ns[ROUNDS];
    method = m;
    for (unsigned round = 0; round < ROUNDS; round++) {
        double start = now();
        for (unsigned i = 0; i < paths; i++)
            go_left(depth, random_path(), count);
        ns[round] = (now() - start) / paths / count;
    }
    qsort(ns, ROUNDS, sizeof(double), by_value);
    return ns[ROUNDS / 2];
}

int main(void)
{
    static const unsigned depths[] = { 2, 4, 20, 60, 200 };
    stack_init();
    printf("%-14s %8s %12s %12s\n", "ns per stack", "depth", "same path", "random path");
    for (unsigned d = 0; d < sizeof(depths) / sizeof(depths[0]); d++) {
        for (enum method m = MEMO; m < METHODS; m++) {
            unsigned depth = depths[d];
            double same = measure(m, depth, 20, 20000 / (depth + 4));
            double random = measure(m, depth, 1000000 / (depth + 4), 1);
            printf("%-14s %8zu %12.1f %12.1f\n", names[m], frames, same, random);
        }
    }
    return 0;
}
