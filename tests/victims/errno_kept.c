/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many stacks, sizes and threads, so that whoever watches has to grow, while
 * no call that succeeds may touch errno. Build: -pthread.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "victim.h"

static int changed; /* atomic */

/* Calls itself along the bits of `path`: each path is a stack of its own. */
static __attribute__((noinline)) void *descend(unsigned path, unsigned depth, size_t size)
{
    void *p;
    if (depth == 0)
        return keep(malloc(size));
    if (path & 1)
        p = descend(path >> 1, depth - 1, size);
    else
        p = keep(descend(path >> 1, depth - 1, size + 1));
    return keep(p);
}

static void *work(void *unused)
{
    for (unsigned i = 0; i < 4096; i++) {
        errno = (int)i + 1;
        void *p = descend(i, 12, i);
        p = keep(realloc(p, 2 * i + 1));
        free(p);
        void *q = keep(calloc(i, 16));
        free(q);
        if (errno != (int)i + 1)
            __atomic_add_fetch(&changed, 1, __ATOMIC_RELAXED);
    }
    return unused;
}

int main(void)
{
    pthread_t threads[8];
    work(NULL);
    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    printf("errno changed %d times\n", changed);
    return changed != 0;
}
