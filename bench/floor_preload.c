/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor of a table: what no profiler of live blocks can do without. To be
 * preloaded. Calls are forwarded to the C library; each allocation reads the clock
 * once and writes the one record, of 16 bytes for each 32 of heap, that says what
 * lives there; each free reads the record and clears it. No stacks, no counters, no
 * gate, and the records of two blocks may be one.
 *
 * FLOOR_FRAMES=N: what one with exact stacks and lifetimes cannot do without, either.
 * Each allocation also reads N words of the stack, one a cache line, takes their hash,
 * compares it with the one of the call site, and adds to the site's counters; each
 * free reads the clock, too, and adds to the counters of the site that the record
 * names. Where return addresses lie and which site a stack belongs to are given to it
 * for nothing: it reads words at even distances, and tells sites by the caller alone.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "bench/floor.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

#define SITES_BITS 16
#define WORDS_APART 8
#define K UINT64_C(0x9fb21c651e98df25)

struct site {
    _Alignas(64) uint64_t hash, changes;
    uint64_t allocations, bytes_allocated, frees, bytes_freed, ticks;
};

extern void *__libc_stack_end;

static struct record first[1], *records = first;
static uint64_t mask; /* one record until there are all of them */
static volatile uint64_t sink;
static struct site *sites;
static size_t frames; /* 0: no stacks; else a multiple of 4 */

static void *shared_memory(size_t bytes)
{
    void *all = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return all == MAP_FAILED ? NULL : all;
}

__attribute__((constructor)) static void reserve(void)
{
    struct record *all = shared_memory(RECORDS * sizeof *records);
    const char *wanted = getenv("FLOOR_FRAMES");
    if (all) {
        records = all;
        mask = RECORDS - 1;
    }
    sites = shared_memory(sizeof *sites << SITES_BITS);
    if (sites && wanted)
        frames = (strtoul(wanted, NULL, 10) + 3) / 4 * 4;
}

/* ---- with stacks ------------------------------------------------------------------ */

static inline uint64_t hash_of_stack(const uint64_t *words)
{
    uint64_t a = K, b = K, c = K, d = K;
    const uint64_t *end = words + frames * WORDS_APART;
    if (end > (const uint64_t *)__libc_stack_end)
        end = __libc_stack_end;
    for (; words < end; words += 4 * WORDS_APART) {
        a = (a ^ words[0]) * K;
        b = (b ^ words[WORDS_APART]) * K;
        c = (c ^ words[2 * WORDS_APART]) * K;
        d = (d ^ words[3 * WORDS_APART]) * K;
    }
    return (a ^ a >> 32) * K ^ b ^ (c ^ c >> 32) * K ^ d;
}

/* Returns the site's number. `frame` is the hook's: its return address is frame[1]. */
static inline uint64_t count_allocation(const uint64_t *frame, size_t size)
{
    uint64_t number = (frame[1] ^ (uintptr_t)frame << 16) * K >> (64 - SITES_BITS);
    struct site *site = &sites[number];
    uint64_t hash = hash_of_stack(frame);
    if (site->hash != hash) {
        site->hash = hash;
        site->changes++;
    }
    site->allocations++;
    site->bytes_allocated += size;
    return number;
}

static inline void count_free(struct record r)
{
    struct site *site = &sites[r.what >> 48];
    site->frees++;
    site->bytes_freed += r.what & (UINT64_MAX >> 16);
    site->ticks += clock_now() - r.when;
}

/* ---- both -------------------------------------------------------------------------- */

static inline struct record *record_of(const void *p)
{
    return &records[(uintptr_t)p >> 5 & mask];
}

static inline void *handed_out(void *p, size_t size, const uint64_t *frame)
{
    if (!p)
        return p;
    uint64_t site = frames ? count_allocation(frame, size) : 0;
    *record_of(p) = (struct record){ .what = (size + 1) | site << 48, .when = clock_now() };
    return p;
}

static inline void released(void *p)
{
    struct record *r = record_of(p);
    sink = r->what;
    if (frames)
        count_free(*r);
    r->what = 0;
}

#define FRAME() ((const uint64_t *)__builtin_frame_address(0))

void *malloc(size_t size)
{
    return handed_out(__libc_malloc(size), size, FRAME());
}

void *calloc(size_t count, size_t size)
{
    return handed_out(__libc_calloc(count, size), count * size, FRAME());
}

void *realloc(void *p, size_t size)
{
    if (p)
        released(p);
    return handed_out(__libc_realloc(p, size), size, FRAME());
}

void free(void *p)
{
    if (p)
        released(p);
    __libc_free(p);
    __asm__ volatile("" ::: "memory"); /* no jump: there would be something to do */
}
