/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper's process and its line: on it the keeper says that it is ready,
 * the viewer's process names CMD and says goodbye, or dies and leaves it
 * closed. Called by run.
 */
#include "tui/command/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tui/command/stat.h"

static void write_all(int fd, const char *data, size_t n)
{
    while (fd >= 0 && n) {
        ssize_t done = write(fd, data, n);
        if (done < 0 && errno != EINTR)
            return; /* a full disk must not stop CMD */
        if (done > 0) {
            data += done;
            n -= (size_t)done;
        }
    }
}

/* Take some of what there is. 1: did so, 0: nothing at the moment, -1: the
 * other side has no terminal any more. */
static int drain(const struct keeper *k)
{
    char data[16384];
    ssize_t n = read(k->master, data, sizeof data);
    if (n > 0)
        write_all(k->output_fd, data, (size_t)n);
    if (n > 0 || (n < 0 && errno == EINTR))
        return 1;
    return n < 0 && errno == EAGAIN ? 0 : -1;
}

/* Until CMD ends. Without a pid or pidfds: until its terminal ends. */
static void drain_until_end(const struct keeper *k)
{
    int pidfd = k->child ? (int)syscall(SYS_pidfd_open, k->child, 0) : -1;
    bool gone = k->child && pidfd < 0 && errno == ESRCH;
    struct pollfd fds[] = {
        { .fd = k->master, .events = POLLIN },
        { .fd = pidfd, .events = POLLIN },
    };
    while (!gone) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            break;
        if (fds[0].revents && drain(k) < 0)
            fds[0].fd = -1; /* poll looks away */
        gone = fds[1].fd < 0 ? fds[0].fd < 0 : fds[1].revents != 0;
    }
    fcntl(k->master, F_SETFL, O_NONBLOCK);
    while (drain(k) > 0)
        ;
}

/* A process of its own: no terminal, nobody's standard streams. */
static void step_back(void)
{
    setsid();
    signal(SIGHUP, SIG_IGN);
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; null >= 0 && fd <= 2; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
    prctl(PR_SET_NAME, "memtop-keeper");
}

/* A message on the line: CMD's pid, 0 for goodbye; -1 when the viewer's process
 * is gone. */
static int next_message(int line)
{
    int message;
    ssize_t n;
    do
        n = read(line, &message, sizeof message);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof message ? message : -1;
}

static void send_message(int line, int message)
{
    while (write(line, &message, sizeof message) < 0 && errno == EINTR)
        continue;
}

static void keep(struct keeper *k, int line)
{
    int message;
    step_back();
    send_message(line, 0);
    while ((message = next_message(line)) > 0)
        k->child = message;
    if (message == 0)
        _exit(0);
    drain_until_end(k);
    if (k->child && !k->keep)
        stat_remove_leftovers(k->child);
    _exit(0);
}

int keeper_start(struct keeper *k)
{
    int ends[2];
    k->line = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return -1;
    k->pid = fork();
    if (k->pid == 0) {
        close(ends[0]);
        close(k->slave);
        keep(k, ends[1]);
    }
    int error = errno;
    close(ends[1]);
    if (k->pid > 0 && next_message(ends[0]) == 0) {
        k->line = ends[0];
        return 0;
    }
    close(ends[0]);
    errno = error;
    return -1;
}

void keeper_adopt(struct keeper *k, pid_t child)
{
    k->child = child;
    if (k->line >= 0)
        send_message(k->line, child);
}

void keeper_dismiss(struct keeper *k)
{
    if (k->line < 0)
        return;
    send_message(k->line, 0);
    close(k->line);
    k->line = -1;
    while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}
