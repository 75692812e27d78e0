/* SPDX-License-Identifier: Apache-2.0 */
/*
 * races THREADS ROUNDS: threads exchange blocks through shared slots, so that each is
 * freed or resized by whoever comes next, at sites of their own. With 0 rounds until
 * stdin is at its end.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "victim.h"

enum { SLOTS = 512, KINDS = 4 };

static void *slots[SLOTS];
static unsigned long rounds;
static int stop; /* atomic */

static __attribute__((noinline)) void *small(size_t r) { return keep(malloc(r % 200)); }
static __attribute__((noinline)) void *large(size_t r) { return keep(malloc(r % 40000)); }
static __attribute__((noinline)) void *zeroed(size_t r) { return keep(calloc(1, r % 900)); }
static __attribute__((noinline)) void *aligned(size_t r)
{
    void *p = NULL;
    return posix_memalign(&p, 64, r % 500) == 0 ? keep(p) : NULL;
}

static void *work(void *arg)
{
    static void *(*const kinds[KINDS])(size_t) = { small, large, zeroed, aligned };
    size_t r = (size_t)arg * 7919 + 1;
    for (unsigned long i = 0; rounds == 0 || i < rounds; i++) {
        if (rounds == 0 && __atomic_load_n(&stop, __ATOMIC_RELAXED))
            break;
        r = r * UINT64_C(6364136223846793005) + 1442695040888963407;
        void *p = kinds[r >> 40 & 3](r >> 44);
        p = __atomic_exchange_n(&slots[r >> 33 & (SLOTS - 1)], p, __ATOMIC_ACQ_REL);
        if (p && r >> 60 == 0) /* one in 16 goes on in another size */
            p = __atomic_exchange_n(&slots[r >> 20 & (SLOTS - 1)], keep(realloc(p, 300)),
                                    __ATOMIC_ACQ_REL);
        free(p);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    unsigned n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 4;
    rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;
    pthread_t ids[64];
    char byte;
    for (unsigned i = 0; i < n && i < 64; i++)
        pthread_create(&ids[i], NULL, work, (void *)(uintptr_t)i);
    while (rounds == 0 && read(0, &byte, 1) > 0)
        ;
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < n && i < 64; i++)
        pthread_join(ids[i], NULL);
    for (unsigned i = 0; i < SLOTS; i++)
        free(slots[i]);
    puts("done");
    return 0;
}
