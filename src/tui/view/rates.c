/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rates: exponentially smoothed differences. The weight of a new difference
 * follows from the time that it covers, so that the refresh period, which
 * changes, does not matter.
 */
#include "tui/view/rates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SMOOTHING_SECONDS 1.0

static double seconds_between(uint64_t from_ns, uint64_t to_ns)
{
    return (double)(to_ns - from_ns) / 1e9;
}

static double weight_of(double seconds)
{
    return 1 - exp(-seconds / SMOOTHING_SECONDS);
}

static void blend(double *rate, uint64_t before, uint64_t now, double seconds,
                  double weight)
{
    *rate += ((double)(now - before) / seconds - *rate) * weight;
}

static bool ran_backwards(const struct totals *before, const struct totals *now)
{
    return now->allocations < before->allocations || now->frees < before->frees ||
           now->bytes_allocated < before->bytes_allocated ||
           now->bytes_freed < before->bytes_freed ||
           now->reallocations < before->reallocations;
}

void rates_update(struct rates *r, const struct snapshot *s)
{
    const struct totals *was = &r->last, *is = &s->totals;
    if (r->last_ns && ran_backwards(was, is))
        *r = (struct rates){ .known = false };
    if (r->last_ns && s->taken_ns <= r->last_ns)
        return;
    if (r->last_ns) {
        double seconds = seconds_between(r->last_ns, s->taken_ns);
        double weight = r->known ? weight_of(seconds) : 1;
        blend(&r->allocations, was->allocations, is->allocations, seconds, weight);
        blend(&r->frees, was->frees, is->frees, seconds, weight);
        blend(&r->reallocations, was->reallocations, is->reallocations, seconds, weight);
        blend(&r->bytes_allocated, was->bytes_allocated, is->bytes_allocated, seconds,
              weight);
        blend(&r->bytes_freed, was->bytes_freed, is->bytes_freed, seconds, weight);
        r->known = true;
    }
    r->last = *is;
    r->last_ns = s->taken_ns;
}

/* ---- tables -------------------------------------------------------------- */
static size_t reserve(struct rate_table *t, size_t n)
{
    if (n <= t->capacity)
        return n;
    size_t capacity = n + n / 2 + 64;
    uint64_t *last = realloc(t->last, capacity * sizeof *last);
    if (last)
        t->last = last;
    float *rate = last ? realloc(t->per_second, capacity * sizeof *rate) : NULL;
    if (!rate)
        return t->capacity;
    t->per_second = rate;
    t->capacity = capacity;
    return n;
}

static uint64_t counter_at(const uint64_t *first, size_t stride, size_t row)
{
    uint64_t value;
    memcpy(&value, (const char *)first + row * stride, sizeof value);
    return value;
}

void rate_table_update(struct rate_table *t, uint64_t now_ns, const uint64_t *first,
                       size_t stride, size_t n)
{
    if (t->last_ns && now_ns <= t->last_ns)
        return;
    double seconds = t->last_ns ? seconds_between(t->last_ns, now_ns) : 0;
    double weight = weight_of(seconds);
    n = reserve(t, n);
    if (n < t->n)
        t->n = n;
    for (size_t i = 0; i < n; i++) {
        uint64_t now = counter_at(first, stride, i);
        /* A row that appeared since the last time began at 0. */
        uint64_t before = i < t->n ? t->last[i] : t->last_ns ? 0 : now;
        double rate = i < t->n ? (double)t->per_second[i] : 0;
        if (seconds > 0 && now >= before)
            blend(&rate, before, now, seconds, weight);
        t->per_second[i] = rate < 0.01 ? 0 : (float)rate;
        t->last[i] = now;
    }
    t->n = n;
    t->last_ns = now_ns;
}

double rate_table_get(const struct rate_table *t, size_t row)
{
    return row < t->n ? (double)t->per_second[row] : 0;
}

void rates_stop(struct rates *r)
{
    *r = (struct rates){ .known = true, .last_ns = r->last_ns, .last = r->last };
}

void rate_table_stop(struct rate_table *t)
{
    for (size_t i = 0; i < t->n; i++)
        t->per_second[i] = 0;
}

void rate_table_fini(struct rate_table *t)
{
    free(t->last);
    free(t->per_second);
    *t = (struct rate_table){ .n = 0 };
}
