/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify_reload PLUGIN PLUGIN: loads them in turn, allocates above a frame of
 * theirs, and unloads them again. Says whether they were loaded at the same
 * address, as they are meant to. Build: -ldl.
 */
#include <dlfcn.h>
#include <stdlib.h>

#include "victim.h"

static void work(void)
{
    for (int i = 0; i < 5; i++)
        free(keep(malloc(hidden(40))));
}

static void *use(const char *path, void (*function)(void))
{
    void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!plugin) {
        fprintf(stderr, "%s\n", dlerror());
        exit(2);
    }
    void (*call)(void (*)(void)) = (void (*)(void (*)(void)))dlsym(plugin, "plugin_call");
    call(function);
    call(function);
    dlclose(plugin);
    return (void *)call;
}

int main(int argc, char **argv)
{
    void *before = NULL;
    int same = 0;
    if (argc != 3)
        return 2;
    for (int i = 0; i < 40; i++) {
        void *now = use(argv[1 + i % 2], work);
        same += now == before;
        before = now;
    }
    printf("%d of 39 times at the same address\n", same);
    return same < 30;
}
