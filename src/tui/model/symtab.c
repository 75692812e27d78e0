/* SPDX-License-Identifier: Apache-2.0 */
/* A module's functions, sorted by address. Used by symbolize alone, in the
 * symbols' worker. The table is as hostile as its file: sizes may wrap,
 * functions may overlap; only its names' termination is libelf's promise. */
#include "tui/model/symtab.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_BACK 64 /* functions that overlap or have no size, tried in turn */

struct function {
    GElf_Addr start;
    GElf_Addr end; /* 0: it has no size */
    const char *name;
    unsigned rank; /* lower is better known */
};

struct symtab {
    struct function *functions;
    size_t n;
};

/* Global names before weak before local ones, then by leading underscores. */
static unsigned rank(const char *name, const GElf_Sym *sym)
{
    unsigned binding = GELF_ST_BIND(sym->st_info);
    unsigned underscores = (unsigned)strspn(name, "_");
    return (binding == STB_GLOBAL ? 0 : binding == STB_WEAK ? 1u << 8 : 2u << 8) +
           (underscores > 255 ? 255 : underscores);
}

static void take(struct symtab *t, Dwfl_Module *module, int i)
{
    GElf_Sym sym;
    GElf_Addr address;
    GElf_Word section;
    const char *name = dwfl_module_getsym_info(module, i, &sym, &address, &section,
                                               NULL, NULL);
    if (!name || !*name || section == SHN_UNDEF || section == SHN_ABS)
        return;
    unsigned type = GELF_ST_TYPE(sym.st_info);
    if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
        return;
    if (type == STT_NOTYPE && *name == '$')
        return; /* marks data within code, on ARM */
    struct function *f = &t->functions[t->n++];
    *f = (struct function){.start = address, .name = name, .rank = rank(name, &sym)};
    if (sym.st_size && __builtin_add_overflow(address, sym.st_size, &f->end))
        f->end = UINT64_MAX;
}

/* By address; of the same address the best known last, to be met first. */
static int by_start(const void *a, const void *b)
{
    const struct function *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    if (x->rank != y->rank)
        return x->rank > y->rank ? -1 : 1;
    return strcmp(y->name, x->name);
}

struct symtab *symtab_new(Dwfl_Module *module)
{
    struct symtab *t = calloc(1, sizeof *t);
    int n = dwfl_module_getsymtab(module);
    if (!t || n <= 0)
        return t;
    t->functions = calloc((size_t)n, sizeof *t->functions);
    for (int i = 0; t->functions && i < n; i++)
        take(t, module, i);
    if (t->n)
        qsort(t->functions, t->n, sizeof *t->functions, by_start);
    return t;
}

void symtab_free(struct symtab *t)
{
    if (t)
        free(t->functions);
    free(t);
}

const char *symtab_find(const struct symtab *t, GElf_Addr address)
{
    size_t low = 0, high = t->n; /* functions[0..low) start at or below it */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (t->functions[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    const char *sizeless = NULL;
    bool passed = false; /* a function that ends before it: no sizeless one
                            further back reaches over that */
    for (size_t i = low, tries = 0; i-- > 0 && tries < LOOK_BACK; tries++) {
        const struct function *f = &t->functions[i];
        if (f->end > address)
            return f->name;
        if (f->end == 0 && !sizeless && !passed)
            sizeless = f->name;
        passed |= f->end != 0;
    }
    return sizeless;
}
