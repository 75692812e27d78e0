/* SPDX-License-Identifier: Apache-2.0 */
/* One thread allocates, another frees: handover COUNT */
#include <pthread.h>
#include <stdatomic.h>

#include "bench/workload.h"

#define RING 4096

static _Atomic(void *) ring[RING];
static uint64_t count;

static void *consume(void *unused)
{
    (void)unused;
    for (uint64_t i = 0; i < count; i++) {
        void *p;
        while (!(p = atomic_exchange_explicit(&ring[i % RING], NULL, memory_order_acquire)))
            __builtin_ia32_pause();
        free(p);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    count = strtoull(argv[1], NULL, 10);
    pthread_t consumer;
    pthread_create(&consumer, NULL, consume, NULL);
    double start = workload_now();
    for (uint64_t i = 0; i < count; i++) {
        while (atomic_load_explicit(&ring[i % RING], memory_order_relaxed))
            __builtin_ia32_pause();
        atomic_store_explicit(&ring[i % RING], malloc(16 + i % 200), memory_order_release);
    }
    pthread_join(consumer, NULL);
    workload_report("handover", workload_now() - start, count);
    return 0;
}
