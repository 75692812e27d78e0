/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening of segments by pid and by path; see locate.h. A segment is believed
 * to be a process's only if its name, pid, start time and pid namespace agree
 * and its owner could be that process.
 */
#include "tui/reader/locate.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tui/reader/proc.h"

/* ---- pieces ------------------------------------------------------------------ */

enum reader_status locate_status_of_errno(void)
{
    return errno == EACCES || errno == EPERM ? READER_PERMISSION : READER_SYSTEM;
}

static bool parse_number(const char **text, uint64_t *out)
{
    const char *p = *text;
    uint64_t value = 0;
    while (*p >= '0' && *p <= '9' && value < UINT64_MAX / 10 - 1)
        value = value * 10 + (uint64_t)(*p++ - '0');
    bool any = p > *text;
    *text = p;
    *out = value;
    return any;
}

bool locate_parse_name(const char *name, int *pid, uint64_t *start_time)
{
    uint64_t number;
    if (strncmp(name, SEG_NAME_PREFIX, strlen(SEG_NAME_PREFIX)) != 0 ||
        strlen(name) >= LOCATE_NAME_BYTES)
        return false;
    name += strlen(SEG_NAME_PREFIX);
    if (!parse_number(&name, &number) || number == 0 || number > INT32_MAX || *name++ != '-')
        return false;
    *pid = (int)number;
    return parse_number(&name, start_time) && *name == '\0';
}

size_t locate_dirs(const char *dirs[LOCATE_DIRS_MAX])
{
    size_t n = 0;
    const char *own = getenv("MEMTOP_DIR");
    if (own && own[0] == '/')
        dirs[n++] = own;
    dirs[n++] = SEG_DIR_DEFAULT;
    dirs[n++] = SEG_DIR_FALLBACK;
    return n;
}

/* A container's links must lead to its own files and not to ours. */
static int open_below(int root, const char *dir, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)flags,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    int fd = (int)syscall(SYS_openat2, root, dir, &how, sizeof how);
    if (fd < 0 && errno == ENOSYS)
        fd = openat(root, dir + strspn(dir, "/"), flags | O_NOFOLLOW);
    return fd;
}

int locate_open_dir(int pid, const char *dir, int flags)
{
    char path[64];
    flags |= O_DIRECTORY | O_CLOEXEC;
    if (pid == 0)
        return open(dir, flags);
    snprintf(path, sizeof path, "/proc/%d/root", pid);
    int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -1;
    int fd = open_below(root, dir, flags);
    int saved_errno = errno;
    close(root);
    errno = saved_errno;
    return fd;
}

int locate_open_file(int dir, const char *name, struct stat *st)
{
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -1;
    if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
        return fd;
    close(fd);
    errno = ELOOP;
    return -1;
}

void locate_read_header(int fd, struct seg_header *out)
{
    ssize_t n = pread(fd, out, sizeof *out, 0);
    size_t have = n > 0 ? (size_t)n : 0;
    memset((char *)out + have, 0, sizeof *out - have);
}

void locate_close(struct located *l)
{
    if (l->fd >= 0)
        close(l->fd);
    if (l->dir >= 0)
        close(l->dir);
    l->fd = l->dir = -1;
}

/* ---- from a segment to its process --------------------------------------------- */

static bool is_target(int pid, const struct seg_header *h)
{
    uint64_t namespace = proc_namespace(pid, "pid");
    return proc_alive(pid, h->start_time) &&
           (namespace == 0 || namespace == h->pid_namespace) && proc_inner_pid(pid) == h->pid;
}

int locate_target(const struct seg_header *h)
{
    uint64_t ours = proc_namespace(0, "pid");
    if (h->pid_namespace == ours || ours == 0 || h->pid_namespace == 0)
        return h->pid > 0 && proc_alive(h->pid, h->start_time) ? h->pid : 0;
    DIR *proc = opendir("/proc");
    if (!proc)
        return 0;
    const struct dirent *e;
    int found = 0;
    while (!found && (e = readdir(proc)) != NULL) {
        int pid = atoi(e->d_name);
        if (pid > 0 && proc_namespace(pid, "pid") == h->pid_namespace && is_target(pid, h))
            found = pid;
    }
    closedir(proc);
    return found;
}

/* ---- by path ------------------------------------------------------------------- */

enum reader_status locate_path(const char *path, struct located *out)
{
    char folder[LOCATE_PATH_BYTES];
    struct stat st;
    *out = (struct located){ .fd = -1, .dir = -1 };
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (strlen(path) >= sizeof folder || strlen(name) >= sizeof out->name || !*name)
        return READER_FOREIGN;
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    snprintf(out->path, sizeof out->path, "%s", path);
    snprintf(out->name, sizeof out->name, "%s", name);
    out->dir = locate_open_dir(0, folder, O_PATH);
    if (out->dir >= 0)
        out->fd = locate_open_file(out->dir, out->name, &st);
    if (out->fd < 0) {
        int saved_errno = errno;
        locate_close(out);
        errno = saved_errno;
        return errno == ELOOP ? READER_FOREIGN : locate_status_of_errno();
    }
    struct seg_header header;
    locate_read_header(out->fd, &header);
    if (header.magic == SEG_MAGIC)
        out->pid = locate_target(&header);
    return READER_OK;
}

/* ---- of a living process --------------------------------------------------------- */

struct wanted {
    int pid;
    int inner;
    uint64_t start_time;
    uint64_t namespace;
};

/* Take the segment in `dir` (which is kept or closed). */
static enum reader_status try_dir(const struct wanted *w, int dir, struct located *out)
{
    struct stat st;
    struct seg_header header;
    if (dir < 0)
        return errno == ENOENT || errno == ENOTDIR ? READER_NO_SEGMENT
                                                   : locate_status_of_errno();
    int fd = locate_open_file(dir, out->name, &st);
    if (fd < 0) {
        enum reader_status status =
            errno == EACCES || errno == EPERM ? READER_PERMISSION : READER_NO_SEGMENT;
        close(dir);
        return status;
    }
    locate_read_header(fd, &header);
    bool ready = header.magic == SEG_MAGIC && header.state != SEG_STARTING;
    bool ours = proc_owned_by(w->pid, st.st_uid) &&
                (!ready || (header.pid == w->inner && header.start_time == w->start_time &&
                            (w->namespace == 0 || header.pid_namespace == w->namespace)));
    bool detached = ready && header.state == SEG_EXITED && (header.flags & SEG_FLAG_DETACHED);
    /* exec leaves the old program's segment where a new one has no agent. */
    if (!ours || (!detached && proc_maps_file(w->pid, st.st_ino, SEG_NAME_PREFIX) == 0)) {
        close(fd);
        close(dir);
        return READER_NO_SEGMENT;
    }
    out->fd = fd;
    out->dir = dir;
    out->pid = w->pid;
    return READER_OK;
}

/* Plainly and as the process sees it. */
static enum reader_status try_both(const struct wanted *w, const char *dir, struct located *out)
{
    snprintf(out->path, sizeof out->path, "%s/%s", dir, out->name);
    enum reader_status plain = try_dir(w, locate_open_dir(0, dir, O_PATH), out);
    if (plain == READER_OK)
        return plain;
    snprintf(out->path, sizeof out->path, "/proc/%d/root%s/%s", w->pid, dir, out->name);
    enum reader_status inside = try_dir(w, locate_open_dir(w->pid, dir, O_PATH), out);
    return inside == READER_OK || inside == READER_PERMISSION ? inside : plain;
}

static enum reader_status locate_living(int pid, const struct proc_stat *st,
                                        struct located *out)
{
    const char *dirs[LOCATE_DIRS_MAX + 1];
    char theirs[LOCATE_PATH_BYTES / 2];
    size_t n = locate_dirs(dirs);
    bool refused = false;
    struct wanted w = {
        .pid = pid,
        .inner = proc_inner_pid(pid),
        .start_time = st->own_start_time,
        .namespace = proc_namespace(pid, "pid"),
    };
    if (proc_environment(pid, "MEMTOP_DIR", theirs, sizeof theirs) && theirs[0] == '/')
        dirs[n++] = theirs;
    snprintf(out->name, sizeof out->name, SEG_NAME_FORMAT, w.inner,
             (unsigned long long)w.start_time);
    for (size_t i = 0; i < n; i++) {
        enum reader_status status = try_both(&w, dirs[i], out);
        if (status == READER_OK)
            return status;
        refused = refused || status == READER_PERMISSION;
    }
    return refused ? READER_PERMISSION : READER_NO_SEGMENT;
}

/* ---- of a dead process ------------------------------------------------------------ */

/* The newest segment in `dir` of a pid; keeps the one in *out if that is newer. */
static void consider_dead(int pid, const char *dir, uint64_t *newest, struct located *out)
{
    int fd = locate_open_dir(0, dir, O_RDONLY);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    if (!list) {
        if (fd >= 0)
            close(fd);
        return;
    }
    const struct dirent *e;
    while ((e = readdir(list)) != NULL) {
        int of;
        uint64_t start;
        struct stat st;
        if (!locate_parse_name(e->d_name, &of, &start) || of != pid || start < *newest)
            continue;
        int file = locate_open_file(fd, e->d_name, &st);
        if (file < 0)
            continue;
        locate_close(out);
        *newest = start;
        out->fd = file;
        snprintf(out->name, sizeof out->name, "%.*s", LOCATE_NAME_BYTES - 1, e->d_name);
        snprintf(out->path, sizeof out->path, "%s/%s", dir, out->name);
        out->dir = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    }
    closedir(list);
}

static enum reader_status locate_dead(int pid, struct located *out)
{
    const char *dirs[LOCATE_DIRS_MAX];
    size_t n = locate_dirs(dirs);
    uint64_t newest = 0;
    for (size_t i = 0; i < n; i++)
        consider_dead(pid, dirs[i], &newest, out);
    return out->fd >= 0 ? READER_OK : READER_NO_PROCESS;
}

enum reader_status locate_pid(int pid, struct located *out)
{
    struct proc_stat st;
    *out = (struct located){ .fd = -1, .dir = -1 };
    if (pid <= 0)
        return READER_NO_PROCESS;
    if (!proc_stat_read(pid, &st) || !proc_alive(pid, st.own_start_time))
        return locate_dead(pid, out);
    return locate_living(pid, &st, out);
}
