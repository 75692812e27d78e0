/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The places in a loaded module where the dynamic loader put, or will put, the
 * address of a function that the module asks for by name: slots of its global
 * offset table and initialised pointers in its data. Read from the module's own
 * dynamic section in memory.
 *
 * The modules are those that the loader has mapped, so they are believed as far
 * as the loader has to believe them. Takes no lock and allocates nothing; the
 * caller keeps the module loaded (dl_iterate_phdr does).
 */
#ifndef MEMTOP_AGENT_ELF_SLOTS_H
#define MEMTOP_AGENT_ELF_SLOTS_H

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_module {
    uintptr_t bias;
    uintptr_t start, end; /* of its segments, page aligned */
    const ElfW(Phdr) *headers;
    size_t header_count;
    const ElfW(Sym) *symbols;
    const char *strings;
    const ElfW(Half) *versions;  /* NULL: none */
    const uint32_t *gnu_hash;    /* NULL: none */
    const ElfW(Rela) *relocations;
    size_t relocation_count;
    const ElfW(Rela) *plt_relocations;
    size_t plt_relocation_count;
    bool has_rpath;              /* DT_RPATH: of those that it loads, too */
    bool own_search;             /* DT_RUNPATH, or no default directories */
};

/* Describe a module. False: it has no dynamic section, or one of another kind
 * (relocations without addends, which no 64-bit ABI of Linux uses). */
bool elf_module_read(struct elf_module *m, const struct dl_phdr_info *info);

/* The same from a dynamic section alone, for what it says of search paths. */
void elf_dynamic_read(struct elf_module *m, const ElfW(Dyn) *dynamic);

/* The address of the function that the module defines under a name for others,
 * 0 if it defines none. */
uintptr_t elf_module_find(const struct elf_module *m, const char *name);

/* The address that the module, a program at a fixed place, has given to a function
 * that it does not define: that of its own jump to it, which all modules take for
 * the function's address. 0: none. */
uintptr_t elf_module_stand_in(const struct elf_module *m, const char *name);

struct elf_slot {
    uintptr_t *at;      /* aligned */
    const char *name;
    bool plt;           /* for calls: it may be bound at the first of them */
    uintptr_t own;      /* the module's own definition of the name, 0: it has none */
};

/* Call `visit` for each slot; `wanted` says by a name's first character, '\0' never
 * being one, whether it may be of interest. */
void elf_module_slots(const struct elf_module *m, const bool wanted[128],
                      void (*visit)(void *context, const struct elf_slot *slot),
                      void *context);

/* Is an address in one of the module's executable segments? */
bool elf_module_is_code(const struct elf_module *m, uintptr_t address);

#endif
