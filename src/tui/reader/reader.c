/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader: opening, refreshing and closing, and what became of the target;
 * see reader.h. The copying itself is in copy_*.c, the finding in locate.c and
 * find.c.
 */
#include "tui/reader/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tui/reader/copy.h"
#include "tui/reader/locate.h"
#include "tui/reader/proc.h"

struct reader {
    struct located at;
    struct stat file;
    uint64_t start_time; /* of the target, as it was when opened */
    bool have_program;
    struct stat program; /* /proc/PID/exe when it was opened */
    struct copy copy;
};

const char *reader_message(enum reader_status status)
{
    switch (status) {
    case READER_OK: return "done";
    case READER_NO_PROCESS: return "no such process";
    case READER_NO_SEGMENT: return "the process runs without memtop's agent";
    case READER_PERMISSION: return "permission denied: try as its user or as root";
    case READER_NOT_READY: return "the agent is not ready yet: try again";
    case READER_FOREIGN: return "this is no segment of memtop";
    case READER_VERSION: return "the segment was written by another version of memtop";
    case READER_CORRUPT: return "the segment is damaged";
    case READER_NO_MEMORY: return "not enough memory";
    case READER_SYSTEM: return strerror(errno);
    }
    return "unknown error";
}

/* ---- opening and closing --------------------------------------------------------- */

static bool stat_program(int pid, struct stat *out)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    return pid > 0 && stat(path, out) == 0;
}

static enum reader_status open_located(struct located *at, struct reader **out)
{
    static uint64_t serial;
    struct reader *r = calloc(1, sizeof *r);
    if (!r)
        return READER_NO_MEMORY;
    r->at = *at;
    r->copy.file.fd = at->fd;
    r->copy.serial = __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED);
    enum reader_status status = file_load(&r->copy.file);
    if (status != READER_OK || fstat(at->fd, &r->file) != 0) {
        free(r);
        return status != READER_OK ? status : READER_SYSTEM;
    }
    r->start_time = r->copy.file.header.start_time;
    r->copy.inner_tids = r->copy.file.header.pid_namespace != proc_namespace(0, "pid");
    flock(at->fd, LOCK_SH | LOCK_NB); /* asks a target that exits to leave it */
    r->have_program = stat_program(at->pid, &r->program);
    *out = r;
    return READER_OK;
}

static enum reader_status open_or_close(enum reader_status status, struct located *at,
                                        struct reader **out)
{
    *out = NULL;
    if (status == READER_OK)
        status = open_located(at, out);
    int saved_errno = errno;
    if (status != READER_OK)
        locate_close(at);
    errno = saved_errno;
    return status;
}

enum reader_status reader_open_pid(int pid, struct reader **out)
{
    struct located at;
    return open_or_close(locate_pid(pid, &at), &at, out);
}

/* A file that is still all zeros is a segment in the making only if it bears
 * a segment's name. */
enum reader_status reader_open_path(const char *path, struct reader **out)
{
    struct located at;
    int pid;
    uint64_t start;
    enum reader_status status = open_or_close(locate_path(path, &at), &at, out);
    if (status == READER_NOT_READY && !locate_parse_name(at.name, &pid, &start))
        status = READER_FOREIGN;
    return status;
}

const char *reader_path(const struct reader *r)
{
    return r->at.path;
}

/* Is the file still the one of that name? */
static bool is_in_place(const struct reader *r)
{
    struct stat st;
    return fstatat(r->at.dir, r->at.name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_dev == r->file.st_dev && st.st_ino == r->file.st_ino;
}

/* The target saw our lock when it said goodbye and left its file to us. That
 * of a run's root belongs to the run, which wants to report it. */
static void remove_if_last(struct reader *r)
{
    struct segment_file *f = &r->copy.file;
    if (file_load(f) != READER_OK || f->header.state != SEG_EXITED ||
        (f->header.flags & SEG_FLAG_KEEP) || f->header.root_pid == f->header.pid)
        return;
    if (flock(r->at.fd, LOCK_EX | LOCK_NB) == 0 && is_in_place(r))
        unlinkat(r->at.dir, r->at.name, 0);
}

void reader_close(struct reader *r)
{
    if (!r)
        return;
    remove_if_last(r);
    locate_close(&r->at);
    copy_fini(&r->copy);
    free(r);
}

/* ---- tiers and marks ------------------------------------------------------------------ */

/* Open for writing the very file that is being read, for the moment only. */
static int open_for_control(const struct reader *r)
{
    struct stat st;
    int fd = openat(r->at.dir, r->at.name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &st) != 0 || st.st_dev != r->file.st_dev ||
                    st.st_ino != r->file.st_ino)) {
        close(fd);
        errno = ENOENT;
        fd = -1;
    }
    return fd;
}

/* The sequence comes last: who sees it sees the rest. */
static bool write_control(int fd, const struct seg_control *control)
{
    const size_t rest = offsetof(struct seg_control, tier);
    const off_t at = offsetof(struct seg_header, control);
    return pwrite(fd, (const char *)control + rest, sizeof *control - rest,
                  at + (off_t)rest) == (ssize_t)(sizeof *control - rest) &&
           pwrite(fd, &control->sequence, sizeof control->sequence, at) ==
               sizeof control->sequence;
}

/* *fd is the caller's to close. `bytes`: how long its header has to be. */
static enum reader_status begin_control(struct reader *r, size_t bytes, int *fd)
{
    struct segment_file *f = &r->copy.file;
    enum reader_status status = file_load(f);
    if (status != READER_OK)
        return status;
    if (f->header.header_bytes < bytes)
        return READER_VERSION;
    if (!r->at.pid || !proc_alive(r->at.pid, r->start_time))
        return READER_NO_PROCESS;
    if (f->header.state == SEG_EXITED)
        return copy_end(&f->header) == TARGET_DETACHED ? READER_NO_SEGMENT : READER_NO_PROCESS;
    *fd = open_for_control(r);
    if (*fd < 0)
        return errno == ENOENT ? READER_NO_PROCESS : locate_status_of_errno();
    return READER_OK;
}

static enum reader_status end_control(int fd, bool done)
{
    int saved_errno = errno;
    close(fd);
    errno = saved_errno;
    return done ? READER_OK : locate_status_of_errno();
}

enum reader_status reader_set_tier(struct reader *r, enum seg_tier tier, uint64_t sample)
{
    struct segment_file *f = &r->copy.file;
    int fd;
    enum reader_status status = begin_control(
        r, offsetof(struct seg_header, control) + sizeof f->header.control, &fd);
    if (status != READER_OK)
        return status;
    struct seg_control control = {
        .sequence = f->header.control.sequence + 1,
        .tier = tier,
        .sample = sample,
    };
    return end_control(fd, write_control(fd, &control));
}

static bool write_request(int fd, const struct seg_mark_request *request)
{
    const size_t rest = offsetof(struct seg_mark_request, reserved);
    const off_t at = offsetof(struct seg_header, mark_request);
    return pwrite(fd, (const char *)request + rest, sizeof *request - rest,
                  at + (off_t)rest) == (ssize_t)(sizeof *request - rest) &&
           pwrite(fd, &request->sequence, sizeof request->sequence, at) ==
               sizeof request->sequence;
}

enum reader_status reader_mark(struct reader *r, const char *name)
{
    struct segment_file *f = &r->copy.file;
    int fd;
    enum reader_status status = begin_control(
        r, offsetof(struct seg_header, mark_request) + sizeof f->header.mark_request, &fd);
    if (status != READER_OK)
        return status;
    clock_set(&r->copy.clock, &f->header, true);
    struct seg_mark_request request = {
        .sequence = f->header.mark_request.sequence + 1,
        .ticks = r->copy.clock.now_ticks,
    };
    text_copy(request.name, sizeof request.name, name, strlen(name));
    return end_control(fd, write_request(fd, &request));
}

/* ---- blocks ------------------------------------------------------------------------------ */

struct block_pass *reader_blocks_new(struct reader *r)
{
    return copy_blocks_new(&r->copy);
}

void reader_blocks_free(struct block_pass *p)
{
    copy_blocks_free(p);
}

enum reader_status reader_blocks_step(struct block_pass *p, unsigned budget_ms,
                                      reader_block *each, void *data)
{
    return copy_blocks_step(p, budget_ms, each, data);
}

bool reader_block_find(const struct reader *r, uint64_t address, struct block_row *out)
{
    return copy_blocks_find(&r->copy, address, out);
}

long reader_peek(const struct reader *r, uint64_t address, void *to, size_t n)
{
    struct iovec here = { .iov_base = to, .iov_len = n };
    struct iovec there = { .iov_base = (void *)(uintptr_t)address, .iov_len = n };
    if (!r->copy.pid || !proc_alive(r->copy.pid, r->start_time)) {
        errno = ESRCH;
        return -1;
    }
    return process_vm_readv(r->copy.pid, &here, 1, &there, 1, 0);
}

/* ---- what became of the target ------------------------------------------------------ */

/* exec keeps pid and start time. Its traces: another program, or our file has
 * gone from its place and from the process's memory. */
static bool is_replaced(const struct reader *r)
{
    struct stat now;
    if (r->have_program && stat_program(r->at.pid, &now) &&
        (now.st_dev != r->program.st_dev || now.st_ino != r->program.st_ino))
        return true;
    return !is_in_place(r) &&
           proc_maps_file(r->at.pid, r->file.st_ino, SEG_NAME_PREFIX) != 1;
}

/* Asks in an order in which a goodbye that is said meanwhile is not missed. */
static enum reader_status find_state(struct reader *r, enum target_state *out)
{
    struct segment_file *f = &r->copy.file;
    bool alive = r->at.pid && proc_alive(r->at.pid, r->start_time);
    bool replaced = alive && is_replaced(r);
    enum reader_status status = file_load(f);
    if (status != READER_OK)
        return status == READER_NOT_READY ? READER_CORRUPT : status;
    *out = f->header.state == SEG_EXITED ? copy_end(&f->header)
           : !alive                      ? TARGET_KILLED
           : replaced                    ? TARGET_REPLACED
                                         : TARGET_RUNNING;
    return READER_OK;
}

static void copy_target(const struct reader *r, enum target_state state,
                        struct target_info *t)
{
    const struct seg_header *h = &r->copy.file.header;
    uint32_t command_bytes = h->command_bytes < sizeof h->command ? h->command_bytes
                                                                  : sizeof h->command;
    *t = (struct target_info){
        .pid = r->at.pid ? r->at.pid : h->pid,
        .inner_pid = h->pid,
        .ppid = h->ppid,
        .uid = h->uid,
        .state = state,
        .flags = h->flags,
        .exit_status = state == TARGET_EXITED ? h->exit_status : -1,
        .start_realtime_ns = h->start_realtime_ns,
        .wall_ns = clock_ns(&r->copy.clock, r->copy.clock.now_ticks),
        .segment_bytes = h->memory_used,
        .segment_cap = h->memory_cap,
        .peak_slack = h->peak_slack,
        .unloads = h->unloads,
        .tier = h->tier < SEG_TIER_COUNT ? (enum seg_tier)h->tier : SEG_TIER_EXACT,
        .tier_pending = h->control.sequence != h->tier_sequence,
        .sample_bytes = h->sample_bytes,
        .tier_ns = h->tier_ticks ? clock_ns(&r->copy.clock, h->tier_ticks) : 0,
        .attach = copy_attach(h),
    };
    text_copy_command(t->command, sizeof t->command, h->command, command_bytes);
    text_copy(t->executable, sizeof t->executable, h->executable, sizeof h->executable);
    text_copy(t->allocator, sizeof t->allocator, h->allocator, sizeof h->allocator);
}

/* ---- refresh ------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static enum reader_status copy_parts(struct copy *c, struct snapshot *s, unsigned parts)
{
    enum reader_status status = copy_threads(c, s);
    if (status == READER_OK)
        status = copy_marks(c, s);
    if (status == READER_OK && (parts & READER_SITES))
        status = copy_sites(c, s);
    if (status == READER_OK && (parts & (READER_SITES | READER_STACKS)))
        status = copy_stacks(c, s);
    if (status == READER_OK && (parts & READER_SITES))
        status = copy_verify(c, s);
    if (status == READER_OK && (parts & READER_DENSITY))
        status = copy_density(c, s);
    if (status == READER_OK && (parts & READER_SECONDS))
        status = copy_seconds(c, s, parts & READER_SITES);
    return status;
}

enum reader_status reader_refresh(struct reader *r, struct snapshot *s, unsigned parts)
{
    struct copy *c = &r->copy;
    enum target_state state;
    enum reader_status status = find_state(r, &state);
    if (status != READER_OK)
        return status;
    c->pid = state == TARGET_RUNNING ? r->at.pid : 0;
    s->taken_ns = now_ns();
    clock_set(&c->clock, &c->file.header, c->pid != 0);
    status = copy_parts(c, s, parts);
    copy_target(r, state, &s->target);
    return status;
}
