/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlopen_loop PLUGIN...: loads, uses and unloads plugins again and again, and
 * leaves the last one open. Build: -ldl.
 */
#include <dlfcn.h>
#include <stdlib.h>

#include "victim.h"

static int use(const char *path, int stay)
{
    void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!plugin) {
        fprintf(stderr, "%s\n", dlerror());
        exit(2);
    }
    int (*work)(void) = (int (*)(void))dlsym(plugin, "plugin_work");
    int result = work ? work() : -1;
    if (!stay)
        dlclose(plugin);
    return result;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int sum = 0;
        for (int n = 0; n < 200; n++) {
            sum += use(argv[i], n == 199);
            free(keep(malloc((size_t)n)));
        }
        printf("plugin %d did %d\n", i, sum);
    }
    dlsym(RTLD_DEFAULT, "there_is_no_such_name");
    printf("dlerror: %s\n", dlerror() ? "said" : "silent");
    return 0;
}
