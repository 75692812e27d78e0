/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start of a preloaded agent, and how one that was loaded late notices that it
 * was: it then does nothing until it is called.
 */
#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>

#include "agent/config.h"
#include "agent/front.h"
#include "agent/real.h"
#include "agent/tracker.h"
#include "agent/verify.h"

bool front_is_late;

static struct link_map *module_of(const void *address)
{
    Dl_info info;
    struct link_map *map;
    return address && dladdr1(address, &info, (void **)&map, RTLD_DL_LINKMAP) ? map : NULL;
}

/* Whoever serves the program's calls has been called by now, by the loader if by
 * nobody else. Where the program brings its own malloc that is not so; but preloaded
 * libraries stand before the C library in the loader's list, others behind it. */
static bool is_late(void)
{
    if (real_is_resolved())
        return false;
    const struct link_map *libc = module_of(dlsym(RTLD_NEXT, "gnu_get_libc_version"));
    const struct link_map *map = module_of(&front_is_late);
    while (map && map != libc)
        map = map->l_next;
    return libc && !map;
}

static void at_quick_end(void)
{
    tracker_goodbye(-1);
}

__attribute__((constructor)) static void start(void)
{
    struct config c;
    front_is_late = is_late();
    at_quick_exit(at_quick_end);
    if (front_is_late)
        return;
    real_start();
    /* Apart from the set-up, which may come within a hook: it loads libraries. */
    config_read(&c);
    if (c.verify && !c.off)
        verify_load(c.verify);
}
