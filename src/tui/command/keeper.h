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
    pid_t child;   /* CMD */
    int master;    /* of its pty */
    int output_fd; /* where its output goes, or -1: nowhere */
    bool keep;     /* leave its segment behind at its end */
    int line;      /* to the keeper; -1 none */
    pid_t pid;     /* of the keeper */
};

/* Start it. It does nothing until this process ends without keeper_dismiss.
 * 0, or -1 with errno. Before any thread is started. */
int keeper_start(struct keeper *k);

/* CMD has ended, or is to lose its terminal: the keeper ends. */
void keeper_dismiss(struct keeper *k);

#endif
