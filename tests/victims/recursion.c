/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recursion for the call tree: walk() calls itself eight deep and holds 128 KiB at
 * each depth; even() and odd() call each other and hold 64 KiB each time; a second
 * thread holds 256 KiB. Then silence, until the end of its input.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "victim.h"

__attribute__((noinline)) static void hold(size_t size, int blocks)
{
    for (int i = 0; i < blocks; i++)
        keep(malloc(hidden(size)));
}

__attribute__((noinline)) static void walk(int depth)
{
    hold(1024, 128);
    if (depth > 1)
        walk(depth - 1);
    keep(NULL); /* no tail call */
}

static void odd(int n);

__attribute__((noinline)) static void even(int n)
{
    hold(512, 128);
    if (n > 0)
        odd(n - 1);
    keep(NULL);
}

__attribute__((noinline)) static void odd(int n)
{
    hold(256, 256);
    if (n > 0)
        even(n - 1);
    keep(NULL);
}

static void *work(void *ready)
{
    hold(4096, 64);
    pthread_barrier_wait(ready);
    pause();
    return NULL;
}

int main(void)
{
    pthread_t thread;
    pthread_barrier_t ready;
    char c;
    pthread_barrier_init(&ready, NULL, 2);
    pthread_create(&thread, NULL, work, &ready);
    pthread_barrier_wait(&ready);
    walk(8);
    even(7);
    if (write(STDOUT_FILENO, "ready\n", 6) < 0)
        return 1;
    while (read(STDIN_FILENO, &c, 1) > 0)
        continue;
    return 0;
}
