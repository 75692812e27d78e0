/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that allocates when it is loaded, when it is called and when it goes, and
 * leaves nothing behind. */
#include <stdlib.h>
#include <string.h>

#include "victim.h"

int plugin_work(void);

static char *kept;

__attribute__((constructor)) static void come(void)
{
    kept = keep(malloc(77));
}

__attribute__((destructor)) static void go(void)
{
    free(kept);
}

int plugin_work(void)
{
    kept = keep(realloc(kept, 99));
    static char name[] = "plugin";
    free(strdup(keep(name)));
    return kept != NULL;
}
