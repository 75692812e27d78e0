/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that the viewer writes: a snapshot as the report's JSON, or in the export
 * format that the file's name ends in. Runs in a process of its own, forked by the
 * viewer for it (app.h).
 */
#ifndef MEMTOP_TUI_COMMAND_WRITING_H
#define MEMTOP_TUI_COMMAND_WRITING_H

#include <stdbool.h>

struct snapshot;
struct symbols;

/* The file must not exist. names: all that there are, NULL: look them up. only: by
 * site, which of them; NULL: all. Returns whether it was written; message has room
 * for APP_MESSAGE bytes. */
bool writing_write(void *data, const char *path, const struct snapshot *snapshot,
                   struct symbols *names, const bool *only, char *message);

#endif
