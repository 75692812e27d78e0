/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has relatives, as it is told by lines on its input: f forks a child that allocates
 * 5,000 bytes, says "child PID" and stays until SIGTERM; s spawns a program and waits for
 * it; v does so by vfork; a allocates 1,000 bytes; x becomes the program of its first
 * argument. It says what it has done, "ready" at first, and ends well at the input's end.
 */
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "victim.h"

static void *volatile kept;

static void stay(void)
{
    sigset_t set;
    int signal;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    kept = malloc(5000);
    dprintf(STDOUT_FILENO, "child %d\n", (int)getpid());
    sigwait(&set, &signal);
    free(kept);
    exit(kept ? 0 : 1);
}

static int await(pid_t child)
{
    int status = -1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
}

static int spawn(void)
{
    char name[] = "true", *arguments[] = { name, NULL };
    pid_t child;
    return posix_spawnp(&child, "true", NULL, NULL, arguments, environ) == 0 ? await(child) : 1;
}

static int spawn_by_vfork(void)
{
    pid_t child = vfork();
    if (child == 0) {
        execlp("true", "true", (char *)NULL);
        _exit(1);
    }
    return await(child);
}

int main(int argc, char **argv)
{
    char c;
    int bad = 0;
    dprintf(STDOUT_FILENO, "ready\n");
    while (read(STDIN_FILENO, &c, 1) == 1) {
        if (c == 'f' && fork() == 0)
            stay();
        if (c == 's' || c == 'v')
            bad |= c == 's' ? spawn() : spawn_by_vfork();
        if (c == 'a')
            bad |= !(kept = malloc(1000));
        if (c == 'x' && argc > 1)
            execv(argv[1], argv + 1);
        if (c != '\n')
            dprintf(STDOUT_FILENO, "did %c\n", c);
    }
    while (wait(NULL) > 0)
        ;
    return bad;
}
