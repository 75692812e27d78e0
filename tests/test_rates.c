/* SPDX-License-Identifier: Apache-2.0 */
/* Rates, the trend, and the order of many rows. */
#include "tests/tap.h"

#include <math.h>
#include <stdlib.h>

#include "tui/view/order.h"
#include "tui/view/rates.h"
#include "tui/view/trend.h"

#define SECOND UINT64_C(1000000000)

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-6 * fabs(b) + 1e-9;
}

static void test_rates(void)
{
    struct rates r = { .known = false };
    struct snapshot s = { .taken_ns = 5 * SECOND };
    s.totals.allocations = 1000;
    rates_update(&r, &s);
    tap_ok(!r.known, "one snapshot has no rate");

    s.taken_ns += SECOND / 10;
    s.totals.allocations += 100;
    s.totals.bytes_freed += 500;
    rates_update(&r, &s);
    tap_ok(r.known && near(r.allocations, 1000), "the first difference is the rate");
    tap_ok(near(r.bytes_freed, 5000), "of bytes too");
    rates_update(&r, &s);
    tap_ok(near(r.allocations, 1000), "the same snapshot again changes nothing");

    s.taken_ns += SECOND / 10;
    rates_update(&r, &s);
    tap_ok(r.allocations > 850 && r.allocations < 1000, "silence lowers it smoothly: %g",
           r.allocations);
    for (int i = 0; i < 100; i++) {
        s.taken_ns += SECOND / 10;
        rates_update(&r, &s);
    }
    tap_ok(r.allocations < 1, "to nothing after ten seconds");

    s.totals.allocations = 3;
    s.taken_ns += SECOND;
    rates_update(&r, &s);
    tap_ok(!r.known, "counters that ran backwards are another process's");
}

static void test_periods(void)
{
    struct rates fast = { .known = false }, slow = { .known = false };
    struct snapshot s = { .taken_ns = SECOND };
    for (int i = 0; i <= 40; i++) {
        rates_update(&fast, &s);
        if (i % 4 == 0)
            rates_update(&slow, &s);
        s.taken_ns += SECOND / 20;
        s.totals.allocations += 50;
    }
    tap_ok(near(fast.allocations, 1000) && near(slow.allocations, 1000),
           "the period of refresh does not matter: %g, %g", fast.allocations, slow.allocations);
}

static void test_table(void)
{
    struct rate_table t = { .n = 0 };
    struct { uint64_t other, count; } rows[3] = { { 0, 10 }, { 0, 20 }, { 0, 7 } };
    rate_table_update(&t, SECOND, &rows[0].count, sizeof rows[0], 2);
    tap_ok(rate_table_get(&t, 0) <= 0, "no rate at first");
    rows[0].count += 100;
    rate_table_update(&t, 2 * SECOND, &rows[0].count, sizeof rows[0], 3);
    tap_ok(rate_table_get(&t, 0) > 60, "the row that moved");
    tap_ok(rate_table_get(&t, 1) <= 0, "the row that did not");
    tap_ok(rate_table_get(&t, 2) > 4, "a row that appeared began at 0");
    tap_ok(rate_table_get(&t, 99) <= 0, "no row, no rate");
    rate_table_fini(&t);
}

static void test_trend(void)
{
    static struct trend t;
    struct second_row seconds[] = {
        { .second = 1, .live_bytes = 100 },
        { .second = 2, .live_bytes = 300 },
        { .second = 6, .live_bytes = 50 },
    };
    struct snapshot s = { .seconds = seconds, .n_seconds = 3 };
    double out[10];
    trend_add(&t, 8 * SECOND, 70);
    trend_add(&t, 8 * SECOND + SECOND / 2, 90);
    trend_add(&t, 9 * SECOND, 80);
    trend_sample(&t, &s, 9 * SECOND, SECOND, out, 10);
    tap_ok(out[0] < 0, "before the first record nothing is known");
    tap_ok(near(out[1], 100) && near(out[2], 300), "recorded seconds");
    tap_ok(near(out[3], 50) && near(out[5], 50),
           "where nothing happened, what was found after it had been so all the time");
    tap_ok(near(out[6], 50) && near(out[7], 50), "up to our own samples");
    tap_ok(near(out[8], 90), "the highest of a step shows");
    tap_ok(near(out[9], 80), "the newest is last");
    trend_sample(&t, &s, SECOND, SECOND, out, 10);
    tap_ok(out[7] < 0 && near(out[9], 100), "a run that is shorter than the graph");
}

static int by_key(const void *a, const void *b)
{
    const struct order_item *x = a, *y = b;
    if (x->key < y->key || x->key > y->key)
        return x->key > y->key ? -1 : 1;
    return x->row < y->row ? -1 : 1;
}

static void test_order(void)
{
    static const size_t sizes[] = { 0, 1, 2, 17, 1000, 5000 };
    bool right = true, ranks = true, windows = true;
    srandom(1);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
        for (size_t want = 0; want <= sizes[k]; want += sizes[k] / 7 + 1) {
            struct order o = { .n = 0 };
            size_t n = sizes[k];
            struct order_item *sorted = calloc(n + 1, sizeof *sorted);
            order_reserve(&o, n);
            for (uint32_t i = 0; i < n; i++)
                sorted[i] = o.items[i] =
                    (struct order_item){ .key = (double)(random() % 50), .row = i };
            qsort(sorted, n, sizeof *sorted, by_key);
            if (n)
                ranks = ranks && order_rank(&o, sorted[n / 2].row) == n / 2;
            order_first(&o, want);
            for (size_t i = 0; i < want; i++)
                right = right && o.items[i].row == sorted[i].row;
            for (size_t from = n; from-- > 0;) /* from the end, row by row and more */
                for (size_t to = from + 1; to <= from + 30 && n <= 1000; to += 29) {
                    order_window(&o, from, to);
                    for (size_t i = from; i < to && i < n; i++)
                        windows = windows && o.items[i].row == sorted[i].row;
                }
            order_window(&o, want, n);
            for (size_t i = want; i < n; i++)
                windows = windows && o.items[i].row == sorted[i].row;
            free(sorted);
            order_fini(&o);
        }
    tap_ok(right, "the first rows are those of a whole sort");
    tap_ok(windows, "and those of any window");
    tap_ok(ranks, "a row's rank is its place in a whole sort");
}

int main(void)
{
    test_rates();
    test_periods();
    test_table();
    test_trend();
    test_order();
    return tap_done();
}
