/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Series of readings, thinned as they grow.
 */
#include "tui/model/series.h"

static void thin(struct series *s)
{
    for (unsigned i = 0; 2 * i < SERIES_POINTS; i++)
        s->points[i] = s->points[2 * i];
    s->n = SERIES_POINTS / 2;
    s->step_ns *= 2;
}

/* The last point may make way for a newer one. */
static bool is_early(const struct series *s)
{
    return s->n >= 2 && s->points[s->n - 1].at_ns - s->points[s->n - 2].at_ns < s->step_ns;
}

bool series_add(struct series *s, const struct series_point *p)
{
    if (s->n && p->at_ns <= s->points[s->n - 1].at_ns)
        return false;
    if (!s->step_ns)
        s->step_ns = SERIES_STEP_NS;
    if (is_early(s)) {
        s->points[s->n - 1] = *p;
        return false;
    }
    if (s->n == SERIES_POINTS)
        thin(s);
    s->points[s->n++] = *p;
    return true;
}

double series_shape(const struct series *s, double *out, unsigned n)
{
    double highest = 0;
    uint64_t first = s->n ? s->points[0].at_ns : 0;
    uint64_t span = s->n ? s->points[s->n - 1].at_ns - first + 1 : 1;
    unsigned at = 0;
    for (unsigned i = 0; i < n; i++) {
        bool any = false;
        out[i] = i ? out[i - 1] : 0;
        for (; at < s->n && (double)(s->points[at].at_ns - first) * n < (double)span * (i + 1);
             at++) {
            double live = s->points[at].live_bytes > 0 ? (double)s->points[at].live_bytes : 0;
            out[i] = any && out[i] > live ? out[i] : live;
            any = true;
        }
        highest = out[i] > highest ? out[i] : highest;
    }
    return highest;
}
