/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracker against a brute-force model: random events on made-up addresses
 * with made-up stacks, in one thread. Totals, classes, sites and the heap's
 * composition at its peak must agree exactly. How long a block lived the tracker sees
 * by a clock of its own, so that is known from the readings around its events.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/store.h"
#include "agent/thread.h"
#include "tests/as_hooks.h"
#include "tests/stack_fake.h"
#include "tests/tap.h"

#define SLOTS 3000
#define SITES 150
#define EVENTS 400000

struct model_block {
    bool live;
    size_t size;
    unsigned site;
    uint64_t before, after; /* birth stamps around the event that handed it out */
};

static struct model_block blocks[SLOTS];
static struct {
    int64_t bytes, blocks;
} live, peak, site_live[SITES], site_at_peak[SITES], most;
static uint64_t n_alloc, n_free, n_realloc, bytes_in, bytes_out, n_temporary, n_foreign;
static struct {
    uint64_t temporary, least, most; /* frees; short-lived ones without these */
} site_short[SITES];
static int last = -1; /* slot handed out by the last event */
static uint64_t before; /* birth stamp when the event began */

static uint64_t stamp(void)
{
    return clock_ticks() >> CLOCK_SHIFT_BIRTH;
}

static void *address_of(unsigned slot)
{
    /* 32 bytes apart as in glibc, some of them on the odd granule half, in
     * three far-away regions. */
    uintptr_t base = slot % 3 == 0   ? 0x555555560000u
                     : slot % 3 == 1 ? 0x7ffff0000010u
                                     : 0x7fe000000000u;
    return (void *)(base + (uintptr_t)slot * 32 * (slot % 7 == 0 ? 4099 : 1));
}

static void set_stack(unsigned site)
{
    stack_fake_depth = 3 + site % 9;
    for (size_t i = 0; i < stack_fake_depth; i++)
        stack_fake_pcs[i] = 0x1000 + (i < 2 ? site * 16 + i : i);
}

static void model_alloc(unsigned slot, size_t size, unsigned site)
{
    blocks[slot] = (struct model_block){ true, size, site, before, stamp() };
    n_alloc++;
    bytes_in += size;
    live.bytes += (int64_t)size;
    live.blocks++;
    site_live[site].bytes += (int64_t)size;
    site_live[site].blocks++;
    if (live.blocks > most.blocks)
        most.blocks = live.blocks;
    if (live.bytes > peak.bytes) {
        peak = live;
        memcpy(site_at_peak, site_live, sizeof site_live);
    }
    last = (int)slot;
}

static void model_lifetime(const struct model_block *b)
{
    const uint64_t limit = UINT64_C(1) << (CLOCK_SHIFT_DENSITY - CLOCK_SHIFT_BIRTH);
    site_short[b->site].least += stamp() - b->before < limit;
    site_short[b->site].most += before - b->after < limit;
}

static void model_free(unsigned slot)
{
    struct model_block *b = &blocks[slot];
    if (last == (int)slot)
        site_short[b->site].temporary++;
    else
        model_lifetime(b);
    b->live = false;
    n_free++;
    bytes_out += b->size;
    live.bytes -= (int64_t)b->size;
    live.blocks--;
    site_live[b->site].bytes -= (int64_t)b->size;
    site_live[b->site].blocks--;
    n_temporary += last == (int)slot;
    last = -1;
}

static size_t random_size(void)
{
    size_t size = (size_t)1 << rand() % 18;
    return rand() % 20 == 0 ? 0 : size + (size_t)rand() % size;
}

/* The block, the stack and the size are often those of the last step. */
static void step(void)
{
    static unsigned slot, site;
    static size_t size;
    if (rand() % 2 == 0)
        slot = (unsigned)rand() % SLOTS;
    if (rand() % 4 == 0)
        site = (unsigned)rand() % SITES;
    if (rand() % 3 == 0)
        size = random_size();
    set_stack(site);
    struct stack_frame caller = stack_fake_leaf();
    struct thread *t = tracker_enter();
    before = stamp();
    if (!blocks[slot].live) {
        event_alloc(t, address_of(slot), size, &caller);
        model_alloc(slot, size, site);
        if (rand() % 3 == 0) {
            event_free(t, address_of(slot));
            model_free(slot);
        }
    } else if (rand() % 4 == 0) {
        struct tracker_block old;
        tracker_realloc_begin(t, address_of(slot), &old);
        if (rand() % 5 == 0) {
            tracker_realloc_cancel(t, address_of(slot), &old);
        } else {
            tracker_realloc_end(t, SEG_FN_REALLOC, address_of(slot), &old,
                                address_of(slot), size, &caller);
            model_free(slot);
            model_alloc(slot, size, site);
            n_realloc++;
        }
    } else {
        event_free(t, address_of(slot));
        model_free(slot);
        if (rand() % 50 == 0) { /* a second time: unknown by now */
            event_free(t, address_of(slot));
            n_foreign++;
        }
    }
    tracker_leave(t);
}

static void check_totals(void)
{
    struct seg_class sum = { 0 };
    const struct seg_thread *page = thread_self()->page;
    for (unsigned i = 0; i < SEG_SIZE_CLASSES; i++) {
        sum.allocations += page->classes[i].allocations;
        sum.frees += page->classes[i].frees;
        sum.bytes_allocated += page->classes[i].bytes_allocated;
        sum.bytes_freed += page->classes[i].bytes_freed;
    }
    tap_is_u64(sum.allocations, n_alloc, "allocations");
    tap_is_u64(sum.frees, n_free, "frees");
    tap_is_u64(sum.bytes_allocated, bytes_in, "bytes allocated");
    tap_is_u64(sum.bytes_freed, bytes_out, "bytes freed");
    tap_is_u64(page->reallocations, n_realloc, "reallocations");
    tap_is_u64(page->temporary, n_temporary, "temporary");
    tap_is_u64(page->foreign_frees, n_foreign, "foreign frees");
    tap_is_u64(page->missed_frees, 0, "no missed frees");
    tap_is_u64(page->lost, 0, "nothing lost");
    tap_is_u64((uint64_t)(store.globals->peak_bytes - store.globals->room_bytes),
               (uint64_t)live.bytes, "live bytes");
    tap_is_u64((uint64_t)store.globals->peak_bytes, (uint64_t)peak.bytes, "peak bytes");
    tap_is_u64((uint64_t)store.globals->peak_blocks, (uint64_t)most.blocks, "peak blocks");
}

/* Sites and lifetimes are two views of the same frees. */
static void check_short(uint64_t n_short)
{
    const struct seg_thread *page = thread_self()->page;
    uint64_t timed = 0, all = 0;
    for (unsigned i = 0; i < SEG_LIFE_CLASSES; i++) {
        all += page->lifetimes[i];
        timed += i < store.header->short_classes ? page->lifetimes[i] : 0;
    }
    tap_is_u64(all + n_temporary, n_free, "all but temporary ones are timed");
    tap_is_u64(n_short, timed, "as many are short-lived as the lifetimes say");
    tap_ok(timed > 0 && timed < all, "which are some of them (%llu of %llu)",
           (unsigned long long)timed, (unsigned long long)all);
}

/* The reader's rule for a site at the peak. */
static void check_sites(void)
{
    int64_t wrong_live = 0, wrong_peak = 0, wrong_temporary = 0, wrong_short = 0, seen = 0;
    uint64_t n_short = 0;
    const struct seg_section *sites = &store.header->sections[SEG_SITES];
    for (uint32_t id = 1; id < sites->count; id++) {
        const struct seg_site_counters *c =
            &store.chunks[(size_t)(thread_self()->site_dir[id / SEG_CHUNK_SITES] - 1) *
                              SEG_CHUNK_SITES +
                          id % SEG_CHUNK_SITES];
        uint64_t leaf = store.nodes[store.sites[id].node].pc;
        unsigned site = (unsigned)(leaf - 0x1000) / 16;
        int64_t now = (int64_t)(c->bytes_allocated - c->bytes_freed);
        bool current = !store.globals->at_peak && c->epoch == store.globals->epoch;
        int64_t then = current ? c->bytes_at_peak : now;
        int64_t then_blocks =
            current ? c->blocks_at_peak : (int64_t)(c->allocations - c->frees);
        wrong_live += now != site_live[site].bytes;
        wrong_peak += then != site_at_peak[site].bytes ||
                      then_blocks != site_at_peak[site].blocks;
        wrong_temporary += c->temporary != site_short[site].temporary;
        wrong_short += c->short_lived < site_short[site].least ||
                       c->short_lived > site_short[site].most;
        n_short += c->short_lived;
        seen++;
    }
    tap_is_u64((uint64_t)seen, SITES, "each stack is one site");
    tap_is_u64((uint64_t)wrong_live, 0, "live bytes of each site");
    tap_is_u64((uint64_t)wrong_peak, 0, "each site's part in the peak");
    tap_is_u64((uint64_t)wrong_temporary, 0, "temporary ones of each site");
    tap_is_u64((uint64_t)wrong_short, 0, "short-lived ones of each site");
    check_short(n_short);
}

int main(void)
{
    setenv("MEMTOP_KEEP", "0", 1);
    tracker_init("/lib/libc.so.6", true, false);
    tap_ok(store.header != NULL, "a segment was made");
    tap_ok(access(store.path, F_OK) == 0, "and it has a name");
    tap_ok(store.header->memory_used < 1u << 20, "it begins below 1 MiB (%llu bytes)",
           (unsigned long long)store.header->memory_used);
    srand(7);
    for (int i = 0; i < EVENTS; i++)
        step();
    check_totals();
    check_sites();
    tap_ok(events_quick > EVENTS / 2, "the hot path took %llu of %llu events",
           (unsigned long long)events_quick, (unsigned long long)(n_alloc + n_free));
    tracker_goodbye(0);
    tap_ok(access(store.path, F_OK) != 0, "and goes when the process says goodbye");
    return tap_done();
}
