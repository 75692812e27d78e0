/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long single calls take: pauses BLOCKS PATHS [THREADS]. Each malloc and free
 * is timed alone, in phases: PATHS random stacks of 20 frames (some ten new trie
 * nodes each), BLOCKS live blocks, a library loaded and unloaded again, THREADS
 * threads that live at the same time, and the freeing of all blocks. For each
 * phase it prints how many calls there were, the longest, and how many took
 * longer than some limits. Calls during which the kernel took the processor
 * away are counted on their own: `switched`. Compare with a run without the
 * agent, because the kernel's page faults take their time there as well.
 */
#include "bench/workload.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/resource.h>

struct phase {
    const char *name;
    uint64_t calls, over_100us, over_1ms, switched, longest, longest_at;
};

static __thread long switches;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool was_switched(void)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    long before = switches;
    switches = usage.ru_nivcsw + usage.ru_nvcsw;
    return switches != before;
}

static void begin(struct phase *phase, const char *name)
{
    *phase = (struct phase){ .name = name };
    was_switched();
}

static void record(struct phase *phase, uint64_t ns)
{
    phase->calls++;
    if (ns > 20000 && was_switched()) {
        phase->switched++;
        return;
    }
    if (phase->calls % 256 == 0)
        was_switched();
    phase->over_100us += ns > 100000;
    phase->over_1ms += ns > 1000000;
    if (ns > phase->longest) {
        phase->longest = ns;
        phase->longest_at = phase->calls;
    }
}

static void report(const struct phase *p)
{
    printf("%-8s %10llu calls, longest %8.1f us (call %llu), over 100 us %llu, "
           "over 1 ms %llu, switched %llu\n",
           p->name, (unsigned long long)p->calls, (double)p->longest / 1e3,
           (unsigned long long)p->longest_at, (unsigned long long)p->over_100us,
           (unsigned long long)p->over_1ms, (unsigned long long)p->switched);
}

static void *timed_malloc(struct phase *phase, size_t size)
{
    uint64_t start = now_ns();
    void *p = malloc(size);
    __asm__ volatile("" : "+r"(p) : : "memory"); /* keep the pair */
    record(phase, now_ns() - start);
    return p;
}

static void timed_free(struct phase *phase, void *p)
{
    uint64_t start = now_ns();
    free(p);
    record(phase, now_ns() - start);
}

static void one_pair(void *phase)
{
    timed_free(phase, timed_malloc(phase, 64));
}

static void stacks(uint64_t paths)
{
    struct phase phase;
    uint64_t state = 88172645463325252u;
    begin(&phase, "stacks");
    for (uint64_t i = 0; i < paths; i++)
        workload_descend(20, workload_random(&state), one_pair, &phase);
    report(&phase);
}

static void **grow(uint64_t n)
{
    struct phase phase;
    uint64_t state = 88172645463325252u;
    void **blocks = malloc(n * sizeof *blocks);
    begin(&phase, "grow");
    for (uint64_t i = 0; i < n; i++)
        blocks[i] = timed_malloc(&phase, 16 + workload_random(&state) % 240);
    report(&phase);
    return blocks;
}

/* Of the C library's own, rarely loaded by anybody. */
static void unload(void)
{
    struct phase phase;
    begin(&phase, "unload");
    for (int i = 0; i < 10; i++) {
        void *library = dlopen("libBrokenLocale.so.1", RTLD_NOW);
        one_pair(&phase);
        if (library)
            dlclose(library);
        for (int k = 0; k < 1000; k++)
            one_pair(&phase);
    }
    report(&phase);
}

static pthread_barrier_t all_there;

static void *thread(void *unused)
{
    struct phase *phase = malloc(sizeof *phase);
    (void)unused;
    begin(phase, "threads");
    for (int i = 0; i < 100; i++)
        one_pair(phase);
    pthread_barrier_wait(&all_there);
    return phase;
}

static void join_all(pthread_t *ids, unsigned n, struct phase *sum)
{
    for (unsigned i = 0; i < n; i++) {
        void *result;
        pthread_join(ids[i], &result);
        const struct phase *p = result;
        sum->calls += p->calls;
        sum->over_100us += p->over_100us;
        sum->over_1ms += p->over_1ms;
        sum->switched += p->switched;
        if (p->longest > sum->longest)
            sum->longest = p->longest;
        free(result);
    }
}

/* The main thread goes on for some seconds, so that it writes history. */
static void threads(unsigned n)
{
    struct phase sum = { .name = "threads" }, phase;
    pthread_t *ids = malloc(n * sizeof *ids);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    pthread_barrier_init(&all_there, NULL, n + 1);
    for (unsigned i = 0; i < n; i++)
        if (pthread_create(&ids[i], &small, thread, NULL) != 0) {
            fprintf(stderr, "pauses: no more than %u threads\n", i);
            exit(1);
        }
    begin(&phase, "beside");
    for (uint64_t end = now_ns() + 3000000000u; now_ns() < end;)
        one_pair(&phase);
    report(&phase);
    pthread_barrier_wait(&all_there);
    join_all(ids, n, &sum);
    report(&sum);
    free(ids);
}

static void shrink(void **blocks, uint64_t n)
{
    struct phase phase;
    begin(&phase, "shrink");
    for (uint64_t i = n; i-- > 0;)
        timed_free(&phase, blocks[i]);
    report(&phase);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    uint64_t n = strtoull(argv[1], NULL, 10);
    stacks(strtoull(argv[2], NULL, 10));
    void **blocks = grow(n);
    unload();
    if (argc > 3)
        threads((unsigned)strtoul(argv[3], NULL, 10));
    shrink(blocks, n);
    free(blocks);
    return 0;
}
