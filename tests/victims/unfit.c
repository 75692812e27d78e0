/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that memtop inject has to refuse, of the kind that its argument
 * names. Prints its pid, and ends when a line comes on the input.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "victim.h"

static void say(pid_t pid)
{
    printf("%d\n", (int)pid);
    fflush(stdout);
}

static void wait_for_line(void)
{
    char c;
    while (read(STDIN_FILENO, &c, 1) < 0 && errno == EINTR)
        ;
}

/* A child that lasts until it is killed. */
static pid_t start(void)
{
    pid_t child = fork();
    while (child == 0)
        pause();
    return child;
}

static void end(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void traced(void)
{
    pid_t child = start();
    ptrace(PTRACE_SEIZE, child, NULL, NULL);
    say(child);
    wait_for_line();
    end(child);
}

static void stopped(void)
{
    pid_t child = start();
    kill(child, SIGSTOP);
    waitpid(child, NULL, WUNTRACED);
    say(child);
    wait_for_line();
    end(child);
}

static void zombie(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    waitid(P_PID, (id_t)child, NULL, WEXITED | WNOWAIT);
    say(child);
    wait_for_line();
    waitpid(child, NULL, 0);
}

/* The strictest kind allows read and write only. */
static void restricted(void)
{
    say(getpid());
    if (prctl(PR_SET_SECCOMP, 1, 0, 0, 0) != 0)
        exit(77);
    char c;
    (void)!write(STDOUT_FILENO, "up\n", 3);
    (void)!read(STDIN_FILENO, &c, 1);
    _exit(0); /* not allowed either, which ends it as well */
}

int main(int argc, char **argv)
{
    const char *kind = argc > 1 ? argv[1] : "";
    if (strcmp(kind, "traced") == 0)
        traced();
    else if (strcmp(kind, "stopped") == 0)
        stopped();
    else if (strcmp(kind, "zombie") == 0)
        zombie();
    else if (strcmp(kind, "restricted") == 0)
        restricted();
    else
        return 2;
    return 0;
}
