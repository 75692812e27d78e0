/* SPDX-License-Identifier: Apache-2.0 */
/* The timeline: what records say of spans of time. */
#include "tests/tap.h"

#include <math.h>

#include "tui/model/timeline.h"

#define SECOND UINT64_C(1000000000)

/* Records of seconds 2, 3, 4 and 9; now it is 11.5. */
static struct second_row rows[] = {
    { .second = 2, .allocations = 100, .frees = 10, .bytes_allocated = 1000, .live_bytes = 900,
      .live_blocks = 90 },
    { .second = 3, .allocations = 150, .frees = 20, .bytes_allocated = 1700, .live_bytes = 1500,
      .live_blocks = 130 },
    { .second = 4, .allocations = 200, .frees = 30, .bytes_allocated = 2500, .live_bytes = 2200,
      .live_blocks = 170 },
    { .second = 9, .allocations = 260, .frees = 230, .bytes_allocated = 3000, .live_bytes = 300,
      .live_blocks = 30, .tier = SEG_TIER_SAMPLED },
};

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-6 * fabs(b) + 1e-9;
}

static void test_moments(const struct snapshot *s)
{
    struct timeline_moment m = timeline_at(s, 3);
    tap_ok(m.record == &rows[1] && m.live_bytes == 1500 && m.live_blocks == 130 && !m.estimated,
           "a second's own record");
    m = timeline_at(s, 5);
    tap_ok(m.record == &rows[3] && m.live_bytes == 300 && m.estimated,
           "a second without one is as it was found later");
    m = timeline_at(s, 10);
    tap_ok(!m.record && m.live_bytes == 500 && m.allocations == 290, "after the last: the present");
    m = timeline_at(s, 0);
    tap_ok(m.record == &rows[0], "before the first: the first");
    tap_is_u64(timeline_first(s), 2, "from when on");
    struct snapshot none = { .target.wall_ns = 7 * SECOND, .totals.live_bytes = 5 };
    tap_ok(timeline_first(&none) == 7 && timeline_at(&none, 0).live_bytes == 5,
           "without records there is the present alone");
}

static void test_rates(const struct snapshot *s)
{
    double out[14], sum = 0;
    double most = timeline_rates(s, TIMELINE_ALLOCATIONS, 0, 1, out, 14);
    tap_ok(out[1] < 0 && out[12] < 0, "before the records and after the present: unknown");
    tap_ok(near(out[2], 50) && near(out[3], 50), "by the second");
    tap_ok(near(out[4], 60) && near(out[5], 0) && near(out[8], 0),
           "silence follows what happened, it does not dilute it");
    tap_ok(near(out[9], 30) && near(out[11], 0), "up to the present");
    tap_ok(near(most, 60), "the highest");
    for (int i = 2; i < 12; i++)
        sum += out[i];
    tap_ok(near(sum, 190), "the sum is what was counted: %g", sum);
    timeline_rates(s, TIMELINE_BYTES, 0, 4, out, 4);
    tap_ok(near(out[0], 750) && near(out[1], 125),
           "in wider steps, by the part of them that is known: %g, %g", out[0], out[1]);
    timeline_rates(s, TIMELINE_BYTES, 40, 4, out, 2);
    tap_ok(out[0] < 0 && out[1] < 0, "nothing is known of the future");
}

static void test_density(struct snapshot *s)
{
    static uint32_t counts[1000];
    double out[10];
    for (int i = 0; i < 1000; i++)
        counts[i] = i < 500 ? 2 : 4;
    /* 1000 ticks of 2 ms up to 11.5 s: from 9.5 s on. */
    s->density = (struct density){ .tick_ns = 2e6, .last_tick = 100000, .ticks = 1000,
                                   .counts = counts };
    timeline_density(s, 9400000000, 100000000, out, 10);
    tap_ok(out[0] < 0, "before the ring begins");
    tap_ok(near(out[1], 1000) && near(out[9], 1000), "2 in 2 ms: %g a second", out[1]);
    double most = timeline_density(s, 10600000000, 100000000, out, 10);
    tap_ok(near(out[0], 2000) && near(out[8], 2000) && near(most, 2000), "4 in 2 ms: %g", out[0]);
    tap_ok(out[9] < 0, "nothing is known of the future");
    s->density.counts = NULL;
    timeline_density(s, 10600000000, 100000000, out, 1);
    tap_ok(out[0] < 0, "without a ring nothing is known");
}

int main(void)
{
    struct snapshot s = { .seconds = rows, .n_seconds = 4,
                          .target.wall_ns = 23 * SECOND / 2,
                          .totals = { .allocations = 290, .frees = 240, .bytes_allocated = 3400,
                                      .live_bytes = 500, .live_blocks = 50 } };
    test_moments(&s);
    test_rates(&s);
    test_density(&s);
    return tap_done();
}
