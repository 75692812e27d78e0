/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removal of old crashed processes' segments. Runs inside malloc at set-up, so
 * the directory is read with getdents64 and nothing is allocated.
 */
#include "agent/leftovers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shared/segment.h"

struct leftover {
    char name[64];
    int64_t died; /* last change of the file, seconds */
};

static int pid_of_name(const char *name)
{
    size_t prefix = sizeof SEG_NAME_PREFIX - 1;
    if (strncmp(name, SEG_NAME_PREFIX, prefix) != 0)
        return 0;
    int pid = 0;
    const char *p = name + prefix;
    for (; *p >= '0' && *p <= '9' && pid < 100000000; p++)
        pid = pid * 10 + (*p - '0');
    return *p == '-' ? pid : 0;
}

/* Is it a segment of ours, of this pid namespace, that nobody asked to keep? */
static bool removable(int dir, const char *name, int64_t *died)
{
    struct seg_header header;
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    size_t head = offsetof(struct seg_header, sections);
    bool ours = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
                pread(fd, &header, head, 0) == (ssize_t)head && header.magic == SEG_MAGIC;
    close(fd);
    struct stat ns;
    *died = ours ? (int64_t)st.st_mtime : 0;
    return ours && !(header.flags & SEG_FLAG_KEEP) &&
           stat("/proc/self/ns/pid", &ns) == 0 && header.pid_namespace == ns.st_ino;
}

/* Keep the newest LEFTOVERS_MAX in `kept`; remove what drops out. */
static void consider(int dir, struct leftover kept[], unsigned *n, const char *name)
{
    struct leftover candidate = { .died = 0 };
    int pid = pid_of_name(name);
    if (pid == 0 || strlen(name) >= sizeof candidate.name ||
        !(kill(pid, 0) != 0 && errno == ESRCH) || !removable(dir, name, &candidate.died))
        return;
    memcpy(candidate.name, name, strlen(name) + 1);
    if (*n < LEFTOVERS_MAX) {
        kept[(*n)++] = candidate;
        return;
    }
    unsigned oldest = 0;
    for (unsigned i = 1; i < *n; i++)
        if (kept[i].died < kept[oldest].died)
            oldest = i;
    if (kept[oldest].died < candidate.died) {
        unlinkat(dir, kept[oldest].name, 0);
        kept[oldest] = candidate;
    } else {
        unlinkat(dir, candidate.name, 0);
    }
}

struct entry { /* what getdents64 yields */
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

void leftovers_trim(const char *path)
{
    char folder[320];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (length == 0 || length >= sizeof folder)
        return;
    memcpy(folder, path, length);
    folder[length] = '\0';
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return;
    struct leftover kept[LEFTOVERS_MAX];
    unsigned n_kept = 0;
    _Alignas(struct entry) char buffer[4096];
    long n;
    unsigned looks = 0;
    while (looks < LEFTOVERS_LOOKS && (n = syscall(SYS_getdents64, dir, buffer, sizeof buffer)) > 0)
        for (long at = 0; at < n;) {
            const struct entry *e = (const void *)(buffer + at);
            consider(dir, kept, &n_kept, e->name);
            at += e->length;
            looks++;
        }
    close(dir);
}
