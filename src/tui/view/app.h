/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The viewer as a whole: one event loop over the terminal, the target's
 * segment, the names that are being looked up, and the pty of a program that
 * was started for it. Called by the commands run, attach and the bare name.
 * One thread; takes over the terminal and the signals TERM, HUP, INT and QUIT
 * until it returns, and puts both back on every way out.
 */
#ifndef MEMTOP_TUI_VIEW_APP_H
#define MEMTOP_TUI_VIEW_APP_H

#include <stdbool.h>
#include <stddef.h>

struct snapshot;
struct symbols;

#define APP_MESSAGE 480 /* room for a sentence */

struct archive;

struct app_config {
    int pid;         /* the target; 0: begin with the picker, or see archive */
    struct archive *archive; /* a file to look at, the caller's; NULL: none */
    size_t index;    /* of the snapshot in it to begin with */
    bool child;      /* the caller started it: app_run may waitpid() for it */
    int pty_fd;      /* master of its pty, or -1. The caller closes it; O_NONBLOCK
                        is set here. Always drained while app_run runs. */
    int output_fd;   /* raw output of the pty is written here too, or -1 */
    bool ascii;      /* no UTF-8, whatever the locale says */
    int patience_ms; /* how long a target may take until it has a segment; 0:
                        3 s for a child (from its start), 1 s otherwise */
    const char *notice; /* what to say first, or NULL */
    /* Bring the agent into a process, and switch it off; NULL: cannot be done.
     * They say what came of it, and return whether that is as wished. Whoever
     * leaves a process that it was brought into is asked whether it is to go. */
    bool (*attach)(void *data, int pid, char message[APP_MESSAGE]);
    bool (*detach)(void *data, int pid, char message[APP_MESSAGE]);
    /* Write a snapshot into a new file, in the format that its name ends in; only
     * the sites of `only`, where it is not NULL. names: all that are known, NULL: look
     * them up. Runs in a process of its own. Returns whether that went well; *message
     * says what came of it. NULL: cannot. */
    bool (*write)(void *data, const char *path, const struct snapshot *snapshot,
                  struct symbols *names, const bool *only, char message[APP_MESSAGE]);
    void *data;
    /* Begin so; NULL: as it was left. Names of a view, of a column of it, and what
     * it is filtered by: the call sites where they are the view, else the call tree. */
    const char *view, *sort, *filter;
    const char *const *sources; /* folders with source files, NULL terminated; or NULL.
                                   They stay for the life of the process */
};

/* Whether there is a view of that name, in any case. */
bool app_has_view(const char *name);

struct app_result {
    bool child_exited; /* reaped here: wait_status is what waitpid gave */
    int wait_status;
    bool left_running; /* the child runs, and is to go on: the caller sees to
                          it that its pty stays drained or may go away */
    char message[APP_MESSAGE]; /* to be said at the end, or empty */
};

/* Why the viewer cannot run here (no terminal, or one that cannot move its
 * cursor); NULL if it can. To be asked before a program is started for it. */
const char *app_obstacle(void);

/* Take up the user's keys, and see whether view, sort and filter can be followed: 0, or
 * 1 after saying on stderr what is wrong. To be asked before a program is started. */
int app_check(const struct app_config *config);

/* Show the viewer until somebody leaves it. When its terminal goes away, the
 * child gets SIGHUP, as it would have got without the viewer. Returns 0, or 1 after saying on
 * stderr what was wrong (the terminal is restored by then). *result is set on
 * both; a child that was neither reaped nor left running still runs, which
 * happens on errors and signals. The locale must have been set. */
int app_run(const struct app_config *config, struct app_result *result);

#endif
