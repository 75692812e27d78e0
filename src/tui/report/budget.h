/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Budgets: what a test suite lets a program allocate. Checked on the report of a
 * program that has ended, told on stderr with those who spent the most, and part of
 * the report's JSON.
 */
#ifndef MEMTOP_TUI_REPORT_BUDGET_H
#define MEMTOP_TUI_REPORT_BUDGET_H

#include "tui/model/leaks.h"
#include "tui/report/report.h"

enum budget_kind { BUDGET_LEAK, BUDGET_PEAK, BUDGET_ALLOCATIONS, BUDGET_KINDS };

/* What may be spent. */
struct budget_limits {
    bool set[BUDGET_KINDS];
    uint64_t peak_bytes, allocations;
    const char *leak_pattern; /* which stacks, as pattern.h has it; NULL: all */
    bool all_leaks;           /* those of the runtime itself, too */
    const struct suppress *rules;
};

struct budget {
    enum budget_kind kind;
    bool failed;
    uint64_t limit, value;  /* bytes, allocations; of leaks: blocks */
    const char *unchecked;  /* why it cannot be checked, which fails; else NULL */
    struct leaks leaks;     /* BUDGET_LEAK */
    uint32_t worst[3];      /* the sites that spent the most */
    size_t n_worst;
};

/* Check r->snapshot into out[0..BUDGET_KINDS); *n of them were set. 0, or -1 without
 * memory. budgets_fini is due after 0. */
int budgets_check(const struct report *r, const struct budget_limits *limits,
                  struct budget out[BUDGET_KINDS], size_t *n);
void budgets_fini(struct budget *budgets, size_t n);

bool budgets_failed(const struct budget *budgets, size_t n);

/* The option that sets a budget: "--max-peak". */
const char *budget_option(enum budget_kind kind);

/* Say which failed, by how much, and where. */
void budgets_print(FILE *out, const struct report *r);

#endif
