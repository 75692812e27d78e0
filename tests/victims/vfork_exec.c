/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children that share the parent's memory: they execute another program or end
 * with _exit, and the parent must not notice.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "victim.h"

static int status_of(pid_t pid)
{
    int status = -1;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(void)
{
    for (volatile int i = 0; i < 5; i++) { /* the child returns into this frame, too */
        void *before = keep(malloc(100));
        pid_t pid = vfork();
        if (pid == 0)
            _exit(3 + i);
        printf("ended with %d\n", status_of(pid));
        fflush(stdout);
        pid = vfork();
        if (pid == 0) {
            execl("/bin/sh", "sh", "-c", "exit 9", (char *)NULL);
            _exit(127);
        }
        printf("executed: %d\n", status_of(pid));
        fflush(stdout);
        free(before);
        free(keep(malloc(200)));
    }
    return 0;
}
