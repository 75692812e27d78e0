/* SPDX-License-Identifier: Apache-2.0 */
/* Counting of passed and sampled blocks; see sampling.h. */
#include "agent/sampling.h"

#include "agent/blocks.h"
#include "agent/clock.h"
#include "agent/heap.h"
#include "agent/history.h"
#include "agent/owned.h"
#include "agent/sites.h"
#include "agent/store.h"

/* Row 1 has no distance of its own, because several threads would draw on it: a
 * point is drawn for each of its blocks. */
static struct sampler passing_sampler(const void *p, uint64_t ticks)
{
    struct sampler s;
    sampler_seed(&s, __atomic_load_n(&tier.sample, __ATOMIC_RELAXED),
                 ticks ^ (uint64_t)(uintptr_t)p << 8);
    return s;
}

bool sampling_count(struct thread *t, bool shared, uint64_t size, const void *p,
                    uint64_t ticks)
{
    struct seg_passed *passed = &t->page->passed[seg_size_class(size)];
    owned_add(shared, &passed->allocations, 1);
    owned_add(shared, &passed->bytes, size);
    owned_add(shared, &t->page->density_count, 1);
    __atomic_store_n(&t->page->last_ticks, ticks, __ATOMIC_RELAXED);
    if (!shared)
        return sampler_meets(&t->sampler, size);
    struct sampler s = passing_sampler(p, ticks);
    return sampler_meets(&s, size);
}

/* ---- a sample ------------------------------------------------------------------ */

/* Uncertain beyond this is uncertain enough. */
static void add_capped(uint64_t *sum, uint64_t n)
{
    uint64_t seen = __atomic_load_n(sum, __ATOMIC_RELAXED), next;
    do
        next = seen + n < seen ? UINT64_MAX : seen + n;
    while (!__atomic_compare_exchange_n(sum, &seen, next, true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED));
}

static void add_error(const struct seg_sample *s)
{
    struct seg_section *section = &store.header->sections[SEG_SITE_ERRORS];
    uint64_t count = __atomic_load_n(&section->count, __ATOMIC_RELAXED);
    if (!store_reach(SEG_SITE_ERRORS, (s->site + UINT64_C(1)) * section->element))
        return;
    while (count <= s->site &&
           !__atomic_compare_exchange_n(&section->count, &count, s->site + UINT64_C(1), true,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
    struct seg_site_error *e = &store.site_errors[s->site];
    unsigned __int128 bytes = s->bytes > s->size
                                  ? (unsigned __int128)s->bytes * (s->bytes - s->size) : 0;
    add_capped(&e->samples, 1);
    add_capped(&e->blocks_variance, (uint64_t)s->blocks * (s->blocks - 1));
    add_capped(&e->bytes_variance, (uint64_t)(bytes >> SEG_VARIANCE_SHIFT));
}

static struct seg_site_counters *counters(struct thread *t, uint32_t site)
{
    struct seg_site_counters *c = sites_counters(t, site);
    return c ? c : sites_counters(t, 0);
}

static void count_sample(struct thread *t, bool shared, const struct seg_sample *s,
                         uint64_t ticks)
{
    struct seg_site_counters *c = counters(t, s->site);
    struct seg_thread *page = t->page;
    owned_add(shared, &page->samples, 1);
    owned_add(shared, &page->blocks_weighed, s->blocks);
    owned_add(shared, &page->bytes_weighed, s->bytes);
    if (s->site == 0)
        owned_add(shared, &page->unattributed, s->blocks);
    if (c) {
        sites_keep_peak(c, shared, __atomic_load_n(&store.globals->epoch, __ATOMIC_RELAXED));
        owned_add(shared, &c->allocations, s->blocks);
        owned_add(shared, &c->bytes_allocated, s->bytes);
    }
    add_error(s);
    heap_add(t, shared, (int64_t)s->bytes, s->blocks, ticks);
}

void sampling_record(struct thread *t, bool shared, const void *p, uint64_t size,
                     uint32_t site, uint64_t ticks)
{
    struct sampler passing, *sampler = &t->sampler;
    if (shared) {
        passing = passing_sampler(p, ticks);
        sampler = &passing;
    }
    struct weight w = sampler_weigh(sampler, size);
    sampler_draw(sampler);
    struct seg_sample stale, s = {
        .address = (uintptr_t)p,
        .size = size,
        .when = ((ticks >> CLOCK_SHIFT_BIRTH) & BLOCKS_BIRTH_MASK) |
                (uint64_t)t->row << SEG_BLOCK_BIRTH_BITS,
        .bytes = w.bytes,
        .blocks = w.blocks,
        .site = site,
    };
    if (samples_take((uintptr_t)p, &stale)) {
        owned_add(shared, &t->page->missed_frees, 1);
        sampling_free(t, shared, &stale, true);
    }
    if (samples_put(&s)) {
        count_sample(t, shared, &s, ticks);
    } else {
        owned_add(shared, &t->page->lost, 1);
        owned_add(shared, &t->page->lost_bytes, size);
    }
}

static void count_lifetime(struct thread *t, bool shared, struct seg_site_counters *c,
                           const struct seg_sample *s)
{
    uint64_t ticks = clock_ticks();
    uint64_t age = ((ticks >> CLOCK_SHIFT_BIRTH) - s->when) & BLOCKS_BIRTH_MASK;
    unsigned life = age ? 64 - (unsigned)__builtin_clzll(age) : 0;
    history_advance(t, ticks);
    owned_add(shared, &t->page->lifetimes[life < SEG_LIFE_CLASSES ? life : SEG_LIFE_CLASSES - 1],
        s->blocks);
    if (c && age < UINT64_C(1) << CLOCK_SHIFT_SHORT)
        owned_add(shared, &c->short_lived, s->blocks);
}

void sampling_free(struct thread *t, bool shared, const struct seg_sample *s, bool temporary)
{
    struct seg_thread *page = t->page;
    struct seg_site_counters *c = counters(t, s->site);
    if (!temporary)
        count_lifetime(t, shared, c, s);
    owned_add(shared, &page->samples_freed, 1);
    owned_add(shared, &page->blocks_weighed_freed, s->blocks);
    owned_add(shared, &page->bytes_weighed_freed, s->bytes);
    uint32_t epoch = heap_descend();
    if (c) {
        sites_keep_peak(c, shared, epoch);
        owned_add(shared, &c->frees, s->blocks);
        owned_add(shared, &c->bytes_freed, s->bytes);
        if (temporary)
            owned_add(shared, &c->temporary, s->blocks);
    }
    heap_add(t, shared, -(int64_t)s->bytes, -(int64_t)s->blocks,
             owned_read(&page->last_ticks));
}
