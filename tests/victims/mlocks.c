/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks its memory in each way of mlockall, and looks at what the kernel made of it:
 * results, errno, which of its mappings are locked and filled.
 *   mlocks         all ways
 *   mlocks WAY...  these, as sums of MCL_CURRENT 1, MCL_FUTURE 2 and MCL_ONFAULT 4
 *   mlocks wait    MCL_FUTURE, and allocates until its input ends; then MCL_CURRENT
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "victim.h"

#define PAGE 4096u
#define PAGES 64u
#define LIBRARIES_KB 40000 /* with all that belongs to a program which is so small */

static const char *name_of(int error)
{
    return error == 0 ? "done" : error == EPERM ? "EPERM" : error == ENOMEM ? "ENOMEM"
           : error == EAGAIN ? "EAGAIN" : error == EINVAL ? "EINVAL" : "another error";
}

static void *map(int protection, int kind, int fd)
{
    void *p = mmap(NULL, PAGES * PAGE, protection, kind, fd, 0);
    if (p != MAP_FAILED)
        return p;
    printf("mmap: %s\n", name_of(errno));
    exit(0);
}

static unsigned filled(void *p)
{
    unsigned char in[PAGES];
    unsigned n = 0;
    if (mincore(p, PAGES * PAGE, in) != 0)
        return PAGES + 1;
    for (unsigned i = 0; i < PAGES; i++)
        n += in[i] & 1;
    return n;
}

/* Of pages that are locked no copy may be dropped. */
static bool is_locked(void *p)
{
    return msync(p, PAGE, MS_ASYNC | MS_INVALIDATE) != 0 && errno == EBUSY;
}

static void show(const char *name, void *p)
{
    printf("  %s: %s, %u of %u pages\n", name, is_locked(p) ? "locked" : "not locked", filled(p),
           PAGES);
}

static long locked_kb(void)
{
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY);
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *line = strstr(text, "VmLck:");
    return line ? atol(line + 6) : -1;
}

static void show_all(char **before, FILE *file)
{
    char *block = keep(malloc(PAGES * PAGE * 2)), on_stack[PAGE];
    show("mapped before", before[0]);
    show("shared with nobody", before[1]);
    show("without access", before[2]);
    show("a file", before[3]);
    show("mapped after", map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1));
    printf("  the stack: %d, the heap: %d\n",
           is_locked((void *)((uintptr_t)keep(on_stack) & ~(uintptr_t)(PAGE - 1))),
           is_locked((void *)((uintptr_t)file & ~(uintptr_t)(PAGE - 1))));
    CHECK(block && locked_kb() < LIBRARIES_KB);
    if (locked_kb() >= LIBRARIES_KB)
        printf("VmLck: %ld kB\n", locked_kb());
    free(block);
}

static bool by_syscall;

static void try_way(int way)
{
    FILE *file = tmpfile();
    if (!file || ftruncate(fileno(file), PAGES * PAGE) != 0)
        exit(77);
    char *before[] = {
        map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1),
        map(PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1),
        map(PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1),
        map(PROT_READ, MAP_SHARED, fileno(file)),
    };
    before[0][PAGE] = 1;
    errno = E2BIG;
    int result = by_syscall ? (int)syscall(SYS_mlockall, way) : mlockall(way);
    printf("mlockall(%d): %d, %s\n", way, result, result ? name_of(errno) : "done");
    CHECK(result != 0 || errno == E2BIG);
    show_all(before, file);
    for (unsigned i = 0; i < sizeof before / sizeof *before; i++)
        munmap(before[i], PAGES * PAGE);
    fclose(file);
}

static void allocate_until_told(void)
{
    struct pollfd in = { .fd = 0, .events = POLLIN };
    printf("ready\n");
    fflush(stdout);
    while (poll(&in, 1, 1) == 0)
        for (size_t i = 0; i < 1000; i++)
            free(keep(malloc(i)));
}

int main(int argc, char **argv)
{
    static const int ways[] = { 1, 5, 3, 1, 7, 2, 1, 6, 0, 4, 8, 9, 11 };
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    if (argc > 1 && strcmp(argv[1], "wait") == 0) {
        try_way(MCL_FUTURE);
        allocate_until_told();
        try_way(MCL_CURRENT);
    } else if (argc > 1) {
        for (int i = 1; i < argc; i++)
            try_way(atoi(argv[i]));
    } else {
        for (unsigned i = 0; i < 2 * sizeof ways / sizeof *ways; i++) {
            by_syscall = i % 2;
            try_way(ways[i / 2]);
        }
        munlockall();
        try_way(0);
    }
    return victim_failures != 0;
}
