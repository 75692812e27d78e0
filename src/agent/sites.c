/* SPDX-License-Identifier: Apache-2.0 */
/* Growth and sums of the per-thread site counters. Runs inside malloc. */
#include "agent/sites.h"

#define DIR_PAGE_BYTES 4096u
#define DIR_PAGE_ENTRIES (DIR_PAGE_BYTES / sizeof(uint32_t))

struct seg_site_counters *sites_grow(struct thread *t, uint32_t site)
{
    uint32_t chunk = site / SEG_CHUNK_SITES;
    uint32_t page = chunk / DIR_PAGE_ENTRIES;
    if (!(t->site_dir_pages >> page & 1)) {
        uint32_t *first = t->site_dir + (size_t)page * DIR_PAGE_ENTRIES;
        if (!store_commit((void *)((uintptr_t)first & ~(uintptr_t)(DIR_PAGE_BYTES - 1)),
                          DIR_PAGE_BYTES))
            return NULL;
        __atomic_or_fetch(&t->site_dir_pages, UINT64_C(1) << page, __ATOMIC_RELEASE);
    }
    uint32_t number = __atomic_load_n(&t->site_dir[chunk], __ATOMIC_ACQUIRE);
    if (number == 0) {
        uint64_t fresh = store_append(SEG_SITE_CHUNKS);
        if (fresh == UINT64_MAX)
            return NULL;
        /* Only the shared row can lose this race; its chunk stays unused. */
        if (__atomic_compare_exchange_n(&t->site_dir[chunk], &number, (uint32_t)fresh + 1,
                                        false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            number = (uint32_t)fresh + 1;
    }
    return &store.chunks[(size_t)(number - 1) * SEG_CHUNK_SITES + site % SEG_CHUNK_SITES];
}

struct seg_site_counters *sites_counters_or_0(struct thread *t, uint32_t *site)
{
    struct seg_site_counters *c = sites_counters(t, *site);
    if (!c && *site != 0) {
        *site = 0;
        c = sites_counters(t, 0);
    }
    return c;
}

void sites_add_live(uint32_t site, uint32_t first, uint32_t end, int64_t *bytes,
                    int64_t *blocks)
{
    uint32_t chunk = site / SEG_CHUNK_SITES;
    for (uint32_t row = first; row < end; row++) {
        const struct thread *t = threads_state(row);
        if (!(__atomic_load_n(&t->site_dir_pages, __ATOMIC_ACQUIRE) >>
              chunk / DIR_PAGE_ENTRIES & 1))
            continue;
        uint32_t number = __atomic_load_n(&threads_site_dir(row)[chunk], __ATOMIC_ACQUIRE);
        if (number == 0)
            continue;
        const struct seg_site_counters *c =
            &store.chunks[(size_t)(number - 1) * SEG_CHUNK_SITES + site % SEG_CHUNK_SITES];
        *bytes += (int64_t)(owned_read(&c->bytes_allocated) - owned_read(&c->bytes_freed));
        *blocks += (int64_t)(owned_read(&c->allocations) - owned_read(&c->frees));
    }
}
