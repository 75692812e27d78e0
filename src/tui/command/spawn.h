/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts a CMD with the agent in it: finds libmemtop.so, sets the environment,
 * connects the child to a terminal of its own or leaves its stdio untouched.
 */
#ifndef MEMTOP_TUI_COMMAND_SPAWN_H
#define MEMTOP_TUI_COMMAND_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "tui/command/options.h"

struct spawn {
    const struct options *options; /* args[] is CMD; keep, follow, memory, preload */
    int terminal; /* slave side of a pty that becomes its terminal, or -1 */
    int output;   /* file for its stdout and stderr, or -1: untouched */
};

/* Start it. 0 with *child set once exec has succeeded; otherwise, after a
 * message on stderr, the exit status to end with: 127 not found, 126 not
 * executable, 1 no agent or no process. */
int spawn_start(const struct spawn *sp, pid_t *child);

/* Wait for the child's end. Returns the exit status as a shell has it (128 +
 * signal), with both parts in *code (-1 when killed) and *signal (0 when not). */
int spawn_wait(pid_t child, int *code, int *signal);
int spawn_status(int wait_status, int *code, int *signal);

/* The agent's path into out: $MEMTOP_AGENT, beside the program (where it was
 * built), or where it was installed. 0, or -1 after a message. */
int spawn_find_agent(char *out, size_t n);

#endif
