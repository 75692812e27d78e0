/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/task; see threads.h.
 */
#include "tui/inject/threads.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "tui/reader/proc.h"

#define THREADS_MAX 65536

static bool look(int pid, int tid, struct thread_look *out)
{
    char path[64], text[1024];
    *out = (struct thread_look){ .tid = tid };
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", pid, tid);
    if (proc_read_file(path, text, sizeof text) <= 0)
        return false;
    const char *close = strrchr(text, ')');
    if (!close || close[1] != ' ')
        return false;
    out->state = close[2];
    snprintf(path, sizeof path, "/proc/%d/task/%d/syscall", pid, tid);
    if (proc_read_file(path, text, sizeof text) > 0)
        out->asleep = sscanf(text, "%ld %*x %*x %*x %*x %*x %*x %" SCNx64 " %" SCNx64,
                             &out->number, &out->stack, &out->pc) == 3;
    return true;
}

/* The kernel resumes these by itself where they were, a time-out included. Then
 * come threads that run, and then calls that would have to be made anew. */
static int rank(const struct thread_look *t)
{
    if (!t->asleep)
        return 1;
    switch (t->number) {
    case SYS_futex: case SYS_poll: case SYS_ppoll: case SYS_select: case SYS_pselect6:
    case SYS_nanosleep: case SYS_clock_nanosleep: case SYS_restart_syscall: case SYS_pause:
    case SYS_wait4: case SYS_waitid: case SYS_rt_sigsuspend:
        return 0;
    default:
        return 2;
    }
}

static int compare(const void *a, const void *b)
{
    const struct thread_look *x = a, *y = b;
    return rank(x) != rank(y) ? rank(x) - rank(y) : x->tid - y->tid;
}

size_t threads_list(int pid, struct thread_look **out)
{
    char path[64];
    size_t n = 0, room = 0;
    *out = NULL;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *dir = opendir(path);
    const struct dirent *e;
    while (dir && n < THREADS_MAX && (e = readdir(dir)) != NULL) {
        int tid = atoi(e->d_name);
        if (n == room) {
            room = room ? room * 2 : 64;
            struct thread_look *list = reallocarray(*out, room, sizeof *list);
            if (!list)
                break;
            *out = list;
        }
        if (tid > 0 && look(pid, tid, &(*out)[n]))
            n++;
    }
    if (dir)
        closedir(dir);
    if (n > 1)
        qsort(*out, n, sizeof **out, compare);
    return n;
}

/* The main thread's stack has a name. glibc puts what belongs to another thread
 * at the upper end of its stack. */
bool threads_stack_fits(const struct program *p, uint64_t stack, uint64_t tls)
{
    const struct mapping *map = maps_at(&p->maps, stack);
    if (!map || map->inode || stack - map->start < CALL_ROOM)
        return false;
    if (strcmp(map->path, "[stack]") == 0)
        return true;
    return tls == 0 || (tls > stack && tls < map->end);
}
