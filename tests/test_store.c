/* SPDX-License-Identifier: Apache-2.0 */
/* The store at its cap: commits fail, nothing is touched, and it is told. */
#include "agent/store.h"

#include <stdlib.h>

#include "agent/tracker.h"
#include "tests/tap.h"

#define CAP (UINT64_C(4) << 20)

static bool capped(void)
{
    return store.header->flags & SEG_FLAG_MEMORY_CAP;
}

/* Append until it fails; returns how many there are. */
static uint64_t exhaust(enum seg_section_id id)
{
    while (store_append(id) != UINT64_MAX)
        ;
    return store.header->sections[id].count;
}

int main(void)
{
    setenv("MEMTOP_MEMORY", "4M", 1);
    tracker_init("/lib/libc.so.6", true, false);
    struct seg_header *h = store.header;
    if (!h)
        return tap_ok(false, "there is a segment"), tap_done();
    tap_ok(h->memory_cap <= CAP && h->memory_used < CAP / 2, "it starts below its cap");

    uint64_t nodes = exhaust(SEG_NODES);
    tap_ok(nodes * sizeof(struct seg_node) <= CAP / 2 &&
               nodes * sizeof(struct seg_node) > CAP / 4,
           "stacks take half of it: %llu nodes", (unsigned long long)nodes);
    tap_ok(capped(), "and that is told");
    tap_is_u64(h->sections[SEG_NODES].committed / sizeof(struct seg_node), nodes,
               "all that is handed out is committed");

    h->flags &= ~(uint32_t)SEG_FLAG_MEMORY_CAP;
    char *blocks = (char *)store.blocks;
    uint64_t steps = 0;
    while (store_commit(blocks + steps * STORE_STEP, STORE_STEP))
        steps++;
    tap_ok(steps > 4 && h->memory_used <= h->memory_cap, "blocks get the rest");
    tap_ok(h->memory_used + STORE_STEP > h->memory_cap, "all of it");
    tap_ok(capped(), "and that is told, too");
    uint64_t used = h->memory_used;
    tap_ok(!store_commit(blocks + steps * STORE_STEP, STORE_STEP), "there is no more");
    tap_is_u64(h->memory_used, used, "a failure counts for nothing");
    store_refund(STORE_STEP);
    tap_ok(store_commit(blocks + steps * STORE_STEP, STORE_STEP),
           "what was given back may be had again");
    tracker_goodbye(0);
    return tap_done();
}
