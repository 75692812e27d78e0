/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording under way: takes snapshots of one process, names them as names
 * become known, and keeps the file within its size. Knows nothing of when and
 * why; says nothing. One thread, beside the symbols' own.
 */
#ifndef MEMTOP_TUI_COMMAND_RECORDER_H
#define MEMTOP_TUI_COMMAND_RECORDER_H

#include "tui/command/taking.h"

#define RECORDER_MAX_SIZE (UINT64_C(16) << 20)

struct recorder {
    const char *path;
    uint64_t interval_ns, max_size;
    struct reader *reader;     /* NULL: not open */
    struct symbols *symbols;
    struct snapshot snapshot;  /* the last one that was recorded */
    struct snapshot glance;    /* a look in between */
    struct moment moment;
    struct archive_writer *writer; /* NULL: nothing yet, or failed */
    uint64_t thinned_bytes;    /* after it was last thinned */
    uint64_t synced_ns;        /* when it was, by CLOCK_MONOTONIC */
    uint64_t last_mark;
    bool failed;
    char error[ARCHIVE_ERROR];
};

/* In the caller's storage. path must outlive it. */
void recorder_init(struct recorder *r, const char *path, uint64_t interval_ns,
                   uint64_t max_size);

/* Frees; what was recorded and not finished stays in the file. */
void recorder_fini(struct recorder *r);

/* Begin with a process, or begin anew with what exec has put in its place. */
enum reader_status recorder_open(struct recorder *r, int pid);

/* Record a snapshot. `last`: wait until all of it has names. False: r->error. */
bool recorder_take(struct recorder *r, bool last);

/* Look how the process is, cheaply. *marked: it has set a mark since. */
enum target_state recorder_glance(struct recorder *r, bool *marked);

/* Has the process, which has ended by now, left another segment than the one that
 * is recorded? exec may come shortly before the end. */
bool recorder_is_replaced(struct recorder *r, int pid);

/* Complete the file. False: r->error. */
bool recorder_finish(struct recorder *r);

#endif
