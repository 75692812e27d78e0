/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ptrace; see tracee.h.
 *
 * A thread stopped in a system call shows -ERESTART.. as its result, and the
 * kernel restarts the call when the thread goes on, provided that these
 * registers are there at a stop like the one at which they were seen. That is
 * why everything is put back at such a stop, and why nothing in between uses a
 * signal: signal handling would lose what the kernel keeps for the restart.
 */
#include "tui/inject/tracee.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tui/reader/proc.h"

#define STOP_PATIENCE_MS 200
#define SYSCALL_PATIENCE_MS 60000
#define ERESTART_FIRST 512 /* ERESTARTSYS */
#define ERESTART_LAST  516 /* ERESTART_RESTARTBLOCK */

#define SIGNAL_BIT(s) (UINT64_C(1) << ((s) - 1))
/* Blocking these would not stop a fault: it would kill. */
#define SIGNALS_OF_FAULTS (SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) | \
                           SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGSYS))

uint64_t tracee_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void tracee_pause(long us)
{
    nanosleep(&(struct timespec){ .tv_nsec = us * 1000 }, NULL);
}

/* ---- memory ------------------------------------------------------------------ */
size_t tracee_read(int pid, uint64_t address, void *to, size_t n)
{
    struct iovec here = { to, n }, there = { (void *)(uintptr_t)address, n };
    ssize_t got = process_vm_readv(pid, &here, 1, &there, 1, 0);
    return got > 0 ? (size_t)got : 0;
}

bool tracee_write(int pid, uint64_t address, const void *from, size_t n)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t put = pwrite(fd, from, n, (off_t)address);
    close(fd);
    return put == (ssize_t)n;
}

/* ---- waiting ----------------------------------------------------------------- */
/* What a status of waitpid means. TRACEE_LATE: nothing, it was sent on. */
static enum tracee_event judge(const struct tracee *t, int status)
{
    if (WIFEXITED(status) || WIFSIGNALED(status))
        return TRACEE_GONE;
    int signal = WSTOPSIG(status), event = status >> 16;
    if (event == PTRACE_EVENT_STOP)
        return TRACEE_TRAP; /* ours, or the process was stopped: its time comes later */
    if (signal == (SIGTRAP | 0x80))
        return TRACEE_SYSCALL;
    return t->borrowed && signal > 0 && signal <= 64 &&
                   (SIGNAL_BIT(signal) & SIGNALS_OF_FAULTS)
               ? TRACEE_FAULT : TRACEE_LATE;
}

enum tracee_event tracee_poll(struct tracee *t)
{
    int status;
    pid_t got = waitpid(t->tid, &status, __WALL | WNOHANG);
    if (got == 0)
        return TRACEE_LATE;
    if (got < 0)
        return TRACEE_GONE;
    enum tracee_event event = judge(t, status);
    t->at_trap = event == TRACEE_TRAP;
    /* A signal that was on its way before they were held back: deliver it. */
    if (event == TRACEE_LATE)
        ptrace(PTRACE_CONT, t->tid, NULL, (void *)(long)WSTOPSIG(status));
    return event;
}

/* Where SIGCHLD is blocked, as it ought to be, it wakes us at once; spinning would
 * take the processor from the thread that is waited for. */
static enum tracee_event wait_for(struct tracee *t, unsigned patience_ms)
{
    uint64_t until = tracee_now() + patience_ms * UINT64_C(1000000);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    for (;;) {
        enum tracee_event event = tracee_poll(t);
        if (event != TRACEE_LATE || tracee_now() > until)
            return event;
        sigtimedwait(&child, NULL, &(struct timespec){ .tv_nsec = 200000 });
    }
}

enum tracee_event tracee_interrupt(struct tracee *t, unsigned patience_ms)
{
    if (ptrace(PTRACE_INTERRUPT, t->tid, NULL, NULL) != 0)
        return TRACEE_GONE;
    return wait_for(t, patience_ms);
}

enum tracee_event tracee_settle(struct tracee *t)
{
    struct user_regs_struct regs;
    if (!tracee_regs(t, &regs) || ptrace(PTRACE_INTERRUPT, t->tid, NULL, NULL) != 0 ||
        !tracee_go(t, &regs))
        return TRACEE_GONE;
    enum tracee_event event;
    do
        event = wait_for(t, STOP_PATIENCE_MS);
    while (event == TRACEE_LATE);
    return event;
}

/* ---- state ------------------------------------------------------------------- */
bool tracee_regs(const struct tracee *t, struct user_regs_struct *out)
{
    struct iovec io = { out, sizeof *out };
    return ptrace(PTRACE_GETREGSET, t->tid, (void *)NT_PRSTATUS, &io) == 0;
}

static bool set_regs(const struct tracee *t, const struct user_regs_struct *regs)
{
    struct iovec io = { (void *)(uintptr_t)regs, sizeof *regs };
    return ptrace(PTRACE_SETREGSET, t->tid, (void *)NT_PRSTATUS, &io) == 0;
}

bool tracee_save(struct tracee *t)
{
    struct iovec io = { t->xstate, sizeof t->xstate };
    if (!tracee_regs(t, &t->regs) ||
        ptrace(PTRACE_GETREGSET, t->tid, (void *)NT_X86_XSTATE, &io) != 0 ||
        ptrace(PTRACE_GETSIGMASK, t->tid, sizeof t->mask, &t->mask) != 0)
        return false;
    t->borrowed = false;
    t->xstate_bytes = io.iov_len;
    return t->xstate_bytes < sizeof t->xstate;
}

static uint64_t read_set(const char *text, const char *name)
{
    const char *line = strstr(text, name);
    uint64_t set = 0;
    if (line)
        sscanf(line + strlen(name), "%" SCNx64, &set);
    return set;
}

/* Does a signal wait for it that it has a handler for? Then EINTR is its due.
 * In doubt, yes. */
static bool signal_waits(const struct tracee *t)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/task/%d/status", t->pid, t->tid);
    if (proc_read_file(path, text, sizeof text) <= 0)
        return true;
    uint64_t pending = read_set(text, "\nSigPnd:") | read_set(text, "\nShdPnd:");
    return (pending & ~t->mask & ~read_set(text, "\nSigIgn:")) != 0;
}

/* System calls that give up with EINTR whenever the thread is stopped, and that
 * may be made again: nothing has happened yet when they say EINTR. */
static bool may_be_repeated(long number)
{
    switch (number) {
    case SYS_epoll_wait: case SYS_epoll_pwait: case SYS_epoll_pwait2:
    case SYS_semop: case SYS_semtimedop: case SYS_rt_sigtimedwait: case SYS_io_getevents:
    case SYS_io_pgetevents: case SYS_msgrcv: case SYS_msgsnd:
    /* sockets with SO_RCVTIMEO or SO_SNDTIMEO */
    case SYS_read: case SYS_readv: case SYS_recvfrom: case SYS_recvmsg: case SYS_accept:
    case SYS_accept4: case SYS_connect: case SYS_write: case SYS_writev: case SYS_sendto:
    case SYS_sendmsg:
        return true;
    default:
        return false;
    }
}

static bool was_restartable(const struct user_regs_struct *r)
{
    long result = (long)r->rax;
    return (long)r->orig_rax >= 0 && result <= -ERESTART_FIRST && result >= -ERESTART_LAST;
}

static bool was_interrupted(const struct user_regs_struct *r)
{
    return (long)r->orig_rax >= 0 && (long)r->rax == -EINTR &&
           may_be_repeated((long)r->orig_rax);
}

/* Back before its system call. */
static void repeat(struct user_regs_struct *r)
{
    r->rip -= 2;
    r->rax = r->orig_rax;
    r->orig_rax = (unsigned long)-1;
}

/* What is restarted for the second time has lost its number, unless the code that
 * made the call tells: mov $number, %eax; syscall. */
static void find_number(const struct tracee *t, struct user_regs_struct *r)
{
    unsigned char code[5];
    uint32_t number;
    if (r->orig_rax != SYS_restart_syscall ||
        tracee_read(t->pid, r->rip - 2 - sizeof code, code, sizeof code) != sizeof code ||
        code[0] != 0xb8)
        return;
    memcpy(&number, code + 1, sizeof number);
    r->orig_rax = number;
}

void tracee_plain_regs(const struct tracee *t, struct user_regs_struct *out)
{
    *out = t->regs;
    find_number(t, out);
    if (was_restartable(out) || was_interrupted(out))
        repeat(out);
}

/* ---- time ---------------------------------------------------------------------- */
/* For how long the thread was ready to run and had to wait, since its start; 0
 * where the kernel does not count it. */
static uint64_t waiting_ns(const struct tracee *t)
{
    char path[64], text[128];
    uint64_t ns = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", t->pid, t->tid);
    if (proc_read_file(path, text, sizeof text) > 0)
        sscanf(text, "%*u %" SCNu64, &ns);
    return ns;
}

/* ---- stop and release --------------------------------------------------------- */
static bool is_stoppable(int pid, int tid)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", pid, tid);
    if (proc_read_file(path, text, sizeof text) <= 0)
        return false;
    const char *close = strrchr(text, ')');
    return close && close[1] == ' ' && strchr("RS", close[2]);
}

enum tracee_event tracee_stop(struct tracee *t, int pid, int tid)
{
    t->pid = pid;
    t->tid = tid;
    t->borrowed = false;
    errno = 0;
    if (!is_stoppable(pid, tid))
        return TRACEE_LATE;
    if (ptrace(PTRACE_SEIZE, tid, NULL, (void *)PTRACE_O_TRACESYSGOOD) != 0)
        return errno == ESRCH ? TRACEE_GONE : TRACEE_LATE;
    enum tracee_event event = tracee_interrupt(t, STOP_PATIENCE_MS);
    while (event == TRACEE_LATE) /* it cannot be left before it has stopped */
        event = wait_for(t, STOP_PATIENCE_MS);
    t->stopped_ns = tracee_now(); /* until now it ran, or waited for a processor */
    t->waited_ns = waiting_ns(t);
    if (event == TRACEE_TRAP && tracee_save(t))
        return TRACEE_TRAP;
    ptrace(PTRACE_DETACH, tid, NULL, NULL);
    errno = EIO;
    return event == TRACEE_GONE ? TRACEE_GONE : TRACEE_LATE;
}

uint64_t tracee_release(struct tracee *t, uint64_t *waited_ns)
{
    struct user_regs_struct regs = t->regs;
    struct iovec io = { t->xstate, t->xstate_bytes };
    if (was_interrupted(&regs) && !signal_waits(t))
        repeat(&regs);
    ptrace(PTRACE_SETREGSET, t->tid, (void *)NT_X86_XSTATE, &io);
    set_regs(t, &regs);
    ptrace(PTRACE_SETSIGMASK, t->tid, sizeof t->mask, &t->mask);
    uint64_t wait = waiting_ns(t);
    ptrace(PTRACE_DETACH, t->tid, NULL, NULL);
    t->borrowed = false;
    uint64_t held = tracee_now() - t->stopped_ns;
    wait = wait > t->waited_ns ? wait - t->waited_ns : 0;
    *waited_ns = wait < held ? wait : held;
    return held;
}

/* ---- borrowing ----------------------------------------------------------------- */
bool tracee_borrow(struct tracee *t)
{
    uint64_t all = ~SIGNALS_OF_FAULTS;
    t->borrowed = ptrace(PTRACE_SETSIGMASK, t->tid, sizeof all, &all) == 0;
    return t->borrowed;
}

/* To the next entry or exit of a system call. */
static enum tracee_event to_syscall(struct tracee *t)
{
    if (ptrace(PTRACE_SYSCALL, t->tid, NULL, NULL) != 0)
        return TRACEE_GONE;
    enum tracee_event event = wait_for(t, SYSCALL_PATIENCE_MS);
    /* The process was stopped meanwhile: that takes effect when we are gone. */
    for (int i = 0; event == TRACEE_TRAP && i < 10; i++) {
        if (ptrace(PTRACE_SYSCALL, t->tid, NULL, NULL) != 0)
            return TRACEE_GONE;
        event = wait_for(t, SYSCALL_PATIENCE_MS);
    }
    return event;
}

bool tracee_syscall(struct tracee *t, uint64_t gadget, uint64_t stack, long number,
                    const uint64_t arguments[6], uint64_t *result)
{
    struct user_regs_struct regs = t->regs;
    regs.rip = gadget;
    regs.rsp = stack;
    regs.rax = (unsigned long)number;
    regs.orig_rax = (unsigned long)-1; /* or the kernel would restart what was interrupted */
    regs.rdi = arguments[0];
    regs.rsi = arguments[1];
    regs.rdx = arguments[2];
    regs.r10 = arguments[3];
    regs.r8 = arguments[4];
    regs.r9 = arguments[5];
    errno = ENOSYS;
    if (!set_regs(t, &regs) || to_syscall(t) != TRACEE_SYSCALL ||
        to_syscall(t) != TRACEE_SYSCALL || !tracee_regs(t, &regs))
        return false;
    *result = regs.rax;
    errno = (long)regs.rax < 0 && (long)regs.rax > -4096 ? (int)-(long)regs.rax : 0;
    return errno == 0;
}

bool tracee_go(struct tracee *t, const struct user_regs_struct *regs)
{
    return set_regs(t, regs) && ptrace(PTRACE_CONT, t->tid, NULL, NULL) == 0;
}
