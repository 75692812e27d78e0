/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A unit test's voice: the Test Anything Protocol on stdout. Header only, one
 * thread. A program makes its claims, then ends with `return tap_done();`.
 *
 *     tap_ok(list == NULL, "an empty list is NULL");
 *     tap_is_u64(sum, 42, "the sum of %d parts", n);
 *     return tap_done();
 *
 * A claim that failed says what it got and wanted in a `#` line below it.
 */
#ifndef MEMTOP_TESTS_TAP_H
#define MEMTOP_TESTS_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static unsigned tap_count;
static unsigned tap_failures;

__attribute__((unused, format(printf, 2, 0)))
static void tap_line(bool ok, const char *fmt, va_list args)
{
    tap_count++;
    tap_failures += !ok;
    printf("%s %u - ", ok ? "ok" : "not ok", tap_count);
    vprintf(fmt, args);
    putchar('\n');
    fflush(stdout);
}

/* Claim that `ok` holds. */
__attribute__((unused, format(printf, 2, 3)))
static void tap_ok(bool ok, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    tap_line(ok, fmt, args);
    va_end(args);
}

/* Claim that two numbers are equal. */
__attribute__((unused, format(printf, 3, 4)))
static void tap_is_u64(uint64_t got, uint64_t want, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    tap_line(got == want, fmt, args);
    va_end(args);
    if (got != want)
        printf("# got %" PRIu64 ", wanted %" PRIu64 "\n", got, want);
    fflush(stdout);
}

/* Claim that two strings are equal; NULL equals only NULL. */
__attribute__((unused, format(printf, 3, 4)))
static void tap_is_str(const char *got, const char *want, const char *fmt, ...)
{
    bool same = got && want ? strcmp(got, want) == 0 : got == want;
    va_list args;
    va_start(args, fmt);
    tap_line(same, fmt, args);
    va_end(args);
    if (!same)
        printf("# got    \"%s\"\n# wanted \"%s\"\n", got ? got : "(NULL)",
               want ? want : "(NULL)");
    fflush(stdout);
}

/* One test that cannot be made here. */
__attribute__((unused))
static void tap_skip(const char *why)
{
    printf("ok %u # SKIP %s\n", ++tap_count, why);
    fflush(stdout);
}

/* Print the plan. Returns the program's exit status: 0 all passed, else 1. */
__attribute__((unused))
static int tap_done(void)
{
    printf("1..%u\n", tap_count);
    fflush(stdout);
    return tap_failures ? 1 : 0;
}

#endif
