/* SPDX-License-Identifier: Apache-2.0 */
/* The trie: same stack, same node; growth over many tables; retired code. */
#include "agent/trie.h"

#include <stdlib.h>

#include "agent/store.h"
#include "agent/thread.h"
#include "agent/tracker.h"
#include "tests/tap.h"

#define STACKS 200000
#define DEPTH 12

static uint32_t nodes[STACKS];

/* Stack number i: frames shared near the root, distinct near the leaf. */
static void stack(unsigned i, uint64_t pcs[DEPTH])
{
    for (unsigned d = 0; d < DEPTH; d++)
        pcs[DEPTH - 1 - d] = 0x400000 + (i >> (DEPTH - 1 - d) * 2) * 0x10 + d;
}

static uint32_t find(const uint64_t pcs[DEPTH])
{
    uint32_t path[DEPTH];
    return trie_find(0, pcs, DEPTH, path) ? path[DEPTH - 1] : 0;
}

static bool spells(uint32_t node, const uint64_t pcs[DEPTH])
{
    for (unsigned d = 0; d < DEPTH; d++) {
        if (node == 0 || store.nodes[node].pc != pcs[d] ||
            store.nodes[node].depth != DEPTH - d || store.nodes[node].parent >= node)
            return false;
        node = store.nodes[node].parent;
    }
    return node == 0;
}

int main(void)
{
    tracker_init("/lib/libc.so.6", true, false);
    struct thread *t = tracker_enter();
    unsigned wrong = 0, moved = 0;
    uint64_t pcs[DEPTH];
    for (unsigned i = 0; i < STACKS; i++) {
        stack(i, pcs);
        nodes[i] = find(pcs);
        wrong += !spells(nodes[i], pcs);
    }
    tap_is_u64(wrong, 0, "each node spells its stack");
    uint64_t n = store.header->sections[SEG_NODES].count;
    for (unsigned i = 0; i < STACKS; i++) {
        stack(i, pcs);
        moved += find(pcs) != nodes[i];
    }
    tap_is_u64(moved, 0, "a stack keeps its node while the index grows");
    tap_is_u64(store.header->sections[SEG_NODES].count, n, "and none is made twice");

    uint32_t site = trie_site(nodes[5], SEG_SITE_CUT);
    tap_ok(site != 0 && trie_site(nodes[5], 0) == site, "a node has one site");
    tap_ok(trie_site(nodes[6], 0) != site, "another node has another");
    tap_ok(store.sites[site].node == nodes[5] && store.sites[site].flags == SEG_SITE_CUT,
           "which knows its node");

    stack(7, pcs);
    trie_retire(pcs[0], pcs[0] + 1, 1);
    tap_ok(!(store.nodes[nodes[7]].pc & SEG_PC_UNLOADED), "nodes are not marked at once");
    uint32_t again = find(pcs);
    tap_ok(again != nodes[7] && spells(again, pcs), "code that was unloaded is not met again");
    unsigned slices = 1;
    while (trie_retire_some())
        slices++;
    tap_ok(slices > n / 4096 && slices < n / 1024, "they are marked in slices: %u", slices);
    tap_ok(store.nodes[nodes[7]].pc & SEG_PC_UNLOADED, "in the end all are");
    tap_ok(find(pcs) == again && !(store.nodes[again].pc & SEG_PC_UNLOADED),
           "but those that were made since");
    tracker_leave(t);
    tracker_goodbye(0);
    return tap_done();
}
