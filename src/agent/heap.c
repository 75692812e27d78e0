/* SPDX-License-Identifier: Apache-2.0 */
/* The slow half of heap.h: batches of many threads. Inside malloc. */
#include "agent/heap.h"

/* Take n from *room. Whatever is then missing raises *peak: true. Their difference
 * comes out right whoever else is at it. */
static bool take(int64_t *room, int64_t *peak, int64_t n)
{
    int64_t left = __atomic_sub_fetch(room, n, __ATOMIC_ACQ_REL);
    while (left < 0)
        if (__atomic_compare_exchange_n(room, &left, 0, true, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED)) {
            __atomic_sub_fetch(peak, left, __ATOMIC_ACQ_REL);
            return true;
        }
    return false;
}

void heap_take(int64_t bytes, int64_t blocks, uint64_t ticks)
{
    struct seg_globals *g = store.globals;
    take(&g->room_blocks, &g->peak_blocks, blocks);
    if (take(&g->room_bytes, &g->peak_bytes, bytes)) {
        __atomic_store_n(&g->peak_ticks, ticks, __ATOMIC_RELAXED);
        __atomic_store_n(&g->at_peak, 1, __ATOMIC_RELEASE);
    }
}

void heap_flush(struct thread *t, uint64_t ticks)
{
    /* The shared row's pending figures have several writers. */
    int64_t bytes = __atomic_exchange_n(&t->page->pending_bytes, 0, __ATOMIC_RELAXED);
    int64_t blocks = __atomic_exchange_n(&t->page->pending_blocks, 0, __ATOMIC_RELAXED);
    if (bytes == 0 && blocks == 0)
        return;
    __atomic_or_fetch(&store.header->flags, SEG_FLAG_THREADED, __ATOMIC_RELAXED);
    uint64_t slack = (uint64_t)(threads_rows() - 1) * SEG_BATCH_BYTES;
    __atomic_store_n(&store.header->peak_slack, slack, __ATOMIC_RELAXED);
    heap_take(bytes, blocks, ticks);
}
