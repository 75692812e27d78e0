/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out_of_reach deepbind|namespace PLUGIN: loads a plugin in such a way that its calls
 * of malloc do not pass the preloaded hooks.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "victim.h"

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    int is_namespace = strcmp(argv[1], "namespace") == 0;
    for (int i = 0; i < 5; i++) {
        void *handle = is_namespace ? dlmopen(LM_ID_NEWLM, argv[2], RTLD_NOW | RTLD_LOCAL)
                                    : dlopen(argv[2], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
        if (!handle) {
            puts(dlerror());
            return 1;
        }
        int (*work)(void) = (int (*)(void))dlsym(handle, "plugin_work");
        printf("%d\n", work ? work() : -1);
        free(keep(malloc(100)));
        dlclose(handle);
    }
    return 0;
}
