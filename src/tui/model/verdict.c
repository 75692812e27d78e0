/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts; the header says how they come about.
 */
#include "tui/model/verdict.h"

#include <math.h>
#include <stdlib.h>

#define LEAST_READINGS 8u
#define LEAST_SPAN_NS  UINT64_C(4000000000)
#define LEAST_HALVES   16u /* readings from which halves are looked at */
#define LEAST_SUFFIX   12u
#define PAIRED_MOST    32u /* readings of a window that are paired with each other */
#define PAIRS_MOST     (PAIRED_MOST * (PAIRED_MOST - 1) / 2)
#define LEAST_RISE     64.0 /* bytes */
#define NS_PER_SECOND  1e9

/* Readings [from, until) of a series, evenly thinned. */
struct window {
    unsigned n;
    struct series_point points[PAIRED_MOST];
};

struct trend_line {
    unsigned readings;
    uint64_t from_ns, until_ns;
    double slope, slope_low, slope_high, fit, tau;
    double rise;   /* slope times span */
    double level;  /* median of the live bytes */
    bool rises, falls;
};

const char *verdict_name(enum verdict_label label)
{
    static const char *const names[VERDICT_COUNT] = {
        [VERDICT_NONE] = "", [VERDICT_STEADY] = "steady", [VERDICT_CHURNING] = "churning",
        [VERDICT_SHRINKING] = "shrinking", [VERDICT_SATURATING] = "saturating",
        [VERDICT_GROWING] = "growing",
    };
    return names[label];
}

/* ---- windows ------------------------------------------------------------------ */

static double live_of(const struct series_point *p)
{
    return (double)p->live_bytes;
}

static double seconds_between(const struct series_point *a, const struct series_point *b)
{
    return (double)(b->at_ns - a->at_ns) / NS_PER_SECOND;
}

static void make_window(const struct series *s, unsigned from, unsigned until, struct window *w)
{
    unsigned all = until - from;
    w->n = all < PAIRED_MOST ? all : PAIRED_MOST;
    for (unsigned i = 0; i < w->n; i++) /* the first and the last are always there */
        w->points[i] = s->points[w->n > 1 ? from + i * (all - 1) / (w->n - 1) : from];
}

/* The value of this rank, from 0, by quickselect; values change places. */
static double select_rank(double *values, unsigned n, unsigned rank)
{
    unsigned low = 0, high = n - 1;
    while (low < high) {
        double pivot = values[low + (high - low) / 2];
        unsigned i = low - 1, k = high + 1;
        for (;;) {
            do i++; while (values[i] < pivot);
            do k--; while (values[k] > pivot);
            if (i >= k)
                break;
            double swapped = values[i];
            values[i] = values[k];
            values[k] = swapped;
        }
        if (rank <= k)
            high = k;
        else
            low = k + 1;
    }
    return values[rank];
}

static double at_rank(double *values, unsigned n, double rank)
{
    double bounded = rank < 0 ? 0 : rank > n - 1 ? n - 1 : rank;
    return select_rank(values, n, (unsigned)(bounded + 0.5));
}

static double median_of(double *values, unsigned n)
{
    double middle = select_rank(values, n, n / 2);
    return n % 2 ? middle : (middle + select_rank(values, n, n / 2 - 1)) / 2;
}

static double level_of(const struct window *w)
{
    double live[PAIRED_MOST];
    for (unsigned i = 0; i < w->n; i++)
        live[i] = live_of(&w->points[i]);
    return median_of(live, w->n);
}

static bool is_flat(const struct window *w)
{
    for (unsigned i = 1; i < w->n; i++)
        if (w->points[i].live_bytes != w->points[0].live_bytes)
            return false;
    return true;
}

/* R2 of the line with this slope through the middle of what it leaves over. */
static double fit_of(const struct window *w, double slope)
{
    double rest[PAIRED_MOST], sorted[PAIRED_MOST], mean = 0, all = 0, left = 0;
    for (unsigned i = 0; i < w->n; i++) {
        rest[i] = live_of(&w->points[i]) - slope * seconds_between(&w->points[0], &w->points[i]);
        sorted[i] = rest[i];
        mean += live_of(&w->points[i]) / w->n;
    }
    double base = median_of(sorted, w->n);
    for (unsigned i = 0; i < w->n; i++) {
        all += (live_of(&w->points[i]) - mean) * (live_of(&w->points[i]) - mean);
        left += (rest[i] - base) * (rest[i] - base);
    }
    return all > left ? 1 - left / all : 0;
}

/* The trend of readings [from, until), two of them at least. */
static struct trend_line trend_of(const struct series *s, unsigned from, unsigned until)
{
    static _Thread_local double slopes[PAIRS_MOST];
    struct window w = { .n = 0 };
    make_window(s, from, until, &w);
    struct trend_line t = { .readings = until - from, .from_ns = w.points[0].at_ns,
                            .until_ns = w.points[w.n - 1].at_ns, .level = level_of(&w) };
    if (is_flat(&w)) {
        t.fit = 1;
        return t;
    }
    unsigned pairs = 0;
    double score = 0, n = w.n;
    for (unsigned i = 0; i < w.n; i++)
        for (unsigned k = i + 1; k < w.n; k++) {
            double change = live_of(&w.points[k]) - live_of(&w.points[i]);
            slopes[pairs++] = change / seconds_between(&w.points[i], &w.points[k]);
            score += (change > 0) - (change < 0);
        }
    double deviation = sqrt(n * (n - 1) * (2 * n + 5) / 18);
    t.slope = median_of(slopes, pairs);
    t.slope_low = at_rank(slopes, pairs, (pairs - 1.96 * deviation) / 2 - 1);
    t.slope_high = at_rank(slopes, pairs, (pairs + 1.96 * deviation) / 2);
    t.tau = score / pairs;
    t.fit = fit_of(&w, t.slope);
    t.rise = t.slope * seconds_between(&w.points[0], &w.points[w.n - 1]);
    bool clear = fabs(t.rise) >= LEAST_RISE && fabs(t.rise) >= fabs(t.level) / 10000 &&
                 fabs(score) >= 3 * deviation && fabs(t.tau) >= 0.6;
    t.rises = clear && t.rise > 0 && score > 0;
    t.falls = clear && t.rise < 0 && score < 0;
    return t;
}

/* ---- new ground ---------------------------------------------------------------- */

static double highest(const struct series *s, unsigned from, unsigned until, double sign)
{
    double most = -INFINITY;
    for (unsigned i = from; i < until; i++)
        most = fmax(most, sign * live_of(&s->points[i]));
    return most;
}

/* The level of the last quarter of readings [from, until). */
static double end_level(const struct series *s, unsigned from, unsigned until)
{
    double last[SERIES_POINTS];
    unsigned n = (until - from) / 4;
    n = n ? n : 1;
    for (unsigned i = 0; i < n; i++)
        last[i] = live_of(&s->points[until - n + i]);
    return median_of(last, n);
}

/* Whether the end is higher than all of [0, before); sign -1: lower. */
static bool is_new_ground(const struct series *s, unsigned before, double sign)
{
    return sign * end_level(s, before, s->n) > highest(s, 0, before, sign);
}

/* ---- turnover ------------------------------------------------------------------ */

/* From the first reading that knows allocations to the last; where that is the only
 * one, from the site's beginning, when there had been none. */
static bool churns(const struct series *s, struct verdict *v)
{
    const struct series_point *last = &s->points[s->n - 1];
    struct series_point first = { .at_ns = s->born_ns };
    double mean = 0;
    unsigned at = 0;
    while (at + 1 < s->n && s->points[at].bytes_allocated == SERIES_UNKNOWN)
        at++;
    v->allocated = v->replaced_seconds = -1;
    if (at + 1 < s->n)
        first = s->points[at];
    else
        at = 0;
    if (last->bytes_allocated == SERIES_UNKNOWN || first.at_ns >= last->at_ns)
        return false;
    for (unsigned i = at; i < s->n; i++)
        mean += live_of(&s->points[i]) / (s->n - at);
    double seconds = seconds_between(&first, last);
    v->allocated = (double)(last->bytes_allocated - first.bytes_allocated) / seconds;
    if (v->allocated > 0)
        v->replaced_seconds = fmax(mean, 0) / v->allocated;
    return last->allocations - first.allocations >= 16 && v->replaced_seconds >= 0 &&
           v->replaced_seconds <= 60 && v->replaced_seconds * 4 <= seconds;
}

/* ---- the verdict ---------------------------------------------------------------- */

static void set(struct verdict *v, enum verdict_label label, const struct trend_line *t)
{
    v->label = label;
    v->readings = t->readings;
    v->from_ns = t->from_ns;
    v->until_ns = t->until_ns;
    v->slope = t->slope;
    v->slope_low = t->slope_low;
    v->slope_high = t->slope_high;
    v->fit = t->fit;
    v->tau = t->tau;
}

/* Rising, or falling, at the end: the window that a line fits best. */
static bool moves_on(const struct series *s, double sign, struct trend_line *out)
{
    bool any = false;
    for (unsigned part = 2; part <= 8; part *= 2) {
        unsigned from = s->n - s->n / part;
        if (part > 2 && s->n - from < LEAST_SUFFIX)
            break;
        struct trend_line t = trend_of(s, from, s->n);
        if (!(sign > 0 ? t.rises : t.falls) || !is_new_ground(s, from, sign))
            continue;
        if (!any || t.fit > out->fit)
            *out = t;
        any = true;
    }
    return any;
}

/* It rose, and hardly does any more, but has kept what it had. */
static bool saturates(const struct series *s, const struct trend_line *early,
                      const struct trend_line *late)
{
    return early->rises && early->rise >= fabs(late->level) / 20 && !late->falls &&
           late->slope < early->slope / 3 &&
           end_level(s, s->n / 2, s->n) >= end_level(s, 0, s->n / 2) - early->rise / 10;
}

static void judge_halves(const struct series *s, const struct trend_line *whole,
                         struct verdict *v)
{
    struct trend_line early = trend_of(s, 0, s->n / 2), late = trend_of(s, s->n / 2, s->n), end;
    v->halves = true;
    v->slope_first = early.slope;
    v->slope_last = late.slope;
    if (saturates(s, &early, &late))
        set(v, VERDICT_SATURATING, whole);
    else if (moves_on(s, 1, &end))
        set(v, VERDICT_GROWING, early.rises && whole->rises ? whole : &end);
    else if (moves_on(s, -1, &end))
        set(v, VERDICT_SHRINKING, early.falls && whole->falls ? whole : &end);
}

struct verdict verdict_judge(const struct series *s)
{
    struct verdict v = { .label = VERDICT_NONE };
    if (s->n < LEAST_READINGS || s->points[s->n - 1].at_ns - s->points[0].at_ns < LEAST_SPAN_NS)
        return v;
    struct trend_line whole = trend_of(s, 0, s->n);
    set(&v, churns(s, &v) ? VERDICT_CHURNING : VERDICT_STEADY, &whole);
    if (s->n >= LEAST_HALVES)
        judge_halves(s, &whole, &v);
    else if (whole.rises && is_new_ground(s, s->n / 2, 1))
        set(&v, VERDICT_GROWING, &whole);
    else if (whole.falls && is_new_ground(s, s->n / 2, -1))
        set(&v, VERDICT_SHRINKING, &whole);
    return v;
}
