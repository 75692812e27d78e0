/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trend. Both sources are sorted by time; a value holds until the next
 * one, and a step shows the highest value that held in it.
 */
#include "tui/view/trend.h"

#define NS_PER_SECOND UINT64_C(1000000000)

void trend_add(struct trend *t, uint64_t at_ns, int64_t live_bytes)
{
    struct trend_point point = { .at_ns = at_ns, .live_bytes = live_bytes };
    if (t->n && at_ns <= t->points[(t->n - 1) % TREND_POINTS].at_ns)
        t->points[(t->n - 1) % TREND_POINTS].live_bytes = live_bytes;
    else
        t->points[t->n++ % TREND_POINTS] = point;
}

struct window {
    uint64_t first_step, step_ns;
    double *out;
    size_t n;
};

/* `live` held from from_ns to until_ns: raise the steps that it touches. */
static void hold(const struct window *w, uint64_t from_ns, uint64_t until_ns,
                 int64_t live)
{
    uint64_t from = from_ns / w->step_ns, until = until_ns / w->step_ns;
    double value = live > 0 ? (double)live : 0;
    if (until < w->first_step)
        return;
    from = from < w->first_step ? w->first_step : from;
    for (uint64_t k = from; k <= until && k - w->first_step < w->n; k++)
        if (w->out[k - w->first_step] < value)
            w->out[k - w->first_step] = value;
}

static size_t oldest_point(const struct trend *t)
{
    return t->n > TREND_POINTS ? t->n - TREND_POINTS : 0;
}

/* The recorded seconds, up to where our own samples begin. A second without a
 * record had no event: what the next record says held from its beginning on. */
static void hold_seconds(const struct window *w, const struct snapshot *s,
                         uint64_t until_ns)
{
    for (size_t i = 0; i < s->n_seconds; i++) {
        uint64_t from = s->seconds[i].second * NS_PER_SECOND, end = from + NS_PER_SECOND - 1;
        uint64_t next = i + 1 < s->n_seconds ? s->seconds[i + 1].second * NS_PER_SECOND
                                             : until_ns;
        next = next < until_ns ? next : until_ns;
        if (from >= until_ns)
            return;
        hold(w, from, end < next ? end : next - 1, s->seconds[i].live_bytes);
        if (end + 1 < next)
            hold(w, end + 1, next - 1, i + 1 < s->n_seconds ? s->seconds[i + 1].live_bytes
                                                            : s->seconds[i].live_bytes);
    }
}

void trend_sample(const struct trend *t, const struct snapshot *s, uint64_t end_ns,
                  uint64_t step_ns, double *out, size_t n)
{
    uint64_t last = end_ns / step_ns, first_own = UINT64_MAX;
    /* Steps before set-up are numbered too, so that the end stays right. */
    uint64_t before = last + 1 < n ? n - (last + 1) : 0;
    struct window w = { .first_step = before ? 0 : last + 1 - n,
                                .step_ns = step_ns, .out = out + before, .n = n - before };
    for (size_t i = 0; i < n; i++)
        out[i] = -1;
    size_t oldest = oldest_point(t);
    if (t->n)
        first_own = t->points[oldest % TREND_POINTS].at_ns;
    hold_seconds(&w, s, first_own <= end_ns ? first_own : end_ns + 1);
    for (size_t i = oldest; i < t->n; i++) {
        const struct trend_point *p = &t->points[i % TREND_POINTS];
        uint64_t until = i + 1 < t->n ? t->points[(i + 1) % TREND_POINTS].at_ns - 1 : end_ns;
        hold(&w, p->at_ns, until, p->live_bytes);
    }
}
