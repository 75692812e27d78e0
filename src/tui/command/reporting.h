/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a pid to an open reader, and from there to a written report: for the
 * commands stat, report and export.
 */
#ifndef MEMTOP_TUI_COMMAND_REPORTING_H
#define MEMTOP_TUI_COMMAND_REPORTING_H

#include <stdbool.h>
#include <stdio.h>

#include "tui/model/symbols.h"
#include "tui/reader/reader.h"
#include "tui/report/budget.h"
#include "tui/report/forms.h"

#define REPORTING_TEXT_SITES 10 /* in a text report without --top */

struct reporting {
    bool json;
    bool one_line; /* JSON without newlines in it */
    size_t top;
    struct forms *forms; /* NULL: the usual report */
    const struct budget_limits *limits; /* NULL: no budgets */
    bool over_budget;    /* set when one has failed, which has been told on stderr */
    int exit_code; /* as in struct report */
    int signal;
};

#define REPORTING_OF(o)                                                        \
    {                                                                          \
        .json = (o)->json,                                                     \
        .top = (o)->top_given || (o)->json ? (o)->top : REPORTING_TEXT_SITES,  \
        .exit_code = -1,                                                       \
    }

/* Open by pid or path. NULL after a message. */
struct reader *reporting_open(const char *target);

/* Write a snapshot. 0, or -1 after a message. */
int reporting_write_snapshot(struct reporting *how, const struct snapshot *s,
                             struct symbols *sy, FILE *out);

/* Take a snapshot and write it. 0, or -1 after a message. */
int reporting_write(struct reporting *how, struct reader *r, FILE *out);

#endif
