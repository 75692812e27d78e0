/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The code of a process: which addresses belong to its allocators and its
 * loader, and where the functions are that a call into it needs. Found in its
 * files while it runs, so that nothing has to be looked up while it does not.
 */
#ifndef MEMTOP_TUI_INJECT_PROGRAM_H
#define MEMTOP_TUI_INJECT_PROGRAM_H

#include "tui/inject/call.h"
#include "tui/inject/maps.h"

enum code_kind {
    CODE_NONE,      /* no file: made at run time, or nothing */
    CODE_OTHER,     /* the program and its libraries */
    CODE_SYSTEM,    /* libc, and harmless */
    CODE_ALLOCATOR, /* malloc and what belongs to it */
    CODE_LOADER,    /* dynamic loading, fork, the making and ending of threads */
};

struct code_range {
    uint64_t start, end;
    enum code_kind kind;
};

struct program {
    struct maps maps;
    struct code_range *ranges; /* the last one that fits is right */
    size_t n_ranges, room;
    struct call_places places;
    bool hidden_allocator;     /* the program itself contains one */
    bool sanitized;            /* a sanitizer is in it */
    uint64_t agent;            /* base of a mapped agent, 0: there is none */
};

/* False, the reason in `why`, when it cannot be read or lacks something. Either
 * way program_close is due. */
bool program_open(struct program *p, int pid, char *why, size_t n);
void program_close(struct program *p);

enum code_kind program_kind(const struct program *p, uint64_t pc);

/* The offset of a function from the base of the library in a file of ours; 0
 * when it is not there. */
uint64_t program_symbol_of_file(const char *path, const char *name);

/* Is a file of ours a sanitizer, or a program that one is linked into? */
bool program_file_is_sanitized(const char *path);

#endif
