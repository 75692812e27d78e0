/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the next C++ operators new and delete and sorts them in two: those
 * that reach malloc by themselves (libstdc++, libc++), whose memory the malloc
 * hooks see, and those of an allocator that hands out memory directly
 * (jemalloc, tcmalloc). Runs once, while real.c resolves.
 */
#include <dlfcn.h>

#include "agent/real.h"

struct real_operators real_operators;

static const char *const names[REAL_OPERATOR_COUNT] = {
#define NAME(id, name, takes) [REAL_##id] = (name),
    REAL_OPERATORS(NAME, REAL_SIZE_LETTER)
#undef NAME
};

/* ---- does an operator reach malloc? ------------------------------------------ */

/* An allocator may write some of its operators on top of malloc and others not.
 * One call of each tells, while real.c counts what comes back to the hooks. */
enum { PROBE_SIZE = 64, PROBE_ALIGN = 64 };

static const char nothrow; /* std::nothrow is an empty object, too */

/* Array forms have odd numbers and take the same. */
static void *call_new(unsigned op, void *function)
{
    switch (op & ~1u) {
    case REAL_NEW_NOTHROW:
        return ((void *(*)(size_t, const void *))function)(PROBE_SIZE, &nothrow);
    case REAL_NEW_ALIGN:
        return ((void *(*)(size_t, size_t))function)(PROBE_SIZE, PROBE_ALIGN);
    case REAL_NEW_ALIGN_NOTHROW:
        return ((void *(*)(size_t, size_t, const void *))function)(PROBE_SIZE, PROBE_ALIGN,
                                                                  &nothrow);
    default:
        return ((void *(*)(size_t))function)(PROBE_SIZE);
    }
}

static void call_delete(unsigned op, void *function, void *p)
{
    switch (op & ~1u) {
    case REAL_DELETE_SIZED:
        ((void (*)(void *, size_t))function)(p, PROBE_SIZE);
        break;
    case REAL_DELETE_NOTHROW:
        ((void (*)(void *, const void *))function)(p, &nothrow);
        break;
    case REAL_DELETE_ALIGN:
        ((void (*)(void *, size_t))function)(p, PROBE_ALIGN);
        break;
    case REAL_DELETE_SIZED_ALIGN:
        ((void (*)(void *, size_t, size_t))function)(p, PROBE_SIZE, PROBE_ALIGN);
        break;
    case REAL_DELETE_ALIGN_NOTHROW:
        ((void (*)(void *, size_t, const void *))function)(p, PROBE_ALIGN, &nothrow);
        break;
    default:
        ((void (*)(void *))function)(p);
    }
}

/* A block as the delete number `op` expects it. */
static void *block_for(unsigned op)
{
    unsigned matching = (op >= REAL_DELETE_ALIGN ? REAL_NEW_ALIGN : REAL_NEW) | (op & 1u);
    void *function = real_operators.direct[matching];
    return function ? call_new(matching, function)
                    : real.aligned_alloc(PROBE_ALIGN, PROBE_SIZE);
}

/* The probe's blocks, at most some 64 bytes for each operator, are not given
 * back: it is not known yet how. */
static bool reaches_malloc(unsigned op, void *function)
{
    unsigned before;
    if (op < REAL_DELETE) {
        before = real_reached;
        call_new(op, function);
    } else {
        void *p = block_for(op);
        before = real_reached;
        call_delete(op, function, p);
    }
    return real_reached != before;
}

/* ---- finding ------------------------------------------------------------------ */

/* An allocator's own calls of malloc are not redirected: so its operators hand out
 * memory directly, as far as the hooks can see. */
void real_cxx_resolve(const void *module, bool late)
{
    for (unsigned op = 0; op < REAL_OPERATOR_COUNT; op++) {
        void *found = real_next(names[op]);
        if (!found && op == REAL_NEW)
            return;
        if (found && real_module_of(found) == module &&
            (late || !reaches_malloc(op, found)))
            real_operators.direct[op] = found;
        else
            real_operators.forward[op] = found;
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

const char *real_operator_name(enum real_operator op)
{
    return names[op];
}
