/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts: what the live bytes of a call site do over time, judged from the
 * readings in its series, with the evidence. Pure; any thread.
 *
 * The trend of a window is the median of the slopes between all pairs of its
 * readings (Theil 1950, Sen 1968), which single outliers and spikes do not move.
 * Its interval is Sen's: the slopes that lie 1.96 standard deviations of Kendall's
 * S from the middle, about 95% where readings are independent of each other, which
 * those of a heap seldom are quite. Whether there is a trend at all is Mann's test
 * (1945): S counts pairs in which the later reading is higher, less those in which
 * it is lower; tau = S / pairs. A window rises when S is 3 standard deviations from
 * chance, tau is 0.6 or more, and the line rises by 64 bytes and a ten-thousandth of
 * the level. So noise does not rise, and neither does one step; two steps within a
 * window do. fit is R2 of the line: the part of the readings' variance that it
 * explains. Windows of more than 32 readings are thinned to 32.
 *
 * With the early and the late half of the series:
 *   saturating  the early half rose, by a twentieth of the level at least, and the
 *               late half rises at less than a third of that slope, or not at all,
 *               and has kept nine tenths of that rise
 *   growing     not so, and the late half, or the last quarter or eighth, rises and
 *               ends above all that was before it: the rising side of a saw tooth
 *               does not
 *   shrinking   the mirror image of growing
 *   churning    none of these, and what is alive is replaced four times or more in
 *               the time for which allocations are known (the site's whole life
 *               where there is one reading of them), within a minute each time.
 *               Little's law says how often: mean live / allocated per second
 *   steady      none of these
 * Below 8 readings or 4 seconds there is no verdict, and below 16 the whole series
 * stands for its halves.
 */
#ifndef MEMTOP_TUI_MODEL_VERDICT_H
#define MEMTOP_TUI_MODEL_VERDICT_H

#include "tui/model/series.h"

enum verdict_label {
    VERDICT_NONE, /* too little is known */
    VERDICT_STEADY,
    VERDICT_CHURNING,
    VERDICT_SHRINKING,
    VERDICT_SATURATING,
    VERDICT_GROWING,
    VERDICT_COUNT
};

struct verdict {
    enum verdict_label label;
    /* The window that the trend is of, and the trend. */
    unsigned readings;
    uint64_t from_ns, until_ns;          /* after the target's set-up */
    double slope, slope_low, slope_high; /* bytes a second */
    bool halves;                         /* these are known: */
    double slope_first, slope_last;      /* of the early and of the late half */
    double fit;                          /* R2, 0 to 1 */
    double tau;                          /* Kendall's, -1 to 1 */
    /* Turnover, over the readings for which it is known. */
    double allocated;                    /* bytes a second; -1 unknown */
    double replaced_seconds;             /* mean live / allocated; -1: nothing is */
};

struct verdict verdict_judge(const struct series *s);

/* "growing"; "" for VERDICT_NONE. */
const char *verdict_name(enum verdict_label label);

#endif
