/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper: a small background process that holds the other end of CMD's
 * pty. When the viewer leaves CMD running, or is killed, CMD's terminal goes
 * on existing: no SIGHUP, and no write that blocks for ever.
 */
#ifndef MEMTOP_TUI_COMMAND_KEEPER_H
#define MEMTOP_TUI_COMMAND_KEEPER_H

#include <stdbool.h>
#include <sys/types.h>

struct keeper {
    int master;    /* of CMD's pty */
    int slave;     /* its other side, which the keeper must not hold open */
    int output_fd; /* where its output goes, or -1: nowhere */
    bool keep;     /* leave CMD's segment behind at its end */
    pid_t child;   /* CMD, 0 until keeper_adopt */
    pid_t pid;     /* of the keeper */
    int line;      /* to the keeper; -1 none */
};

/* Start it, before CMD and before any thread. When this process ends without
 * keeper_dismiss, however it does, the keeper takes over. 0, or -1 with errno. */
int keeper_start(struct keeper *k);

/* CMD has been started: it is k->child. */
void keeper_adopt(struct keeper *k, pid_t child);

/* CMD has ended, or is to lose its terminal: the keeper ends. */
void keeper_dismiss(struct keeper *k);

#endif
