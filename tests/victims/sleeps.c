/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sleeps in one system call, which its argument names, and claims what the call
 * has to return and how long it has to last, as if nobody had touched the
 * process meanwhile. Calls that last until something happens are ended by a
 * child when a line comes on the standard input. Says "ready" before it sleeps.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "victim.h"

#define SLEEP_S 6

/* What there is to wait for. */
static int pipe_fds[2], full_fds[2], pair[2], listener, epoll, semaphores, queue;
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static sigset_t usr1;
static pid_t sleeper;
static volatile sig_atomic_t handled;

static void handler(int signal)
{
    (void)signal;
    handled++;
}

/* ---- sleeping: each returns 0 when all was as it should be -------------------- */
static int sleep_nanosleep(void)
{
    return nanosleep(&(struct timespec){ .tv_sec = SLEEP_S }, NULL);
}

static int sleep_absolute(void)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += SLEEP_S;
    return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static int sleep_poll_time(void)
{
    return poll(NULL, 0, SLEEP_S * 1000);
}

static int sleep_select_time(void)
{
    return select(0, NULL, NULL, NULL, &(struct timeval){ .tv_sec = SLEEP_S });
}

static int sleep_futex_time(void)
{
    static unsigned word;
    long r = syscall(SYS_futex, &word, FUTEX_WAIT, 0, &(struct timespec){ .tv_sec = SLEEP_S });
    return r == -1 && errno == ETIMEDOUT ? 0 : 1;
}

static int sleep_poll(void)
{
    struct pollfd fd = { .fd = pipe_fds[0], .events = POLLIN };
    return poll(&fd, 1, -1) == 1 ? 0 : 1;
}

static int sleep_ppoll(void)
{
    struct pollfd fd = { .fd = pipe_fds[0], .events = POLLIN };
    sigset_t none;
    sigemptyset(&none);
    return ppoll(&fd, 1, NULL, &none) == 1 ? 0 : 1;
}

static int sleep_pselect(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pipe_fds[0], &set);
    return pselect(pipe_fds[0] + 1, &set, NULL, NULL, NULL, NULL) == 1 ? 0 : 1;
}

static int sleep_epoll(void)
{
    struct epoll_event e;
    return epoll_wait(epoll, &e, 1, -1) == 1 ? 0 : 1;
}

static int sleep_epoll_pwait(void)
{
    struct epoll_event e;
    sigset_t none;
    sigemptyset(&none);
    return epoll_pwait(epoll, &e, 1, -1, &none) == 1 ? 0 : 1;
}

static int sleep_read(void)
{
    char c;
    return read(pipe_fds[0], &c, 1) == 1 ? 0 : 1;
}

static int sleep_recv_timeout(void)
{
    char c;
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ .tv_sec = 60 },
               sizeof(struct timeval));
    return recv(pair[0], &c, 1, 0) == 1 ? 0 : 1;
}

static int sleep_write(void)
{
    char c = 'x';
    return write(full_fds[1], &c, 1) == 1 ? 0 : 1;
}

static int sleep_accept(void)
{
    return accept(listener, NULL, NULL) >= 0 ? 0 : 1;
}

static int sleep_accept_timeout(void)
{
    setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ .tv_sec = 60 },
               sizeof(struct timeval));
    return sleep_accept();
}

static int sleep_flock(void)
{
    int fd = open("/proc/self/exe", O_RDONLY);
    return flock(fd, LOCK_EX);
}

static int sleep_semop(void)
{
    return semop(semaphores, &(struct sembuf){ .sem_op = -1 }, 1);
}

static int sleep_msgrcv(void)
{
    struct { long type; char c; } m;
    return msgrcv(queue, &m, 1, 0, 0) == 1 ? 0 : 1;
}

static int sleep_wait(void)
{
    int status;
    return wait(&status) > 0 ? 0 : 1;
}

static int sleep_sigwait(void)
{
    return sigwaitinfo(&usr1, NULL) == SIGUSR1 ? 0 : 1;
}

/* These end with EINTR, and have to. */
static int sleep_pause(void)
{
    return pause() == -1 && errno == EINTR && handled == 1 ? 0 : 1;
}

static int sleep_sigsuspend(void)
{
    sigset_t none;
    sigemptyset(&none);
    return sigsuspend(&none) == -1 && errno == EINTR && handled == 1 ? 0 : 1;
}

static int sleep_epoll_signal(void)
{
    struct epoll_event e;
    return epoll_wait(epoll, &e, 1, -1) == -1 && errno == EINTR && handled == 1 ? 0 : 1;
}

/* ---- what ends them ------------------------------------------------------------ */
static void end_nothing(void)
{
}

static void end_pipe(void)
{
    (void)!write(pipe_fds[1], "x", 1);
}

static void end_full(void)
{
    char bytes[4096];
    (void)!read(full_fds[0], bytes, sizeof bytes);
}

static void end_pair(void)
{
    (void)!write(pair[1], "x", 1);
}

static void end_accept(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    connect(fd, (struct sockaddr *)&address, sizeof(sa_family_t) + 32);
}

static void end_semop(void)
{
    semop(semaphores, &(struct sembuf){ .sem_op = 1 }, 1);
}

static void end_msgrcv(void)
{
    struct { long type; char c; } m = { 1, 'x' };
    msgsnd(queue, &m, 1, 0);
}

static void end_signal(void)
{
    kill(sleeper, SIGUSR1);
}

enum { TIMED = 1, CAUGHT = 2, BLOCKED = 4, LOCKED = 8 };

static const struct row {
    const char *name;
    int (*sleep)(void);
    void (*end)(void);
    int how;
} rows[] = {
    { "nanosleep", sleep_nanosleep, end_nothing, TIMED },
    { "absolute", sleep_absolute, end_nothing, TIMED },
    { "poll_time", sleep_poll_time, end_nothing, TIMED },
    { "select_time", sleep_select_time, end_nothing, TIMED },
    { "futex_time", sleep_futex_time, end_nothing, TIMED },
    { "poll", sleep_poll, end_pipe, 0 },
    { "ppoll", sleep_ppoll, end_pipe, BLOCKED },
    { "pselect", sleep_pselect, end_pipe, 0 },
    { "epoll", sleep_epoll, end_pipe, 0 },
    { "epoll_pwait", sleep_epoll_pwait, end_pipe, BLOCKED },
    { "read", sleep_read, end_pipe, 0 },
    { "recv_timeout", sleep_recv_timeout, end_pair, 0 },
    { "write", sleep_write, end_full, 0 },
    { "accept", sleep_accept, end_accept, 0 },
    { "accept_timeout", sleep_accept_timeout, end_accept, 0 },
    { "flock", sleep_flock, end_nothing, LOCKED },
    { "semop", sleep_semop, end_semop, 0 },
    { "msgrcv", sleep_msgrcv, end_msgrcv, 0 },
    { "wait", sleep_wait, end_nothing, 0 },
    { "sigwait", sleep_sigwait, end_signal, BLOCKED },
    { "pause", sleep_pause, end_signal, CAUGHT },
    { "sigsuspend", sleep_sigsuspend, end_signal, CAUGHT | BLOCKED },
    { "epoll_signal", sleep_epoll_signal, end_signal, CAUGHT },
};

/* ---- the frame of it -------------------------------------------------------------- */
static void prepare(void)
{
    static const char page[4096];
    (void)!pipe(pipe_fds);
    (void)!pipe2(full_fds, O_NONBLOCK);
    while (write(full_fds[1], page, sizeof page) > 0)
        ;
    fcntl(full_fds[1], F_SETFL, 0);
    (void)!socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    snprintf(address.sun_path + 1, 31, "memtop-sleeps-%d", (int)getpid());
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t) + 32);
    listen(listener, 1);
    epoll = epoll_create1(0);
    epoll_ctl(epoll, EPOLL_CTL_ADD, pipe_fds[0], &(struct epoll_event){ .events = EPOLLIN });
    semaphores = semget(IPC_PRIVATE, 1, 0600);
    queue = msgget(IPC_PRIVATE, 0600);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
}

/* The child: holds what is to be waited for until a line comes. */
static void wait_and_end(const struct row *row, int told)
{
    char c;
    if (row->how & LOCKED)
        flock(open("/proc/self/exe", O_RDONLY), LOCK_EX);
    (void)!write(told, "x", 1);
    while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
        ;
    row->end();
    _exit(0);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int play(const struct row *row)
{
    int told[2];
    char c;
    prepare();
    sleeper = getpid();
    (void)!pipe(told);
    pid_t child = fork();
    if (child == 0)
        wait_and_end(row, told[1]);
    (void)!read(told[0], &c, 1);
    if (row->how & CAUGHT)
        sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = handler }, NULL);
    if (row->how & BLOCKED)
        sigprocmask(SIG_BLOCK, &usr1, NULL);
    puts("ready");
    fflush(stdout);
    double begin = now();
    errno = 0;
    int result = row->sleep();
    int error = errno;
    double lasted = now() - begin;
    semctl(semaphores, 0, IPC_RMID);
    msgctl(queue, IPC_RMID, NULL);
    kill(child, SIGKILL);
    printf("%s: result %d, errno %d, %.3f s\n", row->name, result, error, lasted);
    CHECK(result == 0);
    if (row->how & TIMED) {
        CHECK(lasted >= SLEEP_S);
        CHECK(lasted < SLEEP_S * 1.6); /* not begun anew */
    }
    return victim_failures;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (argc > 1 && strcmp(argv[1], rows[i].name) == 0)
            return play(&rows[i]);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        puts(rows[i].name);
    return argc > 1 ? 2 : 0;
}
