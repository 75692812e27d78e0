/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timeline: what the records that a target makes once a second say of any
 * span of time. Pure; any thread.
 *
 * A record says how things stood at the first event of its second; a second
 * without an event has none. So what happened in a second with a record is the
 * difference to the next record, however much later that is, less its one event;
 * and what stood at the beginning of a second is in the first record from that
 * second on, or is the present where there is none.
 */
#ifndef MEMTOP_TUI_MODEL_TIMELINE_H
#define MEMTOP_TUI_MODEL_TIMELINE_H

#include "tui/model/snapshot.h"

/* How things stood at the beginning of a second. */
struct timeline_moment {
    uint64_t allocations, frees, bytes_allocated, bytes_freed; /* so far */
    int64_t live_bytes, live_blocks;
    bool estimated;                 /* live figures are */
    const struct second_row *record; /* that says so; NULL: the present */
};

/* The oldest second that is known; the present one where there are no records. */
uint64_t timeline_first(const struct snapshot *s);

struct timeline_moment timeline_at(const struct snapshot *s, uint64_t second);

enum timeline_rate { TIMELINE_ALLOCATIONS, TIMELINE_BYTES };

/* out[i]: per second, in [first + i * step, first + (i + 1) * step) seconds; -1
 * where nothing is known. Returns the highest. */
double timeline_rates(const struct snapshot *s, enum timeline_rate rate, uint64_t first,
                      uint64_t step, double *out, size_t n);

/* The same for allocations in steps below a second, in nanoseconds after set-up, as
 * far as the density reaches back, which is some seconds. */
double timeline_density(const struct snapshot *s, uint64_t first_ns, uint64_t step_ns,
                        double *out, size_t n);

#endif
