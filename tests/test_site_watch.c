/* SPDX-License-Identifier: Apache-2.0 */
/* Which call sites are watched, and from when on. */
#include "tests/tap.h"

#include <stdlib.h>

#include "tui/model/site_watch.h"

#define SECOND UINT64_C(1000000000)
#define SITES  3000u

static struct site_row rows[SITES];
static struct second_row seconds[40];

static void begin(struct snapshot *s, size_t n)
{
    *s = (struct snapshot){ .sites = rows, .n_sites = n };
    for (uint32_t i = 0; i < SITES; i++)
        rows[i] = (struct site_row){ .id = i, .allocations = 1, .bytes_allocated = 1000 + i,
                                     .live_bytes = 1000 + i };
}

static enum verdict_label label(const struct site_watch *w, uint32_t site)
{
    const struct verdict *v = site_watch_verdict(w, site);
    return v ? v->label : VERDICT_NONE;
}

static void test_all(void)
{
    struct site_watch w = { .n = 0 };
    struct snapshot s;
    begin(&s, 100);
    rows[7].allocations = rows[7].bytes_allocated = 0;
    for (int i = 0; i < 40; i++) {
        s.target.wall_ns += SECOND;
        rows[3].live_bytes += 500;
        rows[4].allocations += 100;
        rows[4].bytes_allocated += 100000;
        site_watch_add(&w, &s);
    }
    tap_ok(w.n == 99 && !site_watch_verdict(&w, 7), "all that have allocated are watched");
    tap_ok(label(&w, 3) == VERDICT_GROWING, "one grows");
    tap_ok(label(&w, 4) == VERDICT_CHURNING, "one churns");
    tap_ok(label(&w, 5) == VERDICT_STEADY, "the others are steady");
    tap_ok(!site_watch_verdict(&w, 100) && !site_watch_series(&w, UINT32_MAX),
           "nobody else is known");
    s.n_sites = 50;
    s.target.wall_ns += SECOND;
    site_watch_add(&w, &s);
    tap_ok(w.n == 0, "fewer sites are another program's");
    site_watch_fini(&w);
}

static void test_most(void)
{
    struct site_watch w = { .n = 0 };
    struct snapshot s;
    bool bounded = true;
    begin(&s, SITES);
    for (int i = 0; i < 30; i++) {
        s.target.wall_ns += SECOND;
        if (i == 10) /* a small one comes up, and one of the largest goes */
            rows[1].live_bytes = 1 << 20, rows[SITES - 1].live_bytes = 0;
        rows[1].live_bytes += i * 100;
        rows[2].allocations += 1000; /* small, but busy */
        rows[2].bytes_allocated += 1 << 20;
        site_watch_add(&w, &s);
        bounded = bounded && w.n <= SITE_WATCH_MOST;
    }
    tap_ok(bounded && w.n == SITE_WATCH_MOST, "no more than %u of %u are watched",
           SITE_WATCH_MOST, SITES);
    tap_ok(site_watch_verdict(&w, 1), "the one that came up is");
    tap_ok(label(&w, 1) == VERDICT_GROWING, "and grows");
    tap_ok(label(&w, 2) == VERDICT_CHURNING, "so is the busy one");
    tap_ok(!site_watch_verdict(&w, SITES - 1), "the one that fell behind is not");
    tap_ok(!site_watch_verdict(&w, 3), "nor is a small one");
    size_t right = 0;
    for (uint32_t i = 0; i < SITES; i++)
        right += site_watch_series(&w, i) != NULL;
    tap_is_u64(right, w.n, "each is found by its number");
    site_watch_fini(&w);
}

/* Half a minute of records from before, in which site 9 comes and goes. */
static void test_records(void)
{
    struct site_watch w = { .n = 0 };
    struct snapshot s;
    begin(&s, 100);
    for (unsigned i = 0; i < 30; i++) {
        struct seg_second_site large = { .site = 8, .live_bytes = 100000 * i };
        struct seg_second_site other = { .site = i % 2 ? 9 : 10, .live_bytes = 5 };
        seconds[i] = (struct second_row){ .second = i + 2, .n_top = 2,
                                          .top = { large, other } };
    }
    s.seconds = seconds, s.n_seconds = 30;
    s.target.wall_ns = 32 * SECOND;
    rows[8].live_bytes = 3000000;
    site_watch_add(&w, &s);
    tap_ok(label(&w, 8) == VERDICT_GROWING, "the target's own records are enough for a verdict");
    tap_is_u64(site_watch_series(&w, 8)->points[0].at_ns, 2 * SECOND, "from the first on");
    tap_is_u64(site_watch_series(&w, 9)->n, 1, "a site that is in half of them begins anew");
    site_watch_add(&w, &s);
    tap_is_u64(site_watch_series(&w, 8)->n, 31, "they are taken once");
    site_watch_fini(&w);
}

int main(void)
{
    test_all();
    test_most();
    test_records();
    return tap_done();
}
