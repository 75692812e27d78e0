/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads in a ring: each allocates, hands its blocks on, and resizes and frees
 * those of its neighbour. Build: -pthread.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "victim.h"

enum { THREADS = 4, BLOCKS = 50000, SLOTS = 64 };

struct mailbox {
    unsigned char *slots[SLOTS];
    sem_t empty, full;
};

static struct mailbox mailboxes[THREADS];
static int bad; /* atomic */

/* They sleep: who spins on a busy machine keeps those away that it waits for. */
static void await(sem_t *s)
{
    while (sem_wait(s) != 0)
        continue;
}

static void put(struct mailbox *to, unsigned i, unsigned char *p)
{
    await(&to->empty);
    to->slots[i % SLOTS] = p;
    sem_post(&to->full);
}

static unsigned char *get(struct mailbox *from, unsigned i)
{
    await(&from->full);
    unsigned char *p = from->slots[i % SLOTS];
    sem_post(&from->empty);
    return p;
}

static void *work(void *number)
{
    unsigned me = (unsigned)(uintptr_t)number;
    for (unsigned i = 0; i < BLOCKS; i++) {
        size_t size = 8 + (i * 7 + me) % 500;
        unsigned char *p = keep(malloc(size));
        memset(p, (int)(i & 0xff), size);
        put(&mailboxes[(me + 1) % THREADS], i, p);
        p = get(&mailboxes[me], i);
        if (i % 8 == 0)
            p = keep(realloc(p, 1000));
        if (p[7] != (i & 0xff))
            __atomic_add_fetch(&bad, 1, __ATOMIC_RELAXED);
        free(p);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        sem_init(&mailboxes[i].empty, 0, SLOTS);
        sem_init(&mailboxes[i].full, 0, 0);
    }
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("%d blocks, %d bad\n", THREADS * BLOCKS, bad);
    return bad != 0;
}
