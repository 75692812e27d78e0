/* SPDX-License-Identifier: Apache-2.0 */
/* Which call sites match, while stacks and names arrive; and the next one of those in an
 * order. */
#include "tests/tap.h"

#include <stdlib.h>

#include "tui/model/site_match.h"
#include "tui/view/order.h"

#define NODES 1000000

static union {
    struct symbol symbol;
    char room[sizeof(struct symbol) + 2 * sizeof(struct symbol_frame)];
} inlined, plain;
static const struct symbol *names[8]; /* of the first nodes; the others have the plain one */

/* In place of the real look-up. */
const struct symbol *symbols_lookup(struct symbols *sy, const struct snapshot *s, uint32_t node)
{
    (void)sy, (void)s;
    return node < 8 ? names[node] : &plain.symbol;
}

static struct symbols *const some = (struct symbols *)&names; /* nobody looks into it */

static struct node_row *nodes;
static struct site_row sites[8];
static struct module_row modules[] = { { .start = 0 }, { .path = "/usr/lib/libparts.so.1" } };

/* 1 is below the root; 2 and 3 are below 1, 4 below 2; and all others below 3. A site for
 * each of the first nodes, and site 0 without a stack. */
static void fill(struct snapshot *s, size_t n_nodes)
{
    for (uint32_t i = 1; i < n_nodes; i++)
        nodes[i] = (struct node_row){ .parent = i < 2 ? 0 : i < 4 ? 1 : i == 4 ? 2 : 3 };
    nodes[3].module = 1;
    for (uint32_t i = 0; i < 8; i++)
        sites[i] = (struct site_row){ .id = i, .node = i, .allocations = 1 };
    *s = (struct snapshot){ .nodes = nodes, .n_nodes = n_nodes, .sites = sites, .n_sites = 5,
                            .modules = modules, .n_modules = 2, .cached_reader = 1 };
    for (int i = 0; i < 8; i++)
        names[i] = NULL;
}

static uint64_t later_ns = 1;

/* All that is to be done now. Returns in how many steps. */
static int settle(struct site_match *m, const struct pattern *p, const struct snapshot *s,
                  unsigned version)
{
    int steps = 0;
    later_ns = UINT64_MAX - 1; /* whatever waits for its time */
    for (; site_match_due(m, s, some, version) <= later_ns; steps++)
        site_match_step(m, p, s, some, version, later_ns);
    return steps;
}

/* "134": the sites that match. */
static const char *matching(const struct site_match *m, const struct snapshot *s)
{
    static char out[16];
    size_t n = 0;
    for (uint32_t i = 0; i < s->n_sites; i++)
        if (site_match_has(m, s, i))
            out[n++] = (char)('0' + i);
    out[n] = '\0';
    return out;
}

static void test_names(void)
{
    struct snapshot s;
    struct site_match m = { .n = 0 };
    struct pattern p;
    fill(&s, 5);
    pattern_init(&p, "grow");
    tap_ok(!site_match_complete(&m) && site_match_due(&m, &s, some, 1) == 0,
           "there is something to do");
    settle(&m, &p, &s, 1);
    tap_is_str(matching(&m, &s), "", "without names nothing matches");
    tap_ok(!site_match_complete(&m) && m.unnamed == 4, "and four are missing");
    names[2] = &inlined.symbol;
    tap_ok(site_match_due(&m, &s, some, 1) == UINT64_MAX, "nothing is done until they come");
    unsigned version = m.version;
    settle(&m, &p, &s, 2);
    tap_is_str(matching(&m, &s), "24", "the frame's site, and the one that it calls");
    tap_ok(m.version != version && m.unnamed == 3, "a new answer");
    version = m.version;
    settle(&m, &p, &s, 3);
    tap_ok(m.version == version, "other names that change nothing leave it");
    names[1] = names[3] = names[4] = &plain.symbol;
    settle(&m, &p, &s, 4);
    tap_ok(site_match_complete(&m), "all is known");
    names[4] = &inlined.symbol;
    names[2] = &plain.symbol;
    settle(&m, &p, &s, 5);
    tap_is_str(matching(&m, &s), "4", "better names");
    s.cached_reader = 2;
    names[4] = &plain.symbol;
    settle(&m, &p, &s, 5);
    tap_is_str(matching(&m, &s), "", "another program's");
    site_match_fini(&m);
    pattern_fini(&p);
}

static void test_new_stacks(void)
{
    struct snapshot s;
    struct site_match m = { .n = 0 };
    struct pattern p;
    fill(&s, 3);
    names[1] = &plain.symbol, names[2] = &inlined.symbol;
    pattern_init(&p, "file:table.c");
    settle(&m, &p, &s, 1);
    tap_is_str(matching(&m, &s), "2", "by the file of an inlined frame");
    s.n_nodes = 5;
    tap_ok(site_match_due(&m, &s, some, 1) == 0, "new stacks are looked at");
    settle(&m, &p, &s, 1);
    tap_is_str(matching(&m, &s), "24", "and have what is above them");
    site_match_forget(&m);
    pattern_fini(&p);
    pattern_init(&p, "module:libparts");
    settle(&m, &p, &s, 1);
    tap_is_str(matching(&m, &s), "3", "by the module, which needs no name");
    site_match_fini(&m);
    pattern_fini(&p);
}

static void test_slices(void)
{
    struct snapshot s;
    struct site_match m = { .n = 0 };
    struct pattern p;
    fill(&s, NODES);
    for (int i = 0; i < 8; i++)
        names[i] = &plain.symbol;
    sites[4].node = NODES - 1;
    pattern_init(&p, "/(keep|main).*(x|y)$|^b.*e?ep$/");
    int steps = settle(&m, &p, &s, 1);
    tap_ok(steps > 1 && site_match_complete(&m), "a million stacks take more than a step");
    tap_is_str(matching(&m, &s), "1234", "and are all matched");
    site_match_fini(&m);
    pattern_fini(&p);
}

/* ---- the next one ---------------------------------------------------------------- */

static bool is_even(const void *data, uint32_t row)
{
    (void)data;
    return row % 2 == 0;
}

static bool is_far(const void *data, uint32_t row)
{
    return row >= *(const uint32_t *)data;
}

static void test_order(void)
{
    struct order o = { .n = 0 };
    bool wrapped;
    uint32_t above = 999;
    order_reserve(&o, 1000);
    for (uint32_t i = 0; i < 1000; i++) /* rows 0, 7, 14 ... come first */
        o.items[i] = (struct order_item){ .key = -(double)(i * 143 % 1000), .row = i };
    size_t at = order_find(&o, 0, true, is_even, NULL, &wrapped);
    order_window(&o, 0, 10);
    tap_ok(at == 2 && !wrapped && o.items[2].row == 14, "the next in the order, not by row");
    at = order_find(&o, 0, false, is_even, NULL, &wrapped);
    tap_ok(at == 998 && wrapped, "before the first: from the end");
    at = order_find(&o, 998, false, is_even, NULL, &wrapped);
    tap_ok(at == 996 && !wrapped, "and back");
    at = order_find(&o, 998, true, is_even, NULL, &wrapped);
    tap_ok(at == 0 && wrapped, "behind the last: from the start");
    at = order_find(&o, 5, true, is_far, &above, &wrapped);
    size_t only = order_find(&o, at, true, is_far, &above, &wrapped);
    tap_ok(only == at && wrapped && at == order_rank(&o, 999), "one alone is its own next");
    above = 1000;
    tap_ok(order_find(&o, 5, true, is_far, &above, &wrapped) == o.n && !wrapped, "none");
    order_fini(&o);
}

int main(void)
{
    nodes = calloc(NODES, sizeof *nodes);
    inlined.symbol = (struct symbol){ .module = "program", .n = 2 };
    inlined.symbol.frames[0] = (struct symbol_frame){ .function = "Table::grow", .inlined = true,
                                                      .file = "/src/table.cc" };
    inlined.symbol.frames[1] = (struct symbol_frame){ .function = "insert" };
    plain.symbol = (struct symbol){ .module = "program", .n = 1 };
    plain.symbol.frames[0] = (struct symbol_frame){ .function = "bookkeep" };
    test_names();
    test_new_stacks();
    test_slices();
    test_order();
    free(nodes);
    return tap_done();
}
