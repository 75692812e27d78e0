/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports: a snapshot and the names for it, written to a stream as text for
 * people or as JSON for programs (docs/json.md). Called by the commands stat
 * and report. They read the snapshot only; sites are named and written in
 * small batches, so that a hundred thousand of them need no memory of their
 * own. One thread, the one that owns `sy`.
 */
#ifndef MEMTOP_TUI_REPORT_REPORT_H
#define MEMTOP_TUI_REPORT_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "tui/model/snapshot.h"
#include "tui/model/symbols.h"

#define REPORT_ALL_SITES SIZE_MAX
#define REPORT_COLUMNS   100 /* of text, where nobody says */

struct forms;
struct budget;

struct report {
    const struct snapshot *snapshot;
    struct symbols *symbols; /* NULL: addresses only */
    size_t top;              /* how many sites, or rows of a tree; REPORT_ALL_SITES */
    unsigned columns;        /* how wide text may be; 0: REPORT_COLUMNS */
    bool one_line;           /* JSON without newlines in it */
    const struct forms *forms; /* prepared; NULL: all of the report, sites by live
                                  bytes */
    const struct budget *budgets; /* checked; NULL: none */
    size_t n_budgets;
    /* How it ended, where the caller waited for it; otherwise -1 and 0, and
     * the snapshot's own knowledge is used. */
    int exit_code; /* -1 unknown */
    int signal;    /* that killed it, 0 none */
};

/* 0, or -1 when memory ran out. Errors of the stream are left in it for the
 * caller's ferror(). */
int report_text(FILE *out, const struct report *r);
int report_json(FILE *out, const struct report *r);

/* How it ended, from both sources: -1 and 0 where unknown. */
int report_exit_code(const struct report *r);

/* "running", "exited", "killed", "replaced". */
const char *report_state_name(enum target_state state);

/* Which of the allocator's statistics it is: "mallinfo2"; NULL: none. */
const char *report_before_source(enum seg_before before);

/* The same for a report, where the caller may know better than the segment:
 * a program may end without a goodbye and yet not have been killed. */
const char *report_state(const struct report *r);

#endif
