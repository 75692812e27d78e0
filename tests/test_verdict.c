/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts on curves whose nature is known, and the series that they are from. */
#include "tests/tap.h"

#include <math.h>
#include <stdlib.h>

#include "tui/model/verdict.h"

#define SECOND UINT64_C(1000000000)
#define MIB    1048576.0

typedef double curve(double seconds);

static double noise(void) /* -1 to 1 */
{
    return 2.0 * (double)random() / RAND_MAX - 1;
}

static double flat(double t) { (void)t; return 5 * MIB; }
static double noisy(double t) { (void)t; return 5 * MIB + MIB * noise(); }
static double linear(double t) { return 5 * MIB + 10000 * t; }
static double slow_leak(double t) { return 1000 * MIB + 20000 * t; }
static double noisy_linear(double t) { return 5 * MIB + 30000 * t + 0.1 * MIB * noise(); }
static double dips(double t) { return (random() % 10 ? 7 : 1) * MIB + 20000 * t; }
static double saw(double t) { return MIB * (1 + fmod(t, 7)); }
static double slow_saw(double t) { return MIB * (1 + fmod(t, 45)); }
static double rising_saw(double t) { return MIB * fmod(t, 7) + 0.4 * MIB * t; }
static double one_step(double t) { return t < 33 ? MIB : 9 * MIB; }
static double late_step(double t) { return t < 55 ? MIB : 9 * MIB; }
static double stairs(double t) { return MIB * floor(t / 4); }
static double logarithm(double t) { return MIB * log(1 + 3 * t); }
static double plateau(double t) { return 8 * MIB * (1 - exp(-t / 12)); }
static double ramp_then_flat(double t) { return t < 30 ? MIB * t : 30 * MIB; }
static double falling(double t) { return 50 * MIB - 0.5 * MIB * t; }
static double late_leak(double t) { return 5 * MIB + (t > 48 ? 1e5 * (t - 48) : 0); }
static double square(double t) { return MIB + 100 * t * t; }
static double nothing(double t) { (void)t; return 0; }
static double few_bytes(double t) { return 1000 + 0.4 * t; }

/* Readings of a curve, some period apart, that allocates so much as well. */
static struct series series_of(curve *c, double seconds, double period, double per_second)
{
    struct series s = { .n = 0 };
    for (double t = 0; t < seconds; t += period)
        series_add(&s, &(struct series_point){
                           .at_ns = SECOND + (uint64_t)(t * 1e9), .live_bytes = (int64_t)c(t),
                           .allocations = (uint64_t)(per_second * t / 100),
                           .bytes_allocated = (uint64_t)(per_second * t) });
    return s;
}

static struct verdict judge(curve *c, double seconds, double per_second)
{
    struct series s = series_of(c, seconds, 0.3, per_second);
    return verdict_judge(&s);
}

static void expect(curve *c, double per_second, enum verdict_label want, const char *name)
{
    struct verdict v = judge(c, 60, per_second);
    tap_ok(v.label == want, "%s: %s (slope %.0f, tau %.2f, fit %.2f)", name,
           verdict_name(v.label), v.slope, v.tau, v.fit);
}

static void test_curves(void)
{
    expect(flat, 0, VERDICT_STEADY, "flat");
    expect(nothing, 0, VERDICT_STEADY, "nothing");
    expect(noisy, 0, VERDICT_STEADY, "noise");
    expect(noisy, 20 * MIB, VERDICT_CHURNING, "noise, replaced all the time");
    expect(flat, 20 * MIB, VERDICT_CHURNING, "flat, replaced all the time");
    expect(nothing, MIB, VERDICT_CHURNING, "temporary blocks only");
    expect(flat, MIB / 10, VERDICT_STEADY, "flat, replaced slowly");
    expect(linear, 0, VERDICT_GROWING, "linear");
    expect(linear, 90 * MIB, VERDICT_GROWING, "linear with much turnover");
    expect(slow_leak, 0, VERDICT_GROWING, "a slow leak on top of much");
    expect(noisy_linear, 0, VERDICT_GROWING, "linear with noise");
    expect(dips, 0, VERDICT_GROWING, "linear with dips");
    expect(square, 0, VERDICT_GROWING, "faster and faster");
    expect(saw, 0, VERDICT_STEADY, "a saw tooth");
    expect(saw, 9 * MIB, VERDICT_CHURNING, "a saw tooth of what is freed at once");
    expect(slow_saw, 0, VERDICT_STEADY, "the rising side of a slow saw tooth");
    expect(rising_saw, 0, VERDICT_GROWING, "a saw tooth that rises");
    expect(one_step, 0, VERDICT_STEADY, "one step");
    expect(late_step, 0, VERDICT_STEADY, "one late step");
    expect(stairs, 0, VERDICT_GROWING, "stairs");
    expect(logarithm, 0, VERDICT_SATURATING, "logarithmic");
    expect(plateau, 0, VERDICT_SATURATING, "towards a plateau");
    expect(plateau, 90 * MIB, VERDICT_SATURATING, "towards a plateau, with turnover");
    expect(ramp_then_flat, 0, VERDICT_SATURATING, "a ramp, then flat");
    expect(falling, 0, VERDICT_SHRINKING, "falling");
    expect(late_leak, 0, VERDICT_GROWING, "flat, then a leak in the last fifth");
    expect(few_bytes, 0, VERDICT_STEADY, "a rise of a few bytes");
}

/* Noise must not get a label by chance. */
static void test_chance(void)
{
    int wrong = 0;
    for (int i = 0; i < 1000; i++) {
        double seconds = 4.5 + random() % 120;
        wrong += judge(noisy, seconds, 0).label != VERDICT_STEADY;
    }
    tap_ok(wrong <= 10, "of 1,000 noisy heaps %d are called anything but steady", wrong);
}

static bool near(double a, double b, double part)
{
    return fabs(a - b) <= part * fabs(b);
}

static void test_evidence(void)
{
    struct verdict v = judge(linear, 60, 2 * MIB);
    tap_ok(near(v.slope, 10000, 0.001) && v.fit > 0.999 && v.tau > 0.999,
           "the slope of a line is exact: %.1f bytes/s", v.slope);
    tap_ok(v.slope_low <= v.slope && v.slope <= v.slope_high &&
               near(v.slope_low, v.slope_high, 0.001), "and its interval narrow");
    tap_ok(near((double)(v.until_ns - v.from_ns), 60e9, 0.02), "over the whole time");
    tap_ok(near(v.allocated, 2 * MIB, 0.01), "allocations: %.0f bytes/s", v.allocated);
    tap_ok(near(v.replaced_seconds, 2.6, 0.1), "are all there is each %.2f s",
           v.replaced_seconds);
    v = judge(noisy_linear, 60, 0);
    tap_ok(v.slope_low < 30000 && 30000 < v.slope_high && v.fit > 0.8 && v.fit < 1,
           "with noise: %.0f (%.0f to %.0f), R2 %.2f", v.slope, v.slope_low, v.slope_high, v.fit);
    v = judge(dips, 60, 0);
    tap_ok(near(v.slope, 20000, 0.35), "dips hardly move it: %.0f", v.slope);
    v = judge(late_leak, 60, 0);
    tap_ok(near(v.slope, 1e5, 0.1) && v.until_ns - v.from_ns < 20 * SECOND,
           "the window is that of the leak: %.0f over %.0f s", v.slope,
           (double)(v.until_ns - v.from_ns) / 1e9);
    v = judge(ramp_then_flat, 60, 0);
    tap_ok(v.halves && near(v.slope_first, MIB, 0.01) && near(v.slope_last + 1, 1, 0.01),
           "both halves of what bends: %.0f, %.0f", v.slope_first, v.slope_last);
    tap_ok(judge(noisy, 3, 0).label == VERDICT_NONE, "three seconds say nothing");
    tap_ok(judge(linear, 6, 0).label == VERDICT_GROWING, "six seconds of a line do");
    struct series s = series_of(linear, 60, 0.3, 0);
    for (unsigned i = 0; i < s.n; i++)
        s.points[i].bytes_allocated = s.points[i].allocations = SERIES_UNKNOWN;
    v = verdict_judge(&s);
    tap_ok(v.label == VERDICT_GROWING && v.allocated < 0, "allocations may be unknown");
}

/* However long it goes on, a series has room, order, its begin and its end. */
static void test_series(void)
{
    struct series s = { .n = 0 };
    bool ordered = true, spread = true;
    struct series_point p = { .at_ns = 1 };
    for (int i = 0; i < 100000; i++) {
        p.at_ns += SECOND / 10 + (uint64_t)random() % SECOND;
        p.live_bytes = i;
        series_add(&s, &p);
    }
    for (unsigned i = 1; i < s.n; i++)
        ordered = ordered && s.points[i].at_ns > s.points[i - 1].at_ns;
    for (unsigned i = 1; i + 1 < s.n; i++)
        spread = spread && s.points[i].at_ns - s.points[i - 1].at_ns < 2 * s.step_ns + 2 * SECOND;
    tap_ok(s.n > SERIES_POINTS / 2 && s.n <= SERIES_POINTS && ordered && spread,
           "%u evenly spread points of 100,000", s.n);
    tap_ok(s.points[0].live_bytes == 0, "the first is kept");
    tap_ok(s.points[s.n - 1].live_bytes == 99999, "and the last");
    p.live_bytes = -1;
    tap_ok(!series_add(&s, &p) && s.points[s.n - 1].live_bytes == 99999,
           "time must go on");
    double shape[20];
    tap_ok(series_shape(&s, shape, 20) >= 99999, "its shape has the highest");
    for (unsigned i = 1; i < 20; i++)
        ordered = ordered && shape[i] > shape[i - 1];
    tap_ok(ordered, "and rises as it does");
    struct series empty = { .n = 0 };
    tap_ok(series_shape(&empty, shape, 20) <= 0 && shape[19] <= 0, "nothing has no shape");
}

int main(void)
{
    srandom(1);
    test_curves();
    test_chance();
    test_evidence();
    test_series();
    return tap_done();
}
