/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archives: files that hold one snapshot, or a recording of many, with names;
 * docs/snapshot-format.md. This is the reading side. A file is believed
 * nothing: each number is checked, memory is bounded whatever it says, and what
 * it holds comes out within the bounds that struct snapshot promises.
 *
 * Where a file is cut off or damaged, what is whole before that place can be
 * read, and archive_damage says so.
 *
 *     struct archive *a;
 *     char why[ARCHIVE_ERROR];
 *     if (archive_open(path, &a, why) != ARCHIVE_GOOD) fail(why);
 *     struct snapshot s;
 *     snapshot_init(&s);
 *     if (archive_load(a, archive_count(a) - 1, &s)) show(&s, archive_symbols(a));
 *
 * Nothing here prints. One thread per archive.
 */
#ifndef MEMTOP_TUI_FILE_ARCHIVE_H
#define MEMTOP_TUI_FILE_ARCHIVE_H

#include "tui/file/part.h"
#include "tui/model/symbols.h"

#define ARCHIVE_ERROR 256

struct archive;

enum archive_status {
    ARCHIVE_GOOD,
    ARCHIVE_FOREIGN, /* something else: perhaps a segment */
    ARCHIVE_BAD,     /* an archive, but of no use */
};

/* Open a file and look through it. *out is the caller's to archive_close; on
 * other answers than ARCHIVE_GOOD there is a sentence in `why`. An open archive
 * has at least one snapshot. */
enum archive_status archive_open(const char *path, struct archive **out,
                                 char why[ARCHIVE_ERROR]);
void archive_close(struct archive *a); /* NULL is fine */

/* A recording, and not a single snapshot? */
bool archive_is_recording(const struct archive *a);

/* A sentence on what cannot be read; NULL: all can. */
const char *archive_damage(const struct archive *a);

/* The snapshots, in the order of time. */
size_t archive_count(const struct archive *a);
const struct moment *archive_moment(const struct archive *a, size_t i);

/* The one with the most live bytes. */
size_t archive_peak(const struct archive *a);

/* The last one that is not later than so long after set-up; else the first. */
size_t archive_at(const struct archive *a, uint64_t wall_ns);

/* Read one into *s, which becomes wholly that snapshot. Neighbours are read
 * fastest. False: damaged, or no memory; *s is then empty but valid. */
bool archive_load(struct archive *a, size_t i, struct snapshot *s);

/* The names of its nodes; belongs to the archive. NULL without memory. */
struct symbols *archive_symbols(struct archive *a);

/* A live block, as in a file. */
struct archive_block {
    uint64_t address, size;
    uint64_t birth, birth_ns; /* stamp, and nanoseconds after set-up */
    uint32_t site;
    int tid;
    uint64_t blocks, bytes;   /* that it stands for */
};
typedef void archive_each_block(void *data, const struct archive_block *block);

/* All live blocks of a snapshot that has them (moment.blocks). False: damaged,
 * or no memory. */
bool archive_blocks(struct archive *a, size_t i, archive_each_block *each, void *data);

/* The same in parts, some thousands at a time: *at is 0 to begin with, and where to go on
 * afterwards. 1: there may be more, 0: that was all, -1: damaged, or no memory. */
int archive_blocks_next(struct archive *a, size_t i, uint64_t *at, archive_each_block *each,
                        void *data);

#endif
