/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandboxed WAY: installs a seccomp filter that kills the process at any system call
 * that malloc, threads and printing do not need, by prctl() or by syscall(), and then
 * allocates on: in new places, from new depths, in a new thread.
 *   refused            the kernel refuses the filter
 *   strict             the mode without filters: read, write and exit are all
 *   inherited CMD...   a filter that answers all unusual calls with EPERM, and CMD
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "victim.h"

enum { BLOCKS = 20000, DEPTH = 40 };

static void *blocks[BLOCKS];

static const int needed[] = {
    SYS_read, SYS_write, SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_futex,
    SYS_exit, SYS_exit_group, SYS_clone3, SYS_clone, SYS_set_robust_list, SYS_rseq,
    SYS_getrandom, SYS_rt_sigaction, SYS_rt_sigreturn, SYS_fstat, SYS_newfstatat,
};
static const int loading[] = {
    SYS_execve, SYS_openat, SYS_close, SYS_pread64, SYS_access, SYS_arch_prctl,
    SYS_set_tid_address, SYS_prlimit64,
};

static struct sock_filter code[128];
static unsigned short length;

static void add(struct sock_filter f)
{
    code[length++] = f;
}

static void allow(const int calls[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], 0, 1));
        add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    }
}
#define ALLOW(calls) allow(calls, sizeof calls / sizeof *calls)

/* A call with its n-th argument at most so large. */
static void allow_up_to(int call, unsigned n, unsigned most)
{
    add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 4));
    add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                     offsetof(struct seccomp_data, args) + 8 * n));
    add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, most, 1, 0));
    add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
}

static struct sock_fprog filter(int inherited)
{
    add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
    ALLOW(needed);
    if (inherited) {
        ALLOW(loading);
    } else { /* as the C library calls them for threads, and not as the agent does */
        allow_up_to(SYS_rt_sigprocmask, 0, SIG_SETMASK);
        allow_up_to(SYS_madvise, 2, MADV_DONTNEED);
    }
    add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, inherited ? SECCOMP_RET_ERRNO | EPERM
                                                                : SECCOMP_RET_KILL_PROCESS));
    return (struct sock_fprog){ .len = length, .filter = code };
}

static __attribute__((noinline)) void fill(unsigned depth, unsigned from, size_t size)
{
    char frame[8192]; /* deeper than the stack has ever been */
    if (depth > 0) {
        fill(depth - 1, from, size);
        keep(frame);
        return;
    }
    for (unsigned i = from; i < BLOCKS; i += 10)
        blocks[i] = keep(malloc(size));
}

static void *thread(void *unused)
{
    for (unsigned i = 0; i < 1000; i++)
        free(keep(malloc(i)));
    return unused;
}

static void go_on(void)
{
    pthread_t id;
    for (unsigned i = 0; i < 10; i++)
        fill(i * DEPTH / 10, i, i * 100 + 1);
    CHECK(pthread_create(&id, NULL, thread, NULL) == 0);
    CHECK(pthread_join(id, NULL) == 0);
    for (unsigned i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    puts("done");
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "prctl";
    struct sock_fprog program = filter(strcmp(way, "inherited") == 0);
    fill(0, 0, 100); /* a part of the heap is known before */
    for (unsigned i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    puts(way);
    fflush(stdout);
    if (strcmp(way, "strict") == 0) {
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
            return 1;
        for (unsigned i = 0; i < 1000; i++)
            free(keep(malloc(i % 100)));
        syscall(SYS_exit, 3);
    }
    if (strcmp(way, "refused") == 0) {
        CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) == -1 && errno == EFAULT);
        CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) == -1 && errno == EFAULT);
    } else {
        CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        fflush(stdout);
        int failed = strcmp(way, "syscall") == 0
                         ? (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program)
                         : prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
        if (failed)
            return 1;
    }
    if (strcmp(way, "inherited") == 0) {
        execv(argv[2], argv + 2);
        return 127;
    }
    go_on();
    return victim_failures != 0;
}
