/* SPDX-License-Identifier: Apache-2.0 */
/* The slow half of heap.h: batches of many threads. Inside malloc. */
#include "agent/heap.h"

static void raise_to(int64_t *highest, int64_t value)
{
    int64_t seen = __atomic_load_n(highest, __ATOMIC_RELAXED);
    while (value > seen && !__atomic_compare_exchange_n(highest, &seen, value, true,
                                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

void heap_flush(struct thread *t, uint64_t ticks)
{
    struct seg_globals *g = store.globals;
    /* The shared row's pending figures have several writers. */
    int64_t bytes = __atomic_exchange_n(&t->page->pending_bytes, 0, __ATOMIC_RELAXED);
    int64_t blocks = __atomic_exchange_n(&t->page->pending_blocks, 0, __ATOMIC_RELAXED);
    if (bytes == 0 && blocks == 0)
        return;
    __atomic_or_fetch(&store.header->flags, SEG_FLAG_THREADED, __ATOMIC_RELAXED);
    store.header->peak_slack = (uint64_t)(threads_rows() - 1) * SEG_BATCH_BYTES;
    int64_t live = __atomic_add_fetch(&g->live_bytes, bytes, __ATOMIC_ACQ_REL);
    raise_to(&g->peak_blocks, __atomic_add_fetch(&g->live_blocks, blocks, __ATOMIC_ACQ_REL));
    if (live > __atomic_load_n(&g->peak_bytes, __ATOMIC_RELAXED)) {
        raise_to(&g->peak_bytes, live);
        g->peak_ticks = ticks;
        __atomic_store_n(&g->at_peak, 1, __ATOMIC_RELEASE);
    }
}
