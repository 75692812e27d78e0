/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks that live for different times, a call site each, and silence: brief and
 * brisk have blocks of 48 and of 1000 bytes that live for an instant, passing has
 * temporary ones, lasting some that live for more than a tenth of a second; and
 * staying keeps a few of 48 bytes. It ends with its input.
 */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "victim.h"

#define PAIRS 10000

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The first of two is freed while the other is there: so neither is temporary. */
__attribute__((noinline)) static void brief(void)
{
    for (int i = 0; i < PAIRS; i++) {
        void *pair[2];
        for (int k = 0; k < 2; k++)
            pair[k] = keep(malloc(hidden(48)));
        free(pair[0]);
        free(pair[1]);
    }
}

__attribute__((noinline)) static void brisk(void)
{
    for (int i = 0; i < PAIRS / 10; i++) {
        void *pair[2];
        for (int k = 0; k < 2; k++)
            pair[k] = keep(malloc(hidden(1000)));
        free(pair[0]);
        free(pair[1]);
    }
}

__attribute__((noinline)) static void passing(void)
{
    for (int i = 0; i < 3000; i++)
        free(keep(malloc(hidden(64))));
}

__attribute__((noinline)) static void lasting(void)
{
    static void *blocks[500];
    for (int i = 0; i < 500; i++)
        blocks[i] = keep(malloc(hidden(300)));
    for (double start = now(); now() - start < 0.12;)
        ;
    for (int i = 0; i < 500; i++)
        free(blocks[i]);
}

__attribute__((noinline)) static void staying(void)
{
    for (int i = 0; i < 40; i++)
        keep(malloc(hidden(48)));
}

int main(void)
{
    char input[16];
    brief();
    brisk();
    passing();
    lasting();
    staying();
    if (write(STDOUT_FILENO, "done\n", 5) != 5)
        return 1;
    while (read(STDIN_FILENO, input, sizeof input) > 0)
        ;
    return 0;
}
