/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the next allocator, once, and then sets the tracker up. Called by the
 * hooks when they are not ready yet and by the constructor; possibly before
 * this library is relocated, so the first steps of real_resolve may call
 * nothing and touch no thread-local storage. While it is at work, everybody's
 * allocations (its own included) come from the bootstrap arena.
 */
#include "agent/real.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <unistd.h>

#include "agent/tracker.h"

enum real_state { UNRESOLVED, RESOLVING, DONE };

struct real_functions real __attribute__((aligned(64)));

unsigned real_reached;
struct real_allocator real_allocator;

static void *(*find_late)(const char *name); /* NULL: not loaded late */

static int state;        /* atomic, enum real_state */
static bool libc_is_up;  /* the constructor has been reached */

/* Holds its own address once the loader has relocated this library. */
static const void *const volatile self = (const void *)&self;

bool real_is_relocated(void)
{
    return self == (const void *)&self;
}

const void *real_module_of(const void *address)
{
    Dl_info info;
    return address && dladdr(address, &info) ? info.dli_fbase : NULL;
}

/* ---- what a next allocator may lack, made of what it has ---------------- */

static void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

static void *made_reallocarray(void *p, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return no_memory();
    return real.realloc(p, bytes);
}

static void *made_memalign(size_t align, size_t size)
{
    void *p = NULL;
    if (align < sizeof(void *))
        align = sizeof(void *);
    int error = real.posix_memalign(&p, align, size);
    if (error)
        errno = error;
    return error ? NULL : p;
}

static int made_posix_memalign(void **out, size_t align, size_t size)
{
    if (align == 0 || align % sizeof(void *) || (align & (align - 1)))
        return EINVAL;
    int saved = errno;
    void *p = real.memalign(align, size);
    errno = saved;
    if (!p)
        return ENOMEM;
    *out = p;
    return 0;
}

static void *made_aligned_alloc(size_t align, size_t size)
{
    return real.memalign(align, size);
}

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static void *made_valloc(size_t size)
{
    return real.memalign(page_bytes(), size);
}

static void *made_pvalloc(size_t size)
{
    size_t page = page_bytes();
    if (size > SIZE_MAX - page)
        return no_memory();
    return real.memalign(page, (size + page - 1) & ~(page - 1));
}

static void made_cfree(void *p)
{
    real.free(p);
}

static void made_free_sized(void *p, size_t size)
{
    (void)size;
    real.free(p);
}

static void made_free_aligned_sized(void *p, size_t align, size_t size)
{
    (void)align;
    (void)size;
    real.free(p);
}

static size_t made_malloc_usable_size(void *p)
{
    (void)p;
    return 0;
}

/* ---- finding ------------------------------------------------------------- */

/* A debugging allocator that stands for the C library's (libc_malloc_debug.so) has its
 * functions under these versions only, which is how programs of that time see them, and
 * by which dlsym does not find them. */
#ifdef __x86_64__
static const char *const versions[] = { "GLIBC_2.2.5", "GLIBC_2.16", "GLIBC_2.26" };
#else
static const char *const versions[] = { "GLIBC_2.17", "GLIBC_2.26" };
#endif
static const void *versioned; /* the module that is asked by version; NULL: none */

static void *find_versioned(const char *name)
{
    for (unsigned i = 0; i < sizeof versions / sizeof *versions; i++) {
        void *found = dlvsym(RTLD_NEXT, name, versions[i]);
        if (found)
            return found;
    }
    return NULL;
}

void *real_next(const char *name)
{
    if (find_late)
        return find_late(name);
    void *found = versioned ? find_versioned(name) : NULL;
    return found && real_module_of(found) == versioned ? found : dlsym(RTLD_NEXT, name);
}

/* Whatever comes next under this name. */
#define FIND(field) (real.field = (__typeof__(real.field))real_next(#field))

/* The same, if it lives in `module`; else our own. A function of another
 * library would use that library's heap. */
#define FIND_IN(module, field)                               \
    do {                                                     \
        void *found = real_next(#field);                     \
        if (found && real_module_of(found) == (module))      \
            real.field = (__typeof__(real.field))found;      \
        else                                                 \
            real.field = made_##field;                       \
    } while (0)

static void find_aligned(const void *module)
{
    FIND(memalign);
    if (real.memalign) {
        FIND_IN(module, posix_memalign);
    } else {
        FIND(posix_memalign);
        real.memalign = made_memalign;
    }
    FIND_IN(module, aligned_alloc);
    FIND_IN(module, valloc);
    FIND_IN(module, pvalloc);
}

static bool is_libc(const void *module)
{
    void *function = real_next("gnu_get_libc_version");
    return function && real_module_of(function) == module;
}

static void find_functions(const void *module)
{
    FIND(calloc);
    FIND(realloc);
    FIND(free);
    find_aligned(module);
    if (!FIND(malloc_usable_size))
        real.malloc_usable_size = made_malloc_usable_size;
    if (is_libc(module)) /* glibc's would come back through our realloc */
        real.reallocarray = made_reallocarray;
    else
        FIND_IN(module, reallocarray);
    FIND_IN(module, cfree);
    FIND_IN(module, free_sized);
    FIND_IN(module, free_aligned_sized);
    real.cxa_finalize =
        (__typeof__(real.cxa_finalize))real_next("__cxa_finalize");
    FIND(fork);
    real.fork_only = (__typeof__(real.fork_only))real_next("_Fork");
}

static const char *path_of(const void *address)
{
    Dl_info info;
    return dladdr(address, &info) && info.dli_fname ? info.dli_fname : "";
}

/* Does the program, or a library before this one, define malloc itself? A
 * program that is not position independent and takes malloc's address gives it
 * one of its own, of a jump to here: there the symbol is undefined. */
static bool is_overridden(void)
{
    Dl_info info;
    const ElfW(Sym) *symbol = NULL;
    void *seen = dlsym(RTLD_DEFAULT, "malloc");
    return real_module_of(seen) != real_module_of(&real) &&
           !(dladdr1(seen, &info, (void **)&symbol, RTLD_DL_SYMENT) && symbol &&
             symbol->st_shndx == SHN_UNDEF);
}

/* Does another library come between, under the C library's old versions? */
static void look_for_versions(const void *module)
{
    void *found = find_late || !is_libc(module) ? NULL : find_versioned("malloc");
    if (found && real_module_of(found) != module)
        versioned = real_module_of(found);
}

static void resolve(void)
{
    int saved = errno;
    FIND(malloc);
    look_for_versions(real_module_of((const void *)real.malloc));
    FIND(malloc);
    const void *function = (const void *)real.malloc;
    const void *module = real_module_of(function);
    find_functions(module);
    real_cxx_resolve(module, find_late != NULL);
    real_allocator.overridden = !find_late && is_overridden();
    real_allocator.path = path_of(function);
    real_allocator.glibc = is_libc(module);
    if (!find_late) {
        dlerror(); /* names that were not found are no news for the program */
        tracker_init(real_allocator.path, real_allocator.glibc, real_allocator.overridden);
    }
    errno = saved;
}

/* Before its initialisers ran, the C library knows no environment, and its
 * malloc would do without brk(2) for ever. Whoever allocates that early (an
 * IFUNC resolver) can be served from the arena. */
static bool may_resolve(void)
{
    return real_is_relocated() && (libc_is_up || environ);
}

bool real_resolve(void)
{
    if (!may_resolve())
        return false;
    int expected = UNRESOLVED;
    if (!__atomic_compare_exchange_n(&state, &expected, RESOLVING, false,
                                     __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
        __atomic_add_fetch(&real_reached, expected == RESOLVING, __ATOMIC_RELAXED);
        return expected == DONE;
    }
    resolve();
    __atomic_store_n(&real.ready, 1, __ATOMIC_RELEASE);
    __atomic_store_n(&state, DONE, __ATOMIC_RELEASE);
    return true;
}

bool real_resolve_late(void *(*find)(const char *name))
{
    if (real.ready)
        return false;
    libc_is_up = true;
    find_late = find;
    return real_resolve();
}

bool real_is_resolved(void)
{
    return __atomic_load_n(&real.ready, __ATOMIC_ACQUIRE);
}

void real_start(void)
{
    libc_is_up = true;
    real_resolve();
}
