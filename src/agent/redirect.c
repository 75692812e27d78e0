/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passes over all modules. Called by the injection front end: at attach and detach,
 * and from its hooks of dlopen and dlsym.
 */
#include "agent/redirect.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/elf_slots.h"
#include "agent/patch.h"

#define WAIT_NS 1000000L
#define WAITS 200 /* for the pass of another thread */

static struct {
    int32_t owner;   /* atomic: pid of the process in which a pass is under way */
    bool active;     /* atomic */
    void (*work)(void);
    struct redirect_target *targets;
    size_t n;
    uintptr_t allocator;
    bool wanted[128];
    bool saw_rpath;
    /* What the last pass saw. */
    unsigned long long adds, subs; /* the first is atomic */
    size_t seen;                   /* modules, from the first, that are done */
    struct redirect_counts counts; /* in those */
} state;

/* ---- one pass at a time ------------------------------------------------------------ */

/* A pass that was under way in another thread when the process forked is not under
 * way in the child: it counts with the pid. */
static bool try_lock(void)
{
    int32_t self = (int32_t)syscall(SYS_getpid);
    int32_t owner = __atomic_load_n(&state.owner, __ATOMIC_RELAXED);
    return owner != self && __atomic_compare_exchange_n(&state.owner, &owner, self, false,
                                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static bool lock(void)
{
    struct timespec wait = { .tv_nsec = WAIT_NS };
    for (int i = 0; i < WAITS; i++) {
        if (try_lock())
            return true;
        nanosleep(&wait, NULL);
    }
    return false;
}

static void unlock(void)
{
    __atomic_store_n(&state.owner, 0, __ATOMIC_RELEASE);
}

/* ---- while the loader rests -------------------------------------------------------- */

/* A module that another thread is loading is in the list before it is relocated and
 * protected, and must not be touched. The loader's main lock keeps such away, and one
 * way to run something under it is this: dlsym calls the resolver of an indirect
 * function, with the lock held, to learn the function's address. */
__attribute__((used)) static void (*resolve_rest(void))(void)
{
    if (state.work)
        state.work();
    return NULL;
}

void memtop_agent_rest(void) __attribute__((ifunc("resolve_rest"), visibility("default")));

/* The caller holds our own lock. */
static void run_alone(void (*work)(void))
{
    state.work = work;
    dlsym(RTLD_DEFAULT, "memtop_agent_rest");
    state.work = NULL;
}

/* ---- finding functions --------------------------------------------------------------- */

static bool is_own(const struct elf_module *m)
{
    return (uintptr_t)&state >= m->start && (uintptr_t)&state < m->end;
}

struct search {
    const char *name;
    bool own;
    uintptr_t found;
};

static int find_in_module(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    struct search *s = context;
    struct elf_module m;
    if (elf_module_read(&m, info) && is_own(&m) == s->own)
        s->found = elf_module_find(&m, s->name);
    return s->found != 0;
}

void *redirect_find(const char *name)
{
    struct search s = { .name = name };
    dl_iterate_phdr(find_in_module, &s);
    return (void *)s.found;
}

void *redirect_own(const char *name)
{
    struct search s = { .name = name, .own = true };
    dl_iterate_phdr(find_in_module, &s);
    return (void *)s.found;
}

/* The program comes first. */
static int look_at_program(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    struct elf_module *m = context;
    if (!elf_module_read(m, info))
        m->start = m->end = 0;
    return 1;
}

bool redirect_in_program(const void *address)
{
    struct elf_module m;
    dl_iterate_phdr(look_at_program, &m);
    return (uintptr_t)address >= m.start && (uintptr_t)address < m.end;
}

static void find_stand_ins(void)
{
    struct elf_module m;
    dl_iterate_phdr(look_at_program, &m);
    for (size_t i = 0; i < state.n; i++)
        state.targets[i].stand_in = m.end ? elf_module_stand_in(&m, state.targets[i].name) : 0;
}

/* ---- one module ------------------------------------------------------------------------ */

static struct redirect_target *target_of(const char *name)
{
    for (size_t i = 0; i < state.n; i++)
        if (strcmp(state.targets[i].name, name) == 0)
            return state.targets[i].target ? &state.targets[i] : NULL;
    return NULL;
}

enum binding {
    BOUND,       /* to the target */
    LAZY,        /* not yet; to the target, at the first call */
    REDIRECTED,
    NONE,        /* nothing to do: the name was not found when the module was loaded; or it
                    is bound to the program's jump to the target, which has a slot; or it
                    may be bound to the module's own function at the first call */
    OTHER,
};

struct visit {
    const struct elf_module *m;
    struct patch patch;
    bool allocator; /* the module is the allocator's */
    bool libc;      /* it is the C library, which defers to other allocators */
    bool foreign;
    unsigned slots; /* of the family, redirected now or before */
};

static enum binding binding_of(const struct visit *v, const struct elf_slot *slot,
                               const struct redirect_target *t)
{
    const struct elf_module *m = v->m;
    uintptr_t value = __atomic_load_n(slot->at, __ATOMIC_RELAXED);
    if (value == t->target)
        return BOUND;
    if (value == t->hook)
        return REDIRECTED;
    if (slot->plt && value != slot->own && elf_module_is_code(m, value))
        return slot->own && !v->libc ? NONE : LAZY;
    return value == t->stand_in || value == 0 ? NONE : OTHER;
}

static void inspect(void *context, const struct elf_slot *slot)
{
    struct visit *v = context;
    const struct redirect_target *t = target_of(slot->name);
    if (!t || !t->family)
        return;
    v->foreign |= binding_of(v, slot, t) == OTHER;
}

static void redirect(void *context, const struct elf_slot *slot)
{
    struct visit *v = context;
    const struct redirect_target *t = target_of(slot->name);
    if (!t || (t->family && (v->foreign || v->allocator)))
        return;
    enum binding binding = binding_of(v, slot, t);
    if (binding == REDIRECTED || ((binding == BOUND || binding == LAZY) &&
                                  patch_word(&v->patch, v->m, slot->at, t->hook)))
        v->slots += t->family;
}

static void give_back(void *context, const struct elf_slot *slot)
{
    struct visit *v = context;
    const struct redirect_target *t = target_of(slot->name);
    if (t && binding_of(v, slot, t) == REDIRECTED)
        patch_word(&v->patch, v->m, slot->at, t->target);
}

/* ---- all modules -------------------------------------------------------------------------- */

struct pass {
    size_t first;     /* module to begin with */
    size_t module;    /* at hand */
    unsigned long long adds, subs;
    struct redirect_counts counts;
};

static int redirect_module(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    struct pass *p = context;
    p->adds = info->dlpi_adds;
    p->subs = info->dlpi_subs;
    struct elf_module m;
    if (p->module++ < p->first || !elf_module_read(&m, info) || is_own(&m))
        return 0;
    struct visit v = { .m = &m };
    v.libc = elf_module_find(&m, "gnu_get_libc_version") != 0;
    v.allocator = state.allocator >= m.start && state.allocator < m.end;
    state.saw_rpath |= m.has_rpath && p->module > 1;
    elf_module_slots(&m, state.wanted, inspect, &v);
    elf_module_slots(&m, state.wanted, redirect, &v);
    patch_end(&v.patch);
    p->counts.modules += v.slots != 0;
    p->counts.slots += v.slots;
    p->counts.skipped += v.foreign && !v.allocator;
    return 0;
}

/* All modules from the first `seen` ones on. They are listed in the order in which
 * they came, as long as none goes. */
static void pass_over_new(void)
{
    struct pass p = { .first = state.seen, .counts = state.counts };
    dl_iterate_phdr(redirect_module, &p);
    if (state.seen == 0 || p.subs != state.subs) {
        /* Once more: a thread that was binding a slot meanwhile may have written the
         * target's address over the hook's. */
        p = (struct pass){ 0 };
        dl_iterate_phdr(redirect_module, &p);
    }
    state.counts = p.counts;
    state.seen = p.module;
    state.subs = p.subs;
    __atomic_store_n(&state.adds, p.adds, __ATOMIC_RELAXED);
}

static int have_changed(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    *(bool *)context = info->dlpi_adds != __atomic_load_n(&state.adds, __ATOMIC_RELAXED);
    return 1;
}

bool redirect_begin(struct redirect_target *targets, size_t n, const void *allocator)
{
    if (!lock())
        return false;
    state.targets = targets;
    state.n = n;
    state.allocator = (uintptr_t)allocator;
    memset(state.wanted, 0, sizeof state.wanted);
    for (size_t i = 0; i < n; i++)
        state.wanted[(unsigned char)targets[i].name[0] & 127] = true;
    find_stand_ins();
    state.seen = 0;
    run_alone(pass_over_new);
    __atomic_store_n(&state.active, true, __ATOMIC_RELEASE);
    unlock();
    return true;
}

void redirect_refresh(void)
{
    bool changed = false;
    if (!__atomic_load_n(&state.active, __ATOMIC_ACQUIRE))
        return;
    dl_iterate_phdr(have_changed, &changed);
    if (!changed || !try_lock())
        return;
    if (__atomic_load_n(&state.active, __ATOMIC_ACQUIRE))
        run_alone(pass_over_new);
    unlock();
}

bool redirect_saw_rpath(void)
{
    return state.saw_rpath;
}

struct redirect_counts redirect_counts(void)
{
    return state.counts;
}

static int undo_module(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    (void)context;
    struct elf_module m;
    if (!elf_module_read(&m, info) || is_own(&m))
        return 0;
    struct visit v = { .m = &m };
    elf_module_slots(&m, state.wanted, give_back, &v);
    patch_end(&v.patch);
    return 0;
}

static void undo_all(void)
{
    dl_iterate_phdr(undo_module, NULL);
}

bool redirect_undo(void)
{
    if (!lock())
        return false;
    __atomic_store_n(&state.active, false, __ATOMIC_RELEASE);
    run_alone(undo_all);
    unlock();
    return true;
}
