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

#include "agent/store.h"
#include "agent/thread.h"

/* Commit the chunk of `site` for t; NULL without memory. The slow path of
 * sites_counters. */
struct seg_site_counters *sites_grow(struct thread *t, uint32_t site);

/* The counters of `site` by thread t; NULL without memory. */
static inline struct seg_site_counters *sites_counters(struct thread *t, uint32_t site)
{
    uint32_t chunk = site / SEG_CHUNK_SITES;
    uint32_t page = chunk / (4096 / sizeof(uint32_t));
    if (__builtin_expect(t->site_dir_pages >> page & 1, 1)) {
        uint32_t number = __atomic_load_n(&t->site_dir[chunk], __ATOMIC_RELAXED);
        if (__builtin_expect(number != 0, 1))
            return &store.chunks[(size_t)(number - 1) * SEG_CHUNK_SITES +
                                 site % SEG_CHUNK_SITES];
    }
    return sites_grow(t, site);
}

static inline void sites_keep_peak(struct seg_site_counters *c, uint32_t epoch)
{
    if (__builtin_expect(c->epoch != epoch, 0)) {
        c->bytes_at_peak = (int64_t)(c->bytes_allocated - c->bytes_freed);
        c->blocks_at_peak = (int32_t)(c->allocations - c->frees);
        c->epoch = epoch;
    }
}

/* Add a site's live bytes and blocks in the rows [first, end), for the history. */
void sites_add_live(uint32_t site, uint32_t first, uint32_t end, int64_t *bytes,
                    int64_t *blocks);

#endif
