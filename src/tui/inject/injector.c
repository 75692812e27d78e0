/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attach and detach: find a thread that is at a safe place, and have it call the
 * agent. See injector.h, and docs/inject.md for why it is done so.
 */
#include "tui/inject/injector.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shared/inject.h"
#include "tui/inject/program.h"
#include "tui/inject/threads.h"
#include "tui/inject/visible.h"
#include "tui/inject/walk.h"

#define DEADLINE_NS UINT64_C(5000000000)
#define TRIES_MAX 8         /* threads to stop in a round */
#define ROUNDS_PER_LOOK 16  /* until modules are looked at anew */
#define FIRST_PAGE 4096
#define BUSY_PAUSE_US 10000
#define RUNNING_PER_CPU 4   /* threads, from which on it is not asked what was there before */
#define LINGER_TRIES 6      /* 0.6 s in all */

/* One attach or detach. */
struct job {
    int pid;
    const char *library;
    struct call call;
    struct program program;
    struct walk *walk;
    struct injector_result *out;
    const char *obstacle; /* what the last try met */
};

static enum injector_status say(struct injector_result *out, enum injector_status status,
                                const char *text)
{
    snprintf(out->why, sizeof out->why, "%s", text);
    return status;
}

/* ---- a safe place ------------------------------------------------------------------ */
static const char *obstacle_of(enum walk_result r)
{
    switch (r) {
    case WALK_FREE: return NULL;
    case WALK_ALLOCATING: return "whenever it was looked at, it was inside malloc";
    case WALK_LOADING: return "a thread stays inside the dynamic loader, fork or exit";
    case WALK_SYSTEM: return "none of its threads runs code of the program";
    case WALK_UNKNOWN: break;
    }
    return "the stacks of its threads cannot be followed: code made at run time, or coroutines";
}

/* May this thread, which is stopped, make the call? */
static bool is_safe(struct job *j, const struct tracee *t)
{
    uint64_t self[3] = { 0 };
    bool glibc = tracee_read(j->pid, t->regs.fs_base, self, sizeof self) == sizeof self &&
                 self[0] == t->regs.fs_base && self[2] == t->regs.fs_base;
    if (!glibc || !threads_stack_fits(&j->program, t->regs.rsp, t->regs.fs_base)) {
        j->obstacle = "its threads run on stacks of their own making, or on very small ones";
        return false;
    }
    j->obstacle = obstacle_of(walk_thread(j->walk, &t->regs));
    return !j->obstacle;
}

/* A thread that sleeps inside the loader may hold its lock for ever. Those that
 * run will leave it, and the call then waits for them. */
static bool loader_is_held(struct job *j, const struct thread_look *threads, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct user_regs_struct regs = { .rsp = threads[i].stack, .rip = threads[i].pc };
        if (threads[i].asleep && walk_thread(j->walk, &regs) == WALK_LOADING) {
            j->obstacle = obstacle_of(WALK_LOADING);
            return true;
        }
    }
    return false;
}

/* Worth stopping? A lock inside of an allocator that we cannot see looks like any
 * other. */
static bool is_candidate(const struct job *j, const struct thread_look *t)
{
    if (t->state != 'R' && t->state != 'S')
        return false;
    if (j->program.hidden_allocator && t->asleep && t->number == SYS_futex)
        return false;
    return !t->asleep || threads_stack_fits(&j->program, t->stack, 0);
}

/* ---- the call ------------------------------------------------------------------------ */
static bool waits_for_loader(void *data, const struct user_regs_struct *regs)
{
    const struct job *j = data;
    return walk_is_loading(j->walk, regs);
}

/* Whether the search is over; the status of the call then is in *status. */
static bool try_thread(struct job *j, int tid, enum call_status *status)
{
    static struct tracee t; /* too large for some stacks; one call at a time */
    enum tracee_event event = tracee_stop(&t, j->pid, tid);
    if (event != TRACEE_TRAP) {
        if (errno == EPERM || errno == EACCES)
            j->obstacle = "it may not be traced: in a container, ptrace may have to be allowed "
                          "(--cap-add=SYS_PTRACE, --security-opt seccomp=unconfined)";
        return false;
    }
    bool safe = is_safe(j, &t);
    j->call.waits_for_loader = waits_for_loader;
    j->call.data = j;
    if (safe)
        *status = call_make(&t, &j->program.places, &j->call);
    if (!safe || *status != CALL_GONE) {
        uint64_t waited, held = tracee_release(&t, &waited);
        if (held - waited >= j->out->stop_ns - j->out->waited_ns) {
            j->out->stop_ns = held;
            j->out->waited_ns = waited;
        }
    }
    j->out->stops++;
    if (safe)
        j->out->tid = tid;
    return safe;
}

/* While a thread is held we come before all others that want a processor, where we
 * may, so that it is not held for their sake. */
struct rank {
    int policy;
    struct sched_param parameter;
};

static void come_first(struct rank *before)
{
    before->policy = sched_getscheduler(0);
    sched_getparam(0, &before->parameter);
    sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 1 });
}

static void step_back(const struct rank *before)
{
    if (before->policy >= 0)
        sched_setscheduler(0, before->policy, &before->parameter);
}

/* Signals that would end us in the middle wait. */
static bool try_threads(struct job *j, const struct thread_look *threads, size_t n,
                        enum call_status *status)
{
    sigset_t all, before;
    struct rank rank;
    unsigned tries = 0;
    bool over = false;
    for (size_t i = 0; i < n && tries < TRIES_MAX && !over; i++) {
        if (!is_candidate(j, &threads[i]))
            continue;
        tries++;
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, &before);
        come_first(&rank);
        over = try_thread(j, threads[i].tid, status);
        step_back(&rank);
        sigprocmask(SIG_SETMASK, &before, NULL);
    }
    if (!tries && !j->obstacle)
        j->obstacle = "none of its threads is in a state to be stopped";
    return over;
}

/* ---- looking ---------------------------------------------------------------------------- */
static void forget(struct job *j)
{
    walk_free(j->walk);
    j->walk = NULL;
    program_close(&j->program);
}

/* Is the mapped agent our library? Its first page names the build. */
static bool is_same_library(const struct job *j)
{
    char ours[FIRST_PAGE] = "", theirs[FIRST_PAGE] = "-";
    int fd = open(j->library, O_RDONLY | O_CLOEXEC);
    bool same = fd >= 0 && pread(fd, ours, sizeof ours, 0) == (ssize_t)sizeof ours &&
                tracee_read(j->pid, j->program.agent, theirs, sizeof theirs) == sizeof theirs &&
                memcmp(ours, theirs, sizeof ours) == 0;
    if (fd >= 0)
        close(fd);
    return same;
}

static enum injector_status look(struct job *j)
{
    forget(j);
    if (!program_open(&j->program, j->pid, j->out->why, sizeof j->out->why))
        return errno == ENOENT || errno == ESRCH ? INJECTOR_GONE : INJECTOR_REFUSED;
    if (j->program.sanitized)
        return say(j->out, INJECTOR_REFUSED, "it is built with a sanitizer, which has its own "
                                             "malloc");
    if (j->program.agent && !is_same_library(j))
        return say(j->out, INJECTOR_REFUSED, "the agent of another version of memtop is in it: "
                                             "use that version, or start the program anew");
    j->call.base = j->program.agent;
    j->walk = walk_new(&j->program);
    return j->walk ? INJECTOR_OK : say(j->out, INJECTOR_REFUSED, "its modules cannot be read");
}

/* Not in step with whatever the process does at regular times. */
static void rest(unsigned round)
{
    tracee_pause(500 + (long)(tracee_now() / 64 % (round < 16 ? 2000 : 10000)));
}

static enum injector_status search(struct job *j, enum call_status *status)
{
    uint64_t until = tracee_now() + DEADLINE_NS;
    for (unsigned round = 0; round == 0 || tracee_now() < until; round++) {
        struct thread_look *threads;
        enum injector_status looked = round % ROUNDS_PER_LOOK == 0 ? look(j) : INJECTOR_OK;
        if (looked != INJECTOR_OK)
            return looked;
        size_t n = threads_list(j->pid, &threads);
        bool over = n && !loader_is_held(j, threads, n) && try_threads(j, threads, n, status);
        free(threads);
        if (over)
            return INJECTOR_OK;
        if (!n)
            return say(j->out, INJECTOR_GONE, "it has ended");
        rest(round);
    }
    snprintf(j->out->why, sizeof j->out->why, "no safe moment within %u s: %s",
             (unsigned)(DEADLINE_NS / 1000000000), j->obstacle);
    return INJECTOR_BUSY;
}

/* ---- what came of it ---------------------------------------------------------------------- */
/* Where it was to make its segment: that was our wish, or is its own choice. */
static enum injector_status say_no_segment(struct injector_result *out, const char *options)
{
    const char *wish = options ? strstr(options, "MEMTOP_DIR=") : NULL;
    if (!wish)
        return say(out, INJECTOR_FAILED, "the process can make no segment: there is no room in "
                   "its /dev/shm or /tmp, or it may not write there");
    wish += strlen("MEMTOP_DIR=");
    size_t length = strcspn(wish, "\n");
    snprintf(out->why, sizeof out->why, "the process can make no segment in MEMTOP_DIR, %.*s: it "
             "may not write there, does not see that directory, or there is no room: unset "
             "MEMTOP_DIR, or let it write there (chmod 1777)", length < 120 ? (int)length : 120,
             wish);
    return INJECTOR_FAILED;
}

static enum injector_status judge_result(struct injector_result *out, int result,
                                         const char *options)
{
    switch (result) {
    case INJECT_OK: case INJECT_LINGERING: return INJECTOR_OK;
    case INJECT_ACTIVE: return say(out, INJECTOR_PRESENT, "the agent is in it already");
    case INJECT_INACTIVE: return say(out, INJECTOR_ABSENT, "nothing records in it");
    case INJECT_BUSY: return say(out, INJECTOR_BUSY, "another attach or detach is under way");
    case INJECT_SEGMENT: return say_no_segment(out, options);
    case INJECT_MEMORY: return say(out, INJECTOR_FAILED, "the process got no memory");
    case INJECT_NOTHING:
        return say(out, INJECTOR_FAILED, "no module of it calls malloc in a way that can be seen");
    case INJECT_SANITIZER:
        return say(out, INJECTOR_REFUSED, "it is built with a sanitizer, which has its own malloc");
    case INJECT_NOT_FOLLOWED: return say(out, INJECTOR_REFUSED, "MEMTOP_FOLLOW leaves it out");
    case INJECT_OPTIONS: return say(out, INJECTOR_FAILED, "the agent does not take the options");
    }
    snprintf(out->why, sizeof out->why, "the agent says %d", result);
    return INJECTOR_FAILED;
}

static enum injector_status judge(const struct job *j, enum call_status status)
{
    struct injector_result *out = j->out;
    switch (status) {
    case CALL_ESCAPED:
        if (j->call.result == INJECT_BUSY)
            return say(out, INJECTOR_BUSY, "its malloc is so busy that the call takes long; it "
                                           "ends by itself: look again later");
        return judge_result(out, j->call.result, j->call.argument);
    case CALL_DONE: return judge_result(out, j->call.result, j->call.argument);
    case CALL_NOT_LOADED:
        snprintf(out->why, sizeof out->why, "the agent could not be loaded in it: %s",
                 j->call.error[0] ? j->call.error : "its dynamic linker does not say why");
        return INJECTOR_FAILED;
    case CALL_REFUSED:
        return say(out, INJECTOR_FAILED, "it has no room for the call, or may not have memory "
                                         "for code");
    case CALL_BLOCKED:
        return say(out, INJECTOR_BUSY, "the call waited for a lock in vain and was taken back: "
                                       "try again later");
    case CALL_FAULT:
        return say(out, INJECTOR_FAILED, "the call went wrong and was taken back");
    case CALL_GONE: break;
    }
    return say(out, INJECTOR_GONE, "it ended meanwhile");
}

/* Until the process has let go of its segment: threads that are within calls from
 * before the detach come out of them while none is held. If they do not, or a safe
 * moment does not come again, the next attach sees to it. */
static void linger(struct job *j)
{
    struct injector_result done = *j->out;
    enum call_status status = CALL_DONE;
    for (int i = 0; i < LINGER_TRIES && j->call.result == INJECT_LINGERING; i++) {
        tracee_pause(BUSY_PAUSE_US << i);
        if (search(j, &status) != INJECTOR_OK || status != CALL_DONE)
            break;
        done.stop_ns = j->out->stop_ns, done.waited_ns = j->out->waited_ns;
    }
    *j->out = done;
    j->call.result = INJECT_OK;
}

/* The agent may still be busy with what was under way before a detach. */
static enum injector_status search_patiently(struct job *j, enum call_status *status)
{
    uint64_t until = tracee_now() + DEADLINE_NS;
    enum injector_status found = search(j, status);
    while (found == INJECTOR_OK && *status == CALL_DONE && j->call.result == INJECT_BUSY &&
           tracee_now() < until) {
        tracee_pause(BUSY_PAUSE_US);
        found = search(j, status);
    }
    if (found == INJECTOR_OK && *status == CALL_DONE && j->call.result == INJECT_LINGERING)
        linger(j);
    return found;
}

/* As quick as we may be, since somebody waits. */
static enum injector_status run(struct job *j)
{
    enum call_status status = CALL_GONE;
    int nice_before = getpriority(PRIO_PROCESS, 0);
    long slack = prctl(PR_GET_TIMERSLACK);
    setpriority(PRIO_PROCESS, 0, -20);
    prctl(PR_SET_TIMERSLACK, 1000ul);
    enum injector_status found = search_patiently(j, &status);
    setpriority(PRIO_PROCESS, 0, nice_before);
    prctl(PR_SET_TIMERSLACK, slack > 0 ? (unsigned long)slack : 50000ul);
    forget(j);
    return found == INJECTOR_OK ? judge(j, status) : found;
}

static enum injector_status begin(struct job *j, const char *function)
{
    *j->out = (struct injector_result){ .stops = 0 };
    enum injector_status status = injector_check(j->pid, j->out->why);
    if (status != INJECTOR_OK)
        return status;
    j->call.function = program_symbol_of_file(j->library, function);
    if (j->call.function)
        return INJECTOR_OK;
    snprintf(j->out->why, sizeof j->out->why, "%.200s is no agent that can be loaded late",
             j->library);
    return INJECTOR_FAILED;
}

/* The allocator takes all of its locks, one by one, to say how much is alive. While more
 * threads run than there are processors for, each may take long to come free. */
static bool is_crowded(int pid)
{
    struct thread_look *threads;
    size_t n = threads_list(pid, &threads);
    long running = 0;
    for (size_t i = 0; i < n; i++)
        running += threads[i].state == 'R';
    free(threads);
    return running > RUNNING_PER_CPU * sysconf(_SC_NPROCESSORS_ONLN);
}

enum injector_status injector_attach(int pid, const char *library, const char *wishes,
                                     struct injector_result *out)
{
    char options[INJECT_OPTIONS_MAX];
    snprintf(options, sizeof options, "%s%s", is_crowded(pid) ? "MEMTOP_BEFORE=0\n" : "",
             wishes ? wishes : "");
    struct job j = { .pid = pid, .library = library, .out = out,
                     .call = { .path = library, .file = -1, .argument = options } };
    enum injector_status status = begin(&j, INJECT_ATTACH);
    if (status != INJECTOR_OK)
        return status;
    if (visible_to(pid, library)) {
        status = run(&j);
        if (status != INJECTOR_FAILED || out->tid == 0 || !j.call.error[0])
            return status;
    }
    /* Not there for it, or not to be read: it gets a copy. */
    j.call.path = NULL;
    j.call.file = open(library, O_RDONLY | O_CLOEXEC);
    if (j.call.file < 0)
        return say(out, INJECTOR_FAILED, "the agent cannot be read");
    out->why[0] = '\0';
    status = run(&j);
    close(j.call.file);
    return status;
}

enum injector_status injector_detach(int pid, const char *library, struct injector_result *out)
{
    struct job j = { .pid = pid, .library = library, .out = out, .call = { .file = -1 } };
    enum injector_status status = begin(&j, INJECT_DETACH);
    if (status == INJECTOR_OK)
        status = look(&j);
    if (status == INJECTOR_OK && !j.program.agent)
        status = say(out, INJECTOR_ABSENT, "the agent is not in it");
    if (status != INJECTOR_OK) {
        forget(&j);
        return status;
    }
    return run(&j);
}
