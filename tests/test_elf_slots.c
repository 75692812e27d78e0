/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of modules, against what dlsym says of the modules of this process; and
 * the writing of slots, with one of our own.
 */
#include "agent/elf_slots.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/patch.h"
#include "tests/tap.h"

/* Linked with -z now -z relro: the slot for this call is read-only. */
static pid_t (*volatile pointer_in_data)(void) = getppid;

static pid_t fake(void)
{
    return -77;
}

struct survey {
    unsigned modules, names, wrong, phantoms, unaligned, slots;
    struct elf_module program;
};

static const char *const names[] = {
    "malloc", "free", "realloc", "calloc", "dlopen", "dlsym", "posix_memalign", "getppid",
    "strtod", "printf", "sin", "pthread_create", "_exit", "__cxa_finalize", "environ",
};

static void compare(struct survey *s, const struct elf_module *m, const char *path)
{
    void *handle = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
    for (size_t i = 0; handle && i < sizeof names / sizeof *names; i++) {
        uintptr_t found = elf_module_find(m, names[i]);
        /* dlsym asks those that the module needs, too, and resolves what is indirect. */
        if (found == 0 || found != (uintptr_t)dlsym(handle, names[i]))
            s->wrong += found != 0;
        else
            s->names++;
    }
    if (handle)
        dlclose(handle);
    s->phantoms += elf_module_find(m, "no_module_has_a_function_of_this_name") != 0;
}

static void count_slot(void *context, const struct elf_slot *slot)
{
    struct survey *s = context;
    s->slots++;
    s->unaligned += (uintptr_t)slot->at % sizeof(uintptr_t) != 0;
}

static int survey_module(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    static const bool all[128] = { ['m'] = true, ['f'] = true, ['g'] = true };
    struct survey *s = context;
    struct elf_module m;
    if (!elf_module_read(&m, info))
        return 0;
    if (s->modules++ == 0)
        s->program = m;
    if (strstr(info->dlpi_name, ".so"))
        compare(s, &m, info->dlpi_name);
    elf_module_slots(&m, all, count_slot, s);
    return 0;
}

struct wanted {
    const char *name;
    uintptr_t *slots[4];
    unsigned n;
    bool plt;
    uintptr_t own;
};

static void find_slot(void *context, const struct elf_slot *slot)
{
    struct wanted *w = context;
    if (strcmp(slot->name, w->name) != 0 || w->n == 4)
        return;
    w->slots[w->n++] = slot->at;
    w->plt |= slot->plt;
    w->own = slot->own;
}

/* Is the page of an address writable, by the kernel's list? */
static bool is_writable(const void *address)
{
    char line[512], access[8];
    unsigned long start, end;
    bool writable = false;
    FILE *f = fopen("/proc/self/maps", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "%lx-%lx %7s", &start, &end, access) == 3 &&
            (uintptr_t)address >= start && (uintptr_t)address < end)
            writable = access[1] == 'w';
    if (f)
        fclose(f);
    return writable;
}

static void write_slots(const struct elf_module *m)
{
    static const bool first[128] = { ['g'] = true };
    struct wanted w = { .name = "getppid" };
    elf_module_slots(m, first, find_slot, &w);
    tap_ok(w.n >= 2 && w.own == 0, "a call and a pointer have a slot each (%u)", w.n);
    uintptr_t was[4];
    bool writable[4], kept = true, some = false;
    struct patch p = { 0 };
    for (unsigned i = 0; i < w.n; i++) {
        was[i] = *w.slots[i];
        writable[i] = is_writable(w.slots[i]);
        tap_ok(patch_word(&p, m, w.slots[i], (uintptr_t)fake), "slot %u is written", i);
    }
    patch_end(&p);
    tap_ok(getppid() == -77, "calls go elsewhere");
    tap_ok(pointer_in_data() == -77, "and so does the pointer");
    for (unsigned i = 0; i < w.n; i++) {
        kept &= is_writable(w.slots[i]) == writable[i];
        some |= !writable[i];
    }
    tap_ok(kept && some, "pages are protected as before");
    for (unsigned i = 0; i < w.n; i++)
        patch_word(&p, m, w.slots[i], was[i]);
    patch_end(&p);
    tap_ok(getppid() > 0 && pointer_in_data() > 0, "and back");
}

int main(void)
{
    static int data;
    struct survey s = { 0 };
    dl_iterate_phdr(survey_module, &s);
    tap_ok(s.modules >= 3, "the process has modules (%u)", s.modules);
    tap_ok(s.names >= 10, "functions are found in them (%u)", s.names);
    tap_is_u64(s.wrong, 0, "where dlsym finds them");
    tap_is_u64(s.phantoms, 0, "and none that is not there");
    tap_ok(s.slots > 5 && s.unaligned == 0, "they have slots (%u)", s.slots);
    tap_ok(elf_module_is_code(&s.program, (uintptr_t)main), "a function is code");
    tap_ok(!elf_module_is_code(&s.program, (uintptr_t)&data), "a variable is not");
    tap_is_u64(elf_module_stand_in(&s.program, "getppid"), 0,
               "where code is position independent, nothing stands in for a function");
    write_slots(&s.program);
    return tap_done();
}
