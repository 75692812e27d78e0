/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsing of /proc. Called by the reader and the viewer; see proc.h. Never
 * follows what a target could have placed there; reads are bounded.
 */
#include "tui/reader/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NS_PER_SECOND UINT64_C(1000000000)
#define ENVIRONMENT_MAX (256u << 10)

static long read_all(int fd, char *to, size_t size)
{
    size_t length = 0;
    while (length < size) {
        ssize_t n = read(fd, to + length, size - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        length += (size_t)n;
    }
    return (long)length;
}

long proc_read_file(const char *path, char *to, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    to[0] = '\0';
    if (fd < 0)
        return -1;
    long n = read_all(fd, to, size - 1);
    int saved_errno = errno;
    close(fd);
    to[n > 0 ? n : 0] = '\0';
    errno = saved_errno;
    return n;
}

static uint64_t ticks_to_ns(uint64_t ticks)
{
    long hz = sysconf(_SC_CLK_TCK);
    return hz > 0 ? ticks * (NS_PER_SECOND / (uint64_t)hz) : 0;
}

/* The command's name may hold blanks and parentheses: the last one ends it. */
static bool parse_stat(char *text, struct proc_stat *out)
{
    char *open = strchr(text, '('), *close = strrchr(text, ')');
    if (!open || !close || close < open)
        return false;
    *close = '\0';
    snprintf(out->comm, sizeof out->comm, "%s", open + 1);
    unsigned long user, system;
    unsigned long long start;
    if (sscanf(close + 1,
               " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %ld %*d %llu",
               &out->state, &out->ppid, &user, &system, &out->threads, &start) != 6)
        return false;
    out->start_time = start;
    out->cpu_ns = ticks_to_ns((uint64_t)user + system);
    return true;
}

/* By how much a process's time since boot is ahead of the kernel's; 0 unknown. */
static int64_t boottime_offset(int pid)
{
    char path[64], text[256];
    long long seconds, ns;
    if (pid > 0)
        snprintf(path, sizeof path, "/proc/%d/timens_offsets", pid);
    else
        snprintf(path, sizeof path, "/proc/self/timens_offsets");
    bool readable = proc_read_file(path, text, sizeof text) > 0;
    const char *line = readable ? strstr(text, "boottime") : NULL;
    if (!line || sscanf(line, "boottime %lld %lld", &seconds, &ns) != 2 ||
        seconds > INT32_MAX || seconds < INT32_MIN)
        return 0;
    return seconds * (int64_t)NS_PER_SECOND + ns;
}

/* The kernel tells everybody's start in the time of who asks. */
static uint64_t in_own_time(int pid, uint64_t ticks)
{
    int64_t ahead = boottime_offset(pid) - boottime_offset(0);
    int64_t tick = (int64_t)ticks_to_ns(1);
    return ahead && tick ? ticks + (uint64_t)(ahead / tick) : ticks;
}

bool proc_stat_read(int pid, struct proc_stat *out)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (pid <= 0 || proc_read_file(path, text, sizeof text) <= 0 || !parse_stat(text, out))
        return false;
    out->own_start_time = in_own_time(pid, out->start_time);
    return true;
}

bool proc_alive(int pid, uint64_t start_time)
{
    struct proc_stat st;
    if (!proc_stat_read(pid, &st) || st.own_start_time != start_time)
        return false;
    return (st.state != 'Z' && st.state != 'X') || st.threads > 1;
}

bool proc_memory(int pid, struct proc_memory *out)
{
    char path[64], text[256];
    struct proc_stat st;
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    uint64_t size, resident, shared, data;
    if (proc_read_file(path, text, sizeof text) <= 0 ||
        sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %*u %" SCNu64, &size, &resident,
               &shared, &data) != 4 ||
        !proc_stat_read(pid, &st))
        return false;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    *out = (struct proc_memory){
        .size_bytes = size * page,
        .rss_bytes = resident * page,
        .shared_bytes = shared * page,
        .data_bytes = data * page,
        .cpu_ns = st.cpu_ns,
    };
    return true;
}

uint64_t proc_namespace(int pid, const char *kind)
{
    char path[64];
    struct stat st;
    if (pid > 0)
        snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, kind);
    else
        snprintf(path, sizeof path, "/proc/self/ns/%s", kind);
    return stat(path, &st) == 0 ? (uint64_t)st.st_ino : 0;
}

/* The last number of a status file's line NSpid. */
static int last_nspid(const char *path, int otherwise)
{
    char text[4096];
    if (proc_read_file(path, text, sizeof text) <= 0)
        return 0;
    const char *line = strstr(text, "\nNSpid:");
    if (!line)
        return otherwise;
    int last = otherwise;
    char *end;
    for (line += strlen("\nNSpid:"); *line && *line != '\n'; line = end) {
        long value = strtol(line, &end, 10);
        if (end == line)
            break;
        last = (int)value;
        while (*end == ' ' || *end == '\t')
            end++;
    }
    return last;
}

int proc_inner_pid(int pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    return last_nspid(path, pid);
}

int proc_inner_tid(int pid, int tid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/status", pid, tid);
    return last_nspid(path, tid);
}

/* Whom root of the process's user namespace is for us. */
static bool is_namespace_root(int pid, unsigned uid)
{
    char path[64], text[256];
    unsigned inner, outer;
    snprintf(path, sizeof path, "/proc/%d/uid_map", pid);
    return proc_read_file(path, text, sizeof text) > 0 &&
           sscanf(text, "%u %u", &inner, &outer) == 2 && inner == 0 && outer == uid;
}

bool proc_owned_by(int pid, unsigned uid)
{
    char path[64], text[4096];
    unsigned ids[4];
    if (uid == 0)
        return true;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    if (proc_read_file(path, text, sizeof text) <= 0)
        return false;
    const char *line = strstr(text, "\nUid:");
    if (!line || sscanf(line, "\nUid: %u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) != 4)
        return false;
    for (unsigned i = 0; i < 4; i++)
        if (ids[i] == uid)
            return true;
    return is_namespace_root(pid, uid);
}

int proc_maps_file(int pid, uint64_t inode, const char *name)
{
    char path[64], *line = NULL;
    size_t size = 0;
    int found = 0;
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *in = fopen(path, "re");
    if (!in)
        return -1;
    uint64_t mapped;
    while (!found && getline(&line, &size, in) > 0)
        found = sscanf(line, "%*s %*s %*s %*s %" SCNu64, &mapped) == 1 && mapped == inode &&
                strstr(line, name) != NULL;
    if (!found && ferror(in))
        found = -1;
    free(line);
    fclose(in);
    return found;
}

bool proc_environment(int pid, const char *name, char *to, size_t size)
{
    char path[64], *text = malloc(ENVIRONMENT_MAX);
    bool found = false;
    if (!text)
        return false;
    snprintf(path, sizeof path, "/proc/%d/environ", pid);
    long n = proc_read_file(path, text, ENVIRONMENT_MAX);
    size_t length = strlen(name);
    for (char *p = text; n > 0 && p < text + n && !found; p += strlen(p) + 1)
        if (strncmp(p, name, length) == 0 && p[length] == '=') {
            found = strlen(p + length + 1) < size;
            if (found)
                strcpy(to, p + length + 1);
        }
    free(text);
    return found;
}
