/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Discovery: all segments on this machine, and removal of dead ones; see
 * reader.h. Fast enough to be asked once a second: one small read for each
 * segment, one readlink for each process, and nothing for processes that share
 * a mount namespace whose directories were looked through already.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tui/reader/copy.h"
#include "tui/reader/locate.h"
#include "tui/reader/proc.h"

/* A process in another pid namespace than ours. */
struct inner {
    uint64_t namespace;
    int pid, inner_pid;
};

struct search {
    struct found *list;
    struct identity {
        dev_t device;
        ino_t inode;
    } *seen; /* of list[i]'s file */
    size_t n, capacity, seen_capacity;
    struct inner *inner;
    size_t n_inner, inner_capacity;
    uint64_t *mounts; /* mount namespaces that were looked through */
    size_t n_mounts, mounts_capacity;
    uint64_t pid_namespace; /* ours */
    bool no_memory;
};

/* ---- one segment --------------------------------------------------------------- */

static int find_pid(const struct search *s, const struct seg_header *h)
{
    if (h->pid_namespace == s->pid_namespace || h->pid_namespace == 0)
        return h->pid > 0 && proc_alive(h->pid, h->start_time) ? h->pid : 0;
    for (size_t i = 0; i < s->n_inner; i++)
        if (s->inner[i].namespace == h->pid_namespace && s->inner[i].inner_pid == h->pid &&
            proc_alive(s->inner[i].pid, h->start_time))
            return s->inner[i].pid;
    return 0;
}

static void describe(const struct search *s, int fd, const struct stat *st,
                     const struct seg_header *h, struct found *f)
{
    const struct seg_section *at = &h->sections[SEG_GLOBALS];
    struct seg_globals globals = { 0 };
    uint32_t command = h->command_bytes < sizeof h->command ? h->command_bytes
                                                            : sizeof h->command;
    int pid = find_pid(s, h);
    f->pid = pid ? pid : h->pid;
    f->alive = pid != 0;
    f->readable = true;
    f->state = h->state == SEG_EXITED ? copy_end(h) : pid ? TARGET_RUNNING : TARGET_KILLED;
    f->start_realtime_ns = h->start_realtime_ns;
    f->segment_bytes = h->memory_used;
    /* exec leaves the old program's segment where a new one has no agent. */
    if (f->state == TARGET_RUNNING && proc_maps_file(pid, st->st_ino, SEG_NAME_PREFIX) == 0)
        f->state = TARGET_REPLACED;
    f->keep = h->flags & SEG_FLAG_KEEP;
    f->root_pid = h->root_pid;
    if (at->offset <= INT64_MAX &&
        pread(fd, &globals, sizeof globals, (off_t)at->offset) == (ssize_t)sizeof globals)
        f->live_bytes = (int64_t)((uint64_t)globals.peak_bytes - (uint64_t)globals.room_bytes);
    text_copy_command(f->command, sizeof f->command, h->command, command);
}

/* Somebody else's: its name and owner are all we know. */
static void describe_unreadable(int pid, uint64_t start_time, struct found *f)
{
    char path[64];
    char text[sizeof f->command];
    f->pid = pid;
    f->alive = proc_alive(pid, start_time);
    f->state = f->alive ? TARGET_RUNNING : TARGET_KILLED;
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    long n = f->alive ? proc_read_file(path, text, sizeof text) : 0;
    if (n > 0)
        text_copy_command(f->command, sizeof f->command, text, (size_t)n);
}

static bool is_known(const struct search *s, const struct stat *st)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->seen[i].inode == st->st_ino && s->seen[i].device == st->st_dev)
            return true;
    return false;
}

static void add_found(struct search *s, const struct found *f, const struct stat *st)
{
    if (!array_reserve((void **)&s->list, &s->capacity, s->n + 1, sizeof *s->list) ||
        !array_reserve((void **)&s->seen, &s->seen_capacity, s->n + 1, sizeof *s->seen)) {
        s->no_memory = true;
        return;
    }
    s->seen[s->n] = (struct identity){ st->st_dev, st->st_ino };
    s->list[s->n++] = *f;
}

/* A segment that is still being set up will be found next time. */
static void consider(struct search *s, int dir, const char *where, const char *name)
{
    int pid;
    uint64_t start;
    struct stat st;
    struct found f = { 0 };
    if (!locate_parse_name(name, &pid, &start) ||
        fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) ||
        is_known(s, &st))
        return;
    f.uid = st.st_uid;
    if ((size_t)snprintf(f.path, sizeof f.path, "%s/%s", where, name) >= sizeof f.path)
        return;
    int fd = locate_open_file(dir, name, &st);
    if (fd < 0 && errno == EACCES) {
        describe_unreadable(pid, start, &f);
        add_found(s, &f, &st);
    }
    if (fd < 0)
        return;
    struct seg_header header;
    locate_read_header(fd, &header);
    if (header.magic == SEG_MAGIC && header.pid == pid && header.start_time == start) {
        describe(s, fd, &st, &header, &f);
        /* Another version's header cannot be taken at its word. */
        f.readable = header.version == SEG_VERSION && header.state != SEG_STARTING;
        add_found(s, &f, &st);
    }
    close(fd);
}

/* ---- directories ---------------------------------------------------------------- */

static void look_through(struct search *s, int pid, const char *dir)
{
    char where[LOCATE_PATH_BYTES];
    int fd = locate_open_dir(pid, dir, O_RDONLY);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    if (!list) {
        if (fd >= 0)
            close(fd);
        return;
    }
    if (pid)
        snprintf(where, sizeof where, "/proc/%d/root%s", pid, dir);
    else
        snprintf(where, sizeof where, "%s", dir);
    const struct dirent *e;
    while ((e = readdir(list)) != NULL)
        consider(s, fd, where, e->d_name);
    closedir(list);
}

static bool is_new_mount(struct search *s, uint64_t namespace)
{
    for (size_t i = 0; i < s->n_mounts; i++)
        if (s->mounts[i] == namespace)
            return false;
    if (!array_reserve((void **)&s->mounts, &s->mounts_capacity, s->n_mounts + 1,
                       sizeof *s->mounts)) {
        s->no_memory = true;
        return false;
    }
    s->mounts[s->n_mounts++] = namespace;
    return true;
}

static void add_inner(struct search *s, int pid)
{
    uint64_t namespace = proc_namespace(pid, "pid");
    if (namespace == 0 || namespace == s->pid_namespace)
        return;
    if (!array_reserve((void **)&s->inner, &s->inner_capacity, s->n_inner + 1,
                       sizeof *s->inner)) {
        s->no_memory = true;
        return;
    }
    s->inner[s->n_inner++] = (struct inner){ namespace, pid, proc_inner_pid(pid) };
}

/* Note the processes of other namespaces; returns one of each foreign mount
 * namespace in *hosts, the caller's to free. */
static size_t look_at_processes(struct search *s, int **hosts)
{
    size_t n = 0, capacity = 0;
    *hosts = NULL;
    DIR *proc = opendir("/proc");
    if (!proc)
        return 0;
    is_new_mount(s, proc_namespace(0, "mnt"));
    const struct dirent *e;
    while ((e = readdir(proc)) != NULL) {
        int pid = atoi(e->d_name);
        if (pid <= 0)
            continue;
        add_inner(s, pid);
        uint64_t mount = proc_namespace(pid, "mnt");
        if (mount && is_new_mount(s, mount) &&
            array_reserve((void **)hosts, &capacity, n + 1, sizeof **hosts))
            (*hosts)[n++] = pid;
    }
    closedir(proc);
    return n;
}

static int compare_found(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->pid != y->pid)
        return x->pid < y->pid ? -1 : 1;
    return (x->start_realtime_ns > y->start_realtime_ns) -
           (x->start_realtime_ns < y->start_realtime_ns);
}

enum reader_status reader_find_all(struct found **out, size_t *n)
{
    const char *dirs[LOCATE_DIRS_MAX];
    size_t n_dirs = locate_dirs(dirs);
    if (n_dirs > 1 && strcmp(dirs[0], SEG_DIR_DEFAULT) != 0)
        n_dirs = 1; /* who names a directory means that one */
    struct search s = { .pid_namespace = proc_namespace(0, "pid") };
    int *hosts;
    size_t n_hosts = look_at_processes(&s, &hosts);
    for (size_t i = 0; i < n_dirs; i++)
        look_through(&s, 0, dirs[i]);
    for (size_t h = 0; h < n_hosts; h++)
        for (size_t i = 0; i < n_dirs; i++)
            look_through(&s, hosts[h], dirs[i]);
    free(hosts);
    free(s.seen);
    free(s.inner);
    free(s.mounts);
    *out = s.list;
    *n = s.n;
    if (s.n > 1)
        qsort(s.list, s.n, sizeof *s.list, compare_found);
    if (!s.no_memory)
        return READER_OK;
    free(s.list);
    *out = NULL;
    *n = 0;
    return READER_NO_MEMORY;
}

/* ---- removal -------------------------------------------------------------------- */

enum reader_status reader_remove(const struct found *f)
{
    struct located at;
    int pid;
    uint64_t start;
    enum reader_status status = locate_path(f->path, &at);
    if (status == READER_SYSTEM && errno == ENOENT)
        return READER_OK; /* somebody else was faster */
    if (status != READER_OK)
        return status;
    struct seg_header header;
    locate_read_header(at.fd, &header);
    if (!locate_parse_name(at.name, &pid, &start) ||
        (header.magic != SEG_MAGIC && header.magic != 0))
        status = READER_FOREIGN;
    else if (at.pid || (header.magic == 0 && proc_alive(pid, start)))
        status = READER_NOT_READY;
    else if (unlinkat(at.dir, at.name, 0) != 0 && errno != ENOENT)
        status = locate_status_of_errno();
    locate_close(&at);
    return status;
}
