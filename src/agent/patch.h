/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing words into pages that may be read-only: what the loader protected after
 * it had relocated it, and what a program protected by itself. A page is made
 * writable for the moment and protected again; a word is written at once, so that
 * threads which read it see the old value or the new one. Takes no lock.
 */
#ifndef MEMTOP_AGENT_PATCH_H
#define MEMTOP_AGENT_PATCH_H

#include <stdbool.h>
#include <stdint.h>

struct elf_module;

/* The page at hand; zero-initialised. One module at a time. */
struct patch {
    const struct elf_module *module;
    uintptr_t page;   /* 0: none */
    bool protect;     /* it was read-only */
    bool writable;
};

/* Write `value` to *at in a module. False: the page cannot be made writable. */
bool patch_word(struct patch *p, const struct elf_module *m, uintptr_t *at, uintptr_t value);

/* Protect the last page again. */
void patch_end(struct patch *p);

#endif
