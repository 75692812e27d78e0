/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call stacks that are hard to unwind. stack_cases_run() builds each of them
 * and calls stack_probe() at its leaf, as a program calls malloc.
 */
#ifndef MEMTOP_TESTS_STACK_CASES_H
#define MEMTOP_TESTS_STACK_CASES_H

/* Functions that keep the frame they are written for: one that is called, one
 * with a frame pointer, and one without. */
#ifdef __clang__
#define NOINLINE __attribute__((noinline))
#define FRAMED   __attribute__((noinline, optnone))
#define LEAN     __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#define FRAMED   __attribute__((noinline, noclone, optimize("O0", "no-omit-frame-pointer")))
#define LEAN     __attribute__((noinline, noclone, optimize("O2", "omit-frame-pointer")))
#endif

/* Before a function's end: its last call is none that jumps. */
#define KEEP() __asm__ volatile("" ::: "memory")

/* What is to be found out about the stack that the probe is called on. */
enum stack_want {
    STACK_WANT_ALL,    /* each frame, as other unwinders see them */
    STACK_WANT_CUT,    /* the same, but it is deeper than 256 frames */
    STACK_WANT_GUESS,  /* complete, but others cannot know */
    STACK_WANT_BROKEN, /* no more than the innermost frames, and no fault */
};

/* The test's: looks at the stack of its caller. */
void stack_probe(const char *what, enum stack_want want);

/* All cases, one after another, in this thread and others. */
void stack_cases_run(void);

#endif
