/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long the viewer's event loop does not wait: a library to preload into it, for
 * bench/keys.py. From the return of each poll() of the main thread to its next call the
 * time is taken, and the longest is kept in the file that STALLS names, as two numbers
 * of 64 bits, nanoseconds: on the wall, and on a processor. Whoever reads them sets
 * them to 0.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct longest {
    uint64_t wall_ns, cpu_ns;
};

static struct longest *longest;
static uint64_t wall, cpu; /* when the last poll returned; 0 not yet */

static uint64_t now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

__attribute__((constructor))
static void begin(void)
{
    const char *path = getenv("STALLS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *map = fd < 0 ? MAP_FAILED
                       : mmap(NULL, sizeof *longest, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    longest = map == MAP_FAILED ? NULL : map;
    unsetenv("LD_PRELOAD");
}

static void keep(uint64_t *most, uint64_t since, uint64_t until)
{
    if (until - since > *most)
        *most = until - since;
}

int poll(struct pollfd *fds, nfds_t n, int timeout)
{
    static int (*next)(struct pollfd *, nfds_t, int);
    if (!next)
        next = (int (*)(struct pollfd *, nfds_t, int))dlsym(RTLD_NEXT, "poll");
    bool counts = longest && getpid() == gettid();
    if (counts && wall) {
        keep(&longest->wall_ns, wall, now(CLOCK_MONOTONIC));
        keep(&longest->cpu_ns, cpu, now(CLOCK_THREAD_CPUTIME_ID));
    }
    int result = next(fds, n, timeout);
    if (counts) {
        wall = now(CLOCK_MONOTONIC);
        cpu = now(CLOCK_THREAD_CPUTIME_ID);
    }
    return result;
}

int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room);
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room)
{
    return n * sizeof *fds > room ? -1 : poll(fds, n, timeout);
}
