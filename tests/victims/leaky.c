/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leaky WHAT STATUS: leaves behind what is known and exits with STATUS.
 *
 * none   nothing of its own, but the buffer of stdout
 * exit   the same: of its two blocks one is freed by an atexit handler and one by a
 *        destructor
 * all    10 blocks of 100 bytes by lose_small, one of 5000 by lose_big, and one of 300
 *        that a pointer still reaches
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "victim.h"

static void *of_handler, *of_destructor, *reached;

static void handler(void)
{
    free(of_handler);
}

__attribute__((destructor)) static void destructor(void)
{
    free(of_destructor);
}

__attribute__((noinline)) static void lose_small(void)
{
    for (int i = 0; i < 10; i++)
        keep(malloc(hidden(100)));
}

__attribute__((noinline)) static void lose_big(void)
{
    keep(malloc(hidden(5000)));
}

__attribute__((noinline)) static void reach(void)
{
    reached = keep(malloc(hidden(300)));
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "none";
    puts(what);
    if (strcmp(what, "exit") == 0) {
        of_handler = keep(malloc(hidden(1000)));
        of_destructor = keep(malloc(hidden(2000)));
        atexit(handler);
    }
    if (strcmp(what, "all") == 0) {
        lose_small();
        lose_big();
        reach();
    }
    return argc > 2 ? atoi(argv[2]) : 0;
}
