/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers for people. Called by views and reports; pure, any thread. All write
 * at most n bytes including the terminator and return out.
 *
 * The short forms never need more than FORMAT_SHORT columns, so that columns
 * of a table stay put: "0", "999", "9.99k", "12.3M", "-1.2G".
 */
#ifndef MEMTOP_TUI_VIEW_FORMAT_H
#define MEMTOP_TUI_VIEW_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tui/model/snapshot.h"
#include "tui/model/verdict.h"

#define FORMAT_SHORT 5 /* columns of a short form, 6 with a minus sign */

/* "512 B", "1.23 KiB", "-4.00 MiB": three digits, powers of 1024. */
char *format_bytes(char *out, size_t n, int64_t bytes);

/* "512", "1.23K", "45.6M", "789G": powers of 1024. */
char *format_bytes_short(char *out, size_t n, int64_t bytes);

/* "48", "512", "4K", "1280", "64M": exactly, in the largest unit that divides
 * it. For bounds and scales. */
char *format_power(char *out, size_t n, uint64_t bytes);

/* "512", "1.23k", "45.6M", "789G": powers of 1000. */
char *format_count(char *out, size_t n, int64_t count);

/* "1,234,567" */
char *format_grouped(char *out, size_t n, int64_t count);

/* Per second, of a count: "0", "0.12", "9.8", "1.23k". */
char *format_rate(char *out, size_t n, double per_second);

/* Per second, of bytes: "0 B/s", "1.23 MiB/s". */
char *format_bytes_rate(char *out, size_t n, double per_second);

/* What a word has behind a number of things: "1 block", "2 blocks". */
const char *format_s(int64_t count);

/* "0 s", "12 us", "3.4 ms", "5.6 s", "1m23s", "4h05m", "3d07h". */
char *format_duration(char *out, size_t n, uint64_t ns);

/* How much is recorded, and how good estimates are: "exact", "counters only",
 * "sampled 512K ±3%" (the live bytes' standard error). What is left of an
 * earlier tier shows as "exact, estimates ±3%". ascii: "+-" for the sign. */
char *format_tier(char *out, size_t n, const struct snapshot *s, bool ascii);

/* What was alive before the attach: "~120 MiB", or "unknown". */
char *format_before(char *out, size_t n, const struct attach_info *a);

/* Marks `number` as an estimate: "~1.23M". `number` may be in `out`. */
char *format_estimate(char *out, size_t n, const char *number, bool estimated);

/* "±1.5 KiB" behind a blank; "" where there is no error. */
char *format_error_bytes(char *out, size_t n, uint64_t error, bool ascii);
char *format_error_count(char *out, size_t n, uint64_t error, bool ascii);

/* Growth: "+1.20 MiB/min", above 1 KiB a second "+1.20 MiB/s". */
char *format_slope(char *out, size_t n, double bytes_per_second);

/* A verdict and what it goes by: "growing +1.20 MiB/min ±31 KiB, R² 0.98, 52 readings
 * in 5m12s", "saturating +1.20 MiB/s at first, +50 B/min of late, 52 readings in 5m12s". */
char *format_verdict(char *out, size_t n, const struct verdict *v, bool ascii);

/* "0%", "<1%", "42%", "100%"; "-" when whole is 0 or less. */
char *format_percent(char *out, size_t n, int64_t part, int64_t whole);

#endif
