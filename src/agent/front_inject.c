/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaching and detaching while the process runs: the two functions of
 * shared/inject.h, and the hooks of dlopen and dlsym, by which modules and pointers
 * that the program gets later are redirected, too. For a preloaded agent the same
 * two functions begin and end the recording, and there is nothing to redirect.
 *
 * Runs outside of hooks of the allocation family: it may take the loader's lock.
 */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/before.h"
#include "agent/config.h"
#include "agent/elf_slots.h"
#include "agent/front.h"
#include "agent/hooks.h"
#include "agent/process.h"
#include "agent/redirect.h"
#include "agent/store.h"
#include "agent/verify.h"
#include "shared/inject.h"

static const char *const family[] = {
    "malloc", "calloc", "realloc", "reallocarray", "free", "cfree", "memalign",
    "aligned_alloc", "posix_memalign", "valloc", "pvalloc", "free_sized",
    "free_aligned_sized",
};
static const char *const others[] = { "_exit", "_Exit", "__cxa_finalize", "fork", "_Fork",
                                      "syscall", "prctl", "mlockall", "setrlimit",
                                      "setrlimit64", "prlimit", "prlimit64" };

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define TARGETS (COUNT(family) + REAL_OPERATOR_COUNT + COUNT(others) + 2)

static struct redirect_target targets[TARGETS];
static size_t target_count;
static bool redirected; /* atomic */

static void *(*real_dlopen)(const char *file, int mode);
static void *(*real_dlsym)(void *handle, const char *name);

/* ---- what the program gets from the loader later ---------------------------------- */

static const struct redirect_target *target_of(const char *name)
{
    for (size_t i = 0; i < target_count; i++)
        if (strcmp(targets[i].name, name) == 0)
            return &targets[i];
    return NULL;
}

static void refresh(void)
{
    int saved_errno = errno;
    redirect_refresh();
    errno = saved_errno;
}

/* Does the loader, looking for a file, take into account who asks? */
static bool depends_on_caller(const char *file, void *caller)
{
    Dl_info info;
    struct link_map *map;
    struct elf_module m = { 0 };
    if (!file || (strchr(file, '/') && !strchr(file, '$')))
        return false;
    if (redirect_saw_rpath() || strchr(file, '$') ||
        !dladdr1(caller, &info, (void **)&map, RTLD_DL_LINKMAP))
        return true;
    elf_dynamic_read(&m, map->l_ld);
    return m.own_search || m.has_rpath;
}

/* Who asks is found by the return address. Where that matters, this is a jump to the
 * loader, and the new modules have to wait for the next call of dlsym. */
static void *hook_dlopen(const char *file, int mode)
{
    refresh();
    if (depends_on_caller(file, __builtin_return_address(0)))
        return real_dlopen(file, mode);
    void *handle = real_dlopen(file, mode);
    if (handle)
        refresh();
    return handle;
}

/* As above: RTLD_NEXT is a question about who asks. What that finds is for those who
 * wrap the function, who must not get themselves. */
static void *hook_dlsym(void *handle, const char *name)
{
    refresh();
    bool active = __atomic_load_n(&redirected, __ATOMIC_ACQUIRE);
    if (handle == RTLD_DEFAULT && active && strcmp(name, "memtop_mark") == 0)
        return redirect_own(name);
    const struct redirect_target *t = active && handle != RTLD_NEXT ? target_of(name) : NULL;
    if (!t || !t->target)
        return real_dlsym(handle, name);
    if (handle == RTLD_DEFAULT)
        return (void *)t->hook;
    void *found = real_dlsym(handle, name);
    return (uintptr_t)found == t->target ? (void *)t->hook : found;
}

/* ---- what is redirected -------------------------------------------------------------- */

static void add_target(const char *name, const void *target, const void *hook, bool is_family)
{
    targets[target_count++] = (struct redirect_target){
        .name = name,
        .target = (uintptr_t)target,
        .hook = (uintptr_t)hook,
        .family = is_family,
    };
}

static void find_targets(void)
{
    target_count = 0;
    for (size_t i = 0; i < COUNT(family); i++)
        add_target(family[i], redirect_find(family[i]), redirect_own(family[i]), true);
    /* Those that reach malloc are seen there. */
    for (unsigned op = 0; op < REAL_OPERATOR_COUNT; op++) {
        const char *name = real_operator_name(op);
        if (real_operators.direct[op])
            add_target(name, real_operators.direct[op], redirect_own(name), true);
    }
    for (size_t i = 0; i < COUNT(others); i++)
        add_target(others[i], redirect_find(others[i]), redirect_own(others[i]), false);
    real_dlopen = (__typeof__(real_dlopen))redirect_find("dlopen");
    real_dlsym = (__typeof__(real_dlsym))redirect_find("dlsym");
    add_target("dlopen", (const void *)real_dlopen, (const void *)hook_dlopen, false);
    add_target("dlsym", (const void *)real_dlsym, (const void *)hook_dlsym, false);
}

static bool is_sanitized(void)
{
    return redirect_find("__asan_init") || redirect_find("__tsan_init") ||
           redirect_find("__msan_init") || redirect_find("__lsan_init") ||
           redirect_find("__hwasan_init");
}

/* ---- one at a time ------------------------------------------------------------------- */

static int32_t owner; /* atomic: pid of the process that attaches or detaches */

static bool begin(void)
{
    int32_t self = (int32_t)syscall(SYS_getpid), seen = __atomic_load_n(&owner, __ATOMIC_RELAXED);
    return seen != self && __atomic_compare_exchange_n(&owner, &seen, self, false,
                                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void end(void)
{
    __atomic_store_n(&owner, 0, __ATOMIC_RELEASE);
}

/* ---- attach ------------------------------------------------------------------------------ */

/* Late, the allocator is looked for at the first attach. */
static enum inject_result resolve(void)
{
    if (!front_is_late)
        return real_ready() ? INJECT_OK : INJECT_BUSY;
    if (is_sanitized())
        return INJECT_SANITIZER;
    if (!real_is_resolved()) {
        if (!real_resolve_late(redirect_find))
            return INJECT_BUSY;
        real_allocator.overridden = redirect_in_program((const void *)real.malloc);
        find_targets();
    }
    return INJECT_OK;
}

/* Nothing is recorded until all is redirected: so no block is recorded whose end goes
 * unseen because it comes through a slot whose turn was not yet. */
static enum inject_result redirect_all(void)
{
    const void *allocator = real_allocator.glibc ? NULL : (const void *)real.malloc;
    if (!redirect_begin(targets, target_count, allocator))
        return INJECT_BUSY;
    struct redirect_counts counts = redirect_counts();
    store.header->front_modules = counts.modules;
    store.header->front_slots = counts.slots;
    store.header->front_skipped = counts.skipped;
    __atomic_store_n(&redirected, true, __ATOMIC_RELEASE);
    return counts.slots > 0 ? INJECT_OK : INJECT_NOTHING;
}

static bool undo(void)
{
    __atomic_store_n(&redirected, false, __ATOMIC_RELEASE);
    return !front_is_late || redirect_undo();
}

static enum inject_result attach(const struct config *c)
{
    enum inject_result result = resolve();
    if (result != INJECT_OK)
        return result;
    struct process_front front = {
        .allocator = real_allocator.path,
        .glibc = real_allocator.glibc,
        .overridden = real_allocator.overridden,
        .kind = front_is_late ? SEG_FRONT_REDIRECT : SEG_FRONT_PRELOAD,
    };
    result = process_prepare(c, &front);
    if (result != INJECT_OK)
        return result;
    if (c->before)
        store.header->before = before_ask(front.glibc, &store.header->before_bytes);
    if (front_is_late && (result = redirect_all()) != INJECT_OK) {
        undo();
        process_cancel();
        return result;
    }
    if (c->verify)
        verify_load(c->verify);
    process_go();
    return INJECT_OK;
}

HOOK int memtop_agent_attach(const char *options)
{
    struct config c;
    int saved_errno = errno;
    if (!begin())
        return INJECT_BUSY;
    enum inject_result result = INJECT_ACTIVE;
    if (process_ready())
        redirect_refresh();
    else
        result = config_read_lines(&c, options) ? attach(&c) : INJECT_OPTIONS;
    end();
    errno = saved_errno;
    return result;
}

/* ---- detach -------------------------------------------------------------------------------- */

HOOK int memtop_agent_detach(void)
{
    int saved_errno = errno;
    if (!begin())
        return INJECT_BUSY;
    enum inject_result result = process_halt();
    if (result == INJECT_OK) {
        undo();
        result = process_finish();
    } else {
        result = process_leave();
    }
    end();
    errno = saved_errno;
    return result;
}
