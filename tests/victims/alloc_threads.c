/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As many threads as the argument says (0: none but the main one) do nothing but
 * allocate, fill, compare and free, until a line comes on the input. Says
 * "ready" first and how much was done at its end.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "victim.h"

#define SLOTS 64
#define THREADS_MAX 256

static atomic_bool stop;
static atomic_ulong done, damaged;

static bool is_filled(const unsigned char *p, size_t n, unsigned char with)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != with)
            return false;
    return true;
}

static void step(unsigned char *slots[SLOTS], size_t sizes[SLOTS], unsigned *seed)
{
    unsigned at = (*seed = *seed * 1103515245 + 12345) >> 16 & (SLOTS - 1);
    if (slots[at] && !is_filled(slots[at], sizes[at], (unsigned char)at))
        atomic_fetch_add(&damaged, 1);
    free(slots[at]);
    sizes[at] = 1 + (*seed >> 8) % 500;
    slots[at] = keep(malloc(sizes[at]));
    memset(slots[at], (int)at, sizes[at]);
}

static void *work(void *arg)
{
    unsigned char *slots[SLOTS] = { NULL };
    size_t sizes[SLOTS] = { 0 };
    unsigned seed = (unsigned)(uintptr_t)arg;
    unsigned long n = 0;
    char c;
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        step(slots, sizes, &seed);
        n++;
        if (!arg && n % 4096 == 0 && read(STDIN_FILENO, &c, 1) == 1)
            atomic_store(&stop, true);
    }
    for (int i = 0; i < SLOTS; i++)
        free(slots[i]);
    atomic_fetch_add(&done, n);
    return NULL;
}

int main(int argc, char **argv)
{
    static pthread_t threads[THREADS_MAX];
    long n = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    for (long i = 0; i < n && i < THREADS_MAX; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)(i + 1)) != 0)
            return 2;
    puts("ready");
    fflush(stdout);
    work(NULL);
    for (long i = 0; i < n && i < THREADS_MAX; i++)
        pthread_join(threads[i], NULL);
    printf("%lu\n", done);
    CHECK(damaged == 0);
    return victim_failures;
}
