/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children that free and resize their parent's blocks and allocate their own,
 * while the parent goes on. Build: -pthread (a second thread runs at the fork).
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "victim.h"

enum { BLOCKS = 200 };

static char *blocks[BLOCKS];
static int stop; /* atomic */

static void *busy(void *unused)
{
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
        free(keep(malloc(100)));
    return unused;
}

static int child(void)
{
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = keep(realloc(blocks[i], i % 2 ? 10 : 1000));
        if (strcmp(blocks[i], "parent") != 0)
            return 1;
        free(blocks[i]);
        blocks[i] = keep(malloc(30));
    }
    return 0;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, busy, NULL);
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = keep(strdup("parent"));
    for (int n = 0; n < 3; n++) {
        pid_t pid = fork();
        if (pid == 0) {
            int status = child();
            if (n == 1)
                exit(status);
            _exit(status);
        }
        int status;
        waitpid(pid, &status, 0);
        printf("child %d: %#x\n", n, (unsigned)status);
        victim_failures += status != 0;
        fflush(stdout);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    return victim_failures != 0;
}
