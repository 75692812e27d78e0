/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of one module's symbol tables (.symtab, of the debug file or
 * a compressed one too, else .dynsym), sorted: libdwfl by itself reads the
 * whole table for each question. One thread at a time per object.
 */
#ifndef MEMTOP_TUI_MODEL_SYMTAB_H
#define MEMTOP_TUI_MODEL_SYMTAB_H

#include <elfutils/libdwfl.h>

struct symtab;

/* Read the tables. Names are borrowed from `module`. NULL without memory. */
struct symtab *symtab_new(Dwfl_Module *module);
void symtab_free(struct symtab *t);

/* The linker name of the function at `address`; of several the one that
 * people know (malloc and not __libc_malloc). NULL: none. */
const char *symtab_find(const struct symtab *t, GElf_Addr address);

#endif
