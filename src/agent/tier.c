/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of tier. Called at set-up and from history ticks, inside malloc. The
 * control block is written by other processes: all of it is checked, and at
 * worst the tier is one that nobody wanted.
 */
#include "agent/tier.h"

#include "agent/blocks.h"
#include "agent/clock.h"
#include "agent/store.h"
#include "agent/thread.h"

struct tier tier;

void tier_configure(enum seg_tier kind, uint64_t sample)
{
    tier.kind = kind;
    tier.sample = sample;
}

/* Say in the header what is in force. */
static void publish(uint64_t ticks)
{
    struct seg_header *h = store.header;
    if (tier.kind == SEG_TIER_COUNTERS)
        __atomic_or_fetch(&h->flags, SEG_FLAG_NO_STACKS, __ATOMIC_RELAXED);
    else
        __atomic_and_fetch(&h->flags, ~(uint32_t)SEG_FLAG_NO_STACKS, __ATOMIC_RELAXED);
    if (tier.kind == SEG_TIER_SAMPLED && h->sampled_ticks == 0)
        h->sampled_ticks = ticks ? ticks : h->clock_first.ticks;
    h->sample_bytes = tier.sample;
    h->tier_ticks = ticks;
    __atomic_store_n(&h->tier, tier.kind, __ATOMIC_RELEASE);
}

static void set_marks(void)
{
    if (tier.kind == SEG_TIER_SAMPLED)
        __atomic_store_n(&tier.sampled, true, __ATOMIC_RELAXED);
    else
        __atomic_store_n(&tier.recorded, true, __ATOMIC_RELAXED);
}

void tier_attach(void)
{
    tier.recorded = tier.sampled = false;
    set_marks();
    publish(0);
}

static void change(enum seg_tier kind, uint64_t sample, uint64_t ticks)
{
    __atomic_store_n(&tier.sample, sample, __ATOMIC_RELAXED);
    __atomic_store_n(&tier.kind, kind, __ATOMIC_RELAXED);
    set_marks();
    publish(ticks);
    __atomic_add_fetch(&tier.version, 1, __ATOMIC_RELEASE);
}

void tier_look(uint64_t ticks)
{
    struct seg_header *h = store.header;
    uint32_t sequence = __atomic_load_n(&h->control.sequence, __ATOMIC_ACQUIRE);
    if (sequence == h->tier_sequence)
        return;
    uint32_t kind = __atomic_load_n(&h->control.tier, __ATOMIC_RELAXED);
    uint64_t sample = __atomic_load_n(&h->control.sample, __ATOMIC_RELAXED);
    if (sample == 0)
        sample = tier.sample;
    if (kind < SEG_TIER_COUNT && sample <= SEG_SAMPLE_MAX &&
        (kind != tier.kind || (kind == SEG_TIER_SAMPLED && sample != tier.sample)))
        change((enum seg_tier)kind, sample, ticks);
    __atomic_store_n(&h->tier_sequence, sequence, __ATOMIC_RELEASE);
}

void tier_adopt(struct thread *t)
{
    static const uint32_t paths[2][SEG_TIER_COUNT] = {
        { [SEG_TIER_EXACT] = THREAD_PATH_EXACT,
          [SEG_TIER_COUNTERS] = THREAD_PATH_PLAIN,
          [SEG_TIER_SAMPLED] = THREAD_PATH_SAMPLED },
        { [SEG_TIER_EXACT] = THREAD_PATH_COMPACT,
          [SEG_TIER_COUNTERS] = THREAD_PATH_COMPACT_PLAIN,
          [SEG_TIER_SAMPLED] = THREAD_PATH_SAMPLED },
    };
    t->tier_version = __atomic_load_n(&tier.version, __ATOMIC_ACQUIRE);
    uint32_t now = __atomic_load_n(&t->path, __ATOMIC_RELAXED);
    uint32_t kind = __atomic_load_n(&tier.kind, __ATOMIC_RELAXED);
    uint32_t next = t->shared ? THREAD_PATH_SHARED : paths[blocks_compact][kind];
    /* It may be turned off at any time. */
    if (now != THREAD_PATH_OFF)
        __atomic_compare_exchange_n(&t->path, &now, next, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_RELAXED);
    /* What is known of the last stack may be site 0's counters. */
    thread_forget_stack(t);
    uint64_t mean = __atomic_load_n(&tier.sample, __ATOMIC_RELAXED);
    if (next == THREAD_PATH_SAMPLED && t->sampler.mean != mean)
        sampler_seed(&t->sampler, mean, clock_ticks() ^ (uint64_t)t->page->tid << 40);
}
