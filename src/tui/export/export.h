/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exports: a snapshot in the file formats of other tools (docs/export.md).
 * Each format is one file and one entry of the table in export.c. Called by
 * the command export and by tests. Exports read the snapshot only, print
 * nothing but their format, and name and write sites in small batches. One
 * thread, the one that owns the symbols.
 *
 * Totals are those of the report: the sum over an export's stacks of a value
 * is the sum of that value over the report's sites.
 */
#ifndef MEMTOP_TUI_EXPORT_EXPORT_H
#define MEMTOP_TUI_EXPORT_EXPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "tui/model/snapshot.h"
#include "tui/model/symbols.h"

/* What a call site amounts to. */
enum export_value {
    EXPORT_LIVE_BYTES,
    EXPORT_LIVE_BLOCKS,
    EXPORT_ALLOCATIONS,
    EXPORT_BYTES_ALLOCATED,
    EXPORT_TEMPORARY,
    EXPORT_SHORT_LIVED,
    EXPORT_PEAK_BYTES,
    EXPORT_VALUES, /* how many there are */
};

/* What is exported, and how. */
struct export {
    const struct snapshot *snapshot;
    struct symbols *symbols; /* NULL: addresses only */
    enum export_value value; /* the one, or the first to be shown */
    bool inverted;           /* allocating functions at the root */
    uint64_t resident_bytes; /* of the process, 0 unknown */
    const struct export *against; /* what it is compared with; NULL: nothing */
};

struct export_format {
    const char *name;
    const char *extension;
    const char *help;   /* one line, no full stop */
    bool chooses_value; /* else it has no use for --value */
    bool inverts;       /* takes --inverted */
    bool compares;      /* takes --against */
    bool binary;        /* not for terminals */
    bool history;       /* the snapshot must have its seconds */
    enum export_value value; /* when none is asked for */
    uint64_t most_allocations; /* of a process that it is fit for; 0: any number */
    /* Write it. 0, or -1 when memory ran out. Errors of the stream are left in
     * it for the caller's ferror(). */
    int (*write)(FILE *out, const struct export *e);
};

/* The formats in the order of the documentation; NULL after the last. */
const struct export_format *export_format_at(size_t i);

/* By name; NULL: there is none. */
const struct export_format *export_format(const char *name);

/* "live_bytes" and the like. */
const char *export_value_name(enum export_value value);

/* False: no such value. */
bool export_value_parse(const char *name, enum export_value *value);

/* Is it counted in bytes? Else in blocks. */
bool export_value_is_bytes(enum export_value value);

/* Is it known of what is exported? Short-lived frees are not everywhere, and are never
 * compared, since what is short may differ. */
bool export_knows(const struct export *e, enum export_value value);

/* A site's part in a value, 0 where a hostile target says that it is less. */
uint64_t export_value_of(const struct site_row *site, enum export_value value);

/* The writers, one file each. */
int export_folded(FILE *out, const struct export *e);
int export_flamegraph(FILE *out, const struct export *e);
int export_pprof(FILE *out, const struct export *e);
int export_speedscope(FILE *out, const struct export *e);
int export_csv(FILE *out, const struct export *e);
int export_openmetrics(FILE *out, const struct export *e);
int export_prometheus(FILE *out, const struct export *e);
int export_massif(FILE *out, const struct export *e);
int export_dhat(FILE *out, const struct export *e);
int export_heaptrack(FILE *out, const struct export *e);

#endif
