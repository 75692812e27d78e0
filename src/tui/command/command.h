/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A subcommand: one file in this folder that defines one const struct command,
 * and one line in main.c's table. Commands print; what they call does not.
 */
#ifndef MEMTOP_TUI_COMMAND_COMMAND_H
#define MEMTOP_TUI_COMMAND_COMMAND_H

#include "tui/command/options.h"

enum {
    STATUS_DONE = 0,
    STATUS_FAILED = 1,
    STATUS_USAGE = 2,
    STATUS_NOT_EXECUTABLE = 126, /* as a shell has it */
    STATUS_NOT_FOUND = 127,
    STATUS_SIGNAL = 128, /* plus the signal that killed CMD */
};

struct command {
    const char *name;
    const char *args;    /* of the usage line, after the options */
    const char *summary; /* one line, no full stop */
    const char *details; /* further lines of --help, or NULL */
    void (*print_more)(void); /* the last lines of --help, or NULL */
    unsigned options;    /* enum option_set */
    int min_args;
    int max_args;        /* -1: no limit */
    int (*main)(const struct options *o); /* returns the exit status */
};

extern const struct command command_run;
extern const struct command command_attach;
extern const struct command command_list;
extern const struct command command_stat;
extern const struct command command_report;
extern const struct command command_clean;
extern const struct command command_keys;
extern const struct command command_mode;
extern const struct command command_mark;
extern const struct command command_export;
extern const struct command command_diff;
extern const struct command command_snapshot;
extern const struct command command_record;
extern const struct command command_view_file;
extern const struct command command_inject;
extern const struct command command_detach;

/* "memtop: " and the message and a newline on stderr. Returns STATUS_FAILED. */
__attribute__((format(printf, 1, 2)))
int command_fail(const char *format, ...);

/* The viewer on `pid`, or the picker for 0. Where there is no agent it is brought
 * in, with what the options say. Returns the exit status. */
int command_view(int pid, const struct options *o);

#endif
