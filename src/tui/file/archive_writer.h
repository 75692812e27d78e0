/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writing side of archives. A file appears under its name with the first
 * archive_sync, when all that is in it is on the disk, and until then goes by itself
 * if the process is killed, where the file system can do that; later snapshots are
 * appended to it, so that what is there is a good file at any time, and a power cut
 * costs what was not synced.
 *
 *     struct archive_writer *w = archive_create(path, FILE_RECORDING, why);
 *     while (more)
 *         if (!archive_add(w, &s, &moment, symbols, NULL) || !archive_sync(w))
 *             fail(archive_writer_error(w));
 *     archive_finish(w, why);
 *
 * Nothing here prints. One thread per writer.
 */
#ifndef MEMTOP_TUI_FILE_ARCHIVE_WRITER_H
#define MEMTOP_TUI_FILE_ARCHIVE_WRITER_H

#include "tui/file/archive.h"
#include "tui/file/section.h"

struct archive_writer;

/* Begin a file; one that bears the name is replaced when it appears. Where
 * path is no regular file (a pipe) it is written straight into. NULL with a
 * sentence in `why`. */
struct archive_writer *archive_create(const char *path, enum file_kind kind,
                                      char why[ARCHIVE_ERROR]);

/* Where live blocks come from: calls `add` for each. False: they cannot be had. */
struct archive_block_source {
    bool (*each)(void *source, archive_each_block *add, void *data);
    void *source;
};

/* Append a snapshot with what is known of its names. moment: number, whole,
 * blocks and the figures that are in *s are filled in here. blocks: NULL, or where
 * to get them. False: see archive_writer_error; the file then ends as before, and
 * no more may be added. */
bool archive_add(struct archive_writer *w, const struct snapshot *s, const struct moment *m,
                 struct symbols *sy, const struct archive_block_source *blocks);

/* Bring what was written to the disk. False as below. */
bool archive_sync(struct archive_writer *w);

/* Sync and close; frees. False: not all could be written. NULL is fine. */
bool archive_finish(struct archive_writer *w, char why[ARCHIVE_ERROR]);

/* Close, without a trace where the file has not appeared yet; frees. */
void archive_abandon(struct archive_writer *w);

uint64_t archive_written(const struct archive_writer *w); /* bytes so far */
size_t archive_snapshots(const struct archive_writer *w); /* snapshots so far */
const char *archive_writer_error(const struct archive_writer *w);

/* Write the recording at `path` anew with fewer snapshots: at most `most`, and so
 * few that it is not longer than `bytes`, if a few of them are not. The spacing
 * grows with the age; the first, the last, the one with the most live bytes and, as
 * long as there is room, those after marks stay. interval_ns: the shortest spacing.
 * Returns a writer that has them, to go on with; NULL with a sentence in `why`, the
 * file being as it was. */
struct archive_writer *archive_thinned(const char *path, uint64_t interval_ns, size_t most,
                                       uint64_t bytes, char why[ARCHIVE_ERROR]);

/* From now on leave out seconds that are too many, seen from `end`: of those that
 * are older than a while, one in two, four, eight... */
void archive_thin_seconds(struct archive_writer *w, uint64_t end);

#endif
