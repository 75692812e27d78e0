/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the files of modules and their debug files. Called by the symbols'
 * worker. Paths come from the target and may name anything: only regular
 * files are opened (never blocking on a pipe), a process's links are resolved
 * below its own root, and a file is believed by its build-id. It never asks
 * the network. */
#include "tui/model/modulefile.h"

#include <dirent.h>
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COPY_MAX (512u << 20)
#define DEBUG_ROOT "/usr/lib/debug"

/* ---- opening ---------------------------------------------------------------- */
/* From a descriptor that only names a file to one that reads it: to open a device may
 * mean to start it. */
static int only_regular(int fd)
{
    struct stat st;
    char self[40];
    if (fd < 0)
        return fd;
    bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    int file = regular ? open(self, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
    int error = regular ? errno : EINVAL;
    close(fd);
    errno = error;
    return file;
}

/* Resolve `path` with the directory `root` (a link in /proc) as "/" or ".",
 * which only the former confines. */
static int open_below(const char *root, const char *path, bool strict)
{
    int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -1;
    struct open_how how = {
        .flags = O_PATH | O_CLOEXEC,
        .resolve = RESOLVE_NO_MAGICLINKS | (*path == '/' ? RESOLVE_IN_ROOT : 0) |
                   (strict ? RESOLVE_NO_SYMLINKS : 0),
    };
    int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
    int error = errno;
    close(dir);
    errno = error;
    return fd;
}

static int open_plain(const char *path, bool strict)
{
    return open(path, O_PATH | O_CLOEXEC | (strict ? O_NOFOLLOW : 0));
}

int modulefile_open_in(int pid, const char *path, bool strict)
{
    if (pid <= 0)
        return only_regular(*path == '/' ? open_plain(path, strict) : -1);
    char where[PATH_MAX];
    snprintf(where, sizeof where, "/proc/%d/%s", pid, *path == '/' ? "root" : "cwd");
    int fd = open_below(where, path, strict);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) { /* an old kernel, a filter */
        snprintf(where, sizeof where, "/proc/%d/%s/%s", pid,
                 *path == '/' ? "root" : "cwd", path);
        fd = open_plain(where, strict);
    }
    return only_regular(fd);
}

/* The mapping that starts the module, as a file even if it was deleted. The
 * kernel lets only root look there. */
static int open_mapped(int pid, uint64_t start)
{
    char path[64], prefix[32];
    snprintf(path, sizeof path, "/proc/%d/map_files", pid);
    int n = snprintf(prefix, sizeof prefix, "%llx-", (unsigned long long)start);
    DIR *dir = opendir(path);
    int fd = -1;
    for (struct dirent *e; dir && fd < 0 && (e = readdir(dir));)
        if (strncmp(e->d_name, prefix, (size_t)n) == 0)
            fd = openat(dirfd(dir), e->d_name, O_PATH | O_CLOEXEC);
    if (dir)
        closedir(dir);
    return only_regular(fd);
}

static int open_program(int pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    return only_regular(open_plain(path, false));
}

/* The kernel maps the same vdso everywhere; the build-id says if it did. */
static int open_vdso(void)
{
    const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
    int fd = image ? memfd_create("vdso", MFD_CLOEXEC) : -1;
    if (fd < 0)
        return -1;
    const GElf_Ehdr *elf = (const void *)image;
    size_t n = elf->e_shoff + (size_t)elf->e_shnum * elf->e_shentsize;
    if (sizeof(void *) == 8 && write(fd, image, n) == (ssize_t)n)
        return fd;
    close(fd);
    return -1;
}

/* ---- believing -------------------------------------------------------------- */
/* The span of the loaded segments, in pages: all there is to compare where a
 * module was linked without a build-id. */
static bool same_span(Elf *elf, const struct module_row *module)
{
    uint64_t low = UINT64_MAX, high = 0;
    size_t n;
    if (elf_getphdrnum(elf, &n) != 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        GElf_Phdr ph;
        if (!gelf_getphdr(elf, (int)i, &ph) || ph.p_type != PT_LOAD)
            continue;
        low = ph.p_vaddr < low ? ph.p_vaddr : low;
        high = ph.p_vaddr + ph.p_memsz > high ? ph.p_vaddr + ph.p_memsz : high;
    }
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    return low < high &&
           (high + page - 1) / page - low / page ==
               (module->end + page - 1) / page - module->start / page;
}

static bool same_id(Elf *elf, const uint8_t *id, size_t id_bytes)
{
    const void *found;
    ssize_t n = dwelf_elf_gnu_build_id(elf, &found);
    return n > 0 && (size_t)n == id_bytes && memcmp(found, id, id_bytes) == 0;
}

/* Is it an ELF file that passes the test? */
static bool check(int fd, bool (*test)(Elf *, const void *), const void *what)
{
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    bool ok = elf && elf_kind(elf) == ELF_K_ELF && test(elf, what);
    elf_end(elf);
    return ok;
}

static bool is_module(Elf *elf, const void *what)
{
    const struct module_row *module = what;
    const void *id;
    if (module->build_id_bytes)
        return same_id(elf, module->build_id, module->build_id_bytes);
    return dwelf_elf_gnu_build_id(elf, &id) <= 0 && same_span(elf, module);
}

struct identity {
    const uint8_t *id;
    size_t bytes;
};

static bool has_identity(Elf *elf, const void *what)
{
    const struct identity *wanted = what;
    return same_id(elf, wanted->id, wanted->bytes);
}

static int keep_if(int fd, bool (*test)(Elf *, const void *), const void *what)
{
    if (fd < 0 || check(fd, test, what))
        return fd;
    close(fd);
    return -1;
}

/* libelf maps files, and a mapped file that is cut short kills its reader. Our
 * own files and root's are trusted not to be; the others are copied. */
static int settle(int fd)
{
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_uid == 0 || st.st_uid == geteuid())
        return fd;
    int copy = st.st_size <= (off_t)COPY_MAX ? memfd_create("elf", MFD_CLOEXEC) : -1;
    off_t at = 0;
    while (copy >= 0 && at < st.st_size && sendfile(copy, fd, &at, (size_t)(st.st_size - at)) > 0)
        ;
    close(fd);
    if (copy >= 0 && at == st.st_size)
        return copy;
    if (copy >= 0)
        close(copy);
    return -1;
}

/* ---- modules ---------------------------------------------------------------- */
static int try_open(int pid, bool is_program, const struct module_row *m, unsigned attempt)
{
    switch (attempt) {
    case 0: return pid > 0 && is_program ? open_program(pid) : -1;
    case 1: return pid > 0 && *m->path ? modulefile_open_in(pid, m->path, false) : -1;
    case 2: return pid > 0 ? open_mapped(pid, m->start) : -1;
    case 3: return *m->path == '/' ? modulefile_open_in(0, m->path, false) : -1;
    default: return modulefile_open_debug(pid, m->build_id, m->build_id_bytes);
    }
}

int modulefile_open(int pid, bool is_program, const struct module_row *module)
{
    if (strstr(module->path, "vdso") && !strchr(module->path, '/'))
        return keep_if(open_vdso(), is_module, module);
    for (unsigned attempt = 0; attempt < 5; attempt++) {
        int fd = keep_if(try_open(pid, is_program, module, attempt), is_module, module);
        /* Once more after the copy: what was checked may not be what was copied. */
        fd = keep_if(settle(fd), is_module, module);
        if (fd >= 0)
            return fd;
    }
    return -1;
}

/* ---- debug files ------------------------------------------------------------ */
/* As the process sees the path, then as we do. */
static int open_either(int pid, const char *path, unsigned attempt)
{
    if (attempt == 0)
        return pid > 0 ? modulefile_open_in(pid, path, false) : -1;
    return modulefile_open_in(0, path, false);
}

int modulefile_open_debug(int pid, const uint8_t *id, size_t id_bytes)
{
    char path[160];
    int at = snprintf(path, sizeof path, DEBUG_ROOT "/.build-id/");
    if (id_bytes < 2 || id_bytes > 32)
        return -1;
    for (size_t i = 0; i < id_bytes; i++)
        at += snprintf(path + at, sizeof path - (size_t)at, i == 0 ? "%02x/" : "%02x", id[i]);
    snprintf(path + at, sizeof path - (size_t)at, ".debug");
    struct identity wanted = {.id = id, .bytes = id_bytes};
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        int fd = keep_if(settle(open_either(pid, path, attempt)), has_identity, &wanted);
        if (fd >= 0)
            return fd;
    }
    return -1;
}

/* The checksum of .gnu_debuglink: that of Ethernet and zlib. */
static bool same_crc(int fd, uint32_t wanted)
{
    static const uint32_t nibble[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    unsigned char buffer[65536];
    uint32_t crc = UINT32_MAX;
    off_t at = 0;
    for (ssize_t n; at < (off_t)COPY_MAX && (n = pread(fd, buffer, sizeof buffer, at)) > 0;
         at += n)
        for (ssize_t i = 0; i < n; i++) {
            crc = crc >> 4 ^ nibble[(crc ^ buffer[i]) & 15];
            crc = crc >> 4 ^ nibble[(crc ^ buffer[i] >> 4) & 15];
        }
    return ~crc == wanted;
}

static int believe_debug(int fd, uint32_t crc, const struct identity *wanted)
{
    fd = settle(fd);
    if (wanted->bytes)
        return keep_if(fd, has_identity, wanted);
    if (fd < 0 || same_crc(fd, crc))
        return fd;
    close(fd);
    return -1;
}

int modulefile_open_debuglink(int pid, const char *path, const char *link,
                              uint32_t crc, const uint8_t *id, size_t id_bytes)
{
    static const char *const places[][2] = {
        {"", "/"}, {"", "/.debug/"}, {DEBUG_ROOT, "/"},
    };
    const struct identity wanted = {.id = id, .bytes = id_bytes};
    const char *slash = strrchr(path, '/');
    int directory = slash ? (int)(slash - path) : 0;
    if (!slash || strchr(link, '/') || strcmp(slash + 1, link) == 0)
        return -1; /* the last would be the file itself */
    for (unsigned i = 0; i < 2 * sizeof places / sizeof *places; i++) {
        char name[PATH_MAX];
        snprintf(name, sizeof name, "%s%.*s%s%s", places[i / 2][0], directory, path,
                 places[i / 2][1], link);
        int fd = believe_debug(open_either(pid, name, i % 2), crc, &wanted);
        if (fd >= 0)
            return fd;
    }
    return -1;
}
