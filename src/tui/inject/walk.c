/* SPDX-License-Identifier: Apache-2.0 */
/*
 * elfutils' unwinder, fed with registers and memory by us; see walk.h.
 */
#include "tui/inject/walk.h"

#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WINDOW 32768   /* of stack, copied at once */
#define FRAMES_MAX 512 /* deeper stacks count as unknown */

struct walk {
    const struct program *program;
    Dwfl *dwfl;
    struct user_regs_struct regs;
    uint64_t window_start;
    size_t window_bytes;
    unsigned char window[WINDOW];
    bool given; /* next_thread: the one that there is */
    /* what was seen */
    unsigned frames;
    bool program_frame, allocating, loading;
};

/* ---- modules --------------------------------------------------------------------- */
static int find_elf(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
                    char **file_name, Elf **elf)
{
    const struct program *p = *user;
    const struct mapping *map = p ? maps_at(&p->maps, base) : NULL;
    if (!map || name[0] == '[')
        return dwfl_linux_proc_find_elf(module, user, name, base, file_name, elf);
    int fd = maps_open(&p->maps, map);
    if (fd >= 0)
        *file_name = strdup(name);
    return fd;
}

/* Nothing is looked for beyond the module itself. */
static int find_no_debuginfo(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
                             const char *file, const char *link, GElf_Word crc, char **found)
{
    (void)module, (void)user, (void)name, (void)base;
    (void)file, (void)link, (void)crc, (void)found;
    return -1;
}

static const Dwfl_Callbacks module_callbacks = {
    .find_elf = find_elf,
    .find_debuginfo = find_no_debuginfo,
};

static int introduce(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
                     void *data)
{
    (void)module, (void)name, (void)base;
    *user = data;
    return DWARF_CB_OK;
}

/* Read its unwind table now. */
static int prepare(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
                   void *data)
{
    Dwarf_Addr bias;
    Dwarf_Frame *frame;
    (void)user, (void)name, (void)data;
    Dwarf_CFI *cfi = dwfl_module_eh_cfi(module, &bias);
    if (cfi && dwarf_cfi_addrframe(cfi, base - bias, &frame) == 0)
        free(frame);
    return DWARF_CB_OK;
}

/* ---- the thread ------------------------------------------------------------------ */
static pid_t next_thread(Dwfl *dwfl, void *data, void **thread)
{
    struct walk *w = data;
    (void)dwfl;
    if (w->given)
        return 0;
    w->given = true;
    *thread = w;
    return w->program->maps.pid;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *data, void **thread)
{
    (void)dwfl, (void)tid;
    *thread = data;
    return true;
}

static bool read_word(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *result, void *data)
{
    struct walk *w = data;
    (void)dwfl;
    if (w->window_bytes >= sizeof *result && address >= w->window_start &&
        address - w->window_start <= w->window_bytes - sizeof *result) {
        memcpy(result, w->window + (address - w->window_start), sizeof *result);
        return true;
    }
    return tracee_read(w->program->maps.pid, address, result, sizeof *result) == sizeof *result;
}

static bool set_registers(Dwfl_Thread *thread, void *data)
{
    const struct user_regs_struct *r = &((struct walk *)data)->regs;
    const Dwarf_Word values[] = {
        r->rax, r->rdx, r->rcx, r->rbx, r->rsi, r->rdi, r->rbp, r->rsp, r->r8,
        r->r9,  r->r10, r->r11, r->r12, r->r13, r->r14, r->r15, r->rip,
    };
    return dwfl_thread_state_registers(thread, 0, sizeof values / sizeof *values, values);
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
    .next_thread = next_thread,
    .get_thread = get_thread,
    .memory_read = read_word,
    .set_initial_registers = set_registers,
};

static int see(Dwfl_Frame *frame, void *data)
{
    struct walk *w = data;
    Dwarf_Addr pc;
    bool exact;
    if (!dwfl_frame_pc(frame, &pc, &exact) || ++w->frames > FRAMES_MAX)
        return DWARF_CB_ABORT;
    switch (program_kind(w->program, exact ? pc : pc - 1)) {
    case CODE_ALLOCATOR: w->allocating = true; break;
    case CODE_LOADER: w->loading = true; break;
    case CODE_OTHER: w->program_frame = true; break;
    case CODE_SYSTEM: case CODE_NONE: break;
    }
    return w->loading ? DWARF_CB_ABORT : DWARF_CB_OK;
}

enum walk_result walk_thread(struct walk *w, const struct user_regs_struct *regs)
{
    w->regs = *regs;
    w->given = w->program_frame = w->allocating = w->loading = false;
    w->frames = 0;
    w->window_start = regs->rsp;
    const struct mapping *stack = maps_at(&w->program->maps, regs->rsp);
    size_t n = stack && stack->end - regs->rsp < WINDOW ? stack->end - regs->rsp : WINDOW;
    w->window_bytes = tracee_read(w->program->maps.pid, regs->rsp, w->window, n);
    int end = dwfl_getthread_frames(w->dwfl, w->program->maps.pid, see, w);
    if (w->loading)
        return WALK_LOADING;
    if (w->allocating)
        return WALK_ALLOCATING;
    if (end != 0)
        return WALK_UNKNOWN;
    return w->program_frame ? WALK_FREE : WALK_SYSTEM;
}

bool walk_is_loading(struct walk *w, const struct user_regs_struct *regs)
{
    return walk_thread(w, regs) == WALK_LOADING && !w->allocating;
}

/* ---- life ------------------------------------------------------------------------- */
struct walk *walk_new(const struct program *p)
{
    struct walk *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->program = p;
    w->dwfl = dwfl_begin(&module_callbacks);
    if (!w->dwfl || dwfl_linux_proc_report(w->dwfl, p->maps.pid) != 0 ||
        dwfl_report_end(w->dwfl, NULL, NULL) != 0) {
        walk_free(w);
        return NULL;
    }
    dwfl_getmodules(w->dwfl, introduce, (void *)(uintptr_t)p, 0);
    dwfl_getmodules(w->dwfl, prepare, NULL, 0);
    if (!dwfl_attach_state(w->dwfl, NULL, p->maps.pid, &thread_callbacks, w)) {
        walk_free(w);
        return NULL;
    }
    return w;
}

void walk_free(struct walk *w)
{
    if (!w)
        return;
    if (w->dwfl)
        dwfl_end(w->dwfl);
    free(w);
}
