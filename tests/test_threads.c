/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads and forks: shards that add up, pages that are reused, children that
 * do not write on their parent's segment.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/store.h"
#include "agent/thread.h"
#include "tests/as_hooks.h"
#include "tests/stack_fake.h"
#include "tests/tap.h"

#define THREADS 8
#define SHORT_THREADS 20000
#define LONG_THREADS 40u
#define EACH 20000

static void *churn(void *arg)
{
    uintptr_t base = 0x700000000000u + (uintptr_t)arg * 0x1000000;
    struct stack_frame caller = { .pc = 1, .sp = 4096 };
    for (unsigned i = 0; i < EACH; i++) {
        struct thread *t = tracker_enter();
        event_alloc(t, (void *)(base + i * 64), 48, &caller);
        tracker_leave(t);
        t = tracker_enter();
        if (i % 2) /* what an even one left behind, a thread further on */
            event_free(t, (void *)(base + (i - 1) * 64));
        tracker_leave(t);
    }
    return NULL;
}

static void *one_event(void *arg)
{
    struct stack_frame caller = { .pc = 1, .sp = 4096 };
    struct thread *t = tracker_enter();
    event_alloc(t, (void *)(0x710000000000u + (uintptr_t)arg * 64), 10,
                  &caller);
    tracker_leave(t);
    return NULL;
}

static struct seg_class sums(void)
{
    struct seg_class sum = { 0 };
    for (uint32_t row = 0; row < threads_rows(); row++)
        for (unsigned i = 0; i < SEG_SIZE_CLASSES; i++) {
            const struct seg_class *c = &store.threads[row].classes[i];
            sum.allocations += c->allocations;
            sum.frees += c->frees;
            sum.bytes_allocated += c->bytes_allocated;
            sum.bytes_freed += c->bytes_freed;
        }
    return sum;
}

static void many_at_once(void)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, churn, (void *)i);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    struct seg_class sum = sums();
    tap_is_u64(sum.allocations, THREADS * EACH, "allocations of all threads");
    tap_is_u64(sum.frees, THREADS * EACH / 2, "frees of all threads");
    int64_t live = THREADS * EACH / 2 * 48;
    int64_t slack = (int64_t)store.header->peak_slack;
    tap_ok(store.globals->peak_bytes <= live + THREADS * 96 &&
               store.globals->peak_bytes >= live - slack,
           "the peak is right to the slack that it states");
}

static sem_t began, may_end;

static void *stay(void *number)
{
    one_event(number);
    sem_post(&began);
    sem_wait(&may_end);
    return NULL;
}

/* Pages are reused, even where the threads in the first rows stay. */
static void many_short_ones(void)
{
    pthread_t staying[LONG_THREADS];
    sem_init(&began, 0, 0);
    sem_init(&may_end, 0, 0);
    for (uintptr_t i = 0; i < LONG_THREADS; i++) {
        pthread_create(&staying[i], NULL, stay, (void *)(SHORT_THREADS + i));
        sem_wait(&began);
    }
    for (uintptr_t i = 0; i < SHORT_THREADS; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, one_event, (void *)i);
        pthread_join(thread, NULL);
    }
    for (unsigned i = 0; i < LONG_THREADS; i++)
        sem_post(&may_end);
    for (unsigned i = 0; i < LONG_THREADS; i++)
        pthread_join(staying[i], NULL);
    tap_is_u64(sums().allocations, THREADS * EACH + SHORT_THREADS + LONG_THREADS,
               "none is forgotten");
    tap_ok(threads_rows() < 2 * LONG_THREADS,
           "however many there were, they share a few pages (%u)", threads_rows());
}

static int in_child(void)
{
    char parents[sizeof store.path];
    memcpy(parents, store.path, sizeof parents);
    one_event((void *)(uintptr_t)1000000);
    bool own = strcmp(parents, store.path) != 0 && access(store.path, F_OK) == 0;
    bool fresh = sums().allocations == 1 && store.header->flags & SEG_FLAG_FORKED;
    struct thread *t = tracker_enter();
    event_free(t, (void *)0x710000000000u); /* the parent's */
    tracker_leave(t);
    bool inherited = thread_self()->page->inherited_frees == 1;
    tracker_goodbye(0);
    return (own ? 0 : 1) | (fresh ? 0 : 2) | (inherited ? 0 : 4) |
           (access(parents, F_OK) == 0 ? 0 : 8);
}

static void forked(void)
{
    uint64_t before = sums().allocations;
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(in_child());
    waitpid(pid, &status, 0);
    tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
           "a forked child has a segment of its own (%x)", WEXITSTATUS(status));
    tap_is_u64(sums().allocations, before, "and leaves its parent's alone");
    pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, &status, 0);
    tap_ok(access(store.path, F_OK) == 0, "a child without events changes nothing");
}

int main(void)
{
    stack_fake_depth = 2;
    stack_fake_pcs[0] = 0x1000;
    stack_fake_pcs[1] = 0x2000;
    tracker_init("/lib/libc.so.6", true, false);
    many_at_once();
    many_short_ones();
    forked();
    tracker_goodbye(0);
    return tap_done();
}
