/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redirection: in each loaded module, the slots that hold the address of a target
 * function get that of a hook instead, and back.
 *
 * Nothing is kept about single slots. A slot is redirected only if it holds the
 * target's address, or would get it at the first call; so all that undoing needs
 * is the pair of the two. A module that bound one of the allocation family to
 * another function than the rest of the process (RTLD_DEEPBIND, an allocator of
 * its own) is left alone as a whole: its blocks belong to that one.
 *
 * Takes the loader's locks: only for those who may call dlopen. Any thread; one pass at
 * a time.
 */
#ifndef MEMTOP_AGENT_REDIRECT_H
#define MEMTOP_AGENT_REDIRECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redirect_target {
    const char *name;
    uintptr_t target;
    uintptr_t hook;
    bool family;        /* of the allocation family */
    uintptr_t stand_in; /* for redirect.c: the program's own jump to the target */
};

struct redirect_counts {
    uint32_t modules; /* in which the family was redirected */
    uint32_t slots;   /* of the family, in them */
    uint32_t skipped; /* modules that were left alone */
};

/* The function that the process means by a name: the definition in the first module
 * in the loader's order that has one, this library excepted. NULL: none. */
void *redirect_find(const char *name);

/* The function that this library itself has under a name; NULL: none. */
void *redirect_own(const char *name);

/* Is an address in the program itself, not in a library? */
bool redirect_in_program(const void *address);

/* Redirect all modules. `targets` stays in use until redirect_undo. `allocator` is an
 * address in the library that serves malloc: its own calls of the family are left
 * alone, they are its inside. NULL: there is no such (the C library's malloc is
 * also called by the rest of it). False: another pass is at work. */
bool redirect_begin(struct redirect_target *targets, size_t n, const void *allocator);

/* Redirect the modules that were loaded meanwhile, if there are any. */
void redirect_refresh(void);

/* Are there modules whose search path is also that of what they load? */
bool redirect_saw_rpath(void);

/* As of now. */
struct redirect_counts redirect_counts(void);

/* All slots get their targets back. False: another pass is at work. */
bool redirect_undo(void);

#endif
