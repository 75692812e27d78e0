/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no profiler of this kind can do without, one part after the other:
 * floor BLOCKS COUNT. A pair of malloc and free goes through two functions that
 * only forward; then the first one also reads the clock; then both also touch
 * the one record, of 16 bytes for each 32 of heap, that says what lives there.
 * No stacks, no counters. With BLOCKS 1 it is the same block again and again,
 * else a random one of so many is replaced, as in churn.
 */
#include <sys/mman.h>

#include "bench/floor.h"
#include "bench/workload.h"

static void *(*volatile next_malloc)(size_t) = malloc;
static void (*volatile next_free)(void *) = free;
static struct record *records;
static volatile uint64_t clock_sink;

static struct record *record_of(const void *p)
{
    return &records[((uintptr_t)p >> 5) % RECORDS];
}

static NOINLINE void *forward_malloc(size_t size)
{
    void *p = next_malloc(size);
    __asm__ volatile("" : "+r"(p)); /* no jump: a hook has something to do here */
    return p;
}

static NOINLINE void forward_free(void *p)
{
    next_free(p);
    __asm__ volatile("" ::: "memory");
}

static NOINLINE void *timed_malloc(size_t size)
{
    void *p = next_malloc(size);
    clock_sink = clock_now();
    return p;
}

static NOINLINE void *recorded_malloc(size_t size)
{
    void *p = next_malloc(size);
    struct record *r = record_of(p);
    r->when = clock_now();
    r->what = size + 1;
    return p;
}

static NOINLINE void recorded_free(void *p)
{
    struct record *r = record_of(p);
    clock_sink += r->what;
    r->what = 0;
    next_free(p);
    __asm__ volatile("" ::: "memory");
}

static double run(void **blocks, uint64_t n, uint64_t count, void *(*get)(size_t),
                  void (*put)(void *))
{
    uint64_t state = 88172645463325252u;
    for (uint64_t i = 0; i < n; i++)
        blocks[i] = get(16 + workload_random(&state) % 240);
    double start = workload_cpu();
    for (uint64_t i = 0; i < count; i++) {
        uint64_t r = n > 1 ? workload_random(&state) : 0;
        void **slot = &blocks[n > 1 ? r % n : 0];
        put(*slot);
        *slot = get(n > 1 ? 16 + (r >> 40) % 240 : 40);
    }
    double ns = (workload_cpu() - start) / (double)count;
    for (uint64_t i = 0; i < n; i++)
        put(blocks[i]);
    return ns;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    uint64_t n = strtoull(argv[1], NULL, 10), count = strtoull(argv[2], NULL, 10);
    records = mmap(NULL, RECORDS * sizeof *records, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    void **blocks = malloc(n * sizeof *blocks);
    if (records == MAP_FAILED || !blocks || n == 0)
        return 1;
    double plain = run(blocks, n, count, malloc, free);
    double forward = run(blocks, n, count, forward_malloc, forward_free);
    double timed = run(blocks, n, count, timed_malloc, forward_free);
    double recorded = run(blocks, n, count, recorded_malloc, recorded_free);
    printf("floor, %llu live blocks: plain %.1f ns, two calls more %+.1f, and the clock %+.1f, "
           "and a record %+.1f\n", (unsigned long long)n, plain, forward - plain, timed - plain,
           recorded - plain);
    return 0;
}
