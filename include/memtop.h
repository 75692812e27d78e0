/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program can tell memtop about itself.
 *
 *     #include <memtop.h>
 *     ...
 *     memtop_mark("loaded");
 *
 * Without memtop's agent in the process nothing happens: it is looked for by
 * name, once, so that there is no library to link with (but for -ldl with C
 * libraries that keep dlsym apart). From other languages: call memtop_mark of
 * libmemtop.so, which is there whenever the agent is.
 *
 * Any thread; not in signal handlers, and not between fork and exec.
 */
#ifndef MEMTOP_H
#define MEMTOP_H

#include <dlfcn.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Set a mark: a moment with a name (up to 47 bytes of UTF-8 are kept), with
 * which viewers compare what comes later. `name` may be NULL. Costs less than a
 * microsecond. */
static inline void memtop_mark(const char *name)
{
    static void (*mark)(const char *);
    static int looked; /* threads that race find the same */
    if (!__atomic_load_n(&looked, __ATOMIC_ACQUIRE)) {
        void *found = dlsym((void *)0, "memtop_mark"); /* RTLD_DEFAULT */
        __atomic_store_n((void **)&mark, found, __ATOMIC_RELAXED);
        __atomic_store_n(&looked, 1, __ATOMIC_RELEASE);
    }
    if (mark)
        mark(name);
}

#ifdef __cplusplus
}
#endif

#endif
