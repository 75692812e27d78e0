/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is a thread doing? Its stack is unwound by its modules' unwind tables,
 * which are read beforehand. Reads memory of the process, touches nothing.
 */
#ifndef MEMTOP_TUI_INJECT_WALK_H
#define MEMTOP_TUI_INJECT_WALK_H

#include "tui/inject/program.h"

struct walk;

enum walk_result {
    WALK_FREE,       /* in the program or in libc, by what all its frames say */
    WALK_ALLOCATING, /* inside an allocator */
    WALK_LOADING,    /* inside the loader, fork, or the making or ending of threads */
    WALK_UNKNOWN,    /* its stack could not be followed to its end */
    WALK_SYSTEM,     /* nothing but libc: a thread that comes or goes */
};

/* For a program that stays open. NULL when there is not enough memory or the
 * process is gone. */
struct walk *walk_new(const struct program *p);
void walk_free(struct walk *w); /* NULL is fine */

/* Unwind from these registers. Where only the stack pointer and the program
 * counter are right, WALK_LOADING and WALK_ALLOCATING are certain, and anything
 * else is not. */
enum walk_result walk_thread(struct walk *w, const struct user_regs_struct *regs);

/* Is the thread inside the loader, but not where the loader calls malloc? */
bool walk_is_loading(struct walk *w, const struct user_regs_struct *regs);

#endif
