/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call in a stopped thread, on its own stack, x86-64: load a library, if it
 * is not there, and call a function of it.
 *
 * The thread is set up as the kernel would set it up for a signal handler: its
 * whole state lies in a signal frame on its stack, and where the call ends, the
 * thread itself returns to that state. So it needs nobody: if we are killed in
 * the middle, it finishes the call and goes on.
 */
#ifndef MEMTOP_TUI_INJECT_CALL_H
#define MEMTOP_TUI_INJECT_CALL_H

#include "tui/inject/tracee.h"

#define CALL_ROOM (64u << 10) /* bytes of stack that a call may need */

/* What there is in the process, found before it is stopped. Addresses in it. */
struct call_places {
    uint64_t code;           /* where call_place_code put it */
    uint64_t errno_location; /* __errno_location */
    uint64_t dlopen, dlerror;
    uint64_t dlopen_flags;
};

struct call {
    const char *path;     /* load this library, as the process sees it, or NULL */
    int file;             /* load a copy of this file instead, or -1 */
    uint64_t base;        /* where the library is, if it is there already, or 0 */
    uint64_t function;    /* its offset there: int function(const char *argument) */
    const char *argument; /* NULL: NULL */
    /* The call waits for a lock at these registers: is it the loader's, whose owner may
     * wait for this very thread? */
    bool (*waits_for_loader)(void *data, const struct user_regs_struct *regs);
    void *data;
    int result;           /* of function */
    char error[160];      /* what dlerror says, for CALL_NOT_LOADED */
};

enum call_status {
    CALL_DONE,
    CALL_NOT_LOADED,
    CALL_REFUSED, /* the process may not have memory for code, or its stack no room */
    CALL_BLOCKED, /* it waited for the loader's lock in vain, and was taken back */
    CALL_FAULT,   /* it crashed, and was taken back */
    CALL_ESCAPED, /* it took too long for us, and the thread goes on by itself; `result` is
                     INJECT_BUSY if it was not over yet */
    CALL_GONE,
};

/* Put the code of calls where a module's code ends and nothing comes, into
 * call_code_bytes() executable bytes. False when there is something. The process
 * may run. */
bool call_place_code(int pid, uint64_t at);
size_t call_code_bytes(void);

/* Make it in a thread after tracee_stop. Unless it is gone, the thread is to be
 * released afterwards, whatever the status. */
enum call_status call_make(struct tracee *t, const struct call_places *places,
                           struct call *call);

#endif
