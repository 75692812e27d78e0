/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the program does with signals while it works and while CMD runs, and
 * how a child gets back what its parent's caller had set. One thread.
 */
#ifndef MEMTOP_TUI_COMMAND_SIGNALS_H
#define MEMTOP_TUI_COMMAND_SIGNALS_H

#include <sys/types.h>

/* At the start of main: closed pipes and files that grow too long become errors
 * of write, children can be waited for, and descriptors 0 to 2 are never taken by
 * other files. */
void signals_start(void);

/* In a child before exec: everything as signals_start found it. Async-signal-
 * safe. */
void signals_restore(void);

/* Around the wait for a CMD that shares the terminal: keyboard signals are
 * CMD's affair, SIGTERM and SIGHUP are passed on to it. `begin` comes before
 * the fork and holds them back until `forward` names the child. */
void signals_wait_begin(void);
void signals_wait_forward(pid_t child);
void signals_wait_end(void);

#endif
