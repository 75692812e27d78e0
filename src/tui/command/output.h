/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a command's output goes, and whether all of it got there: a full disk
 * or a closed stream is an error, never a silent loss.
 */
#ifndef MEMTOP_TUI_COMMAND_OUTPUT_H
#define MEMTOP_TUI_COMMAND_OUTPUT_H

#include <stdio.h>

struct output {
    FILE *stream;
    const char *name; /* for messages */
};

/* Create `path`, or use `standard` (stdout or stderr) where path is NULL.
 * 0, or -1 after a message. The file is closed in children. */
int output_open(struct output *o, const char *path, FILE *standard);

/* Flush, and close what was opened. 0, or -1 after a message; a reader that
 * closed its pipe gets -1 without one. */
int output_close(struct output *o);

#endif
