/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command looks at: from a TARGET argument (a process, a segment, a
 * snapshot, a recording) and a moment to a snapshot with its names. A file's
 * first bytes say what it is. For report, export, diff and the like. One thread.
 *
 *     struct source so;
 *     if (source_open(&so, target, at, READER_SITES) != 0) return STATUS_FAILED;
 *     show(&so.snapshot, so.symbols);
 *     source_close(&so);
 */
#ifndef MEMTOP_TUI_COMMAND_SOURCE_H
#define MEMTOP_TUI_COMMAND_SOURCE_H

#include "tui/file/archive.h"
#include "tui/reader/reader.h"

/* For --help. */
#define SOURCE_DETAILS \
    "FILE is a snapshot, a recording, or the path of a segment. memtop list shows what\n" \
    "processes there are.\n"

struct source {
    struct snapshot snapshot;
    struct symbols *symbols;     /* NULL: addresses only */
    uint64_t resident_bytes;     /* of the process, 0 unknown */
    int exit_code, signal;       /* as waitpid had it; -1 and 0 unknown */
    bool chosen;                 /* `at` was followed */
    /* where it is from: one of these */
    struct reader *reader;
    struct archive *archive;
    size_t index;                /* in the archive */
};

/* Open and read. at: NULL for the end, or, of a recording: "end", "peak" (the
 * snapshot with the most live bytes), a time after the start ("90s", "1.5m",
 * "1h"; the last snapshot until then), "#N" (the Nth snapshot, from 1), or the
 * name of a mark (the first snapshot after it). Of what is no recording there is
 * only the end: what becomes of `at` is the caller's affair, which `chosen` says.
 * parts: enum reader_parts. 0, or -1 after a message. */
int source_open(struct source *so, const char *target, const char *at, unsigned parts);
void source_close(struct source *so);

/* The archive that a file is, after a warning where it is damaged. NULL after a
 * message; or without one, *foreign being set, where it is something else. */
struct archive *source_archive(const char *path, bool *foreign);

/* The snapshot of an archive that `at` names, as above. False after a message. */
bool source_choose(struct archive *a, const char *path, const char *at, size_t *index);

/* "90", "1.5s", "2m", "1h" to nanoseconds. */
bool source_parse_time(const char *text, uint64_t *ns);

#endif
