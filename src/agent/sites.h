/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters of each site, in chunks of 64 sites for each thread, and what each
 * site held when the heap was at its peak, kept at O(1) an event: the epoch
 * counts the heap's descents from a maximum, and the first update of a site in
 * a new epoch saves what the site held until then.
 *
 * Only the owning thread writes its chunks, so nothing here is atomic; the
 * shared row is the exception (t->shared).
 */
#ifndef MEMTOP_AGENT_SITES_H
#define MEMTOP_AGENT_SITES_H

#include <stdint.h>

#include "agent/owned.h"
#include "agent/store.h"
#include "agent/thread.h"

/* Commit the chunk of `site` for t; NULL without memory. The slow path of
 * sites_counters. */
struct seg_site_counters *sites_grow(struct thread *t, uint32_t site);

/* The counters of `site` by thread t, if there are some; else NULL. */
static inline struct seg_site_counters *sites_known(const struct thread *t, uint32_t site)
{
    uint32_t chunk = site / SEG_CHUNK_SITES;
    uint32_t page = chunk / (4096 / sizeof(uint32_t));
    if (__builtin_expect(t->site_dir_pages >> page & 1, 1)) {
        uint32_t number = __atomic_load_n(&t->site_dir[chunk], __ATOMIC_RELAXED);
        if (__builtin_expect(number != 0, 1))
            return &store.chunks[(size_t)(number - 1) * SEG_CHUNK_SITES +
                                 site % SEG_CHUNK_SITES];
    }
    return NULL;
}

/* The counters of `site` by thread t; NULL without memory. */
static inline struct seg_site_counters *sites_counters(struct thread *t, uint32_t site)
{
    struct seg_site_counters *known = sites_known(t, site);
    return __builtin_expect(known != NULL, 1) ? known : sites_grow(t, site);
}

/* The same; those of site 0, which *site is then, where there is no memory for more. */
struct seg_site_counters *sites_counters_or_0(struct thread *t, uint32_t *site);

/* In the shared row whoever comes first keeps them. */
static inline __attribute__((always_inline)) void
sites_keep_peak(struct seg_site_counters *c, bool shared, uint32_t epoch)
{
    if (shared) {
        uint32_t was = __atomic_exchange_n(&c->epoch, epoch, __ATOMIC_RELAXED);
        if (was != epoch) {
            uint64_t bytes = owned_read(&c->bytes_allocated) - owned_read(&c->bytes_freed);
            uint64_t blocks = owned_read(&c->allocations) - owned_read(&c->frees);
            __atomic_store_n(&c->bytes_at_peak, (int64_t)bytes, __ATOMIC_RELAXED);
            __atomic_store_n(&c->blocks_at_peak, (int32_t)blocks, __ATOMIC_RELAXED);
        }
    } else if (__builtin_expect(c->epoch != epoch, 0)) {
        c->bytes_at_peak = (int64_t)(c->bytes_allocated - c->bytes_freed);
        c->blocks_at_peak = (int32_t)(c->allocations - c->frees);
        c->epoch = epoch;
        __atomic_signal_fence(__ATOMIC_SEQ_CST); /* who comes by here shares nothing */
    }
}

/* Add a site's live bytes and blocks in the rows [first, end), for the history. */
void sites_add_live(uint32_t site, uint32_t first, uint32_t end, int64_t *bytes,
                    int64_t *blocks);

#endif
