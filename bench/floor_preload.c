/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor of a table: what no profiler of live blocks can do without. To be
 * preloaded. Calls are forwarded to the C library; each allocation reads the clock
 * once and writes the one record, of 16 bytes for each 32 of heap, that says what
 * lives there; each free reads the record and clears it. No stacks, no counters, no
 * gate, and the records of two blocks may be one.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include "bench/floor.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

static struct record first[1], *records = first;
static uint64_t mask; /* one record until there are all of them */
static volatile uint64_t sink;

__attribute__((constructor)) static void reserve(void)
{
    void *all = mmap(NULL, RECORDS * sizeof *records, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (all == MAP_FAILED)
        return;
    records = all;
    mask = RECORDS - 1;
}

static inline struct record *record_of(const void *p)
{
    return &records[(uintptr_t)p >> 5 & mask];
}

static inline void *handed_out(void *p, size_t size)
{
    if (p)
        *record_of(p) = (struct record){ .what = size + 1, .when = clock_now() };
    return p;
}

static inline void released(void *p)
{
    struct record *r = record_of(p);
    sink = r->what;
    r->what = 0;
}

void *malloc(size_t size)
{
    return handed_out(__libc_malloc(size), size);
}

void *calloc(size_t count, size_t size)
{
    return handed_out(__libc_calloc(count, size), count * size);
}

void *realloc(void *p, size_t size)
{
    if (p)
        released(p);
    return handed_out(__libc_realloc(p, size), size);
}

void free(void *p)
{
    if (p)
        released(p);
    __libc_free(p);
    __asm__ volatile("" ::: "memory"); /* no jump: there would be something to do */
}
