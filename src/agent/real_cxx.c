/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the next C++ operators new and delete and sorts them in two: those
 * that reach malloc by themselves (libstdc++, libc++), whose memory the malloc
 * hooks see, and those of an allocator that hands out memory directly
 * (jemalloc, tcmalloc). Runs once, while real.c resolves.
 */
#include <dlfcn.h>

#include "agent/arena.h"
#include "agent/real.h"

struct real_operators real_operators;

static const char *const names[REAL_OPERATOR_COUNT] = {
#define NAME(id, name, takes) [REAL_##id] = (name),
    REAL_OPERATORS(NAME, REAL_SIZE_LETTER)
#undef NAME
};

/* An allocator may well write its operator new on top of malloc. As long as
 * real.c resolves, malloc hooks hand out blocks of the arena: one call tells. */
static bool reaches_malloc(void)
{
    static const char nothrow;
    void *(*new_function)(size_t, const void *) =
        (void *(*)(size_t, const void *))dlsym(RTLD_NEXT, names[REAL_NEW_NOTHROW]);
    void (*delete_function)(void *) =
        (void (*)(void *))dlsym(RTLD_NEXT, names[REAL_DELETE]);
    if (!new_function || !delete_function)
        return true;
    void *p = new_function(1, &nothrow);
    bool reached = arena_owns(p);
    delete_function(p);
    return reached;
}

void real_cxx_resolve(const void *module)
{
    void *found = dlsym(RTLD_NEXT, names[REAL_NEW]);
    if (!found)
        return;
    bool direct = real_module_of(found) == module && !reaches_malloc();
    for (unsigned i = 0; i < REAL_OPERATOR_COUNT; i++) {
        found = dlsym(RTLD_NEXT, names[i]);
        if (direct && real_module_of(found) == module)
            real_operators.direct[i] = found;
        else
            real_operators.forward[i] = found;
    }
}

/* In a library that is loaded already, without taking a reference: whoever asks
 * holds one. */
static void *find_in(const char *library, const char *name)
{
    void *handle = dlopen(library, RTLD_LAZY | RTLD_NOLOAD);
    if (!handle)
        return NULL;
    void *found = dlsym(handle, name);
    dlclose(handle);
    return real_module_of(found) != real_module_of(names) ? found : NULL;
}

void *real_cxx_find_for(enum real_operator op, const void *pc)
{
    /* The array forms, at odd places, only call the others: through us, which
     * would hide who called. */
    const char *name = names[op & ~1u];
    Dl_info info;
    void *found = NULL;
    if (dladdr(pc, &info) && info.dli_fname)
        found = find_in(info.dli_fname, name);
    if (!found)
        found = find_in("libstdc++.so.6", name);
    if (!found)
        found = find_in("libc++abi.so.1", name);
    return found;
}
