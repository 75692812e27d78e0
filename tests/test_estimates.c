/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the reader makes of sampled blocks in a segment made by hand, and how it
 * asks for a tier.
 */
#include "fake_segment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"
#include "tui/reader/proc.h"
#include "tui/reader/reader.h"

static struct fake_segment f;
static struct snapshot s;
static struct reader *r;
static char dir[] = "/tmp/memtop-estimates.XXXXXX";

static void open_one(uint64_t start_time)
{
    if (!fake_open(&f, dir, (int)getpid(), start_time)) {
        perror("fake_open");
        exit(1);
    }
    f.header->pid_namespace = proc_namespace(0, "pid");
    if (reader_open_path(f.path, &r) != READER_OK)
        exit(1);
    snapshot_init(&s);
}

static void close_one(void)
{
    snapshot_fini(&s);
    reader_close(r);
    fake_close(&f);
}

/* n allocations of `size` went by; one of them is a live sample. */
static void pass(uint32_t row, uint64_t size, uint64_t n, uint64_t slot, uint32_t site,
                 uint32_t weight, uint64_t unsampled_frees)
{
    struct seg_thread *page = &f.threads[row];
    struct seg_sample *samples = (void *)(f.base + f.header->sections[SEG_SAMPLES].offset);
    page->passed[seg_size_class(size)].allocations += n;
    page->passed[seg_size_class(size)].bytes += n * size;
    page->unsampled_frees += unsampled_frees;
    page->samples++;
    page->blocks_weighed += weight;
    page->bytes_weighed += weight * size;
    samples[slot] = (struct seg_sample){ .address = 0x1000 + slot * 64, .size = size,
                                         .bytes = weight * size, .blocks = weight,
                                         .site = site };
    struct seg_site_counters *c = fake_counters(&f, row, site);
    c->allocations += weight;
    c->bytes_allocated += weight * size;
}

static void test_exact(void)
{
    open_one(1);
    uint32_t row = fake_thread(&f, 42, "main");
    fake_count(&f, row, fake_site(&f, fake_node(&f, 0, 0x1000, 0)), 100, 30, 10);
    reader_refresh(r, &s, READER_ALL);
    tap_ok(!s.totals.estimated && !s.totals.peak_estimated, "exact: no estimates");
    tap_is_u64(s.target.tier, SEG_TIER_EXACT, "and it says so");
    tap_is_u64(s.totals.live_bytes_error + s.sites[1].live_bytes_error + s.sites[1].samples, 0,
               "exact: no errors");
    close_one();
}

static void test_mixed(void)
{
    open_one(2);
    uint32_t row = fake_thread(&f, 42, "main");
    uint32_t certain = fake_site(&f, fake_node(&f, 0, 0x1000, 0));
    uint32_t sampled = fake_site(&f, fake_node(&f, 0, 0x2000, 0));
    fake_count(&f, row, certain, 100, 30, 10);
    f.header->tier = SEG_TIER_SAMPLED;
    f.header->sample_bytes = 4096;
    f.header->sampled_ticks = f.header->clock_first.ticks + 5;
    f.header->sections[SEG_SAMPLES].count = SEG_SAMPLES_FIRST;
    f.header->sections[SEG_SITE_ERRORS].count = sampled + 1;
    struct seg_site_error *errors =
        (void *)(f.base + f.header->sections[SEG_SITE_ERRORS].offset);
    errors[sampled] = (struct seg_site_error){
        .samples = 2, .blocks_variance = 2500, .bytes_variance = 400 };
    pass(row, 1000, 50, 7, sampled, 5, 20);
    pass(row, 1000, 50, 9, sampled, 5, 20);
    /* Slots that are free, and one that lies, are passed over. */
    struct seg_sample *samples = (void *)(f.base + f.header->sections[SEG_SAMPLES].offset);
    samples[11] = (struct seg_sample){ .address = 1, .size = 8, .bytes = 80, .blocks = 10 };
    samples[12] = (struct seg_sample){ .address = 0x9990, .size = 800, .bytes = 8, .blocks = 10 };
    reader_refresh(r, &s, READER_ALL);
    tap_ok(s.totals.estimated, "sampled: estimates");
    tap_is_u64(s.totals.allocations, 130, "all allocations are counted");
    tap_is_u64(s.totals.bytes_allocated, 103000, "with their bytes");
    tap_is_u64(s.totals.frees, 50, "and all frees");
    tap_is_u64((uint64_t)s.totals.live_blocks, 20 + 10, "live blocks by weight");
    tap_is_u64((uint64_t)s.totals.live_bytes, 2000 + 10000, "live bytes by weight");
    tap_is_u64(s.totals.bytes_freed, 103000 - 12000, "bytes freed are the rest");
    tap_is_u64(s.totals.live_blocks_error, (uint64_t)lround(sqrt(40)), "their error: blocks");
    tap_is_u64(s.totals.live_bytes_error, (uint64_t)lround(sqrt(4e7)), "their error: bytes");
    tap_is_u64(s.totals.live_samples, 2, "from two samples");
    const struct size_row *big = &s.sizes[seg_size_class(1000)];
    const struct size_row *small = &s.sizes[seg_size_class(100)];
    tap_ok(big->estimated && big->allocations == 100 && big->live_blocks == 10 &&
           big->live_bytes == 10000 && big->frees == 90, "the class of sizes");
    tap_ok(!small->estimated && small->live_blocks == 20 && small->frees == 10,
           "one that was certain stays so");
    tap_ok(s.sites[certain].samples == 0 && s.sites[certain].live_bytes_error == 0,
           "a site without samples is certain");
    tap_is_u64(s.sites[sampled].samples, 2, "one with samples is not");
    tap_is_u64(s.sites[sampled].allocations_error, 50, "its allocations' error");
    tap_is_u64(s.sites[sampled].bytes_allocated_error, 1280, "in bytes");
    tap_is_u64(s.sites[sampled].live_bytes_error, (uint64_t)lround(sqrt(4e7)), "and alive");
    tap_ok(s.threads[0].estimated && s.threads[0].frees == 50, "the thread's frees");
    f.threads[row].bytes_weighed_freed = 1 << 20;
    reader_refresh(r, &s, 0);
    tap_is_u64((uint64_t)s.totals.live_bytes, 0, "less than nothing is nothing");
    close_one();
}

static void test_asking(void)
{
    struct proc_stat st;
    proc_stat_read((int)getpid(), &st);
    open_one(st.start_time); /* a living target: this process */
    tap_is_u64(reader_set_tier(r, SEG_TIER_SAMPLED, 65536), READER_OK, "a tier is asked for");
    tap_ok(f.header->control.tier == SEG_TIER_SAMPLED && f.header->control.sample == 65536 &&
           f.header->control.sequence == 1, "through the control block");
    reader_refresh(r, &s, 0);
    tap_ok(s.target.tier_pending && s.target.tier == SEG_TIER_EXACT, "not yet taken");
    f.header->tier = SEG_TIER_SAMPLED;
    f.header->sample_bytes = 65536;
    f.header->tier_sequence = f.header->control.sequence;
    reader_refresh(r, &s, 0);
    tap_ok(!s.target.tier_pending && s.target.tier == SEG_TIER_SAMPLED &&
           s.target.sample_bytes == 65536, "taken");
    f.header->tier = 99;
    reader_refresh(r, &s, 0);
    tap_is_u64(s.target.tier, SEG_TIER_EXACT, "a tier that is none");
    uint32_t whole = f.header->header_bytes;
    f.header->header_bytes = offsetof(struct seg_header, tier);
    tap_is_u64(reader_set_tier(r, SEG_TIER_EXACT, 0), READER_VERSION, "an agent without tiers");
    f.header->header_bytes = whole;
    f.header->state = SEG_EXITED;
    tap_is_u64(reader_set_tier(r, SEG_TIER_EXACT, 0), READER_NO_PROCESS, "one that has ended");
    tap_is_u64(f.header->control.sequence, 1, "neither is written to");
    close_one();
    open_one(1); /* of another process with that pid */
    tap_is_u64(reader_set_tier(r, SEG_TIER_EXACT, 0), READER_NO_PROCESS, "a dead one");
    close_one();
}

int main(void)
{
    if (!mkdtemp(dir)) {
        perror(dir);
        return 1;
    }
    test_exact();
    test_mixed();
    test_asking();
    rmdir(dir);
    return tap_done();
}
