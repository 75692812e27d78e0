/* SPDX-License-Identifier: Apache-2.0 */
/* The table of modules. Called by the trie and the tracker, inside malloc. */
#include "agent/modules.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

#include "agent/procinfo.h"
#include "agent/stack.h"
#include "agent/care.h"
#include "agent/store.h"
#include "agent/trie.h"

#define SUSPECTS_MAX 64u

static struct {
    uintptr_t start; /* atomic; 0 free */
    uintptr_t end;
} suspects[SUSPECTS_MAX];
uint32_t modules_suspects;

void modules_watch(void)
{
    __atomic_add_fetch(&modules_suspects, 1, __ATOMIC_RELEASE);
    care_begin();
}

static void modules_watch_less(uint32_t reasons)
{
    __atomic_sub_fetch(&modules_suspects, reasons, __ATOMIC_RELEASE);
    care_end(reasons);
}

/* For each module, a number below those of all nodes in it. */
static uint32_t first_nodes[SEG_MODULES_MAX];
static bool unregistered; /* a module found no room in the table */
static uint32_t retiring; /* atomic; 1 while modules_suspects counts one for it */

struct place {
    uintptr_t start, end, bias;
    const char *path;
};

/* Lock-free question to the loader. */
static bool find_object(uintptr_t pc, struct place *out)
{
    struct dl_find_object object;
    if (_dl_find_object((void *)pc, &object) != 0)
        return false;
    const struct link_map *map = object.dlfo_link_map;
    if (!map) /* it is being unloaded, in another thread */
        return false;
    *out = (struct place){
        .start = (uintptr_t)object.dlfo_map_start,
        .end = (uintptr_t)object.dlfo_map_end,
        .bias = map->l_addr,
        .path = map->l_name && *map->l_name ? map->l_name : store.header->executable,
    };
    return true;
}

/* Does a module begin at `start`? It may be going just now, in another thread: its
 * link map is not looked at. */
static bool is_loaded(uintptr_t start)
{
    struct dl_find_object object;
    return _dl_find_object((void *)start, &object) == 0 &&
           (uintptr_t)object.dlfo_map_start == start;
}

/* Copy the GNU build-id from a note segment. */
static void read_notes(struct seg_module *m, const char *note, uint64_t bytes)
{
    while (bytes >= sizeof(ElfW(Nhdr))) {
        const ElfW(Nhdr) *n = (const void *)note;
        uint64_t name = (n->n_namesz + 3u) & ~3u, desc = (n->n_descsz + 3u) & ~3u;
        if (sizeof *n + name + desc > bytes)
            return;
        if (n->n_type == NT_GNU_BUILD_ID && n->n_namesz == 4 &&
            n->n_descsz <= sizeof m->build_id &&
            memcmp(note + sizeof *n, ELF_NOTE_GNU, 4) == 0) {
            m->build_id_bytes = n->n_descsz;
            memcpy(m->build_id, note + sizeof *n + name, n->n_descsz);
            return;
        }
        note += sizeof *n + name + desc;
        bytes -= sizeof *n + name + desc;
    }
}

/* The program headers of a module: of the program itself the kernel says where,
 * others are mapped from their header on, which says it on its first page. */
static const ElfW(Phdr) *program_headers(const struct place *where, size_t *n)
{
    if (where->path == store.header->executable) {
        *n = getauxval(AT_PHNUM);
        return (const void *)getauxval(AT_PHDR);
    }
    const ElfW(Ehdr) *elf = (const void *)where->start;
    *n = elf->e_phnum;
    if (memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0 ||
        elf->e_phoff + (uint64_t)elf->e_phnum * sizeof(ElfW(Phdr)) > 4096)
        return NULL;
    return (const void *)(where->start + elf->e_phoff);
}

/* A program at a fixed place may have gaps, and the loader then speaks of the
 * piece that was asked for: take them all. */
static void read_headers(struct seg_module *m, const struct place *where)
{
    size_t n;
    const ElfW(Phdr) *ph = program_headers(where, &n);
    for (size_t i = 0; ph && i < n; i++) {
        uintptr_t at = m->bias + ph[i].p_vaddr;
        if (ph[i].p_type != PT_LOAD)
            continue;
        m->start = at < m->start ? at & ~(uintptr_t)4095 : m->start;
        m->end = at + ph[i].p_memsz > m->end ? at + ph[i].p_memsz : m->end;
    }
    for (size_t i = 0; ph && i < n; i++) {
        uintptr_t at = m->bias + ph[i].p_vaddr;
        if (ph[i].p_type == PT_NOTE && at >= m->start && at + ph[i].p_memsz <= m->end)
            read_notes(m, (const char *)at, ph[i].p_memsz);
    }
}

static uint16_t append(const struct place *where)
{
    uint64_t index = store_append(SEG_MODULES);
    if (index == UINT64_MAX) {
        unregistered = true;
        return 0;
    }
    first_nodes[index] = (uint32_t)store_count(SEG_NODES);
    struct seg_module *m = &store.modules[index];
    m->start = where->start;
    m->end = where->end;
    m->bias = where->bias;
    size_t n = strnlen(where->path, sizeof m->path - 1);
    memcpy(m->path, where->path, n);
    m->path[n] = '\0';
    read_headers(m, where);
    __atomic_store_n(&m->state, SEG_MODULE_LOADED, __ATOMIC_RELEASE);
    return (uint16_t)index;
}

static bool is_in(uint64_t module, uintptr_t pc)
{
    const struct seg_module *m = &store.modules[module];
    return __atomic_load_n(&m->state, __ATOMIC_ACQUIRE) == SEG_MODULE_LOADED &&
           pc >= m->start && pc < m->end;
}

/* Only new nodes ask, so a scan from the youngest will do. */
static uint16_t find_known(uintptr_t pc)
{
    uint64_t n = store_count(SEG_MODULES);
    for (uint64_t i = n; i-- > 1;)
        if (is_in(i, pc))
            return (uint16_t)i;
    return 0;
}

bool modules_attach(void)
{
    unregistered = false;
    /* Those that were at work when the process forked are in its parent. */
    for (unsigned i = 0; i < SUSPECTS_MAX; i++)
        if (suspects[i].start != 0 && suspects[i].end == 0) {
            suspects[i].start = 0;
            modules_watch_less(1);
        }
    modules_watch_less(retiring);
    retiring = 0;
    return store_append(SEG_MODULES) == 0;
}

uint16_t modules_find(uintptr_t pc, uint16_t likely)
{
    if (likely != 0 && is_in(likely, pc))
        return likely;
    uint16_t found = find_known(pc);
    struct place where;
    if (!found && find_object(pc, &where))
        found = append(&where);
    return found;
}

void modules_suspect(uintptr_t start, uintptr_t end)
{
    for (unsigned i = 0; i < SUSPECTS_MAX; i++) {
        uintptr_t expected = 0;
        if (__atomic_load_n(&suspects[i].start, __ATOMIC_RELAXED) == start)
            return;
        if (__atomic_compare_exchange_n(&suspects[i].start, &expected, start, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            __atomic_store_n(&suspects[i].end, end, __ATOMIC_RELEASE);
            modules_watch();
            return;
        }
    }
}

/* modules_check is needed until all nodes are marked. */
static void watch_retiring(bool more)
{
    uint32_t was = !more, now = more;
    if (!__atomic_compare_exchange_n(&retiring, &was, now, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        return;
    if (more)
        modules_watch();
    else
        modules_watch_less(1);
}

/* Most libraries that come and go were never on a stack: then there is nothing
 * to look for in the trie. */
static void retire(uintptr_t start, uintptr_t end)
{
    uint64_t n = store_count(SEG_MODULES);
    uint32_t first = unregistered ? 1 : UINT32_MAX;
    for (uint64_t i = 1; i < n; i++) {
        struct seg_module *m = &store.modules[i];
        if (__atomic_load_n(&m->state, __ATOMIC_ACQUIRE) != SEG_MODULE_LOADED ||
            m->start < start || m->end > end)
            continue;
        __atomic_store_n(&m->state, SEG_MODULE_UNLOADED, __ATOMIC_RELEASE);
        if (first_nodes[i] < first)
            first = first_nodes[i];
    }
    if (first != UINT32_MAX)
        trie_retire(start, end, first);
    stack_forget(start, end);
    __atomic_add_fetch(&store.header->unloads, 1, __ATOMIC_RELEASE);
}

void modules_check(void)
{
    for (unsigned i = 0; i < SUSPECTS_MAX; i++) {
        uintptr_t start = __atomic_load_n(&suspects[i].start, __ATOMIC_ACQUIRE);
        uintptr_t end = __atomic_load_n(&suspects[i].end, __ATOMIC_ACQUIRE);
        if (start == 0 || end == 0 || is_loaded(start))
            continue;
        if (__atomic_exchange_n(&suspects[i].end, 0, __ATOMIC_ACQ_REL) == 0)
            continue; /* another thread has it */
        retire(start, end);
        modules_watch_less(1);
        __atomic_store_n(&suspects[i].start, 0, __ATOMIC_RELEASE);
    }
    bool more = trie_retire_some();
    watch_retiring(more);
    if (!more && trie_retire_some()) /* another thread has just begun */
        watch_retiring(true);
}
