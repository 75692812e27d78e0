/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memtop record: snapshots of a process, one after the other, in one file; of
 * one that runs, or of a CMD, which keeps its input, output and terminal.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tui/command/command.h"
#include "tui/command/diagnose.h"
#include "tui/command/recorder.h"
#include "tui/command/signals.h"
#include "tui/command/spawn.h"
#include "tui/command/stat.h"
#include "tui/view/format.h"

#define MS UINT64_C(1000000)
#define INTERVAL_NS (1000 * MS)
#define GLANCE_NS   (200 * MS)  /* marks are seen so soon */
#define ATTEMPT_NS  (5 * MS)    /* between attempts to find the segment */
#define LOST_NS     (1000 * MS) /* of a recording that begins anew: more is told */
#define SHARE       20          /* a snapshot may cost a part in so many of the time */

struct record {
    struct recorder recorder;
    char path[PATH_MAX];
    int pid;
    bool child;         /* it is ours to wait for */
    bool progress;      /* on stderr */
    bool ended;         /* the process has */
    bool stop;          /* we were asked to */
    bool told;          /* of the failure */
    int wait_status;
    int pidfd, signal_fd;
    uint64_t next_ns, next_glance_ns;
};

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- what is said ----------------------------------------------------------------- */

static void describe(const struct record *r, char *out, size_t n)
{
    char time[24], bytes[24];
    const struct archive_writer *w = r->recorder.writer;
    snprintf(out, n, "%s, %zu snapshots, %s",
             format_duration(time, sizeof time, r->recorder.snapshot.target.wall_ns),
             archive_snapshots(w), format_bytes(bytes, sizeof bytes, (int64_t)archive_written(w)));
}

static void show_progress(const struct record *r)
{
    char text[96];
    if (!r->progress || !r->recorder.writer)
        return;
    describe(r, text, sizeof text);
    fprintf(stderr, "\rmemtop: recording %s \033[K", text);
    fflush(stderr);
}

static void clear_progress(const struct record *r)
{
    if (r->progress)
        fputs("\r\033[K", stderr);
}

/* CMD goes on all the same. */
static void tell_failure(struct record *r)
{
    if (r->recorder.failed && !r->told) {
        clear_progress(r);
        command_fail("%s: the recording stops here", r->recorder.error);
    }
    r->told |= r->recorder.failed;
}

/* ---- its course --------------------------------------------------------------------- */

static void take(struct record *r)
{
    uint64_t before = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    if (!recorder_take(&r->recorder, false)) {
        tell_failure(r);
        return;
    }
    uint64_t cost = (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - before) * SHARE;
    uint64_t interval = r->recorder.interval_ns;
    r->next_ns = clock_ns(CLOCK_MONOTONIC) + (cost > interval ? cost : interval);
    show_progress(r);
}

static enum reader_status open_target(struct record *r)
{
    enum reader_status status = recorder_open(&r->recorder, r->pid);
    if (status == READER_OK)
        take(r);
    return status;
}

static void glance(struct record *r)
{
    bool marked;
    enum target_state state = recorder_glance(&r->recorder, &marked);
    if (state == TARGET_REPLACED) {
        bool lost = r->recorder.snapshot.target.wall_ns > LOST_NS;
        clear_progress(r);
        if (open_target(r) == READER_OK && lost)
            fputs("memtop: exec put another program in its place: the recording begins anew\n",
                  stderr);
    } else if (state == TARGET_DETACHED && !r->child) {
        clear_progress(r);
        fprintf(stderr, "memtop: process %d was detached: the recording ends\n", r->pid);
        r->ended = true;
    } else if (state == TARGET_RUNNING && (marked ||
                                           clock_ns(CLOCK_MONOTONIC) >= r->next_ns)) {
        take(r);
    }
}

/* The first segment may take a while to come, and that of a CMD that exec replaces
 * comes again. */
static void do_due(struct record *r)
{
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    struct recorder *rec = &r->recorder;
    if (rec->failed || now < r->next_glance_ns)
        return;
    uint64_t wait = rec->interval_ns < GLANCE_NS ? rec->interval_ns : GLANCE_NS;
    if (!rec->reader) {
        open_target(r);
        wait = ATTEMPT_NS;
    } else {
        glance(r);
    }
    r->next_glance_ns = clock_ns(CLOCK_MONOTONIC) + wait;
}

static int timeout_ms(const struct record *r)
{
    uint64_t now = clock_ns(CLOCK_MONOTONIC), when = r->next_glance_ns;
    if (r->recorder.failed)
        return -1;
    if (r->recorder.reader && r->next_ns < when)
        when = r->next_ns;
    return when <= now ? 1 : (int)((when - now + MS - 1) / MS);
}

/* It is taken for good: nothing is pending when signals count again. */
static bool take_signal(const struct record *r)
{
    struct signalfd_siginfo info;
    return read(r->signal_fd, &info, sizeof info) == (ssize_t)sizeof info;
}

static void watch(struct record *r)
{
    while (!r->ended && !r->stop && !(r->recorder.failed && !r->child)) {
        struct pollfd fds[2] = { { .fd = r->pidfd, .events = POLLIN },
                                 { .fd = r->signal_fd, .events = POLLIN } };
        int ready = poll(fds, 2, timeout_ms(r));
        r->ended = ready > 0 && fds[0].revents;
        r->stop = ready > 0 && fds[1].revents && take_signal(r);
        if (!r->ended && !r->stop) {
            if (r->recorder.reader && r->next_ns <= clock_ns(CLOCK_MONOTONIC))
                r->next_glance_ns = 0;
            do_due(r);
        }
    }
}

/* How it ended, and the last snapshot. */
static void end(struct record *r, int *status)
{
    struct recorder *rec = &r->recorder;
    if (r->child) {
        while (waitpid(r->pid, &r->wait_status, 0) < 0 && errno == EINTR)
            ;
        *status = spawn_status(r->wait_status, &rec->moment.exit_code, &rec->moment.signal);
    }
    struct moment moment = rec->moment;
    if (!rec->failed && (!rec->reader || recorder_is_replaced(rec, r->pid)))
        recorder_open(rec, r->pid);
    rec->moment.exit_code = r->child ? moment.exit_code : -1;
    rec->moment.signal = r->child ? moment.signal : 0;
    if (r->progress && rec->reader)
        fputs("\rmemtop: naming functions \033[K", stderr);
    if (rec->reader && !rec->failed)
        recorder_take(rec, true);
}

/* Returns STATUS_DONE, or STATUS_FAILED after a message. */
static int conclude(struct record *r)
{
    char text[96] = "";
    if (r->recorder.writer && archive_snapshots(r->recorder.writer))
        describe(r, text, sizeof text);
    bool good = recorder_finish(&r->recorder);
    clear_progress(r);
    tell_failure(r);
    if (good && text[0])
        fprintf(stderr, "memtop: %s: %s\n", r->path, text);
    return good ? STATUS_DONE : STATUS_FAILED;
}

/* ---- of a CMD, or of a process ------------------------------------------------------ */

static void init(struct record *r, const struct options *o, int pid)
{
    r->pid = pid;
    r->pidfd = pid ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    taking_file_name(r->path, sizeof r->path, pid, "recording");
    if (o->output)
        snprintf(r->path, sizeof r->path, "%s", o->output);
    recorder_init(&r->recorder, r->path, o->interval_ns ? o->interval_ns : INTERVAL_NS,
                  o->max_size);
}

static int record_process(const struct options *o, int pid)
{
    struct record r = { .progress = isatty(STDERR_FILENO) };
    sigset_t ours, before;
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGHUP);
    sigprocmask(SIG_BLOCK, &ours, &before);
    r.signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    init(&r, o, pid);
    int status = 0, failed;
    enum reader_status opened = open_target(&r);
    if (opened == READER_OK) {
        watch(&r);
        end(&r, &status);
        failed = conclude(&r);
    } else {
        failed = command_fail("process %d: %s", pid, reader_message(opened));
    }
    recorder_fini(&r.recorder);
    close(r.signal_fd);
    if (r.pidfd >= 0)
        close(r.pidfd);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return failed;
}

static void explain(const char *program)
{
    char why[512];
    diagnose_program(program, why, sizeof why);
    command_fail("%s did not load the agent, there is nothing to record: %s", program,
                 why[0] ? why : "no reason was found in its file; can segments be created in "
                                "/dev/shm (or MEMTOP_DIR)?");
}

static int record_child(const struct options *o)
{
    struct record r = { .child = true, .signal_fd = -1,
                        .progress = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO) };
    struct spawn sp = { .options = o, .terminal = -1, .output = -1 };
    pid_t child;
    if (stat_refuse(o->args[0]) != STATUS_DONE)
        return STATUS_FAILED;
    signals_wait_begin();
    int status = spawn_start(&sp, &child);
    if (status != STATUS_DONE) {
        signals_wait_end();
        return status;
    }
    init(&r, o, child);
    signals_wait_forward(child);
    watch(&r);
    end(&r, &status);
    signals_wait_end();
    if (!r.recorder.reader)
        explain(o->args[0]);
    int failed = conclude(&r);
    recorder_fini(&r.recorder);
    if (r.pidfd >= 0)
        close(r.pidfd);
    if (!o->keep)
        stat_remove_leftovers(child);
    return status == STATUS_DONE ? failed : status;
}

static int record_main(const struct options *o)
{
    int pid = options_pid(o->args[0]);
    if (pid && o->n_args == 1)
        return record_process(o, pid);
    if (pid) {
        fputs("memtop record: options come before PID: see memtop record --help\n", stderr);
        return STATUS_USAGE;
    }
    return record_child(o);
}

const struct command command_record = {
    .name = "record",
    .args = "PID | [--] CMD [ARG]..",
    .summary = "Record a process, or CMD, in a file: snapshot after snapshot",
    .details = "memtop view, report and export read the file, which is\n"
               "memtop-PID-TIME.recording unless --output says otherwise. It stays within its\n"
               "size: of what is long ago fewer snapshots are kept. A recording of a process\n"
               "ends with it or with ^C. The exit status of CMD is passed on.\n",
    .options = OPTION_EXPORT | OPTION_INTERVAL | OPTION_MAX_SIZE | OPTIONS_OF_CMD,
    .min_args = 1,
    .max_args = -1,
    .main = record_main,
};
