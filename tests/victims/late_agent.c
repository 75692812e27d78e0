/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for the agent where the injector alone is tested: everything that an
 * agent may do, and more, at the place where it was called. Whatever that place
 * was not safe for shows as a hang or a crash, and whatever the injector does
 * not put back shows in the victim.
 */
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "shared/inject.h"

static int active;

static int count_module(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)info, (void)size;
    ++*(int *)data;
    return 0;
}

static void do_much(void)
{
    int modules = 0;
    char volatile stack[16384];
    for (size_t i = 0; i < 100; i++) {
        char *p = malloc(100 * i + 1);
        memset(p, (int)i, 100 * i + 1);
        free(p);
    }
    memset((char *)stack, 1, sizeof stack);
    dl_iterate_phdr(count_module, &modules);
    errno = 1234;
    __asm__ volatile("pxor %%xmm0, %%xmm0; pxor %%xmm7, %%xmm7; pxor %%xmm15, %%xmm15"
                     : : : "xmm0", "xmm7", "xmm15");
}

int memtop_agent_attach(const char *options)
{
    if (options && strlen(options) >= INJECT_OPTIONS_MAX)
        return INJECT_OPTIONS;
    do_much();
    if (active)
        return INJECT_ACTIVE;
    active = 1;
    return INJECT_OK;
}

int memtop_agent_detach(void)
{
    do_much();
    if (!active)
        return INJECT_INACTIVE;
    active = 0;
    return INJECT_OK;
}
