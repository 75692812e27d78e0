/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin for dlopen_loop. Its IFUNC resolver allocates while it is being
 * loaded; with LD_PRELOAD="libmemtop.so plugin.so" that is before the agent
 * itself has been relocated. Build: -shared -fPIC.
 */
#include <stdlib.h>

#include "victim.h"

int plugin_work(void);

static void *kept, *early;

static int really_work(void)
{
    for (size_t i = 0; i < 100; i++)
        free(keep(malloc(i)));
    free(kept);
    kept = keep(malloc(500));
    early = keep(realloc(early, 100));
    return kept && early ? 100 : 0;
}

typedef int work_function(void);

static work_function *choose(void)
{
    early = keep(malloc(50));
    free(keep(calloc(4, 100)));
    return early ? really_work : NULL;
}

static int work(void) __attribute__((ifunc("choose")));

int plugin_work(void)
{
    return work();
}

__attribute__((constructor)) static void start(void)
{
    kept = keep(malloc(1000));
}

__attribute__((destructor)) static void end(void)
{
    free(kept);
    free(early);
}
