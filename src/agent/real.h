/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The next allocator: whoever would serve the program if this library were not
 * there. Found once, with dlsym(RTLD_NEXT), at the first call or in the
 * constructor, whichever comes first.
 *
 * Until real_ready() says true nothing in `real` may be used, and hooks serve
 * their callers from the bootstrap arena. Afterwards every function of `real`
 * is there: what the next allocator lacks is made of what it has.
 */
#ifndef MEMTOP_AGENT_REAL_H
#define MEMTOP_AGENT_REAL_H

#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(hidden)

/* The hot ones share a cache line. */
struct real_functions {
    int ready; /* atomic, release; use real_ready() */
    void *(*malloc)(size_t size);
    void (*free)(void *p);
    void *(*calloc)(size_t count, size_t size);
    void *(*realloc)(void *p, size_t size);
    void *(*memalign)(size_t align, size_t size);
    void *(*aligned_alloc)(size_t align, size_t size);
    int (*posix_memalign)(void **out, size_t align, size_t size);
    size_t (*malloc_usable_size)(void *p);
    void *(*reallocarray)(void *p, size_t count, size_t size);
    void *(*valloc)(size_t size);
    void *(*pvalloc)(size_t size);
    void (*cfree)(void *p);
    void (*free_sized)(void *p, size_t size);
    void (*free_aligned_sized)(void *p, size_t align, size_t size);
    void (*cxa_finalize)(void *dso);
    int (*fork)(void);
    int (*fork_only)(void); /* _Fork: without the handlers of pthread_atfork */
};

extern struct real_functions real;

/* The C++ operators by their mangled names. S is the letter of size_t; the last
 * word says what they take: N new(size), D delete(p), then in this order
 * S size, A alignment, T nothrow. */
#define REAL_OPERATORS(X, S)                                                  \
    X(NEW, "_Znw" S, N)                                                       \
    X(NEW_ARRAY, "_Zna" S, N)                                                 \
    X(NEW_NOTHROW, "_Znw" S "RKSt9nothrow_t", N_T)                            \
    X(NEW_ARRAY_NOTHROW, "_Zna" S "RKSt9nothrow_t", N_T)                      \
    X(NEW_ALIGN, "_Znw" S "St11align_val_t", N_A)                             \
    X(NEW_ARRAY_ALIGN, "_Zna" S "St11align_val_t", N_A)                       \
    X(NEW_ALIGN_NOTHROW, "_Znw" S "St11align_val_tRKSt9nothrow_t", N_AT)      \
    X(NEW_ARRAY_ALIGN_NOTHROW, "_Zna" S "St11align_val_tRKSt9nothrow_t", N_AT) \
    X(DELETE, "_ZdlPv", D)                                                    \
    X(DELETE_ARRAY, "_ZdaPv", D)                                              \
    X(DELETE_SIZED, "_ZdlPv" S, D_S)                                          \
    X(DELETE_ARRAY_SIZED, "_ZdaPv" S, D_S)                                    \
    X(DELETE_NOTHROW, "_ZdlPvRKSt9nothrow_t", D_T)                            \
    X(DELETE_ARRAY_NOTHROW, "_ZdaPvRKSt9nothrow_t", D_T)                      \
    X(DELETE_ALIGN, "_ZdlPvSt11align_val_t", D_A)                             \
    X(DELETE_ARRAY_ALIGN, "_ZdaPvSt11align_val_t", D_A)                       \
    X(DELETE_SIZED_ALIGN, "_ZdlPv" S "St11align_val_t", D_SA)                 \
    X(DELETE_ARRAY_SIZED_ALIGN, "_ZdaPv" S "St11align_val_t", D_SA)           \
    X(DELETE_ALIGN_NOTHROW, "_ZdlPvSt11align_val_tRKSt9nothrow_t", D_AT)      \
    X(DELETE_ARRAY_ALIGN_NOTHROW, "_ZdaPvSt11align_val_tRKSt9nothrow_t", D_AT)

#if __SIZEOF_SIZE_T__ == __SIZEOF_LONG__ && __SIZEOF_LONG__ == 8
#define REAL_SIZE_LETTER "m"
#else
#define REAL_SIZE_LETTER "j"
#endif

enum real_operator {
#define REAL_OPERATOR_ENUM(id, name, takes) REAL_##id,
    REAL_OPERATORS(REAL_OPERATOR_ENUM, REAL_SIZE_LETTER)
#undef REAL_OPERATOR_ENUM
    REAL_OPERATOR_COUNT
};

/* An operator is in one of the two, or in none when there is no next one. */
struct real_operators {
    void *forward[REAL_OPERATOR_COUNT]; /* reach malloc by themselves */
    void *direct[REAL_OPERATOR_COUNT];  /* hand out memory without malloc */
};

extern struct real_operators real_operators;

/* Has the loader relocated this library, so that it may call others and touch
 * errno? */
bool real_is_relocated(void);

/* Try to get ready; sets the tracker up too. False: not now (another thread is
 * at it, or the program is not that far), ask again at the next call. */
bool real_resolve(void);

/* Calls that hooks could not serve because real.c was at work. */
extern unsigned real_reached;

/* The next function of a name, NULL if there is none. Only while resolving. */
void *real_next(const char *name);

/* Did an earlier call resolve it? Never tries to. */
bool real_is_resolved(void);

/* Who serves malloc. Once real_ready() has said true. */
struct real_allocator {
    const char *path; /* of its library, or of the program */
    bool glibc;       /* it is the C library */
    bool overridden;  /* the program calls another one, without the hooks */
};
extern struct real_allocator real_allocator;

/* For a library that was loaded late, into whose malloc no call leads: from now on
 * `find` says what comes next, and the tracker is not started. False: it has been
 * resolved already. One thread, not in a hook. */
bool real_resolve_late(void *(*find)(const char *name));

/* For the constructor: like real_resolve, and from now on the C library counts
 * as set up. */
void real_start(void);

/* May `real` be used? */
static inline bool real_is_known(void)
{
    return __atomic_load_n(&real.ready, __ATOMIC_ACQUIRE);
}

/* May `real` be used? Tries to make it so. Any thread, signal handlers too;
 * safe before this library is relocated. */
static inline bool real_ready(void)
{
    return __builtin_expect(real_is_known(), 1) || real_resolve();
}

/* real_cxx.c, for real.c: find the operators. `module` is the base address of
 * the library that holds the next malloc; `late` is that of real_resolve_late, and
 * no call comes back to the hooks yet. Only while resolving. */
void real_cxx_resolve(const void *module, bool late);

/* Its mangled name. */
const char *real_operator_name(enum real_operator op);

/* The operator that the module with code at `pc` would call if this library
 * were not there, where there is no next one for the whole program (a plugin
 * brought libstdc++ along for itself). NULL if none. Takes the loader's lock;
 * only for allocations that failed. */
void *real_cxx_find_for(enum real_operator op, const void *pc);

/* The base address of the loaded file that holds `address`, NULL if none.
 * Takes the loader's lock; only while resolving. */
const void *real_module_of(const void *address);

#pragma GCC visibility pop

#endif
