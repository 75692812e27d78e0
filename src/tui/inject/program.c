/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading of a process's modules with libelf; see program.h.
 */
#include "tui/inject/program.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE UINT64_C(4096)

struct module {
    const struct mapping *map; /* its first */
    Elf *elf;
    int fd;
    uint64_t base; /* what its addresses are relative to */
    bool main;     /* the program itself */
};

struct function {
    uint64_t start, end;
    bool allocator;
};

static const char *const allocator_functions[] = {
    "malloc", "free", "calloc", "realloc", "reallocarray", "memalign", "aligned_alloc",
    "posix_memalign", "valloc", "pvalloc", "cfree", "malloc_trim", "malloc_usable_size",
    "mallinfo", "mallinfo2", "mallopt", "malloc_stats", "malloc_info",
};

/* Of libc. A thread in one of them holds locks that loading needs, or is about to
 * come or to go. */
static const char *const loader_functions[] = {
    "dlopen", "dlmopen", "dlclose", "dlsym", "dlvsym", "dladdr", "dladdr1", "dlinfo", "dlerror",
    "dl_iterate_phdr", "_dl_addr", "__libc_dlopen_mode", "__libc_dlsym", "__libc_dlclose",
    "fork", "__libc_fork", "_Fork", "vfork", "clone", "__clone", "posix_spawn", "posix_spawnp",
    "pthread_create", "pthread_exit", "exit", "quick_exit", "_exit", "abort", "__cxa_finalize",
};

static bool is_listed(const char *name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, list[i]) == 0)
            return true;
    return false;
}
#define IS_LISTED(name, list) is_listed(name, list, sizeof list / sizeof *list)

static bool add_range(struct program *p, uint64_t start, uint64_t end, enum code_kind kind)
{
    if (p->n_ranges == p->room) {
        size_t room = p->room ? p->room * 2 : 128;
        struct code_range *ranges = reallocarray(p->ranges, room, sizeof *ranges);
        if (!ranges)
            return false;
        p->ranges = ranges;
        p->room = room;
    }
    p->ranges[p->n_ranges++] = (struct code_range){ start, end, kind };
    return true;
}

enum code_kind program_kind(const struct program *p, uint64_t pc)
{
    for (size_t i = p->n_ranges; i-- > 0;)
        if (pc >= p->ranges[i].start && pc < p->ranges[i].end)
            return p->ranges[i].kind;
    return CODE_NONE;
}

/* ---- symbols -------------------------------------------------------------------- */
typedef bool each_symbol(void *data, const char *name, const GElf_Sym *symbol);

/* All dynamic symbols, until `each` says false; those that are not defined have the
 * section SHN_UNDEF. */
static void walk_symbols(Elf *elf, each_symbol *each, void *data)
{
    GElf_Shdr header;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_DYNSYM)
            continue;
        Elf_Data *symbols = elf_getdata(section, NULL);
        GElf_Sym symbol;
        for (int i = 0; symbols && gelf_getsym(symbols, i, &symbol); i++) {
            const char *name = elf_strptr(elf, header.sh_link, symbol.st_name);
            if (name && !each(data, name, &symbol))
                return;
        }
    }
}

struct wanted {
    const char *name;
    uint64_t value;
};

static bool match(void *data, const char *name, const GElf_Sym *symbol)
{
    struct wanted *w = data;
    if (symbol->st_shndx != SHN_UNDEF && strcmp(name, w->name) == 0)
        w->value = symbol->st_value;
    return !w->value;
}

static uint64_t symbol(Elf *elf, const char *name)
{
    struct wanted w = { .name = name };
    walk_symbols(elf, match, &w);
    return w.value;
}

uint64_t program_symbol_of_file(const char *path, const char *name)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    uint64_t value = elf ? symbol(elf, name) : 0;
    elf_end(elf);
    close(fd);
    return value;
}

/* ---- sanitizers -------------------------------------------------------------------- */
struct sanitizer_search {
    bool has_init;    /* its entry point */
    bool has_runtime; /* what its runtime would like to be defined, where that is linked
                         statically and hides the rest */
    bool has_malloc;
};

static bool search_sanitizer(void *data, const char *name, const GElf_Sym *symbol)
{
    static const char *const inits[] = { "__asan_init", "__tsan_init", "__msan_init",
                                         "__lsan_init", "__hwasan_init" };
    struct sanitizer_search *s = data;
    bool defined = symbol->st_shndx != SHN_UNDEF;
    s->has_init |= defined && IS_LISTED(name, inits);
    s->has_malloc |= defined && strcmp(name, "malloc") == 0;
    s->has_runtime |= strcmp(name, "__sanitizer_symbolize_code") == 0;
    return true;
}

static bool is_sanitized(Elf *elf)
{
    struct sanitizer_search s = { .has_init = false };
    walk_symbols(elf, search_sanitizer, &s);
    return s.has_init || (s.has_runtime && s.has_malloc);
}

bool program_file_is_sanitized(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    bool sanitized = elf && is_sanitized(elf);
    elf_end(elf);
    close(fd);
    return sanitized;
}

/* ---- allocators ------------------------------------------------------------------ */
struct collection {
    struct function *list;
    size_t n, room;
    bool any; /* is there an allocator? */
};

static bool collect(void *data, const char *name, const GElf_Sym *symbol)
{
    struct collection *c = data;
    int type = GELF_ST_TYPE(symbol->st_info);
    if (symbol->st_shndx == SHN_UNDEF)
        return true;
    if (type != STT_FUNC && type != STT_GNU_IFUNC)
        return true;
    if (c->n == c->room) {
        size_t room = c->room ? c->room * 2 : 4096;
        struct function *list = reallocarray(c->list, room, sizeof *list);
        if (!list)
            return false;
        c->list = list;
        c->room = room;
    }
    bool allocator = IS_LISTED(name, allocator_functions);
    c->any |= allocator && strcmp(name, "malloc") == 0;
    c->list[c->n++] = (struct function){ symbol->st_value, symbol->st_value + symbol->st_size,
                                         allocator };
    return true;
}

static int compare_functions(const void *a, const void *b)
{
    const struct function *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return (int)y->allocator - (int)x->allocator;
}

/* Each allocating function with the gaps around it, where those are that have no
 * name in the dynamic symbols: _int_malloc and its like. */
static bool add_functions(struct program *p, const struct module *m, struct collection *c)
{
    bool ok = true;
    uint64_t reached = 0; /* the end of what is no allocator's */
    qsort(c->list, c->n, sizeof *c->list, compare_functions);
    for (size_t i = 0; i < c->n && ok; i++) {
        const struct function *f = &c->list[i];
        size_t next = i + 1;
        while (next < c->n && c->list[next].start == f->start)
            next++;
        uint64_t end = next < c->n ? c->list[next].start : f->end;
        if (f->allocator)
            ok = add_range(p, m->base + (reached ? reached : f->start), m->base + end,
                           CODE_ALLOCATOR);
        reached = f->end > reached ? f->end : reached;
        i = next - 1;
    }
    return ok;
}

static bool add_file(struct program *p, const struct module *m, enum code_kind kind)
{
    bool ok = true;
    for (size_t i = 0; i < p->maps.n && ok; i++)
        if (p->maps.list[i].executable && maps_same_file(&p->maps.list[i], m->map))
            ok = add_range(p, p->maps.list[i].start, p->maps.list[i].end, kind);
    return ok;
}

/* ---- libc ------------------------------------------------------------------------ */
struct loader_search {
    struct program *p;
    const struct module *m;
};

static bool add_loader(void *data, const char *name, const GElf_Sym *symbol)
{
    struct loader_search *s = data;
    if (IS_LISTED(name, loader_functions))
        add_range(s->p, s->m->base + symbol->st_value,
                  s->m->base + symbol->st_value + (symbol->st_size ? symbol->st_size : 1),
                  CODE_LOADER);
    return true;
}

/* Room for our code behind the module's own: the rest of its last page. */
static uint64_t place_code(const struct program *p, const struct module *m)
{
    size_t headers = 0;
    elf_getphdrnum(m->elf, &headers);
    for (size_t i = 0; i < headers; i++) {
        GElf_Phdr h;
        if (!gelf_getphdr(m->elf, (int)i, &h) || h.p_type != PT_LOAD || !(h.p_flags & PF_X) ||
            (h.p_flags & PF_W))
            continue;
        uint64_t at = (m->base + h.p_vaddr + h.p_memsz + 15) & -UINT64_C(16);
        const struct mapping *map = maps_at(&p->maps, at);
        if (map && map->executable && maps_same_file(map, m->map) &&
            map->end - at >= call_code_bytes() && call_place_code(p->maps.pid, at))
            return at;
    }
    return 0;
}

static uint64_t place(const struct module *m, const char *name)
{
    uint64_t value = symbol(m->elf, name);
    return value ? m->base + value : 0;
}

static void find_places(struct program *p, const struct module *m)
{
    struct call_places *at = &p->places;
    at->errno_location = place(m, "__errno_location");
    at->dlopen_flags = 2; /* RTLD_NOW | RTLD_LOCAL */
    at->dlopen = place(m, "dlopen");
    at->dlerror = place(m, "dlerror");
    if (at->dlopen)
        return;
    /* Before glibc 2.34 it is in a library of its own, which may not be there. */
    at->dlopen_flags |= 0x80000000u;
    at->dlopen = place(m, "__libc_dlopen_mode");
    at->dlerror = at->errno_location; /* nothing to be told; it returns no text */
}

/* ---- modules ---------------------------------------------------------------------- */
static bool module_open(struct module *m, const struct maps *maps, const struct mapping *map)
{
    size_t headers = 0;
    *m = (struct module){ .map = map, .fd = maps_open(maps, map) };
    m->elf = m->fd >= 0 ? elf_begin(m->fd, ELF_C_READ_MMAP, NULL) : NULL;
    if (m->elf && elf_kind(m->elf) == ELF_K_ELF && elf_getphdrnum(m->elf, &headers) == 0)
        for (size_t i = 0; i < headers; i++) {
            GElf_Phdr h;
            if (gelf_getphdr(m->elf, (int)i, &h) && h.p_type == PT_LOAD &&
                (h.p_offset & -PAGE) == map->offset) {
                m->base = map->start - (h.p_vaddr & -PAGE);
                return true;
            }
        }
    elf_end(m->elf);
    m->elf = NULL;
    if (m->fd >= 0)
        close(m->fd);
    return false;
}

static void module_close(struct module *m)
{
    elf_end(m->elf);
    close(m->fd);
}

static const char *name_of(const struct mapping *map)
{
    const char *slash = strrchr(map->path, '/');
    return slash ? slash + 1 : map->path;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool is_libc(const char *name)
{
    return begins(name, "libc.so.6") || begins(name, "libc-2.");
}

static bool is_agent(const char *name)
{
    return begins(name, "libmemtop.so") || begins(name, "memfd:libmemtop.so");
}

/* The general before the particular: later ranges count. */
static bool add_module(struct program *p, const struct module *m)
{
    const char *name = name_of(m->map);
    struct collection c = { .n = 0 };
    bool ok = true;
    if (begins(name, "ld-linux") || begins(name, "ld-2."))
        return add_file(p, m, CODE_LOADER);
    p->sanitized |= is_sanitized(m->elf);
    walk_symbols(m->elf, collect, &c);
    if (is_libc(name)) {
        ok = add_file(p, m, CODE_SYSTEM) && add_functions(p, m, &c);
        walk_symbols(m->elf, add_loader, &(struct loader_search){ p, m });
        find_places(p, m);
    } else if (c.any && !m->main) {
        ok = add_file(p, m, CODE_ALLOCATOR);
    } else {
        ok = add_file(p, m, CODE_OTHER) && (!c.any || add_functions(p, m, &c));
        p->hidden_allocator |= c.any;
    }
    if (!p->places.code)
        p->places.code = place_code(p, m);
    if (is_agent(name))
        p->agent = m->base;
    free(c.list);
    return ok;
}

/* Is this the first mapping of a file that has code? */
static bool begins_module(const struct maps *maps, size_t at)
{
    const struct mapping *map = &maps->list[at];
    if (map->path[0] != '/' || !map->inode || (at > 0 && maps_same_file(map, map - 1)))
        return false;
    for (size_t i = at; i < maps->n && maps_same_file(map, &maps->list[i]); i++)
        if (maps->list[i].executable)
            return true;
    return false;
}

static bool add_modules(struct program *p, int pid)
{
    char path[64];
    struct stat exe = { 0 };
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    bool ok = stat(path, &exe) == 0;
    for (size_t i = 0; i < p->maps.n && ok; i++) {
        struct module m;
        if (!begins_module(&p->maps, i) || !module_open(&m, &p->maps, &p->maps.list[i]))
            continue;
        m.main = m.map->inode == exe.st_ino;
        ok = add_module(p, &m);
        module_close(&m);
    }
    return ok;
}

bool program_open(struct program *p, int pid, char *why, size_t n)
{
    *p = (struct program){ .n_ranges = 0 };
    elf_version(EV_CURRENT);
    if (!maps_read(&p->maps, pid)) {
        snprintf(why, n, "its memory map cannot be read: %s", strerror(errno));
        return false;
    }
    if (!add_modules(p, pid)) {
        snprintf(why, n, "its modules cannot be read: %s", strerror(errno));
        return false;
    }
    const struct call_places *at = &p->places;
    if (!at->code && at->dlopen) {
        snprintf(why, n, "none of its modules has room for a call, or its memory may not be "
                         "written to");
        return false;
    }
    if (at->errno_location && at->dlopen)
        return true;
    snprintf(why, n, "its libc cannot be read, or is none that memtop knows: it may have been "
                     "replaced on disk since the program was started");
    return false;
}

void program_close(struct program *p)
{
    maps_free(&p->maps);
    free(p->ranges);
    p->ranges = NULL;
    p->n_ranges = 0;
}
