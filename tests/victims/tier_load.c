/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tier_load [short [RATE]]: threads that allocate, resize and free, each with blocks
 * of its own and some that they hand to each other, so that the tier can be changed
 * under load. Each goes at full speed, or takes RATE steps a second. Lines on its
 * input: "p" pauses all and prints "allocations FREES LIVE_BLOCKS LIVE_BYTES" of these
 * threads, "g" lets them go on, end of input ends it. With the argument "short" some of
 * the work is done by threads that live for a moment, one at a time.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "victim.h"

#define THREADS 4
#define SLOTS 5000
#define STEPS 100 /* in a turn */
#define SHORT_TURN 8

static struct {
    pthread_mutex_t lock; /* of `handed` */
    void *handed;
    size_t size;
} exchange = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct worker {
    pthread_t thread;
    pthread_mutex_t running; /* held while the worker may allocate */
    uint64_t state, allocations, frees;
    void *blocks[SLOTS];
    size_t sizes[SLOTS];
} workers[THREADS];

static int done; /* atomic */
static bool with_short;
static uint64_t turn_ns; /* 0: at full speed */

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t next(struct worker *w)
{
    w->state ^= w->state << 13;
    w->state ^= w->state >> 7;
    return w->state ^= w->state << 17;
}

/* Swap a block with whatever another thread left. */
static void hand_over(struct worker *w, unsigned slot)
{
    pthread_mutex_lock(&exchange.lock);
    void *p = exchange.handed;
    size_t size = exchange.size;
    exchange.handed = w->blocks[slot];
    exchange.size = w->sizes[slot];
    w->blocks[slot] = p;
    w->sizes[slot] = size;
    pthread_mutex_unlock(&exchange.lock);
}

static void step(struct worker *w)
{
    unsigned slot = next(w) % SLOTS, what = next(w) % 16;
    size_t size = 16 + next(w) % 2000;
    if (!w->blocks[slot]) {
        w->blocks[slot] = keep(malloc(hidden(size)));
        w->sizes[slot] = size;
        w->allocations++;
    } else if (what == 0) {
        hand_over(w, slot);
    } else if (what < 4) {
        w->blocks[slot] = keep(realloc(w->blocks[slot], hidden(size)));
        w->sizes[slot] = size;
        w->allocations++;
        w->frees++;
    } else {
        free(w->blocks[slot]);
        w->blocks[slot] = NULL;
        w->sizes[slot] = 0;
        w->frees++;
    }
}

static void *work_a_little(void *arg)
{
    for (int i = 0; i < STEPS; i++)
        step(arg);
    return NULL;
}

static void leave_to_another(struct worker *w)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, work_a_little, w) != 0)
        abort();
    pthread_join(thread, NULL);
}

static void sleep_until(uint64_t ns)
{
    struct timespec t = { .tv_sec = (time_t)(ns / 1000000000),
                          .tv_nsec = (long)(ns % 1000000000) };
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    uint64_t begin = now_ns();
    for (unsigned turn = 1; !__atomic_load_n(&done, __ATOMIC_RELAXED); turn++) {
        pthread_mutex_lock(&w->running);
        if (with_short && w == workers && turn % SHORT_TURN == 0)
            leave_to_another(w);
        else
            work_a_little(w);
        pthread_mutex_unlock(&w->running);
        if (turn_ns)
            sleep_until(begin + turn * turn_ns);
    }
    return NULL;
}

static void report(void)
{
    uint64_t allocations = 0, frees = 0, bytes = exchange.size;
    for (int i = 0; i < THREADS; i++) {
        allocations += workers[i].allocations;
        frees += workers[i].frees;
        for (int k = 0; k < SLOTS; k++)
            bytes += workers[i].sizes[k];
    }
    printf("%llu %llu %llu %llu\n", (unsigned long long)allocations,
           (unsigned long long)frees, (unsigned long long)(allocations - frees),
           (unsigned long long)bytes);
}

int main(int argc, char **argv)
{
    char line[16];
    with_short = argc > 1 && strcmp(argv[1], "short") == 0;
    if (argc > 2)
        turn_ns = UINT64_C(1000000000) * STEPS / strtoull(argv[2], NULL, 10);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < THREADS; i++) {
        workers[i].state = 88172645463325252u + (uint64_t)i * 7919;
        pthread_mutex_init(&workers[i].running, NULL);
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    puts("up");
    while (fgets(line, sizeof line, stdin)) {
        for (int i = 0; line[0] == 'p' && i < THREADS; i++)
            pthread_mutex_lock(&workers[i].running);
        if (line[0] == 'p')
            report();
        for (int i = 0; line[0] == 'g' && i < THREADS; i++)
            pthread_mutex_unlock(&workers[i].running);
    }
    __atomic_store_n(&done, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    return 0;
}
