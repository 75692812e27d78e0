/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sampling: the arithmetic against libm, estimates against the truth over many
 * seeds (their mean, and how often the stated error covers the truth), and the
 * tracker through changes of tier, with the segment looked at as a reader does.
 */
#include "agent/sampler.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/store.h"
#include "agent/thread.h"
#include "agent/tier.h"
#include "tests/as_hooks.h"
#include "tests/stack_fake.h"
#include "tests/tap.h"

/* ---- arithmetic --------------------------------------------------------------- */

static void test_weights(void)
{
    static const uint64_t means[] = { 1, 1000, 512 << 10, SEG_SAMPLE_MAX };
    static const uint64_t sizes[] = { 0, 1, 8, 64, 1000, 65536, 524288, 3 << 20, 1 << 30 };
    int wrong = 0;
    for (unsigned m = 0; m < 4; m++)
        for (unsigned i = 0; i < 9; i++) {
            struct sampler s;
            double n = 20000, blocks = 0, bytes = 0, size = (double)sizes[i];
            double p = -expm1(-(size > 0 ? size : 1) / (double)means[m]);
            sampler_seed(&s, means[m], 77 + i);
            for (int k = 0; k < n; k++) {
                struct weight w = sampler_weigh(&s, sizes[i]);
                blocks += w.blocks;
                bytes += (double)w.bytes;
            }
            /* One weight is rounded by at most 1, so a mean by 1/2 sigma / sqrt(n). */
            wrong += fabs(blocks / n - 1 / p) > 4 * 0.5 / sqrt(n) + 1e-9 / p ||
                     fabs(bytes / n - size / p) > 4 * 0.5 / sqrt(n) + 1e-9 * size / p;
        }
    tap_is_u64((uint64_t)wrong, 0, "weights are 1/p and size/p on the average");
}

static void test_distances(void)
{
    struct sampler s;
    double n = 200000, mean = 512 << 10, sum = 0, below = 0;
    sampler_seed(&s, 512 << 10, 5);
    for (int i = 0; i < n; i++) {
        sampler_draw(&s);
        sum += (double)s.distance;
        below += (double)s.distance < mean * log(2);
    }
    tap_ok(fabs(sum / n - mean) < 4 * mean / sqrt(n), "the mean distance (%.0f)", sum / n);
    tap_ok(fabs(below / n - 0.5) < 4 * 0.5 / sqrt(n), "and its median (%.4f)", below / n);
}

/* ---- estimates ------------------------------------------------------------------ */

#define SEEDS 2000
#define BLOCKS 4000

struct estimate {
    double blocks, bytes, blocks_variance, bytes_variance;
};

static uint64_t size_of(unsigned i)
{
    static const uint64_t sizes[] = { 16, 48, 4096, 100, 0, 70000, 24, 1 << 20 };
    return i % 97 == 0 ? sizes[i % 8] : sizes[i % 4];
}

static struct estimate estimate(uint64_t seed, uint64_t mean)
{
    struct estimate e = { 0 };
    struct sampler s;
    sampler_seed(&s, mean, seed);
    for (unsigned i = 0; i < BLOCKS; i++) {
        uint64_t size = size_of(i);
        if (!sampler_meets(&s, size))
            continue;
        struct weight w = sampler_weigh(&s, size);
        sampler_draw(&s);
        e.blocks += w.blocks;
        e.bytes += (double)w.bytes;
        e.blocks_variance += (double)w.blocks * (w.blocks - 1.0);
        e.bytes_variance += (double)w.bytes * (double)(w.bytes - size);
    }
    return e;
}

/* The mean of many estimates, and the spread that they state against the one
 * that they have. */
static void test_unbiased(uint64_t mean)
{
    double blocks = 0, bytes = 0, blocks2 = 0, bytes2 = 0, stated_blocks = 0, stated_bytes = 0;
    double truth = 0, covered = 0, n = SEEDS;
    for (unsigned i = 0; i < BLOCKS; i++)
        truth += (double)size_of(i);
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        struct estimate e = estimate(seed, mean);
        blocks += e.blocks;
        bytes += e.bytes;
        blocks2 += (e.blocks - BLOCKS) * (e.blocks - BLOCKS);
        bytes2 += (e.bytes - truth) * (e.bytes - truth);
        stated_blocks += e.blocks_variance;
        stated_bytes += e.bytes_variance;
        covered += fabs(e.bytes - truth) <= 1.96 * sqrt(e.bytes_variance);
    }
    unsigned long long m = mean;
    tap_ok(fabs(blocks / n - BLOCKS) < 4 * sqrt(blocks2 / n / n),
           "mean %llu: blocks are unbiased (%.1f of %d)", m, blocks / n, BLOCKS);
    tap_ok(fabs(bytes / n - truth) < 4 * sqrt(bytes2 / n / n),
           "mean %llu: bytes are unbiased (%.0f of %.0f)", m, bytes / n, truth);
    tap_ok(fabs(stated_blocks / blocks2 - 1) < 0.15,
           "mean %llu: the stated variance of blocks is theirs (%.2f)", m,
           stated_blocks / blocks2);
    tap_ok(fabs(stated_bytes / bytes2 - 1) < 0.15,
           "mean %llu: that of bytes, too (%.2f)", m, stated_bytes / bytes2);
    tap_ok(covered / n > 0.91 && covered / n < 0.98,
           "mean %llu: 1.96 sigma cover the truth (%.3f)", m, covered / n);
}

/* ---- the tracker ------------------------------------------------------------------- */

#define SLOTS 20000

static bool live[SLOTS];
static uint64_t sizes[SLOTS];

static void *address_of(unsigned slot)
{
    return (void *)(0x7fe000000000u + (uintptr_t)slot * 4096);
}

static void set_stack(unsigned site)
{
    stack_fake_depth = 3;
    for (size_t i = 0; i < 3; i++)
        stack_fake_pcs[i] = 0x1000 + (i == 0 ? site * 16 : i);
}

static void do_alloc(unsigned slot)
{
    struct thread *t = tracker_enter();
    set_stack(slot % 5);
    struct stack_frame caller = stack_fake_leaf();
    live[slot] = true;
    sizes[slot] = 100 + (uint64_t)rand() % 3000;
    event_alloc(t, address_of(slot), sizes[slot], &caller);
    tracker_leave(t);
}

static void do_free(unsigned slot)
{
    struct thread *t = tracker_enter();
    event_free(t, address_of(slot));
    tracker_leave(t);
    live[slot] = false;
}

static void do_realloc(unsigned slot, bool refuse)
{
    struct thread *t = tracker_enter();
    struct tracker_block old;
    set_stack(slot % 5);
    struct stack_frame caller = stack_fake_leaf();
    tracker_realloc_begin(t, address_of(slot), &old);
    if (refuse) {
        tracker_realloc_cancel(t, address_of(slot), &old);
    } else {
        sizes[slot] = 100 + (uint64_t)rand() % 3000;
        tracker_realloc_end(t, SEG_FN_REALLOC, address_of(slot), &old, address_of(slot),
                            sizes[slot], &caller);
    }
    tracker_leave(t);
}

static void churn(unsigned events)
{
    while (events-- > 0) {
        unsigned slot = (unsigned)rand() % SLOTS;
        if (!live[slot])
            do_alloc(slot);
        else if (rand() % 4 == 0)
            do_realloc(slot, rand() % 5 == 0);
        else
            do_free(slot);
    }
}

/* What a reader makes of the segment. */
struct sums {
    uint64_t allocations, bytes_allocated, frees, recorded, live_samples;
    uint64_t timed_short, site_short; /* short-lived frees by lifetime and by site */
    int64_t certain_blocks, certain_bytes, live_blocks, live_bytes, site_bytes;
    double variance;
};

static void sum_samples(struct sums *s)
{
    uint64_t slots = store.header->sections[SEG_SAMPLES].count;
    for (uint64_t i = 0; i < slots; i++)
        if (store.samples[i].address > 2) {
            const struct seg_sample *sample = &store.samples[i];
            s->variance += (double)sample->bytes * (double)(sample->bytes - sample->size);
            s->live_samples++;
        }
}

static void sum_sites(struct sums *s)
{
    for (uint32_t id = 0; id < store.header->sections[SEG_SITES].count; id++) {
        uint32_t chunk = thread_self()->site_dir[id / SEG_CHUNK_SITES];
        if (!chunk)
            continue;
        const struct seg_site_counters *c =
            &store.chunks[(size_t)(chunk - 1) * SEG_CHUNK_SITES + id % SEG_CHUNK_SITES];
        s->site_bytes += (int64_t)(c->bytes_allocated - c->bytes_freed);
        s->site_short += c->short_lived;
    }
    for (unsigned i = 0; i < store.header->short_classes; i++)
        s->timed_short += thread_self()->page->lifetimes[i];
}

static struct sums sum(void)
{
    struct sums s = { 0 };
    const struct seg_thread *page = thread_self()->page;
    for (unsigned i = 0; i < SEG_SIZE_CLASSES; i++) {
        s.recorded += page->classes[i].allocations;
        s.allocations += page->classes[i].allocations + page->passed[i].allocations;
        s.bytes_allocated += page->classes[i].bytes_allocated + page->passed[i].bytes;
        s.frees += page->classes[i].frees;
        s.certain_bytes += (int64_t)(page->classes[i].bytes_allocated -
                                     page->classes[i].bytes_freed);
    }
    s.certain_blocks = (int64_t)(s.recorded - s.frees);
    s.frees += page->samples_freed + page->unsampled_frees;
    s.live_blocks = s.certain_blocks +
                    (int64_t)(page->blocks_weighed - page->blocks_weighed_freed);
    s.live_bytes = s.certain_bytes +
                   (int64_t)(page->bytes_weighed - page->bytes_weighed_freed);
    sum_samples(&s);
    sum_sites(&s);
    return s;
}

static int64_t truly_live(int64_t *blocks)
{
    int64_t bytes = 0;
    *blocks = 0;
    for (unsigned i = 0; i < SLOTS; i++)
        if (live[i]) {
            bytes += (int64_t)sizes[i];
            ++*blocks;
        }
    return bytes;
}

/* As a viewer does; the tracker follows at a density tick. */
static bool ask_for(enum seg_tier wanted, uint64_t sample)
{
    struct seg_header *h = store.header;
    time_t deadline = time(NULL) + 20;
    h->control.tier = wanted;
    h->control.sample = sample;
    h->control.sequence++;
    while (h->tier_sequence != h->control.sequence && time(NULL) < deadline)
        churn(100);
    return h->tier_sequence == h->control.sequence && h->tier == wanted;
}

static void check(const char *when)
{
    struct sums s = sum();
    int64_t blocks, bytes = truly_live(&blocks);
    tap_is_u64(s.allocations - s.frees, (uint64_t)blocks,
               "%s: allocations and frees are counted exactly", when);
    tap_ok(fabs((double)(s.live_bytes - bytes)) <= 4.5 * sqrt(s.variance),
           "%s: live bytes are as certain as stated (%lld for %lld, sigma %.0f)", when,
           (long long)s.live_bytes, (long long)bytes, sqrt(s.variance));
    tap_ok(s.certain_blocks >= 0 && s.live_blocks >= 0, "%s: nothing is negative", when);
    tap_is_u64((uint64_t)s.site_bytes, (uint64_t)s.live_bytes, "%s: sites make up the heap",
               when);
    tap_is_u64(s.site_short, s.timed_short, "%s: and the frees of short-lived blocks", when);
    tap_is_u64((uint64_t)(store.globals->peak_bytes - store.globals->room_bytes),
               (uint64_t)s.live_bytes,
               "%s: and so do the globals", when);
}

static void test_switching(void)
{
    churn(100000);
    struct sums before = sum();
    tap_is_u64(before.live_samples, 0, "exact: nothing is sampled");
    check("exact");
    tap_ok(before.site_short > 0, "some blocks are short-lived");
    tap_ok(ask_for(SEG_TIER_SAMPLED, 64 << 10), "a viewer may ask for samples");
    churn(100000);
    check("sampled");
    tap_is_u64(thread_self()->page->foreign_frees, 0, "no free is foreign");
    tap_ok(ask_for(SEG_TIER_SAMPLED, 16 << 10), "for more of them");
    churn(50000);
    check("sampled more");
    tap_ok(ask_for(SEG_TIER_COUNTERS, 0), "for counters");
    struct sums then = sum();
    churn(20000);
    tap_ok(sum().recorded > then.recorded, "which record each block");
    tap_ok(store.header->flags & SEG_FLAG_NO_STACKS, "but no stacks");
    check("counters");
    tap_ok(ask_for(SEG_TIER_EXACT, 0), "and for all");
    churn(500000); /* what was there before is gone, sampled or not */
    check("exact again");
    tap_ok(ask_for(SEG_TIER_COUNTERS, 0), "from all to counters");
    churn(1000);
    uint64_t quick = events_quick;
    churn(20000);
    tap_ok(events_quick - quick > 15000, "which the hot path counts (%llu of 20000)",
           (unsigned long long)(events_quick - quick));
    for (unsigned i = 0; i < SLOTS; i++)
        if (live[i])
            do_free(i);
    struct sums end = sum();
    tap_is_u64((uint64_t)end.live_bytes, 0, "at the end all is freed");
    tap_is_u64(end.live_samples + (uint64_t)end.certain_blocks, 0, "each record is gone");
}

static void test_nonsense(void)
{
    struct seg_header *h = store.header;
    uint32_t tier_before = h->tier;
    ask_for((enum seg_tier)77, 5);
    tap_is_u64(h->tier, tier_before, "a tier that is none is not taken");
    ask_for(SEG_TIER_SAMPLED, UINT64_MAX);
    tap_is_u64(h->tier, tier_before, "nor is a distance without end");
    tap_is_u64(h->tier_sequence, h->control.sequence, "but both were looked at");
}

int main(void)
{
    test_weights();
    test_distances();
    test_unbiased(1000);
    test_unbiased(20000);
    setenv("MEMTOP_KEEP", "0", 1);
    tracker_init("/lib/libc.so.6", true, false);
    srand(3);
    test_switching();
    test_nonsense();
    tracker_goodbye(0);
    return tap_done();
}
