/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A heap with one function of each kind: leak() never frees, remember() fills a
 * cache of keys that come at random and so fills ever more slowly, churn()
 * replaces all that it has again and again, load() is done at the start. Goes on
 * until its input ends; trends SECONDS: so long at most.
 */
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "victim.h"

#define KEYS  600u
#define CHURN 64u

static void *kept[1000], *cache[KEYS], *ring[CHURN];
static uint64_t state = 1;

static unsigned random_below(unsigned n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

__attribute__((noinline)) static void load(void)
{
    for (unsigned i = 0; i < sizeof kept / sizeof *kept; i++)
        kept[i] = keep(malloc(hidden(1000)));
}

__attribute__((noinline)) static void leak(void)
{
    keep(malloc(hidden(500)));
}

__attribute__((noinline)) static void remember(void)
{
    unsigned key = random_below(KEYS);
    if (!cache[key])
        cache[key] = keep(malloc(hidden(3000)));
}

__attribute__((noinline)) static void churn(unsigned i)
{
    free(ring[i % CHURN]);
    ring[i % CHURN] = keep(malloc(hidden(200)));
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    double until = now() + (argc > 1 ? atof(argv[1]) : 1e9);
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
    char byte;
    load();
    for (unsigned i = 0; now() < until; i++) {
        leak();
        remember();
        churn(i);
        if (poll(&input, 1, 5) > 0 && read(STDIN_FILENO, &byte, 1) <= 0)
            break;
    }
    return 0;
}
