/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at itself: one thread, no signal taken or blocked, no descriptor open, rights
 * to namespaces that only single-threaded programs have.
 */
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "victim.h"

static int entries(const char *path)
{
    int n = 0;
    DIR *dir = opendir(path);
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n;
}

static void show_status(void)
{
    static const char *const lines[] = { "Threads:", "SigBlk:", "SigIgn:", "SigCgt:", "NoNewPrivs:",
                                         "Seccomp:" };
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++)
            if (strncmp(line, lines[i], strlen(lines[i])) == 0)
                fputs(line, stdout);
    if (status)
        fclose(status);
}

int main(void)
{
    for (int i = 0; i < 10000; i++)
        free(keep(malloc((size_t)i)));
    printf("%d entries for descriptors\n", entries("/proc/self/fd"));
    printf("%d entries for threads\n", entries("/proc/self/task"));
    show_status();
    printf("unshare: %d\n", unshare(CLONE_NEWUSER));
    return 0;
}
