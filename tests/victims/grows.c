/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heaps that grow and shrink: grows THREADS BLOCKS ROUNDS. In each round each
 * thread fills its heap with BLOCKS blocks and frees those that its neighbour
 * made in the round before; one in 64 stays until the end, and then there is
 * nothing but pairs for a while. Prints how many blocks were made.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define KEPT_MAX 65536
#define THREADS_MAX 16

static unsigned n_threads, n_blocks, n_rounds;
static void **heaps[THREADS_MAX][2];
static pthread_barrier_t barrier;

static void *hand_out(size_t size)
{
    void *p = malloc(size);
    __asm__ volatile("" : "+r"(p) : : "memory");
    return p;
}

static void fill(void **heap, uint64_t *random)
{
    for (unsigned i = 0; i < n_blocks; i++) {
        *random = *random * 6364136223846793005u + 1442695040888963407u;
        heap[i] = hand_out(1 + (*random >> 40) % (i % 512 == 0 ? 200000 : 300));
    }
}

static void drain(void **heap, void **kept, unsigned *n_kept)
{
    for (unsigned i = 0; i < n_blocks; i++) {
        if (i % 64 == 0 && *n_kept < KEPT_MAX)
            kept[(*n_kept)++] = heap[i];
        else
            free(heap[i]);
    }
}

static void *work(void *argument)
{
    unsigned id = (unsigned)(uintptr_t)argument, n_kept = 0;
    void **kept = malloc(KEPT_MAX * sizeof *kept);
    uint64_t random = id + 1;
    for (unsigned round = 0; round < n_rounds; round++) {
        fill(heaps[id][round % 2], &random);
        pthread_barrier_wait(&barrier);
        drain(heaps[(id + 1) % n_threads][round % 2], kept, &n_kept);
        for (unsigned i = 0; i < n_blocks; i++)
            free(hand_out(64));
        if (round + 1 == n_rounds / 2) /* what stayed goes as well, once */
            while (n_kept > 0)
                free(kept[--n_kept]);
    }
    while (n_kept > 0)
        free(kept[--n_kept]);
    free(kept);
    return NULL;
}

/* Of its own time: on a busy machine others have most of what passes. */
static void pairs_for(double seconds)
{
    struct timespec start, now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    do {
        for (int i = 0; i < 1000; i++) { /* not temporary: those do not tell the time */
            void *a = hand_out(48), *b = hand_out(48);
            free(a);
            free(b);
        }
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    } while ((double)(now.tv_sec - start.tv_sec) +
                 (double)(now.tv_nsec - start.tv_nsec) / 1e9 < seconds);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    n_threads = (unsigned)atoi(argv[1]);
    n_blocks = (unsigned)atoi(argv[2]);
    n_rounds = (unsigned)atoi(argv[3]);
    if (n_threads < 1 || n_threads > THREADS_MAX)
        return 2;
    for (unsigned i = 0; i < n_threads; i++)
        for (unsigned k = 0; k < 2; k++)
            heaps[i][k] = calloc(n_blocks, sizeof(void *));
    pthread_barrier_init(&barrier, NULL, n_threads);
    pthread_t ids[THREADS_MAX];
    for (unsigned i = 1; i < n_threads; i++)
        pthread_create(&ids[i], NULL, work, (void *)(uintptr_t)i);
    work((void *)0);
    for (unsigned i = 1; i < n_threads; i++)
        pthread_join(ids[i], NULL);
    pairs_for(0.5);
    for (unsigned i = 0; i < n_threads; i++)
        for (unsigned k = 0; k < 2; k++)
            free(heaps[i][k]);
    printf("%llu\n", (unsigned long long)n_threads * n_blocks * n_rounds);
    return 0;
}
