/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for people: rounding at the edges of units, widths, signs. */
#include "tests/tap.h"

#include "tui/view/format.h"

static char buffer[64];

static void test_bytes(void)
{
    static const struct { int64_t value; const char *text, *shorter; } cases[] = {
        { 0, "0 B", "0" },
        { 1, "1 B", "1" },
        { 999, "999 B", "999" },
        { 1000, "0.98 KiB", "0.98K" },
        { 1023, "1.00 KiB", "1.00K" },
        { 1024, "1.00 KiB", "1.00K" },
        { 1260, "1.23 KiB", "1.23K" },
        { 10240, "10.0 KiB", "10.0K" },
        { 1023 * 1024, "1.00 MiB", "1.00M" },
        { 999 * 1024, "999 KiB", "999K" },
        { INT64_C(1) << 40, "1.00 TiB", "1.00T" },
        { INT64_MAX, "8.00 EiB", "8.00E" },
        { -4 * 1024 * 1024, "-4.00 MiB", "-4.00M" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tap_is_str(format_bytes(buffer, sizeof buffer, cases[i].value), cases[i].text,
                   "%" PRId64 " bytes", cases[i].value);
        tap_is_str(format_bytes_short(buffer, sizeof buffer, cases[i].value),
                   cases[i].shorter, "%" PRId64 " bytes, short", cases[i].value);
    }
}

/* Every magnitude keeps to the width that tables rely on. */
static void test_widths(void)
{
    size_t widest = 0;
    for (unsigned shift = 0; shift < 63; shift++)
        for (int64_t d = -1; d <= 1; d++) {
            int64_t value = (INT64_C(1) << shift) + d;
            size_t a = strlen(format_count(buffer, sizeof buffer, value));
            size_t b = strlen(format_bytes_short(buffer, sizeof buffer, value));
            size_t c = strlen(format_rate(buffer, sizeof buffer, (double)value));
            widest = a > widest ? a : widest;
            widest = b > widest ? b : widest;
            widest = c > widest ? c : widest;
        }
    tap_is_u64(widest, FORMAT_SHORT, "short forms have a fixed width");
    for (int64_t power = 10; power < INT64_MAX / 10; power *= 10) {
        size_t a = strlen(format_count(buffer, sizeof buffer, power - 1));
        widest = a > widest ? a : widest;
    }
    tap_is_u64(widest, FORMAT_SHORT, "just below powers of ten too");
}

static void test_counts(void)
{
    tap_is_str(format_count(buffer, sizeof buffer, 999), "999", "999");
    tap_is_str(format_count(buffer, sizeof buffer, 1000), "1.00k", "1000");
    tap_is_str(format_count(buffer, sizeof buffer, 999499), "999k", "999499");
    tap_is_str(format_count(buffer, sizeof buffer, 999999), "1.00M", "rounding moves the unit");
    tap_is_str(format_grouped(buffer, sizeof buffer, 1234567), "1,234,567", "grouped");
    tap_is_str(format_grouped(buffer, sizeof buffer, -123456), "-123,456", "grouped, negative");
    tap_is_str(format_grouped(buffer, sizeof buffer, 123), "123", "nothing to group");
    tap_is_str(format_rate(buffer, sizeof buffer, 0), "0", "no rate");
    tap_is_str(format_rate(buffer, sizeof buffer, 0.123), "0.12", "a small rate");
    tap_is_str(format_rate(buffer, sizeof buffer, 9.96), "10", "no 10.0 before 10");
    tap_is_str(format_rate(buffer, sizeof buffer, 1.2e6), "1.20M", "a million a second");
    tap_is_str(format_bytes_rate(buffer, sizeof buffer, 1536), "1.50 KiB/s", "bytes a second");
}

static void test_durations(void)
{
    static const struct { uint64_t ns; const char *text; } cases[] = {
        { 0, "0 s" },
        { 999, "999 ns" },
        { 12000, "12 us" },
        { 3400000, "3.4 ms" },
        { 9999999, "9.9 ms" },
        { 56000000, "56 ms" },
        { UINT64_C(5600000000), "5.6 s" },
        { UINT64_C(59999999999), "59 s" },
        { UINT64_C(83000000000), "1m23s" },
        { UINT64_C(14700000000000), "4h05m" },
        { UINT64_C(284400000000000), "3d07h" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        tap_is_str(format_duration(buffer, sizeof buffer, cases[i].ns), cases[i].text,
                   "%" PRIu64 " ns", cases[i].ns);
}

static void test_percent(void)
{
    tap_is_str(format_percent(buffer, sizeof buffer, 0, 10), "0%", "none");
    tap_is_str(format_percent(buffer, sizeof buffer, 1, 1000), "<1%", "some is not none");
    tap_is_str(format_percent(buffer, sizeof buffer, 42, 100), "42%", "42 of 100");
    tap_is_str(format_percent(buffer, sizeof buffer, 10, 10), "100%", "all");
    tap_is_str(format_percent(buffer, sizeof buffer, 1, 0), "-", "of nothing");
}

int main(void)
{
    test_bytes();
    test_widths();
    test_counts();
    test_durations();
    test_percent();
    tap_is_str(format_bytes(buffer, 4, 123456), "121", "a small buffer is respected");
    return tap_done();
}
