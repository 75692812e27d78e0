/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of open addressing, each twice as large as the one before it: when
 * all of them are crowded where a record should go, one is added, and nothing
 * is ever moved. Called by the tracker when the tier is sampled, and for blocks
 * that are left from then.
 */
#include "agent/samples.h"

#include <string.h>

#include "agent/store.h"

#define FREE_AGAIN 1u
#define BEING_WRITTEN 2u
#define PROBES 16u
#define ALWAYS 255u /* a filter's counter that was full once */

uint8_t samples_filter[1u << SAMPLES_FILTER_BITS];
static bool used; /* atomic */

void samples_attach(void)
{
    if (used)
        memset(samples_filter, 0, sizeof samples_filter);
    used = false;
}

static void filter_add(uintptr_t address, int by)
{
    uint8_t *slot = &samples_filter[samples_hash(address) >> (64 - SAMPLES_FILTER_BITS)];
    uint8_t seen = __atomic_load_n(slot, __ATOMIC_RELAXED);
    while (seen != ALWAYS &&
           !__atomic_compare_exchange_n(slot, &seen, (uint8_t)(seen + by), true,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

/* ---- tables ------------------------------------------------------------------ */

static uint64_t first_slot(unsigned table)
{
    return ((uint64_t)SEG_SAMPLES_FIRST << table) - SEG_SAMPLES_FIRST;
}

static struct seg_sample *slot_at(unsigned table, uintptr_t address, unsigned probe)
{
    uint64_t size = (uint64_t)SEG_SAMPLES_FIRST << table;
    uint64_t at = ((samples_hash(address) >> 24) + probe) % size;
    return &store.samples[first_slot(table) + at];
}

/* Tables in use. */
static unsigned tables(void)
{
    uint64_t slots = __atomic_load_n(&store.header->sections[SEG_SAMPLES].count,
                                     __ATOMIC_ACQUIRE);
    unsigned n = 0;
    while (n < SEG_SAMPLES_TABLES && first_slot(n + 1) <= slots)
        n++;
    return n;
}

/* Have at least n tables. */
static bool add_table(unsigned n)
{
    struct seg_section *section = &store.header->sections[SEG_SAMPLES];
    uint64_t slots = first_slot(n), had = __atomic_load_n(&section->count, __ATOMIC_RELAXED);
    if (n > SEG_SAMPLES_TABLES || !store_reach(SEG_SAMPLES, slots * section->element))
        return false;
    while (had < slots && !__atomic_compare_exchange_n(&section->count, &had, slots, true,
                                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        ;
    return true;
}

/* A slot of the table that is ours from now on, marked as being written. */
static struct seg_sample *claim(unsigned table, uintptr_t address)
{
    for (unsigned i = 0; i < PROBES; i++) {
        struct seg_sample *s = slot_at(table, address, i);
        uint64_t seen = __atomic_load_n(&s->address, __ATOMIC_RELAXED);
        if (seen <= FREE_AGAIN &&
            __atomic_compare_exchange_n(&s->address, &seen, BEING_WRITTEN, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            return s;
    }
    return NULL;
}

bool samples_put(const struct seg_sample *sample)
{
    struct seg_sample *s = NULL;
    for (unsigned table = 0; !s; table++) {
        if (table == tables() && !add_table(table + 1))
            return false;
        s = claim(table, sample->address);
    }
    __atomic_store_n(&used, true, __ATOMIC_RELAXED);
    filter_add(sample->address, 1);
    s->size = sample->size;
    s->when = sample->when;
    s->bytes = sample->bytes;
    s->blocks = sample->blocks;
    s->site = sample->site;
    __atomic_store_n(&s->address, sample->address, __ATOMIC_RELEASE);
    return true;
}

static struct seg_sample *find(uintptr_t address)
{
    for (unsigned table = 0, n = tables(); table < n; table++)
        for (unsigned i = 0; i < PROBES; i++) {
            struct seg_sample *s = slot_at(table, address, i);
            uint64_t seen = __atomic_load_n(&s->address, __ATOMIC_ACQUIRE);
            if (seen == address)
                return s;
            if (seen == 0)
                break;
        }
    return NULL;
}

bool samples_take(uintptr_t address, struct seg_sample *out)
{
    struct seg_sample *s = samples_near(address) ? find(address) : NULL;
    if (!s)
        return false;
    *out = *s;
    __atomic_store_n(&s->address, FREE_AGAIN, __ATOMIC_RELEASE);
    filter_add(address, -1);
    return true;
}
