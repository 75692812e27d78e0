/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A series: what a call site had alive over time, in bounded memory. Readings
 * are kept one step apart; when there is no room for another one, every other
 * is dropped and the step doubled, so that a series always reaches back to its
 * beginning and its readings stay evenly spread. Nothing is averaged: each
 * point is a reading. Pure; one thread.
 */
#ifndef MEMTOP_TUI_MODEL_SERIES_H
#define MEMTOP_TUI_MODEL_SERIES_H

#include <stdbool.h>
#include <stdint.h>

#define SERIES_POINTS  128
#define SERIES_STEP_NS UINT64_C(500000000) /* at first */

struct series_point {
    uint64_t at_ns; /* after the target's set-up */
    int64_t live_bytes;
    uint64_t allocations, bytes_allocated; /* so far; SERIES_UNKNOWN: unknown */
};
#define SERIES_UNKNOWN UINT64_MAX

/* An empty one is all zeros. */
struct series {
    uint64_t born_ns; /* its first allocation; 0 unknown */
    uint64_t step_ns;
    unsigned n;
    struct series_point points[SERIES_POINTS]; /* at_ns rises strictly */
};

/* Add a reading that is later than all others; an earlier one is ignored. The
 * newest is always kept, in place of the one before while that is less than a step
 * from its predecessor. True when a point was added, and not replaced. */
bool series_add(struct series *s, const struct series_point *p);

/* out[i]: the highest live bytes read in the i-th of n equal parts of the series'
 * span, those of the part before where there was no reading. Returns the highest
 * of all; 0 without points. */
double series_shape(const struct series *s, double *out, unsigned n);

#endif
