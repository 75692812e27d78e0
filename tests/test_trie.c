/* SPDX-License-Identifier: Apache-2.0 */
/* The trie: same stack, same node; runs; races; growth over many tables; retired code. */
#include "agent/trie.h"

#include <pthread.h>
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

/* ---- runs ----------------------------------------------------------------------- */

/* pcs[0..6) begin with the leaf. */
static void in_runs(void)
{
    uint32_t path[6], other[6], next = (uint32_t)store.header->sections[SEG_NODES].count;
    uint64_t pcs[6] = { 6, 5, 4, 3, 2, 1 };
    bool in_a_row = trie_find(0, pcs, 6, path);
    for (uint32_t i = 0; i < 6; i++)
        in_a_row = in_a_row && path[i] == next + i;
    tap_ok(in_a_row, "a new stack's nodes are made one after the other");
    uint64_t branch[6] = { 60, 50, 4, 3, 2, 1 };
    trie_find(0, branch, 6, other);
    tap_ok(other[3] == path[3] && other[4] == next + 6 && other[5] == next + 7,
           "another one goes along with them while it is the same");
    uint64_t on[3] = { 7, 6, 50 };
    trie_find(path[3], on, 3, other);
    tap_ok(other[0] == next + 6 && other[1] == next + 8 && other[2] == next + 9,
           "and a third one goes its own way from there");
    trie_retire(3, 4, 1);
    trie_find(0, pcs, 6, other);
    tap_ok(other[1] == path[1] && other[2] == next + 10 && other[5] == next + 13,
           "what follows on code that was unloaded is made anew");
    while (trie_retire_some())
        ;
    trie_find(0, pcs, 6, path);
    tap_ok(path[5] == other[5], "once");
}

/* ---- threads that meet the same stacks at once ----------------------------------- */

enum { RACERS = 3, LAPS = 600 };

static pthread_barrier_t start;
static uint32_t leaves[RACERS][LAPS];

static void *race(void *row)
{
    uint32_t *mine = row, path[DEPTH];
    struct thread *t = tracker_enter();
    for (uint64_t lap = 0; lap < LAPS; lap++) {
        uint64_t pcs[DEPTH];
        for (unsigned d = 0; d < DEPTH; d++)
            pcs[DEPTH - 1 - d] = 0x800000 + (d < lap % DEPTH ? 0 : lap << 8) + d;
        pthread_barrier_wait(&start);
        mine[lap] = trie_find(0, pcs, DEPTH, path) && spells(path[DEPTH - 1], pcs)
                        ? path[DEPTH - 1] : 0;
    }
    tracker_leave(t);
    return NULL;
}

static void side_by_side(void)
{
    pthread_t ids[RACERS];
    unsigned wrong = 0;
    pthread_barrier_init(&start, NULL, RACERS);
    for (unsigned i = 0; i < RACERS; i++)
        pthread_create(&ids[i], NULL, race, leaves[i]);
    for (unsigned i = 0; i < RACERS; i++)
        pthread_join(ids[i], NULL);
    for (unsigned lap = 0; lap < LAPS; lap++)
        wrong += leaves[0][lap] == 0 || leaves[1][lap] != leaves[0][lap] ||
                 leaves[2][lap] != leaves[0][lap];
    tap_is_u64(wrong, 0, "threads that meet a new stack at once find the same nodes");
}

int main(void)
{
    tracker_init("/lib/libc.so.6", true, false);
    struct thread *t = tracker_enter();
    in_runs();
    side_by_side();
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
