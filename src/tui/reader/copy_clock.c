/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time of a segment: its ticks in nanoseconds after set-up; see copy.h. The
 * one place of the viewer that reads a processor's counter.
 */
#include <time.h>

#include "tui/reader/copy.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define SHIFT_MAX 48u
/* Counters between 1 MHz and 100 GHz are believed. */
#define NS_PER_TICK_MIN 0.01
#define NS_PER_TICK_MAX 1000.0

static uint64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* The target's counter as it stands now. False where we have no such. */
static bool own_pair(uint32_t kind, struct seg_clock_pair *out)
{
    out->monotonic_ns = monotonic_ns();
    if (kind == SEG_CLOCK_MONOTONIC) {
        out->ticks = out->monotonic_ns;
        return true;
    }
#if defined(__x86_64__) || defined(__i386__)
    if (kind == SEG_CLOCK_TSC) {
        out->ticks = __builtin_ia32_rdtsc();
        return true;
    }
#elif defined(__aarch64__)
    if (kind == SEG_CLOCK_CNTVCT) {
        __asm__ volatile("mrs %0, cntvct_el0" : "=r"(out->ticks));
        return true;
    }
#endif
    return false;
}

/* Nanoseconds in a tick between two pairs, 0 if they make no sense. */
static double rate(const struct seg_clock_pair *from, const struct seg_clock_pair *to)
{
    if (to->ticks <= from->ticks || to->monotonic_ns <= from->monotonic_ns)
        return 0;
    double r = (double)(to->monotonic_ns - from->monotonic_ns) /
               (double)(to->ticks - from->ticks);
    return r >= NS_PER_TICK_MIN && r <= NS_PER_TICK_MAX ? r : 0;
}

/* The target's own pairs are right even if its clocks are offset against ours
 * (a time namespace, another boot); before a second has passed ours is finer. */
static double best_rate(const struct seg_header *h, const struct seg_clock_pair *own)
{
    double theirs = rate(&h->clock_first, &h->clock_last);
    if (theirs > 0 && h->clock_last.monotonic_ns - h->clock_first.monotonic_ns >= NS_PER_SECOND)
        return theirs;
    double ours = own ? rate(&h->clock_first, own) : 0;
    return ours > 0 ? ours : theirs > 0 ? theirs : 1;
}

void clock_set(struct copy_clock *c, const struct seg_header *h, bool alive)
{
    struct seg_clock_pair own;
    bool have = own_pair(h->clock, &own);
    c->ns_per_tick = h->clock == SEG_CLOCK_MONOTONIC ? 1 : best_rate(h, have ? &own : NULL);
    c->first_ticks = h->clock_first.ticks;
    c->now_ticks = h->clock_last.ticks;
    if (alive && have)
        c->now_ticks = own.ticks;
    else if (!alive && h->end_ticks > c->now_ticks)
        c->now_ticks = h->end_ticks;
}

void clock_seen(struct copy_clock *c, uint64_t ticks)
{
    if (ticks > c->now_ticks)
        c->now_ticks = ticks;
}

uint64_t clock_round(double ns)
{
    return !(ns > 0) ? 0 : ns >= 18446744073709551615.0 ? UINT64_MAX : (uint64_t)(ns + 0.5);
}

uint64_t clock_ns(const struct copy_clock *c, uint64_t ticks)
{
    if (ticks <= c->first_ticks)
        return 0;
    return clock_round((double)(ticks - c->first_ticks) * c->ns_per_tick);
}

double clock_unit_ns(const struct copy_clock *c, unsigned shift)
{
    return (double)(UINT64_C(1) << (shift < SHIFT_MAX ? shift : SHIFT_MAX)) * c->ns_per_tick;
}
