/* SPDX-License-Identifier: Apache-2.0 */
/*
 * many WHAT N: a great number of something.
 *   threads     N at once, each with blocks of its own that another frees
 *   short       N threads, one after the other, in batches
 *   forks       N children, each of which allocates
 *   blocks      N blocks of one byte that live at the same time
 *   huge        N blocks of 100 GB, of which a few pages are touched
 *   stacks      N distinct stacks
 *   opens PATH  a plugin loaded and unloaded N times
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "victim.h"

enum { BATCH = 50, SMALL_STACK = 65536 };

static size_t n;
static void **blocks;
static pthread_barrier_t barrier;

static void *hand_over(void *arg)
{
    size_t i = (size_t)arg;
    blocks[i] = keep(malloc(i % 500 + 1));
    pthread_barrier_wait(&barrier);
    free(blocks[(i + 1) % n]);
    return NULL;
}

static void *allocate(void *arg)
{
    free(keep(malloc((size_t)arg % 100)));
    return NULL;
}

static pthread_t start(void *(*function)(void *), size_t i)
{
    pthread_t id;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, SMALL_STACK);
    if (pthread_create(&id, &attr, function, (void *)i) != 0)
        abort();
    return id;
}

static void threads(void)
{
    pthread_t *ids = keep(malloc(n * sizeof *ids));
    pthread_barrier_init(&barrier, NULL, (unsigned)n);
    for (size_t i = 0; i < n; i++)
        ids[i] = start(hand_over, i);
    for (size_t i = 0; i < n; i++)
        pthread_join(ids[i], NULL);
    free(ids);
}

static void short_threads(void)
{
    pthread_t ids[BATCH];
    for (size_t i = 0; i < n; i += BATCH) {
        for (size_t j = 0; j < BATCH; j++)
            ids[j] = start(allocate, i + j);
        for (size_t j = 0; j < BATCH; j++)
            pthread_join(ids[j], NULL);
    }
}

static void forks(void)
{
    for (size_t i = 0; i < n; i++) {
        int status = -1;
        pid_t pid = fork();
        if (pid == 0) {
            free(keep(malloc(i)));
            _exit(7);
        }
        waitpid(pid, &status, 0);
        victim_failures += !WIFEXITED(status) || WEXITSTATUS(status) != 7;
    }
}

static void live_blocks(void)
{
    for (size_t i = 0; i < n; i++)
        blocks[i] = keep(malloc(1));
    for (size_t i = 0; i < n; i++)
        free(blocks[i]);
}

static void huge(void)
{
    const size_t size = (size_t)100 << 30;
    for (size_t i = 0; i < n; i++) {
        char *p = keep(malloc(hidden(size)));
        if (!p) { /* where memory is not overcommitted */
            puts("no room");
            return;
        }
        p[0] = p[size / 2] = p[size - 1] = 1;
        free(p);
    }
}

static __attribute__((noinline)) void descend(size_t path, unsigned depth);

static __attribute__((noinline)) void left(size_t path, unsigned depth)
{
    descend(path, depth);
    __asm__ volatile("");
}

static __attribute__((noinline)) void right(size_t path, unsigned depth)
{
    descend(path, depth);
    __asm__ volatile("");
}

static void descend(size_t path, unsigned depth)
{
    if (depth == 0)
        free(keep(malloc(10)));
    else if (path & 1)
        left(path >> 1, depth - 1);
    else
        right(path >> 1, depth - 1);
    __asm__ volatile("");
}

static void stacks(void)
{
    for (size_t i = 0; i < n; i++)
        descend(i, 20);
}

static void opens(const char *path)
{
    for (size_t i = 0; i < n; i++) {
        void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!handle) {
            puts(dlerror());
            exit(1);
        }
        dlclose(handle);
    }
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    n = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    size_t bytes = (n + 1) * sizeof *blocks;
    blocks = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (strcmp(what, "threads") == 0)
        threads();
    else if (strcmp(what, "short") == 0)
        short_threads();
    else if (strcmp(what, "forks") == 0)
        forks();
    else if (strcmp(what, "blocks") == 0)
        live_blocks();
    else if (strcmp(what, "huge") == 0)
        huge();
    else if (strcmp(what, "stacks") == 0)
        stacks();
    else if (strcmp(what, "opens") == 0 && argc > 3)
        opens(argv[3]);
    else
        return 2;
    printf("%s %zu: %d failed\n", what, n, victim_failures);
    return victim_failures != 0;
}
