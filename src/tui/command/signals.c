/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signal dispositions of the program. A disposition that was "ignore" when the
 * program started (nohup, a background job) stays so, here and in CMD.
 */
#include "tui/command/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static const int changed[] = { SIGPIPE, SIGXFSZ, SIGCHLD, SIGINT, SIGQUIT, SIGTERM, SIGHUP };
#define N_CHANGED (sizeof changed / sizeof *changed)

static struct sigaction before[N_CHANGED];
static sigset_t mask_before;
static volatile sig_atomic_t forward_to; /* the child, 0 none */

static void set(int number, void (*handler)(int))
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
    sigaction(number, &action, NULL);
}

/* A report must never land in a file that happened to become descriptor 1. The
 * stand-in fails every use, as a closed descriptor does, and is gone in CMD. */
static void occupy_closed_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", (fd == 0 ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
}

void signals_start(void)
{
    for (size_t i = 0; i < N_CHANGED; i++)
        sigaction(changed[i], NULL, &before[i]);
    sigprocmask(SIG_SETMASK, NULL, &mask_before);
    set(SIGPIPE, SIG_IGN);
    set(SIGXFSZ, SIG_IGN);
    set(SIGCHLD, SIG_DFL);
    occupy_closed_descriptors();
}

void signals_restore(void)
{
    for (size_t i = 0; i < N_CHANGED; i++)
        sigaction(changed[i], &before[i], NULL);
    sigprocmask(SIG_SETMASK, &mask_before, NULL);
}

static void forward(int number)
{
    int kept = errno;
    if (forward_to > 0)
        kill((pid_t)forward_to, number);
    errno = kept;
}

static void forwarded(sigset_t *set_of)
{
    sigemptyset(set_of);
    sigaddset(set_of, SIGTERM);
    sigaddset(set_of, SIGHUP);
}

void signals_wait_begin(void)
{
    sigset_t hold;
    forwarded(&hold);
    sigprocmask(SIG_BLOCK, &hold, NULL);
    set(SIGINT, SIG_IGN);
    set(SIGQUIT, SIG_IGN);
    for (size_t i = 0; i < N_CHANGED; i++)
        if ((changed[i] == SIGTERM || changed[i] == SIGHUP) && before[i].sa_handler != SIG_IGN)
            set(changed[i], forward);
}

void signals_wait_forward(pid_t child)
{
    forward_to = (sig_atomic_t)child;
    sigprocmask(SIG_SETMASK, &mask_before, NULL);
}

void signals_wait_end(void)
{
    forward_to = 0;
    for (size_t i = 0; i < N_CHANGED; i++)
        if (changed[i] != SIGPIPE && changed[i] != SIGXFSZ && changed[i] != SIGCHLD)
            sigaction(changed[i], &before[i], NULL);
    sigprocmask(SIG_SETMASK, &mask_before, NULL);
}
