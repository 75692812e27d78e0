/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rates: what changed from one snapshot to the next, per second, smoothed over
 * about a second so that figures can be read. Called by the event loop after
 * each refresh. One thread.
 */
#ifndef MEMTOP_TUI_VIEW_RATES_H
#define MEMTOP_TUI_VIEW_RATES_H

#include <stdbool.h>

#include "tui/model/snapshot.h"

struct rates {
    bool known;         /* two snapshots have been seen */
    double allocations; /* per second */
    double frees;
    double reallocations;
    double bytes_allocated;
    double bytes_freed;
    uint64_t last_ns;   /* 0: none seen */
    struct totals last;
};

/* Take another snapshot into account. Start with zeros; counters that ran
 * backwards (another process) start afresh. */
void rates_update(struct rates *r, const struct snapshot *s);

/* One counter per row of a growing table: sites, threads. */
struct rate_table {
    size_t n;           /* rows known */
    size_t capacity;
    uint64_t last_ns;
    uint64_t *last;
    float *per_second;
};

/* `first` points to the counter in row 0; the next row's is `stride` bytes on.
 * Rows beyond the ones that there is memory for keep a rate of 0. */
void rate_table_update(struct rate_table *t, uint64_t now_ns, const uint64_t *first,
                       size_t stride, size_t n);
double rate_table_get(const struct rate_table *t, size_t row);
/* Nothing happens any more: all rates are 0. */
void rates_stop(struct rates *r);
void rate_table_stop(struct rate_table *t);

void rate_table_fini(struct rate_table *t);

#endif
