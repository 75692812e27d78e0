/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports on two heaps: what grew from A to B, as text or JSON. Called by the command
 * diff, which has put them side by side (model/delta.h).
 */
#ifndef MEMTOP_TUI_REPORT_DIFF_H
#define MEMTOP_TUI_REPORT_DIFF_H

#include <stdio.h>

#include "tui/model/delta.h"
#include "tui/report/forms.h"

struct diff_side {
    const char *target;   /* as the user named it */
    const char *what;     /* "process", "snapshot", "mark", .. */
    char command[1024];
    bool estimated;
    uint64_t wall_ns;     /* after the start of its program */
    struct site_figures totals;
    const struct snapshot *snapshot; /* with sizes and threads; NULL: has none */
};

struct diff {
    const struct delta *delta;
    struct diff_side sides[DELTA_SIDES];
    const struct forms *forms; /* prepared with the growth */
    size_t top;
    unsigned columns;          /* 0: REPORT_COLUMNS */
    bool births;               /* A is what lives still of what B was then: growth is
                                  what came since, freed blocks of then are in neither */
    const char *gate;          /* --fail-above, NULL: not given */
    bool above;                /* growth is above it */
};

/* 0, or -1 when memory ran out. Errors of the stream are left in it. */
int diff_text(FILE *out, const struct diff *d);
int diff_json(FILE *out, const struct diff *d);

/* The growth of totals, over the call sites that pass where there is a filter. */
struct site_figures diff_growth(const struct diff *d);
struct site_figures diff_side_totals(const struct diff *d, enum delta_side side);

/* A row of sizes or threads on both sides, without those where nothing is. */
struct diff_row {
    char name[48];  /* "17-32", "worker" */
    uint64_t min, max; /* of sizes */
    struct site_figures v[DELTA_SIDES];
};

/* The rows of FORMS_SIZES, or of FORMS_THREADS by name: *n of them, the caller's to
 * free. NULL without memory. */
struct diff_row *diff_rows(const struct diff *d, enum forms_parts part, size_t *n);

/* "same", "new", "vanished". */
const char *diff_change_name(enum mark_change change);

#endif
