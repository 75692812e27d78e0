/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look at a program's file with libelf. Called by run and stat, before CMD
 * starts (sanitizers) and when no agent showed up.
 */
#include "tui/command/diagnose.h"

#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SCRIPT_LEVELS 4 /* the kernel's own limit is of this order */

/* ---- finding the file ------------------------------------------------------ */
static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* What execvp would take, into path. */
static bool find_program(const char *program, char path[PATH_MAX])
{
    if (strchr(program, '/')) {
        snprintf(path, PATH_MAX, "%s", program);
        return is_program(path);
    }
    const char *dirs = getenv("PATH");
    if (!dirs)
        dirs = "/bin:/usr/bin";
    for (;;) {
        int length = (int)strcspn(dirs, ":");
        snprintf(path, PATH_MAX, "%.*s/%s", length ? length : 1, length ? dirs : ".", program);
        if (is_program(path))
            return true;
        if (!dirs[length])
            return false;
        dirs += length + 1;
    }
}

/* The program behind "#!": the interpreter, or what env would run. */
static bool script_interpreter(const char *path, char out[PATH_MAX])
{
    char line[512] = "", *save = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, line, sizeof line - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (n < 3 || line[0] != '#' || line[1] != '!')
        return false;
    line[strcspn(line, "\n")] = '\0';
    char *word = strtok_r(line + 2, " \t", &save);
    if (!word)
        return false;
    const char *slash = strrchr(word, '/');
    if (slash && strcmp(slash, "/env") == 0)
        for (char *next; (next = strtok_r(NULL, " \t", &save));) {
            word = next;
            if (*next != '-' && !strchr(next, '='))
                break;
        }
    return find_program(word, out);
}

/* ---- looking into it -------------------------------------------------------- */
/* What matters of one ELF file. */
struct facts {
    int class;
    int machine;
    bool interpreter;    /* PT_INTERP: it is linked dynamically */
    char sanitizer[64];  /* the library or symbol that gives it away */
};

static void look_at_needed(struct facts *f, const char *name)
{
    static const char *const libraries[] = {
        "libasan.so", "liblsan.so", "libtsan.so", "libhwasan.so", "libclang_rt.asan",
        "libclang_rt.tsan", "libclang_rt.msan", "libclang_rt.hwasan", "libclang_rt.lsan",
    };
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
        if (strncmp(name, libraries[i], strlen(libraries[i])) == 0)
            snprintf(f->sanitizer, sizeof f->sanitizer, "%s", name);
}

/* A runtime that was linked in statically shows in the dynamic symbols. */
static void look_at_symbol(struct facts *f, const char *name)
{
    static const char *const symbols[] = {
        "__asan_init", "__lsan_init", "__tsan_init", "__msan_init", "__hwasan_init",
    };
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
        if (strcmp(name, symbols[i]) == 0)
            snprintf(f->sanitizer, sizeof f->sanitizer, "%s", name);
}

static void look_at_dynamic(struct facts *f, Elf *elf, Elf_Data *data, size_t strings)
{
    GElf_Dyn entry;
    for (int i = 0; gelf_getdyn(data, i, &entry) && entry.d_tag != DT_NULL; i++) {
        const char *name = entry.d_tag == DT_NEEDED
                               ? elf_strptr(elf, strings, entry.d_un.d_val) : NULL;
        if (name)
            look_at_needed(f, name);
    }
}

static void look_at_symbols(struct facts *f, Elf *elf, Elf_Data *data, size_t strings)
{
    GElf_Sym symbol;
    for (int i = 0; gelf_getsym(data, i, &symbol); i++) {
        const char *name = symbol.st_shndx != SHN_UNDEF
                               ? elf_strptr(elf, strings, symbol.st_name) : NULL;
        if (name)
            look_at_symbol(f, name);
    }
}

static void look_at_sections(struct facts *f, Elf *elf)
{
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header) ||
            (header.sh_type != SHT_DYNAMIC && header.sh_type != SHT_DYNSYM))
            continue;
        Elf_Data *data = elf_getdata(section, NULL);
        if (data && header.sh_type == SHT_DYNAMIC)
            look_at_dynamic(f, elf, data, header.sh_link);
        else if (data)
            look_at_symbols(f, elf, data, header.sh_link);
    }
}

static bool look_at_elf(struct facts *f, Elf *elf)
{
    GElf_Ehdr header;
    size_t n = 0;
    if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header) ||
        elf_getphdrnum(elf, &n) != 0)
        return false;
    f->class = gelf_getclass(elf);
    f->machine = header.e_machine;
    for (size_t i = 0; i < n; i++) {
        GElf_Phdr segment;
        f->interpreter |= gelf_getphdr(elf, (int)i, &segment) && segment.p_type == PT_INTERP;
    }
    look_at_sections(f, elf);
    return true;
}

static bool look_at_file(struct facts *f, const char *path)
{
    *f = (struct facts){ .class = ELFCLASSNONE };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    bool ok = elf && look_at_elf(f, elf);
    elf_end(elf);
    close(fd);
    return ok;
}

/* ---- judging ---------------------------------------------------------------- */
/* Would the kernel mark it AT_SECURE? */
static const char *privilege(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return NULL;
    if ((st.st_mode & S_ISUID) && st.st_uid != geteuid())
        return "set-user-ID";
    if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != getegid())
        return "set-group-ID";
    if (getxattr(path, "security.capability", NULL, 0) > 0)
        return "privileged (file capabilities)";
    return NULL;
}

static enum diagnosis judge(const char *path, const struct facts *f, char *why, size_t n)
{
    struct facts own;
    if (look_at_file(&own, "/proc/self/exe") &&
        (own.class != f->class || own.machine != f->machine)) {
        snprintf(why, n, "%s is made for another kind of processor (%s) than the agent", path,
                 f->class != own.class && f->class == ELFCLASS32 ? "32 bits" : "machine");
        return DIAGNOSE_FOREIGN;
    }
    if (!f->interpreter) {
        snprintf(why, n, "%s is statically linked, so that nothing can be preloaded", path);
        return DIAGNOSE_STATIC;
    }
    if (f->sanitizer[0]) {
        snprintf(why, n, "%s is built with a sanitizer (%s), which brings its own malloc",
                 path, f->sanitizer);
        return DIAGNOSE_SANITIZER;
    }
    const char *kind = privilege(path);
    if (kind) {
        snprintf(why, n, "%s is %s, and the system drops LD_PRELOAD for it", path, kind);
        return DIAGNOSE_PRIVILEGED;
    }
    return DIAGNOSE_NOTHING;
}

enum diagnosis diagnose_program(const char *program, char *why, size_t n)
{
    char path[PATH_MAX], next[PATH_MAX];
    struct facts f;
    why[0] = '\0';
    if (!find_program(program, path))
        return DIAGNOSE_NOTHING;
    for (int level = 0; level < SCRIPT_LEVELS && script_interpreter(path, next); level++)
        memcpy(path, next, sizeof path);
    return look_at_file(&f, path) ? judge(path, &f, why, n) : DIAGNOSE_NOTHING;
}

bool diagnose_hopeless(enum diagnosis d)
{
    return d == DIAGNOSE_STATIC || d == DIAGNOSE_FOREIGN || d == DIAGNOSE_SANITIZER;
}
