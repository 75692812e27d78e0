/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom the agent can be brought to: injector_check. Looks at /proc and at the
 * program's file; the process takes no notice.
 */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tui/inject/injector.h"
#include "tui/inject/maps.h"
#include "tui/inject/program.h"
#include "tui/reader/proc.h"

#define CAP_SYS_PTRACE 19
#define YAMA "/proc/sys/kernel/yama/ptrace_scope"

/* What a status file says in the line `name`, or NULL. */
static const char *field(const char *status, const char *name)
{
    char start[48];
    snprintf(start, sizeof start, "\n%s:", name);
    const char *line = strstr(status, start);
    return line ? line + strlen(start) + strspn(line + strlen(start), "\t ") : NULL;
}

static long number(const char *status, const char *name, int base)
{
    const char *text = field(status, name);
    return text ? strtol(text, NULL, base) : 0;
}

/* ---- rights ---------------------------------------------------------------------- */
static bool we_may_trace_all(void)
{
    char status[4096];
    const char *text = proc_read_file("/proc/self/status", status, sizeof status) > 0
                           ? field(status, "CapEff") : NULL;
    return text && (strtoull(text, NULL, 16) >> CAP_SYS_PTRACE & 1);
}

static int yama_scope(void)
{
    char text[16];
    return proc_read_file(YAMA, text, sizeof text) > 0 ? atoi(text) : 0;
}

static void explain_rights(unsigned uid, char why[INJECTOR_TEXT])
{
    int scope = yama_scope();
    const struct passwd *pw = getpwuid(uid);
    if (scope >= 3)
        snprintf(why, INJECTOR_TEXT, "nothing may be traced on this system: "
                 "kernel.yama.ptrace_scope is %d, which holds until it is booted again", scope);
    else if (geteuid() == 0 && !we_may_trace_all())
        snprintf(why, INJECTOR_TEXT, "root may not trace in this container: it has to be "
                 "started with the capability SYS_PTRACE (--cap-add=SYS_PTRACE)");
    else if (geteuid() == 0)
        snprintf(why, INJECTOR_TEXT, "it may not be traced from here: it belongs to another "
                 "user namespace, or a security module forbids it");
    else if (uid != geteuid())
        snprintf(why, INJECTOR_TEXT, "it belongs to %s%.32s: try as that user or as root",
                 pw ? "" : "somebody else", pw ? pw->pw_name : "");
    else if (scope > 0)
        snprintf(why, INJECTOR_TEXT, "it may be traced by %s only (kernel.yama.ptrace_scope is "
                 "%d): try as root, or as root sysctl kernel.yama.ptrace_scope=0",
                 scope == 1 ? "what started it" : "root", scope);
    else
        snprintf(why, INJECTOR_TEXT, "it has more rights than we have, or does not want to be "
                 "traced: try as root");
}

/* The kernel's own answer: opening its memory needs what tracing needs. */
static bool may_trace(int pid, unsigned uid, char why[INJECTOR_TEXT])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    else
        explain_rights(uid, why);
    return fd >= 0;
}

/* ---- the program ------------------------------------------------------------------- */
static bool refuse(char why[INJECTOR_TEXT], const char *text)
{
    snprintf(why, INJECTOR_TEXT, "%s", text);
    return false;
}

static bool fits_interpreter(const char *interpreter, char why[INJECTOR_TEXT])
{
    const char *slash = strrchr(interpreter, '/');
    const char *name = slash ? slash + 1 : interpreter;
    if (strncmp(name, "ld-musl", 7) == 0)
        return refuse(why, "it is linked with musl, for which there is no agent");
    if (strncmp(name, "ld-linux", 8) != 0 && strncmp(name, "ld-2.", 5) != 0) {
        snprintf(why, INJECTOR_TEXT, "its dynamic linker is not glibc's: %.100s", interpreter);
        return false;
    }
    return true;
}

static bool fits_elf(Elf *elf, char why[INJECTOR_TEXT])
{
    GElf_Ehdr header;
    size_t headers = 0, size = 0;
    const char *file = elf ? elf_rawfile(elf, &size) : NULL;
    if (!file || !gelf_getehdr(elf, &header) || elf_getphdrnum(elf, &headers) != 0)
        return refuse(why, "its program cannot be read");
    if (gelf_getclass(elf) == ELFCLASS32)
        return refuse(why, "it is a 32-bit program, and the agent has 64 bits");
    if (header.e_machine != EM_X86_64)
        return refuse(why, "it is made for another kind of processor");
    for (size_t i = 0; i < headers; i++) {
        GElf_Phdr h;
        if (gelf_getphdr(elf, (int)i, &h) && h.p_type == PT_INTERP && h.p_offset < size &&
            memchr(file + h.p_offset, '\0', size - h.p_offset))
            return fits_interpreter(file + h.p_offset, why);
    }
    return refuse(why, "it is statically linked: nothing can be loaded into it");
}

static bool fits_program(const char *exe, char why[INJECTOR_TEXT])
{
    int fd = open(exe, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return refuse(why, "it is a part of the kernel");
    if (fd < 0)
        return refuse(why, "its program cannot be read");
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    bool ok = fits_elf(elf, why);
    elf_end(elf);
    close(fd);
    return ok && (!program_file_is_sanitized(exe) ||
                  refuse(why, "it is built with a sanitizer, which has its own malloc"));
}

/* What brings a malloc of its own, or watches each; valgrind itself is static. */
static bool fits_libraries(const struct maps *maps, char why[INJECTOR_TEXT])
{
    static const struct {
        const char *name, *why;
    } rows[] = {
        { "libasan.so", "it is built with a sanitizer, which has its own malloc" },
        { "libtsan.so", "it is built with a sanitizer, which has its own malloc" },
        { "liblsan.so", "it is built with a sanitizer, which has its own malloc" },
        { "libhwasan.so", "it is built with a sanitizer, which has its own malloc" },
        { "libclang_rt.", "it is built with a sanitizer, which has its own malloc" },
        { "vgpreload_", "it runs under valgrind" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (maps_named(maps, rows[i].name))
            return refuse(why, rows[i].why);
    return true;
}

static bool fits_memory(int pid, const char *exe, char why[INJECTOR_TEXT])
{
    struct maps maps;
    if (!maps_read(&maps, pid))
        return refuse(why, "its memory map cannot be read");
    bool ok = fits_libraries(&maps, why) && fits_program(exe, why) &&
              (maps_named(&maps, "libc.so.6") || maps_named(&maps, "libc-2.") ||
               refuse(why, "glibc is not loaded in it, perhaps not yet: try again"));
    maps_free(&maps);
    return ok;
}

/* ---- its state ----------------------------------------------------------------------- */
static bool fits_state(int pid, const char *status, char why[INJECTOR_TEXT])
{
    const char *state = field(status, "State"), *features = field(status, "x86_Thread_features");
    long tracer = number(status, "TracerPid", 10);
    struct proc_stat st;
    if (pid == getpid())
        return refuse(why, "it is this memtop");
    if (state && (*state == 'Z' || *state == 'X'))
        return refuse(why, "it has ended, only its parent has not noticed yet (a zombie)");
    if (tracer > 0) {
        bool known = proc_stat_read((int)tracer, &st);
        snprintf(why, INJECTOR_TEXT, "it is traced already, by process %ld%s%.20s%s", tracer,
                 known ? " (" : "", known ? st.comm : "", known ? ")" : "");
        return false;
    }
    if (state && (*state == 'T' || *state == 't'))
        return refuse(why, "it is stopped: continue it first (kill -CONT)");
    if (number(status, "Seccomp", 10) != 0)
        return refuse(why, "it restricts its own system calls (seccomp): loading the agent could "
                           "kill it");
    if (features && strncmp(features, "shstk", 5) == 0)
        return refuse(why, "it uses a shadow stack, which forbids such calls");
    return true;
}

enum injector_status injector_check(int pid, char why[INJECTOR_TEXT])
{
    char path[64], status[8192];
    why[0] = '\0';
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    if (proc_read_file(path, status, sizeof status) <= 0) {
        snprintf(why, INJECTOR_TEXT, "there is no such process");
        return INJECTOR_GONE;
    }
    unsigned uid = (unsigned)number(status, "Uid", 10);
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    bool ok = fits_state(pid, status, why) && (number(status, "VmSize", 10) > 0 ||
                                               refuse(why, "it is a part of the kernel")) &&
              may_trace(pid, uid, why) && fits_memory(pid, path, why);
    return ok ? INJECTOR_OK : INJECTOR_REFUSED;
}
