/* SPDX-License-Identifier: Apache-2.0 */
/* Page protection around single writes. Called by redirect.c, never from a hook of
 * the allocation family. */
#include "agent/patch.h"

#include <sys/mman.h>
#include <unistd.h>

#include "agent/elf_slots.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static uintptr_t page_bytes(void)
{
    return (uintptr_t)sysconf(_SC_PAGESIZE);
}

static bool can_populate(uintptr_t page, uintptr_t bytes)
{
    return madvise((void *)page, bytes, MADV_POPULATE_WRITE) == 0;
}

/* The kernel can tell whether a page may be written to, from 5.14 on. */
static bool kernel_tells(uintptr_t bytes)
{
    static uintptr_t own;
    return can_populate((uintptr_t)&own & ~(bytes - 1), bytes);
}

static bool was_protected_by_loader(const struct elf_module *m, uintptr_t page,
                                    uintptr_t bytes)
{
    for (size_t i = 0; i < m->header_count; i++) {
        const ElfW(Phdr) *h = &m->headers[i];
        uintptr_t at = m->bias + h->p_vaddr;
        if (h->p_type == PT_GNU_RELRO && page < at + h->p_memsz && at < page + bytes)
            return true;
    }
    return false;
}

static void begin_page(struct patch *p, const struct elf_module *m, uintptr_t page)
{
    uintptr_t bytes = page_bytes();
    patch_end(p);
    p->module = m;
    p->page = page;
    p->protect = !can_populate(page, bytes) &&
                 (was_protected_by_loader(m, page, bytes) || kernel_tells(bytes));
    p->writable = !p->protect ||
                  mprotect((void *)page, bytes, PROT_READ | PROT_WRITE) == 0;
}

bool patch_word(struct patch *p, const struct elf_module *m, uintptr_t *at, uintptr_t value)
{
    uintptr_t page = (uintptr_t)at & ~(page_bytes() - 1);
    if (p->page != page)
        begin_page(p, m, page);
    if (p->writable)
        __atomic_store_n(at, value, __ATOMIC_RELEASE);
    return p->writable;
}

void patch_end(struct patch *p)
{
    if (p->page && p->protect && p->writable)
        mprotect((void *)p->page, page_bytes(), PROT_READ);
    p->page = 0;
}
