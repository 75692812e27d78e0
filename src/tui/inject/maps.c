/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsing of /proc/PID/maps; see maps.h. What the process calls its files is
 * believed only as far as device and inode agree.
 */
#include "tui/inject/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MAPPINGS_MAX 1000000 /* the kernel's own default is 65530 */

static bool add(struct maps *m, size_t *room, const struct mapping *one, const char *path)
{
    if (m->n == *room) {
        size_t more = *room ? *room * 2 : 256;
        struct mapping *list = reallocarray(m->list, more, sizeof *list);
        if (!list)
            return false;
        m->list = list;
        *room = more;
    }
    m->list[m->n] = *one;
    m->list[m->n].path = strdup(path);
    if (!m->list[m->n].path)
        return false;
    m->n++;
    return true;
}

static bool parse(char *line, struct mapping *out, const char **path)
{
    char flags[5];
    int at = 0;
    line[strcspn(line, "\n")] = '\0';
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n", &out->start,
               &out->end, flags, &out->offset, &out->major, &out->minor, &out->inode, &at) != 7 ||
        at == 0)
        return false;
    out->executable = flags[2] == 'x';
    *path = line + at;
    return true;
}

bool maps_parse(struct maps *m, int pid, FILE *in)
{
    char *line = NULL;
    size_t size = 0, room = 0;
    bool ok = true;
    *m = (struct maps){ .pid = pid };
    while (ok && m->n < MAPPINGS_MAX && getline(&line, &size, in) > 0) {
        struct mapping one;
        const char *path;
        ok = !parse(line, &one, &path) || add(m, &room, &one, path);
    }
    ok = ok && !ferror(in);
    int saved_errno = errno;
    free(line);
    if (!ok)
        maps_free(m);
    errno = saved_errno;
    return ok;
}

bool maps_read(struct maps *m, int pid)
{
    char name[64];
    *m = (struct maps){ .pid = pid };
    snprintf(name, sizeof name, "/proc/%d/maps", pid);
    FILE *in = fopen(name, "re");
    if (!in)
        return false;
    bool ok = maps_parse(m, pid, in);
    int saved_errno = errno;
    fclose(in);
    errno = saved_errno;
    return ok;
}

void maps_free(struct maps *m)
{
    for (size_t i = 0; i < m->n; i++)
        free(m->list[i].path);
    free(m->list);
    m->list = NULL;
    m->n = 0;
}

const struct mapping *maps_at(const struct maps *m, uint64_t address)
{
    size_t low = 0, high = m->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (m->list[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < m->n && m->list[low].start <= address ? &m->list[low] : NULL;
}

const struct mapping *maps_named(const struct maps *m, const char *prefix)
{
    for (size_t i = 0; i < m->n; i++) {
        const char *slash = strrchr(m->list[i].path, '/');
        if (slash && strncmp(slash + 1, prefix, strlen(prefix)) == 0)
            return &m->list[i];
    }
    return NULL;
}

bool maps_same_file(const struct mapping *a, const struct mapping *b)
{
    return a->inode && a->inode == b->inode && a->major == b->major && a->minor == b->minor;
}

int maps_open(const struct maps *m, const struct mapping *of)
{
    char name[128], *path = NULL;
    struct stat st;
    /* The file itself, whatever became of its name; needs rights. */
    snprintf(name, sizeof name, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, m->pid, of->start,
             of->end);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    if (of->path[0] != '/' || asprintf(&path, "/proc/%d/root%s", m->pid, of->path) < 0)
        return -1;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    free(path);
    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_ino != of->inode)) {
        close(fd);
        fd = -1;
    }
    return fd;
}
