/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper's process and its line: a pipe on which the viewer's process says
 * goodbye with one byte, or dies and leaves it closed. Called by run.
 */
#include "tui/command/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
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

/* Until CMD ends. Without pidfds (old kernels): until its terminal ends. */
static void drain_until_end(const struct keeper *k)
{
    struct pollfd fds[] = {
        { .fd = k->master, .events = POLLIN },
        { .fd = (int)syscall(SYS_pidfd_open, k->child, 0), .events = POLLIN },
    };
    bool gone = fds[1].fd < 0 && errno == ESRCH;
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

static void keep(const struct keeper *k, int line)
{
    char goodbye;
    ssize_t n;
    step_back();
    do
        n = read(line, &goodbye, 1);
    while (n < 0 && errno == EINTR);
    if (n == 1)
        _exit(0);
    drain_until_end(k);
    if (!k->keep)
        stat_remove_leftovers(k->child);
    _exit(0);
}

int keeper_start(struct keeper *k)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    k->pid = fork();
    if (k->pid == 0) {
        close(ends[1]);
        keep(k, ends[0]);
    }
    int error = errno;
    close(ends[0]);
    k->line = ends[1];
    if (k->pid > 0)
        return 0;
    close(ends[1]);
    k->line = -1;
    errno = error;
    return -1;
}

void keeper_dismiss(struct keeper *k)
{
    if (k->line < 0)
        return;
    (void)!write(k->line, "", 1);
    close(k->line);
    k->line = -1;
    while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}
