/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots by themselves: life, names, the order of sites, stacks. */
#include <stdlib.h>

#include "tap.h"
#include "tui/model/snapshot.h"

static void test_order(void)
{
    struct snapshot s;
    uint32_t order[6];
    snapshot_init(&s);
    s.n_sites = 6;
    s.sites = calloc(s.n_sites, sizeof *s.sites);
    for (uint32_t i = 0; i < s.n_sites; i++)
        s.sites[i].id = i;
    s.sites[1] = (struct site_row){ .id = 1, .allocations = 1, .live_bytes = 10 };
    s.sites[2] = (struct site_row){ .id = 2, .allocations = 1, .live_bytes = 30 };
    s.sites[4] = (struct site_row){ .id = 4, .allocations = 1, .live_bytes = 10,
                                    .bytes_allocated = 99 };
    s.sites[5] = (struct site_row){ .id = 5, .allocations = 1, .live_bytes = -4 };
    tap_is_u64(snapshot_sites_by_live(&s, order), 4, "four sites have allocated");
    tap_ok(order[0] == 2 && order[1] == 4 && order[2] == 1 && order[3] == 5,
           "by live bytes, then by bytes allocated");
    tap_ok(order[4] == 0 && order[5] == 3, "those that never did come last, by id");
    snapshot_fini(&s);
    tap_ok(s.sites == NULL && s.n_sites == 0, "after its end it is empty");
    tap_is_u64(snapshot_sites_by_live(&s, order), 0, "an empty one has no order");
}

/* Against the definition, with many equal keys. */
static void test_order_of_many(void)
{
    enum { N = 5000 };
    struct snapshot s;
    static uint32_t order[N];
    snapshot_init(&s);
    s.n_sites = N;
    s.sites = calloc(N, sizeof *s.sites);
    srand(7);
    for (uint32_t i = 0; i < N; i++)
        s.sites[i] = (struct site_row){
            .id = i,
            .allocations = 1,
            .live_bytes = (int64_t)(rand() % 40 - 20) * 123456789,
            .bytes_allocated = (uint64_t)(rand() % 9) << 40,
        };
    snapshot_sites_by_live(&s, order);
    bool sorted = true;
    for (uint32_t i = 1; i < N; i++) {
        const struct site_row *x = &s.sites[order[i - 1]], *y = &s.sites[order[i]];
        sorted = sorted && (x->live_bytes != y->live_bytes ? x->live_bytes > y->live_bytes
                            : x->bytes_allocated != y->bytes_allocated
                                ? x->bytes_allocated > y->bytes_allocated
                                : x->id < y->id);
    }
    tap_ok(sorted, "%d sites are in order, equal ones by id", N);
    snapshot_fini(&s);
}

static void test_stack(void)
{
    struct snapshot s;
    uint32_t nodes[SEG_DEPTH_MAX];
    snapshot_init(&s);
    s.n_nodes = 1000;
    s.nodes = calloc(s.n_nodes, sizeof *s.nodes);
    for (uint32_t i = 1; i < s.n_nodes; i++)
        s.nodes[i].parent = i - 1;
    s.n_sites = 3;
    s.sites = calloc(s.n_sites, sizeof *s.sites);
    s.sites[1].node = 3;
    s.sites[2].node = 999;
    tap_is_u64(snapshot_stack(&s, 0, nodes), 0, "the unattributed site has no stack");
    tap_is_u64(snapshot_stack(&s, 1, nodes), 3, "a stack ends before the root");
    tap_ok(nodes[0] == 3 && nodes[1] == 2 && nodes[2] == 1, "leaf first");
    tap_is_u64(snapshot_stack(&s, 2, nodes), SEG_DEPTH_MAX, "a deep one is cut");
    tap_is_u64(snapshot_stack(&s, 3, nodes), 0, "a site that is not there has none");
    snapshot_fini(&s);
}

int main(void)
{
    tap_is_str(snapshot_function_name(SEG_FN_MALLOC), "malloc", "malloc is malloc");
    tap_is_str(snapshot_function_name(SEG_FN_DELETE), "operator delete", "the last has a name");
    tap_is_str(snapshot_function_name(SEG_FN_COUNT), "?", "beyond it there is none");
    test_order();
    test_order_of_many();
    test_stack();
    return tap_done();
}
