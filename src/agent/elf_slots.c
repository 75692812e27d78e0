/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reader of dynamic sections, symbol tables and relocations, as they are mapped.
 * Called by redirect.c while it holds the loader's lock, never from a hook of the
 * allocation family.
 */
#include "agent/elf_slots.h"

#include <string.h>

#ifndef DF_1_NODEFLIB
#define DF_1_NODEFLIB 0x800
#endif

/* ---- what differs between processors ------------------------------------------ */

#if defined(__x86_64__)
enum { TYPE_SLOT = R_X86_64_GLOB_DAT, TYPE_PLT = R_X86_64_JUMP_SLOT, TYPE_DATA = R_X86_64_64 };
#elif defined(__aarch64__)
enum { TYPE_SLOT = R_AARCH64_GLOB_DAT, TYPE_PLT = R_AARCH64_JUMP_SLOT,
       TYPE_DATA = R_AARCH64_ABS64 };
#elif defined(__riscv) && __riscv_xlen == 64
enum { TYPE_SLOT = R_RISCV_64, TYPE_PLT = R_RISCV_JUMP_SLOT, TYPE_DATA = R_RISCV_64 };
#else
enum { TYPE_SLOT = -1, TYPE_PLT = -1, TYPE_DATA = -1 }; /* nothing is found */
#endif

/* ---- the dynamic section ------------------------------------------------------- */

/* Most loaders add the bias to the section's pointers, but not in all modules. */
static const void *pointer(const struct elf_module *m, const ElfW(Dyn) *d)
{
    uintptr_t at = (uintptr_t)d->d_un.d_ptr;
    return (const void *)(at >= m->start ? at : at + m->bias);
}

void elf_dynamic_read(struct elf_module *m, const ElfW(Dyn) *dynamic)
{
    size_t relative = 0;
    for (const ElfW(Dyn) *d = dynamic; d->d_tag != DT_NULL; d++)
        switch (d->d_tag) {
        case DT_SYMTAB: m->symbols = pointer(m, d); break;
        case DT_STRTAB: m->strings = pointer(m, d); break;
        case DT_VERSYM: m->versions = pointer(m, d); break;
        case DT_GNU_HASH: m->gnu_hash = pointer(m, d); break;
        case DT_RELA: m->relocations = pointer(m, d); break;
        case DT_RELASZ: m->relocation_count = d->d_un.d_val / sizeof(ElfW(Rela)); break;
        case DT_RELACOUNT: relative = d->d_un.d_val; break;
        case DT_JMPREL: m->plt_relocations = pointer(m, d); break;
        case DT_PLTRELSZ: m->plt_relocation_count = d->d_un.d_val / sizeof(ElfW(Rela)); break;
        case DT_RPATH: m->has_rpath = true; break;
        case DT_RUNPATH: m->own_search = true; break;
        case DT_FLAGS_1: m->own_search |= (d->d_un.d_val & DF_1_NODEFLIB) != 0; break;
        default: break;
        }
    /* The first ones are without a name. */
    if (m->relocations && relative <= m->relocation_count) {
        m->relocations += relative;
        m->relocation_count -= relative;
    }
}

static const ElfW(Dyn) *read_headers(struct elf_module *m)
{
    const ElfW(Dyn) *dynamic = NULL;
    for (size_t i = 0; i < m->header_count; i++) {
        const ElfW(Phdr) *h = &m->headers[i];
        uintptr_t at = m->bias + h->p_vaddr;
        if (h->p_type == PT_DYNAMIC)
            dynamic = (const void *)at;
        if (h->p_type != PT_LOAD)
            continue;
        if ((at & ~(uintptr_t)4095) < m->start)
            m->start = at & ~(uintptr_t)4095;
        if (at + h->p_memsz > m->end)
            m->end = (at + h->p_memsz + 4095) & ~(uintptr_t)4095;
    }
    return dynamic;
}

static bool is_rela(const ElfW(Dyn) *dynamic)
{
    for (const ElfW(Dyn) *d = dynamic; d->d_tag != DT_NULL; d++)
        if (d->d_tag == DT_REL || (d->d_tag == DT_PLTREL && d->d_un.d_val != DT_RELA))
            return false;
    return true;
}

bool elf_module_read(struct elf_module *m, const struct dl_phdr_info *info)
{
    *m = (struct elf_module){
        .bias = info->dlpi_addr,
        .start = UINTPTR_MAX,
        .headers = info->dlpi_phdr,
        .header_count = info->dlpi_phnum,
    };
    const ElfW(Dyn) *dynamic = read_headers(m);
    if (!dynamic || !is_rela(dynamic))
        return false;
    elf_dynamic_read(m, dynamic);
    if (!m->relocations)
        m->relocation_count = 0;
    if (!m->plt_relocations)
        m->plt_relocation_count = 0;
    return m->symbols && m->strings;
}

bool elf_module_is_code(const struct elf_module *m, uintptr_t address)
{
    for (size_t i = 0; i < m->header_count; i++) {
        const ElfW(Phdr) *h = &m->headers[i];
        if (h->p_type == PT_LOAD && (h->p_flags & PF_X) &&
            address - (m->bias + h->p_vaddr) < h->p_memsz)
            return true;
    }
    return false;
}

/* ---- symbols --------------------------------------------------------------------- */

static uint32_t gnu_hash(const char *name)
{
    uint32_t h = 5381;
    for (; *name; name++)
        h = h * 33 + (unsigned char)*name;
    return h;
}

#define VERSION_HIDDEN 0x8000u

static bool is_function(const ElfW(Sym) *s)
{
    unsigned type = ELF64_ST_TYPE(s->st_info), bind = ELF64_ST_BIND(s->st_info);
    return s->st_shndx != SHN_UNDEF && s->st_value != 0 &&
           (type == STT_FUNC || type == STT_NOTYPE) && (bind == STB_GLOBAL || bind == STB_WEAK);
}

/* The table: n buckets, first hashed symbol, words of the filter, its shift; then
 * the filter, the buckets, and one word for each symbol from the first on, whose
 * lowest bit ends a chain. */
uintptr_t elf_module_find(const struct elf_module *m, const char *name)
{
    const uint32_t *table = m->gnu_hash;
    if (!table || table[0] == 0)
        return 0;
    uint32_t h = gnu_hash(name), first = table[1];
    const uint32_t *buckets = table + 4 + (size_t)table[2] * (sizeof(ElfW(Addr)) / 4);
    const uint32_t *chains = buckets + table[0];
    uint32_t i = buckets[h % table[0]];
    uintptr_t hidden = 0;
    if (i < first)
        return 0;
    for (;; i++) {
        const ElfW(Sym) *s = &m->symbols[i];
        if ((chains[i - first] | 1) == (h | 1) && is_function(s) &&
            strcmp(m->strings + s->st_name, name) == 0) {
            if (!m->versions || !(m->versions[i] & VERSION_HIDDEN))
                return m->bias + s->st_value;
            hidden = m->bias + s->st_value;
        }
        if (chains[i - first] & 1)
            return hidden; /* an old version's, better than nothing */
    }
}

/* Such a symbol is in no table of hashes; but there is a relocation for it. */
static uintptr_t stand_in_of(const struct elf_module *m, const ElfW(Rela) *r, size_t n,
                             const char *name)
{
    for (; n > 0; n--, r++) {
        const ElfW(Sym) *s = &m->symbols[ELF64_R_SYM(r->r_info)];
        if (ELF64_R_SYM(r->r_info) != 0 && s->st_shndx == SHN_UNDEF && s->st_value != 0 &&
            strcmp(m->strings + s->st_name, name) == 0)
            return m->bias + s->st_value;
    }
    return 0;
}

uintptr_t elf_module_stand_in(const struct elf_module *m, const char *name)
{
    uintptr_t found = stand_in_of(m, m->plt_relocations, m->plt_relocation_count, name);
    return found ? found : stand_in_of(m, m->relocations, m->relocation_count, name);
}

/* ---- slots ----------------------------------------------------------------------- */

struct visitor {
    const struct elf_module *m;
    const bool *wanted;
    void (*visit)(void *context, const struct elf_slot *slot);
    void *context;
};

static void visit_all(const struct visitor *v, const ElfW(Rela) *r, size_t n)
{
    const struct elf_module *m = v->m;
    for (; n > 0; n--, r++) {
        int type = (int)ELF64_R_TYPE(r->r_info);
        size_t symbol = ELF64_R_SYM(r->r_info);
        if (symbol == 0 || r->r_addend != 0 ||
            (type != TYPE_SLOT && type != TYPE_PLT && type != TYPE_DATA))
            continue;
        const ElfW(Sym) *s = &m->symbols[symbol];
        const char *name = m->strings + s->st_name;
        uintptr_t at = m->bias + r->r_offset;
        if ((unsigned char)*name >= 128 || !v->wanted[(unsigned char)*name] ||
            at % sizeof(uintptr_t) != 0)
            continue;
        struct elf_slot slot = {
            .at = (uintptr_t *)at,
            .name = name,
            .plt = type == TYPE_PLT,
            .own = s->st_shndx != SHN_UNDEF ? m->bias + s->st_value : 0,
        };
        v->visit(v->context, &slot);
    }
}

void elf_module_slots(const struct elf_module *m, const bool wanted[128],
                      void (*visit)(void *context, const struct elf_slot *slot),
                      void *context)
{
    struct visitor v = { m, wanted, visit, context };
    visit_all(&v, m->relocations, m->relocation_count);
    visit_all(&v, m->plt_relocations, m->plt_relocation_count);
}
