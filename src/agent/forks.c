/* SPDX-License-Identifier: Apache-2.0 */
/* See forks.h. Called by the hooks of fork, and at the slow way into a hook. */
#include "agent/forks.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/process.h"
#include "agent/sandbox.h"
#include "agent/store.h"
#include "agent/thread.h"
#include "agent/wiped.h"

static uint32_t forking;      /* atomic: guarded forks under way; in a child, only until
                                 forks_done */
static struct thread *inside; /* atomic; in a child: the state that the hook uses */
static uint32_t wiping;       /* atomic: one thread is at it */

/* A thread without a page may be inside of a hook or not: it has no gate. */
static struct thread *interrupted(uintptr_t frame)
{
    struct thread *t = __atomic_load_n(&inside, __ATOMIC_ACQUIRE);
    if (t || !process_records() || sandbox_is_closed())
        return t;
    t = thread_self();
    if (t->gate.word == GATE_UNSET)
        return threads_crowded ? threads_shared() : NULL;
    return gate_is_shut(&t->gate, frame) ? t : NULL;
}

bool forks_prepare(struct forks_guard *g, uintptr_t frame)
{
    g->thread = interrupted(frame);
    if (!g->thread)
        return true;
    int saved_errno = errno;
    g->copy = mmap(NULL, 2 * sizeof *g->copy, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    errno = saved_errno;
    if (g->copy == MAP_FAILED)
        return false;
    memcpy(&g->copy[0], g->thread, sizeof *g->copy);
    memcpy(&g->copy[1], threads_shared(), sizeof *g->copy);
    __atomic_add_fetch(&forking, 1, __ATOMIC_ACQ_REL);
    return true;
}

static void begin_child(const struct forks_guard *g)
{
    store_make_private();
    memcpy(g->thread, &g->copy[0], sizeof *g->copy);
    memcpy(threads_shared(), &g->copy[1], sizeof *g->copy);
    threads_leave_self();
    __atomic_store_n(&inside, g->thread, __ATOMIC_RELEASE);
}

void forks_done(const struct forks_guard *g, int pid)
{
    int saved_errno = errno;
    if (pid == 0 && g->thread)
        begin_child(g);
    if (pid == 0)
        sandbox_forked();
    if (pid == 0) /* others that were about to fork are in the parent */
        __atomic_store_n(&forking, 0, __ATOMIC_RELEASE);
    else if (g->thread)
        __atomic_sub_fetch(&forking, 1, __ATOMIC_ACQ_REL);
    if (g->thread)
        munmap(g->copy, 2 * sizeof *g->copy);
    errno = saved_errno;
}

bool forks_wait(void)
{
    if (__atomic_load_n(&forking, __ATOMIC_ACQUIRE))
        return true;
    struct thread *t = __atomic_load_n(&inside, __ATOMIC_ACQUIRE);
    if (!t)
        return false;
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    if (t == threads_shared() || gate_is_shut(&t->gate, frame) ||
        __atomic_exchange_n(&wiping, 1, __ATOMIC_ACQUIRE))
        return true;
    wiped_clear();
    __atomic_store_n(&inside, NULL, __ATOMIC_RELEASE);
    __atomic_store_n(&wiping, 0, __ATOMIC_RELEASE);
    return false;
}
