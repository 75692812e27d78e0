/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trend: live bytes over time. Joins what the target recorded once a
 * second with the samples that this viewer took since it attached. Called by
 * the event loop (add) and the overview (sample). One thread.
 */
#ifndef MEMTOP_TUI_VIEW_TREND_H
#define MEMTOP_TUI_VIEW_TREND_H

#include "tui/model/snapshot.h"

#define TREND_POINTS 1024 /* own samples, the newest */

struct trend_point {
    uint64_t at_ns; /* after the target's set-up */
    int64_t live_bytes;
};

struct trend {
    size_t n;     /* points ever added; the newest TREND_POINTS are kept */
    struct trend_point points[TREND_POINTS];
};

/* Add the present; times that do not advance replace the last. */
void trend_add(struct trend *t, uint64_t at_ns, int64_t live_bytes);

/* out[i]: the highest live bytes known within n steps of step_ns, the last of
 * which holds end_ns; -1 before anything was known. Steps are aligned to the
 * target's set-up, so that they stay the same as time goes on. */
void trend_sample(const struct trend *t, const struct snapshot *s, uint64_t end_ns,
                  uint64_t step_ns, double *out, size_t n);

#endif
