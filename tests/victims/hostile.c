/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile DIR [SECONDS]: damages its own segment, which is in DIR: cuts it off, makes
 * it long again, overwrites its header, its tables and its blocks with noise, and puts
 * back what was there. After so many seconds, or when stdin ends, it puts all back and
 * goes on. It allocates nothing meanwhile: its agent has that file mapped.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/poll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "victim.h"

#define USED (8u << 20) /* of the file, from its start */

static char good[USED], noise[4096];
static off_t length;
static uint64_t state = 1;

static uint64_t draw(void)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return state >> 24;
}

static int open_own(const char *dir)
{
    char path[600], prefix[32];
    struct dirent *entry;
    int fd = -1;
    snprintf(prefix, sizeof prefix, "memtop-%d-", (int)getpid());
    DIR *d = opendir(dir);
    while (d && fd < 0 && (entry = readdir(d))) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        fd = open(path, O_RDWR);
    }
    if (d)
        closedir(d);
    return fd;
}

static void restore(int fd)
{
    if (ftruncate(fd, length) != 0)
        return;
    for (off_t at = 0; at < (off_t)USED; at += 4096) { /* holes stay holes */
        static const char zeros[4096];
        if (memcmp(good + at, zeros, sizeof zeros) != 0 && pwrite(fd, good + at, 4096, at) < 0)
            return;
    }
}

static void make_noise(int fd, off_t from, off_t to)
{
    size_t n = 1 + draw() % sizeof noise;
    off_t at = from + (off_t)(draw() % (uint64_t)(to - from));
    if (pwrite(fd, noise, n, at) < 0)
        length = 0;
}

static void damage(int fd)
{
    static const off_t lengths[] = { 0, 1, 100, 4095, 4096, 4097, 8192, 65537, USED / 2 };
    int failed = 0;
    switch (draw() % 8) {
    case 0: failed = ftruncate(fd, lengths[draw() % (sizeof lengths / sizeof *lengths)]); break;
    case 1: failed = ftruncate(fd, (off_t)(draw() % USED)); break;
    case 2: failed = ftruncate(fd, length); break;
    case 3: make_noise(fd, 0, 4096); break;
    case 4: make_noise(fd, 1500, 3400); break; /* the table of sections */
    case 5: make_noise(fd, 4096, USED); break;
    case 6: failed = ftruncate(fd, length * 2); break;
    default: restore(fd); break;
    }
    if (failed)
        length = 0;
}

static int is_over(time_t end)
{
    struct pollfd in = { .fd = 0, .events = POLLIN };
    char byte;
    if (end)
        return time(NULL) >= end;
    return poll(&in, 1, 0) > 0 && read(0, &byte, 1) <= 0;
}

int main(int argc, char **argv)
{
    struct stat st;
    for (int i = 0; i < 3000; i++)
        keep(malloc((size_t)i));
    time_t end = argc > 2 ? time(NULL) + atoi(argv[2]) : 0;
    int fd = argc > 1 ? open_own(argv[1]) : -1;
    if (fd < 0 || fstat(fd, &st) != 0 || pread(fd, good, USED, 0) != USED) {
        puts("done"); /* without the agent */
        return 0;
    }
    length = st.st_size;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)draw();
    while (!is_over(end) && length) {
        struct timespec wait = { .tv_nsec = (long)(draw() % 2000000) };
        damage(fd);
        nanosleep(&wait, NULL);
    }
    restore(fd);
    free(keep(malloc(10)));
    puts("done");
    return length == 0;
}
