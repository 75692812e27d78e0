/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork_in_hook STRIDE [unlinked]: a signal handler forks in the middle of malloc and free, and
 * the child returns from the handler into them. By single-stepping: a trap after
 * each instruction, of which one in STRIDE forks. The children go on allocating
 * before they return, after it, or both, and say by their status whether all went
 * well.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "stepping.h"
#include "victim.h"

pid_t _Fork(void) __attribute__((weak));

enum { BLOCKS = 64 };

static char *blocks[BLOCKS];
static unsigned long stride, steps, forks, failed;
static volatile int is_child;

/* Some of everything, with contents that are looked at. */
static int allocate(void)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        free(blocks[i]);
        blocks[i] = keep(malloc(40 + i * 30));
        memset(blocks[i], (int)i, 40 + i * 30);
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        blocks[i] = keep(realloc(blocks[i], 2000));
        if (blocks[i][39] != (char)i)
            return 1;
    }
    return 0;
}

static pid_t fork_somehow(unsigned long n)
{
    switch (n % 4) {
    case 1: return _Fork ? _Fork() : fork();
    case 2: return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    case 3: return (pid_t)syscall(SYS_fork);
    default: return fork();
    }
}

static void trapped(int signal, siginfo_t *info, void *context)
{
    ucontext_t *at = context;
    (void)signal;
    (void)info;
    if (steps++ % stride != 0)
        return;
    pid_t pid = fork_somehow(forks++);
    if (pid == 0) {
        is_child = 1;
        at->uc_mcontext.gregs[REG_EFL] &= ~(long long)STEPPING_FLAG;
        if (forks % 3 == 0) /* while the allocator itself is being interrupted, it is not
                               to be called: only what does not reach it */
            free(NULL);
        return;
    }
    int status = -1;
    waitpid(pid, &status, 0);
    failed += status != 0;
}

/* Blocks of a new place and of a new size now and then, so that slow ways are met. */
static __attribute__((noinline)) void stepped(unsigned round)
{
    stepping_set(STEPPING_FLAG);
    void *p = keep(malloc(100 + round));
    if (!is_child)
        free(p);
    if (!is_child)
        p = keep(calloc(1, round * 5 + 10));
    if (!is_child)
        keep(realloc(p, (size_t)round * 40000 + 10)); /* and never freed */
    stepping_set(0);
    if (is_child) {
        int status = allocate();
        free(keep(malloc(10)));
        if (!status && fork() == 0) /* and children of theirs */
            _exit(allocate());
        int grandchild = 0;
        wait(&grandchild);
        _exit(status || grandchild);
    }
}

int main(int argc, char **argv)
{
    stride = argc > 1 ? strtoul(argv[1], NULL, 10) : 101;
    struct sigaction action = { .sa_sigaction = trapped, .sa_flags = SA_SIGINFO };
    sigaction(SIGTRAP, &action, NULL);
    if (argc > 2)
        system("rm -f \"$MEMTOP_DIR\"/memtop-*"); /* what is recorded is out of reach */
    free(keep(malloc(10))); /* the first call works with signals blocked, but for traps */
    for (unsigned round = 0; round < 6; round++)
        stepped(round);
    CHECK(steps > 500);
    CHECK(forks > 0);
    CHECK(failed == 0);
    return victim_failures != 0;
}
