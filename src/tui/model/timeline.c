/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timeline, out of the recorded seconds and the density.
 */
#include "tui/model/timeline.h"

#define NS_PER_SECOND UINT64_C(1000000000)

uint64_t timeline_first(const struct snapshot *s)
{
    return s->n_seconds ? s->seconds[0].second : s->target.wall_ns / NS_PER_SECOND;
}

/* The first record from this second on; n_seconds: none. */
static size_t record_from(const struct snapshot *s, uint64_t second)
{
    size_t low = 0, high = s->n_seconds;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->seconds[middle].second < second)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct timeline_moment timeline_at(const struct snapshot *s, uint64_t second)
{
    size_t i = record_from(s, second);
    const struct second_row *r = i < s->n_seconds ? &s->seconds[i] : NULL;
    const struct totals *t = &s->totals;
    if (!r)
        return (struct timeline_moment){
            .allocations = t->allocations, .frees = t->frees,
            .bytes_allocated = t->bytes_allocated, .bytes_freed = t->bytes_freed,
            .live_bytes = t->live_bytes, .live_blocks = t->live_blocks,
            .estimated = t->estimated,
        };
    return (struct timeline_moment){
        .allocations = r->allocations, .frees = r->frees,
        .bytes_allocated = r->bytes_allocated, .bytes_freed = r->bytes_freed,
        .live_bytes = r->live_bytes, .live_blocks = r->live_blocks,
        .estimated = r->tier == SEG_TIER_SAMPLED, .record = r,
    };
}

static uint64_t counter(const struct timeline_moment *m, enum timeline_rate rate)
{
    return rate == TIMELINE_BYTES ? m->bytes_allocated : m->allocations;
}

double timeline_rates(const struct snapshot *s, enum timeline_rate rate, uint64_t first,
                      uint64_t step, double *out, size_t n)
{
    uint64_t known = timeline_first(s), now = s->target.wall_ns / NS_PER_SECOND + 1;
    double highest = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t from = first + i * step, until = from + step;
        out[i] = -1;
        if (until <= known || from >= now)
            continue;
        from = from < known ? known : from;
        until = until > now ? now : until;
        struct timeline_moment a = timeline_at(s, from), b = timeline_at(s, until);
        /* A record is not made in one instant where there are many threads. */
        uint64_t before = counter(&a, rate), after = counter(&b, rate);
        out[i] = after > before ? (double)(after - before) / (double)(until - from) : 0;
        highest = out[i] > highest ? out[i] : highest;
    }
    return highest;
}

/* Allocations in [from, until) nanoseconds; ticks belong to where they begin. -1:
 * not all of them are in the ring any more, or yet. */
static double count_ticks(const struct density *d, uint64_t now_ns, double from, double until)
{
    double newest = (double)now_ns - d->tick_ns; /* the last tick begins there */
    double first = (newest - from) / d->tick_ns, last = (newest - until) / d->tick_ns;
    double sum = 0;
    if (!(first >= 0) || first > (double)d->ticks - 1 || last < -1)
        return -1;
    for (uint64_t age = (uint64_t)first; age < d->ticks && (double)age > last; age--) {
        sum += d->counts[d->ticks - 1 - age];
        if (!age)
            break;
    }
    return sum;
}

double timeline_density(const struct snapshot *s, uint64_t first_ns, uint64_t step_ns,
                        double *out, size_t n)
{
    const struct density *d = &s->density;
    double highest = 0;
    for (size_t i = 0; i < n; i++) {
        double from = (double)first_ns + (double)i * (double)step_ns;
        double count = d->counts && d->ticks && d->tick_ns > 0
                           ? count_ticks(d, s->target.wall_ns, from, from + (double)step_ns) : -1;
        out[i] = count < 0 ? -1 : count * (double)NS_PER_SECOND / (double)step_ns;
        highest = out[i] > highest ? out[i] : highest;
    }
    return highest;
}
