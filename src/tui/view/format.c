/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers for people. Pure functions: no locale, so that screens and tests
 * look alike everywhere.
 */
#include "tui/view/format.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Three digits of x in [0, 1000): "1.23", "12.3", "123". Returns false if
 * rounding made it 1000, which needs the next unit. */
static int three_digits(char out[16], double x)
{
    if (x < 9.995)
        snprintf(out, 16, "%.2f", x);
    else if (x < 99.95)
        snprintf(out, 16, "%.1f", x);
    else
        snprintf(out, 16, "%.0f", x);
    return x < 999.5;
}

/* Scale |value| into `digits` and return the index of its unit. */
static unsigned scale(char digits[16], double value, double base, unsigned last)
{
    unsigned unit = 0;
    if (value < 999.5 || (base > 1000 && value < 1000)) {
        snprintf(digits, 16, "%.0f", value);
        return 0;
    }
    do {
        value /= base;
        unit++;
    } while (!three_digits(digits, value) && unit < last);
    return unit;
}

static double magnitude(int64_t value)
{
    return fabs((double)value);
}

char *format_bytes(char *out, size_t n, int64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    char digits[16];
    unsigned unit = scale(digits, magnitude(bytes), 1024, 6);
    snprintf(out, n, "%s%s %s", bytes < 0 ? "-" : "", digits, units[unit]);
    return out;
}

/* Three digits and a letter; the sign takes the place of a digit if it can. */
static char *format_short(char *out, size_t n, double value, double base,
                          const char *units)
{
    char digits[16];
    unsigned unit = scale(digits, fabs(value), base, 6);
    const char *sign = value < 0 ? "-" : "";
    if (unit == 0)
        snprintf(out, n, "%s%s", sign, digits);
    else
        snprintf(out, n, "%s%s%c", sign, digits, units[unit]);
    return out;
}

char *format_bytes_short(char *out, size_t n, int64_t bytes)
{
    return format_short(out, n, (double)bytes, 1024, " KMGTPE");
}

char *format_power(char *out, size_t n, uint64_t bytes)
{
    static const char units[] = " KMGTPE";
    unsigned unit = 0;
    while (bytes >= 1024 && bytes % 1024 == 0 && unit < 6) {
        bytes /= 1024;
        unit++;
    }
    if (unit)
        snprintf(out, n, "%llu%c", (unsigned long long)bytes, units[unit]);
    else
        snprintf(out, n, "%llu", (unsigned long long)bytes);
    return out;
}

char *format_count(char *out, size_t n, int64_t count)
{
    return format_short(out, n, (double)count, 1000, " kMGTPE");
}

char *format_grouped(char *out, size_t n, int64_t count)
{
    char digits[24], grouped[32];
    int length = snprintf(digits, sizeof digits, "%" PRId64, count);
    size_t used = 0;
    for (int i = 0; i < length; i++) {
        int left = length - 1 - i;
        grouped[used++] = digits[i];
        if (left && left % 3 == 0 && digits[i] != '-')
            grouped[used++] = ',';
    }
    snprintf(out, n, "%.*s", (int)used, grouped);
    return out;
}

char *format_rate(char *out, size_t n, double per_second)
{
    if (per_second < 0.005)
        snprintf(out, n, "0");
    else if (per_second < 0.995)
        snprintf(out, n, "%.2f", per_second);
    else if (per_second < 9.95)
        snprintf(out, n, "%.1f", per_second);
    else
        format_short(out, n, per_second, 1000, " kMGTPE");
    return out;
}

char *format_bytes_rate(char *out, size_t n, double per_second)
{
    char bytes[24];
    double most = (double)(INT64_MAX / 2);
    format_bytes(bytes, sizeof bytes, (int64_t)(per_second < most ? per_second : most));
    snprintf(out, n, "%s/s", bytes);
    return out;
}

const char *format_s(int64_t count)
{
    return count == 1 ? "" : "s";
}

char *format_duration(char *out, size_t n, uint64_t ns)
{
    uint64_t s = ns / 1000000000;
    if (!ns)
        snprintf(out, n, "0 s");
    else if (ns < 1000)
        snprintf(out, n, "%u ns", (unsigned)ns);
    else if (ns < 1000000)
        snprintf(out, n, "%u us", (unsigned)(ns / 1000));
    else if (ns < 10000000)
        snprintf(out, n, "%.1f ms", (double)(ns / 100000) / 10);
    else if (s < 1)
        snprintf(out, n, "%u ms", (unsigned)(ns / 1000000));
    else if (s < 10)
        snprintf(out, n, "%.1f s", (double)(ns / 100000000) / 10);
    else if (s < 60)
        snprintf(out, n, "%u s", (unsigned)s);
    else if (s < 3600)
        snprintf(out, n, "%um%02us", (unsigned)(s / 60), (unsigned)(s % 60));
    else if (s < 86400)
        snprintf(out, n, "%uh%02um", (unsigned)(s / 3600), (unsigned)(s / 60 % 60));
    else
        snprintf(out, n, "%ud%02uh", (unsigned)(s / 86400), (unsigned)(s / 3600 % 24));
    return out;
}

char *format_percent(char *out, size_t n, int64_t part, int64_t whole)
{
    double percent = whole > 0 ? 100.0 * (double)part / (double)whole : 0;
    if (whole <= 0)
        snprintf(out, n, "-");
    else if (part > 0 && percent < 0.5)
        snprintf(out, n, "<1%%");
    else if (percent > 999)
        snprintf(out, n, ">999%%");
    else
        snprintf(out, n, "%.0f%%", percent < -99 ? -99 : percent);
    return out;
}

/* ---- estimates ----------------------------------------------------------- */
static const char *plus_minus(bool ascii)
{
    return ascii ? "+-" : "\u00b1";
}

static void relative_error(char *out, size_t n, const struct totals *t, bool ascii)
{
    double percent = t->live_bytes > 0
                         ? 100.0 * (double)t->live_bytes_error / (double)t->live_bytes : 0;
    snprintf(out, n, percent > 0 && percent < 10 ? "%s%.1f%%" : "%s%.0f%%", plus_minus(ascii),
             percent);
}

char *format_tier(char *out, size_t n, const struct snapshot *s, bool ascii)
{
    char error[16] = "", distance[24];
    if (s->totals.estimated)
        relative_error(error, sizeof error, &s->totals, ascii);
    switch (s->target.tier) {
    case SEG_TIER_SAMPLED:
        snprintf(out, n, "sampled %s%s%s",
                 format_power(distance, sizeof distance, s->target.sample_bytes),
                 *error ? " " : "", error);
        break;
    case SEG_TIER_COUNTERS:
        snprintf(out, n, *error ? "counters only, estimates %s" : "counters only", error);
        break;
    default:
        snprintf(out, n, *error ? "exact, estimates %s" : "exact", error);
    }
    size_t length = strlen(out);
    snprintf(out + length, n - length, "%s", snapshot_has_births(s) ? "" : ", compact");
    return out;
}

char *format_before(char *out, size_t n, const struct attach_info *a)
{
    char bytes[24];
    if (a->before == SEG_BEFORE_UNKNOWN)
        snprintf(out, n, "unknown");
    else
        format_estimate(out, n, format_bytes(bytes, sizeof bytes, (int64_t)a->before_bytes), true);
    return out;
}

char *format_estimate(char *out, size_t n, const char *number, bool estimated)
{
    size_t length = strlen(number), room = n - 1 - estimated;
    memmove(out + estimated, number, length < room ? length : room);
    out[estimated + (length < room ? length : room)] = '\0';
    if (estimated)
        out[0] = '~';
    return out;
}

char *format_error_bytes(char *out, size_t n, uint64_t error, bool ascii)
{
    char text[24];
    snprintf(out, n, error ? " %s%s" : "", plus_minus(ascii),
             format_bytes(text, sizeof text, (int64_t)error));
    return out;
}

char *format_error_count(char *out, size_t n, uint64_t error, bool ascii)
{
    char text[32];
    snprintf(out, n, error ? " %s%s" : "", plus_minus(ascii),
             format_grouped(text, sizeof text, (int64_t)error));
    return out;
}

/* ---- verdicts ------------------------------------------------------------ */
/* Slow ones by the minute. */
static bool by_minute(double bytes_per_second)
{
    return bytes_per_second > -1024 && bytes_per_second < 1024;
}

/* Readings may be of a process that lies. */
static int64_t whole(double value)
{
    return value > 9e18 ? INT64_MAX : value < -9e18 ? -INT64_MAX : (int64_t)value;
}

char *format_slope(char *out, size_t n, double bytes_per_second)
{
    char bytes[24];
    double slope = by_minute(bytes_per_second) ? bytes_per_second * 60 : bytes_per_second;
    snprintf(out, n, "%s%s/%s", slope > 0 ? "+" : "",
             format_bytes(bytes, sizeof bytes, whole(slope)),
             by_minute(bytes_per_second) ? "min" : "s");
    return out;
}

/* The slope, how far it may be off, and how well a line fits. */
static void describe_slope(char *out, size_t n, const struct verdict *v, bool ascii)
{
    char slope[40], error[40];
    double off = (v->slope_high - v->slope_low) / 2;
    if (by_minute(v->slope))
        off *= 60;
    snprintf(out, n, " %s%s, R%s %.2f", format_slope(slope, sizeof slope, v->slope),
             format_error_bytes(error, sizeof error, (uint64_t)whole(off), ascii),
             ascii ? "2" : "\u00b2", v->fit);
}

/* A line says little of what bends. */
static void describe_bend(char *out, size_t n, const struct verdict *v)
{
    char first[40], last[40];
    snprintf(out, n, " %s at first, %s of late", format_slope(first, sizeof first, v->slope_first),
             format_slope(last, sizeof last, v->slope_last));
}

static void describe_turnover(char *out, size_t n, const struct verdict *v)
{
    char time[24], rate[32];
    format_bytes_rate(rate, sizeof rate, v->allocated);
    if (v->replaced_seconds > 1e-6)
        snprintf(out, n, " %s, all that is live each %s", rate,
                 format_duration(time, sizeof time, (uint64_t)whole(v->replaced_seconds * 1e9)));
    else
        snprintf(out, n, " %s, and keeps nothing", rate);
}

char *format_verdict(char *out, size_t n, const struct verdict *v, bool ascii)
{
    char evidence[128] = "", window[24];
    if (v->label == VERDICT_NONE) {
        snprintf(out, n, "too little is known yet of how it grows");
        return out;
    }
    if (v->label == VERDICT_CHURNING)
        describe_turnover(evidence, sizeof evidence, v);
    else if (v->label == VERDICT_SATURATING)
        describe_bend(evidence, sizeof evidence, v);
    else if (v->label != VERDICT_STEADY)
        describe_slope(evidence, sizeof evidence, v, ascii);
    snprintf(out, n, "%s%s, %u readings in %s", verdict_name(v->label), evidence, v->readings,
             format_duration(window, sizeof window, v->until_ns - v->from_ns));
    return out;
}
