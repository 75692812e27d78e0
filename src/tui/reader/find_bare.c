/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes without the agent, which could get it; see reader.h.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tui/reader/copy.h"
#include "tui/reader/proc.h"

static bool is_known(const struct found *known, size_t n, int pid)
{
    for (size_t i = 0; i < n; i++)
        if (known[i].alive && known[i].pid == pid)
            return known[i].state != TARGET_DETACHED && known[i].state != TARGET_REPLACED;
    return false;
}

/* Ticks since boot to the time of day. */
static uint64_t realtime_of(uint64_t start_time)
{
    struct timespec now, boot;
    long hz = sysconf(_SC_CLK_TCK);
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    uint64_t booted = (uint64_t)(now.tv_sec - boot.tv_sec) * 1000000000;
    return booted + start_time * (1000000000u / (uint64_t)(hz > 0 ? hz : 100));
}

/* Of a process that has memory of its own: kernel threads and zombies have not. */
static bool describe(int pid, unsigned uid, struct found *f)
{
    char path[64], text[sizeof f->command];
    struct proc_stat st;
    struct proc_memory memory;
    if (!proc_stat_read(pid, &st) || !proc_memory(pid, &memory) || memory.size_bytes == 0)
        return false;
    *f = (struct found){
        .pid = pid, .alive = true, .uid = uid, .bare = true, .state = TARGET_RUNNING,
        .start_realtime_ns = realtime_of(st.start_time),
    };
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    long n = proc_read_file(path, text, sizeof text);
    if (n > 0)
        text_copy_command(f->command, sizeof f->command, text, (size_t)n);
    else
        text_copy(f->command, sizeof f->command, st.comm, strlen(st.comm));
    return true;
}

static int compare_pids(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

enum reader_status reader_find_bare(const struct found *known, size_t n_known,
                                    struct found **out, size_t *n)
{
    size_t room = 0;
    char path[64];
    struct stat st;
    const struct dirent *e;
    enum reader_status status = READER_OK;
    *out = NULL;
    *n = 0;
    DIR *proc = opendir("/proc");
    if (!proc)
        return READER_SYSTEM;
    while ((e = readdir(proc)) != NULL && status == READER_OK) {
        int pid = atoi(e->d_name);
        snprintf(path, sizeof path, "/proc/%d", pid);
        if (pid <= 0 || pid == getpid() || is_known(known, n_known, pid) ||
            stat(path, &st) != 0 || (geteuid() != 0 && st.st_uid != geteuid()))
            continue;
        if (!array_reserve((void **)out, &room, *n + 1, sizeof **out))
            status = READER_NO_MEMORY;
        else if (describe(pid, st.st_uid, &(*out)[*n]))
            ++*n;
    }
    closedir(proc);
    if (*n > 1)
        qsort(*out, *n, sizeof **out, compare_pids);
    return status;
}
