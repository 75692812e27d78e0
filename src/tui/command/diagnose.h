/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a program does not, or would not, load the agent: found by looking at
 * its ELF file, through the interpreters of scripts. LD_PRELOAD fails without
 * a word, so somebody has to say it. Reads files only, prints nothing.
 */
#ifndef MEMTOP_TUI_COMMAND_DIAGNOSE_H
#define MEMTOP_TUI_COMMAND_DIAGNOSE_H

#include <stdbool.h>
#include <stddef.h>

enum diagnosis {
    DIAGNOSE_NOTHING = 0, /* no reason was found */
    DIAGNOSE_STATIC,      /* no dynamic linker: LD_PRELOAD means nothing to it */
    DIAGNOSE_FOREIGN,     /* for another kind of processor */
    DIAGNOSE_PRIVILEGED,  /* set-user-ID and the like: LD_PRELOAD is dropped */
    DIAGNOSE_SANITIZER,   /* brings an allocator that must not be interposed */
};

/* Look at `program`, as execvp would find it. A sentence without a full stop
 * goes to `why` (n bytes), empty for DIAGNOSE_NOTHING. */
enum diagnosis diagnose_program(const char *program, char *why, size_t n);

/* Will it certainly not work, whoever runs it? */
bool diagnose_hopeless(enum diagnosis d);

#endif
