/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faults WHAT: what goes wrong in programs, or what they do to themselves.
 *   segv        an access to nowhere kills it
 *   overflow    its stack overflows; a handler on another stack allocates and leaves
 *   exec CMD..  replaces itself, with blocks alive
 *   closefrom   closes all descriptors, in two ways, and goes on
 *   nofile      has no descriptor left
 *   chroot DIR  locks itself up in a directory
 *   late        frees in thread destructors, exit handlers and destructors
 *   loader      allocates under the loader's lock, which another thread wants
 *   fork        forks in all ways
 *   foreign     frees what was never allocated through malloc's name
 *   limit       limits its address space, and maps a great deal of what is left
 *   limits      the same by children, in all ways
 */
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "victim.h"

extern char **environ;
void *__libc_malloc(size_t size);

static void churn(unsigned n)
{
    static void *blocks[1000];
    for (unsigned i = 0; i < n; i++) {
        free(blocks[i % 1000]);
        blocks[i % 1000] = keep(malloc(i % 3000));
    }
    for (unsigned i = 0; i < 1000; i++) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
}

/* ---- overflow ------------------------------------------------------------- */

static sigjmp_buf back;

static void overflowed(int signal)
{
    (void)signal;
    free(keep(malloc(100)));
    siglongjmp(back, 1);
}

static __attribute__((noinline)) int deeper(int n)
{
    char frame[4096];
    keep(frame);
    void *p = keep(malloc(20));
    int depth = hidden(1) ? deeper(n + 1) : n;
    free(p);
    return depth + frame[0];
}

static void overflow(void)
{
    stack_t stack = { .ss_sp = keep(malloc(1 << 16)), .ss_size = 1 << 16 };
    struct sigaction action = { .sa_handler = overflowed, .sa_flags = SA_ONSTACK };
    struct rlimit limit = { .rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY };
    setrlimit(RLIMIT_STACK, &limit);
    sigaltstack(&stack, NULL);
    sigaction(SIGSEGV, &action, NULL);
    for (volatile int i = 0; i < 3; i++)
        if (sigsetjmp(back, 1) == 0)
            deeper(0);
    churn(1000);
}

/* ---- descriptors ------------------------------------------------------------ */

static void close_all(void)
{
#if __GLIBC_PREREQ(2, 34)
    closefrom(3);
    close_range(3, ~0u, 0);
#else
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
#endif
    churn(20000);
    printf("the next descriptor is %d\n", dup(1));
}

static void use_up(void)
{
    struct rlimit limit = { .rlim_cur = 8, .rlim_max = 8 };
    setrlimit(RLIMIT_NOFILE, &limit);
    while (dup(1) >= 0)
        ;
    churn(20000);
    int status = -1;
    pid_t pid = fork(); /* the child cannot make a segment */
    if (pid == 0) {
        churn(1000);
        _exit(4);
    }
    waitpid(pid, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 4);
}

/* ---- late frees --------------------------------------------------------------- */

static void *at_the_end;
static pthread_key_t key;

static void free_it(void *p)
{
    free(p);
    free(keep(malloc(30)));
}

static void free_at_exit(void)
{
    free(at_the_end);
    at_the_end = keep(malloc(50));
}

__attribute__((destructor)) static void free_in_destructor(void)
{
    free(at_the_end);
}

static void *with_key(void *unused)
{
    pthread_setspecific(key, keep(malloc(200)));
    return unused;
}

static void late(void)
{
    pthread_t id;
    at_the_end = keep(malloc(100));
    atexit(free_at_exit);
    pthread_key_create(&key, free_it);
    for (int i = 0; i < 20; i++) {
        pthread_create(&id, NULL, with_key, NULL);
        pthread_join(id, NULL);
    }
}

/* ---- the loader's lock ----------------------------------------------------------- */

static pthread_barrier_t both;

static __attribute__((noinline)) void from_new_place(unsigned depth)
{
    if (depth)
        from_new_place(depth - 1);
    else
        free(keep(malloc(40)));
    __asm__ volatile("");
}

static void *allocate_from_new_places(void *unused)
{
    pthread_barrier_wait(&both);
    for (unsigned i = 0; i < 60; i++)
        from_new_place(i);
    pthread_barrier_wait(&both);
    return unused;
}

/* Holds the loader's lock until the other thread has allocated. */
static int under_lock(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)info;
    (void)size;
    (void)data;
    pthread_barrier_wait(&both);
    from_new_place(61);
    pthread_barrier_wait(&both);
    return 1;
}

static void loader(void)
{
    pthread_t id;
    pthread_barrier_init(&both, NULL, 2);
    pthread_create(&id, NULL, allocate_from_new_places, NULL);
    dl_iterate_phdr(under_lock, NULL);
    pthread_join(id, NULL);
}

/* ---- forks ------------------------------------------------------------------------- */

static int child(void *unused)
{
    (void)unused;
    churn(2000);
    _exit(5);
}

static void reap(const char *what, pid_t pid, int wanted)
{
    int status = -1;
    waitpid(pid, &status, 0);
    printf("%s: %d\n", what, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    victim_failures += !WIFEXITED(status) || WEXITSTATUS(status) != wanted;
}

static void fork_in_all_ways(void)
{
    char *sh[] = { (char *)"sh", (char *)"-c", (char *)"exit 6", NULL };
    pid_t pid = fork();
    if (pid == 0)
        child(NULL);
    reap("fork", pid, 5);
    pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        child(NULL);
    reap("a raw clone", pid, 5);
    posix_spawn(&pid, "/bin/sh", NULL, NULL, sh, environ);
    reap("posix_spawn", pid, 6);
    printf("system: %#x\n", (unsigned)system("exit 7"));
    FILE *pipe = popen("echo through a pipe", "r");
    char line[64] = "";
    if (pipe && fgets(line, sizeof line, pipe))
        printf("popen: %s", line);
    printf("%d\n", pipe ? pclose(pipe) : -1);
    churn(5000);
}

/* ---- address space ------------------------------------------------------------------ */

#define MB ((size_t)1 << 20)

static void *nothing(void *unused)
{
    free(keep(malloc(1000)));
    return unused;
}

static int map_what_is_left(void)
{
    int failures = 0;
    /* One after another: each that meets others at malloc takes an arena of 64 MiB. */
    for (int i = 0; i < 4; i++) {
        pthread_t id;
        bool started = pthread_create(&id, NULL, nothing, NULL) == 0;
        failures += !started || pthread_join(id, NULL) != 0;
    }
    void *p = keep(malloc(200 * MB));
    failures += p == NULL;
    free(p);
    failures += keep(malloc(hidden(500 * MB))) != NULL;
    churn(5000);
    return failures;
}

static struct rlimit limit_of(size_t bytes)
{
    return (struct rlimit){ .rlim_cur = bytes, .rlim_max = RLIM_INFINITY };
}

static void limit(void)
{
    struct rlimit wanted = limit_of(500 * MB), got;
    CHECK(setrlimit(RLIMIT_AS, &wanted) == 0);
    CHECK(map_what_is_left() == 0);
    CHECK(prlimit(0, RLIMIT_AS, NULL, &got) == 0 && got.rlim_cur == 500 * MB);
}

/* A child that was forked, with or without an allocation before it limits itself. */
static void limit_in_child(bool first)
{
    struct rlimit wanted = limit_of(500 * MB);
    pid_t pid = fork();
    if (pid == 0) {
        if (first)
            churn(1000);
        _exit(prlimit(getpid(), RLIMIT_AS, &wanted, NULL) != 0 || map_what_is_left() ? 1 : 5);
    }
    reap("a child", pid, 5);
}

/* A vforked one, which shares its parent's memory. */
static void limit_and_exec(void)
{
    static struct rlimit wanted;
    wanted = limit_of(500 * MB);
    pid_t pid = vfork();
    if (pid == 0) {
        setrlimit(RLIMIT_AS, &wanted);
        execl("/bin/sh", "sh", "-c", "exit 6", (char *)NULL);
        _exit(1);
    }
    reap("another program", pid, 6);
    churn(5000);
}

static void limits(void)
{
    limit_in_child(false);
    limit_in_child(true);
    limit_and_exec();
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    setvbuf(stdout, NULL, _IOLBF, 0);
    churn(2000);
    puts(what);
    if (strcmp(what, "segv") == 0)
        *(volatile int *)hidden(16) = 1;
    else if (strcmp(what, "overflow") == 0)
        overflow();
    else if (strcmp(what, "exec") == 0 && argc > 2 && keep(malloc(1000)))
        execv(argv[2], argv + 2);
    else if (strcmp(what, "closefrom") == 0)
        close_all();
    else if (strcmp(what, "nofile") == 0)
        use_up();
    else if (strcmp(what, "chroot") == 0 && argc > 2)
        CHECK(chroot(argv[2]) == 0 && chdir("/") == 0);
    else if (strcmp(what, "late") == 0)
        late();
    else if (strcmp(what, "loader") == 0)
        loader();
    else if (strcmp(what, "fork") == 0)
        fork_in_all_ways();
    else if (strcmp(what, "foreign") == 0)
        for (int i = 0; i < 10; i++)
            free(keep(__libc_malloc(100)));
    else if (strcmp(what, "limit") == 0)
        limit();
    else if (strcmp(what, "limits") == 0)
        limits();
    churn(5000);
    puts("done");
    return victim_failures != 0;
}
