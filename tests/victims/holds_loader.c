/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread loads the plugin that the argument names, and is held up there until
 * a line comes on the input; the main thread sleeps. Says "ready", then "loaded",
 * and ends at the next line.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "victim.h"

static void *load(void *path)
{
    void *handle = dlopen(path, RTLD_NOW);
    puts(handle ? "loaded" : dlerror());
    fflush(stdout);
    char c;
    while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
        ;
    exit(handle ? 0 : 1);
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc < 2 || pthread_create(&thread, NULL, load, argv[1]) != 0)
        return 2;
    puts("ready");
    fflush(stdout);
    for (;;)
        pause();
}
