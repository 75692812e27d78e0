/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The remote call; see call.h.
 *
 *   stack, downwards: what the thread has | 128 bytes of red zone | vector
 *   registers | strings | block (what the code below works on) | signal frame |
 *   the call's own frames
 *
 * The code lies in the padding behind the code of a module: written before the
 * thread is stopped, it needs no system call to be made, and stays there, inert.
 */
#include "tui/inject/call.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "shared/inject.h"

#define RED_ZONE 128
#define COPY_NAME "libmemtop.so"
#define COPY_PATH_MAX 32 /* /proc/self/fd/N */
#define CODE_MAX 256
#ifndef MFD_EXEC
#define MFD_EXEC 0x10u /* Linux 6.3 */
#endif
#define POLL_US 30
#define PATIENCE_NS UINT64_C(3000000000) /* until we look whether it waits for a lock */
#define PATIENCE_MAX 3 /* times; then it is to end by itself */
#define STOP_MS 1000
#define EFLAGS_FOREIGN 0x54500u /* direction, nested task, alignment check, trap, resume */

/* The kernel's struct rt_sigframe. */
struct frame {
    uint64_t restorer;
    uint64_t flags, link;
    stack_t stack;
    mcontext_t context;
    uint64_t mask;
    siginfo_t info;
};

/* What the code finds through rbx; the offsets are in it. */
struct block {
    uint64_t errno_location; /* 0 */
    uint64_t dlopen;         /* 8, 0: the library is there */
    uint64_t path;           /* 16 */
    uint64_t flags;          /* 24 */
    uint64_t dlerror;        /* 32 */
    uint64_t function;       /* 40, an offset if it is to be loaded */
    uint64_t argument;       /* 48 */
    uint64_t result;         /* 56 */
    uint64_t handle;         /* 64 */
    uint64_t error;          /* 72 */
    uint64_t done;           /* 80 */
    uint64_t wait[2];        /* 88, a struct timeval */
    uint64_t frame;          /* 104, where rt_sigreturn expects the stack pointer */
};

/* A handle of dlopen begins with the base that addresses in the library are
 * relative to: struct link_map, which <link.h> documents. At the end the code
 * sleeps (select leaves no trace in the kernel), so that we can put back what a
 * signal frame cannot hold; if nobody comes, it returns by itself. */
extern const unsigned char call_code[], call_code_return[], call_code_syscall[], call_code_end[];
__asm__(".pushsection .rodata\n"
        "call_code:\n"
        "    call *0(%rbx)\n"
        "    mov %rax, %r12\n"
        "    mov (%rax), %r13d\n"
        "    mov 8(%rbx), %rax\n"
        "    test %rax, %rax\n"
        "    jz 2f\n"
        "    mov 16(%rbx), %rdi\n"
        "    mov 24(%rbx), %rsi\n"
        "    call *%rax\n"
        "    mov %rax, 64(%rbx)\n"
        "    test %rax, %rax\n"
        "    jnz 1f\n"
        "    call *32(%rbx)\n"
        "    mov %rax, 72(%rbx)\n"
        "    jmp 3f\n"
        "1:  mov (%rax), %rax\n"
        "    add %rax, 40(%rbx)\n"
        "2:  mov 48(%rbx), %rdi\n"
        "    call *40(%rbx)\n"
        "    mov %rax, 56(%rbx)\n"
        "3:  mov %r13d, (%r12)\n"
        "    movl $1, 80(%rbx)\n"
        "    xor %edi, %edi\n"
        "    xor %esi, %esi\n"
        "    xor %edx, %edx\n"
        "    xor %r10d, %r10d\n"
        "    lea 88(%rbx), %r8\n"
        "    mov $23, %eax\n"
        "    syscall\n"
        "    mov 104(%rbx), %rsp\n"
        "call_code_return:\n"
        "    mov $15, %eax\n"
        "    syscall\n"
        "call_code_syscall:\n"
        "    syscall\n"
        "    ret\n"
        "call_code_end:\n"
        ".popsection\n");

_Static_assert(offsetof(struct block, frame) == 104, "the code knows the offsets");
_Static_assert(offsetof(struct frame, mask) == 8 + 16 + 24 + 256, "as in the kernel");

/* ---- the stack ------------------------------------------------------------------ */
/* An image of the thread's stack from `low` to `high`. */
struct image {
    uint64_t low, high;
    unsigned char *bytes;
    uint64_t path, block, frame; /* addresses */
};

static void *image_at(const struct image *im, uint64_t address)
{
    return im->bytes + (address - im->low);
}

static void fill_context(mcontext_t *m, const struct user_regs_struct *r, uint64_t xstate)
{
    const uint64_t values[] = {
        [REG_R8] = r->r8, [REG_R9] = r->r9, [REG_R10] = r->r10, [REG_R11] = r->r11,
        [REG_R12] = r->r12, [REG_R13] = r->r13, [REG_R14] = r->r14, [REG_R15] = r->r15,
        [REG_RDI] = r->rdi, [REG_RSI] = r->rsi, [REG_RBP] = r->rbp, [REG_RBX] = r->rbx,
        [REG_RDX] = r->rdx, [REG_RAX] = r->rax, [REG_RCX] = r->rcx, [REG_RSP] = r->rsp,
        [REG_RIP] = r->rip, [REG_EFL] = r->eflags,
        [REG_CSGSFS] = r->cs | r->gs << 16 | r->fs << 32 | r->ss << 48,
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        m->gregs[i] = (greg_t)values[i];
    m->fpregs = (void *)(uintptr_t)xstate;
}

/* The kernel recognises the extended state by words of its own around it; ptrace
 * hands out the mask of features in the first of them. */
static void fill_xstate(unsigned char *to, const struct tracee *t)
{
    struct {
        uint32_t magic, extended_bytes;
        uint64_t features;
        uint32_t bytes, padding[7];
    } words = {
        .magic = 0x46505853,
        .extended_bytes = (uint32_t)t->xstate_bytes + 4,
        .bytes = (uint32_t)t->xstate_bytes,
    };
    const uint32_t end = 0x46505845;
    memcpy(&words.features, t->xstate + 464, sizeof words.features);
    memcpy(to, t->xstate, t->xstate_bytes);
    memcpy(to + 464, &words, sizeof words);
    memcpy(to + t->xstate_bytes, &end, sizeof end);
}

static bool image_build(struct image *im, const struct tracee *t,
                        const struct call_places *places, const struct call *call)
{
    struct user_regs_struct plain;
    size_t path = call->path ? strlen(call->path) + 1 : 0;
    size_t argument = call->argument ? strlen(call->argument) + 1 : 0;
    if (call->file >= 0)
        path = COPY_PATH_MAX;
    if (call->base)
        path = 0;
    tracee_plain_regs(t, &plain);
    im->high = t->regs.rsp - RED_ZONE;
    uint64_t xstate = (im->high - t->xstate_bytes - 4) & ~UINT64_C(63);
    im->path = xstate - path;
    uint64_t argument_at = im->path - argument;
    im->block = (argument_at - sizeof(struct block)) & ~UINT64_C(15);
    im->frame = ((im->block - sizeof(struct frame)) & ~UINT64_C(15)) - 8;
    im->low = im->frame;
    im->bytes = calloc(1, im->high - im->low);
    if (!im->bytes)
        return false;
    fill_xstate(image_at(im, xstate), t);
    if (path)
        strcpy(image_at(im, im->path), call->path ? call->path : COPY_NAME);
    if (argument)
        memcpy(image_at(im, argument_at), call->argument, argument);
    *(struct block *)image_at(im, im->block) = (struct block){
        .errno_location = places->errno_location,
        .dlopen = path ? places->dlopen : 0,
        .path = im->path,
        .flags = places->dlopen_flags,
        .dlerror = places->dlerror,
        .function = call->base + call->function,
        .argument = argument ? argument_at : 0,
        .wait = { 1, 0 },
        .frame = im->frame + 8,
    };
    struct frame frame = {
        .restorer = places->code + (uint64_t)(call_code_return - call_code),
        .flags = 7,
        .mask = t->mask,
    };
    fill_context(&frame.context, &plain, xstate);
    memcpy(image_at(im, im->frame), &frame, sizeof frame); /* not aligned as C has it */
    return true;
}

/* ---- a copy of the library --------------------------------------------------------- */
static uint64_t gadget(const struct call_places *p)
{
    return p->code + (uint64_t)(call_code_syscall - call_code);
}

static bool copy_file(int from, int pid, int fd)
{
    char path[64];
    off_t at = 0;
    ssize_t n = 1;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
    int to = open(path, O_WRONLY | O_CLOEXEC);
    while (to >= 0 && n > 0)
        n = sendfile(to, from, &at, 1u << 30);
    if (to >= 0)
        close(to);
    return to >= 0 && n == 0 && at > 0;
}

/* Into a file without a name, opened in the process, whose path takes the place of
 * the name on its stack. Returns the descriptor there, -1 when it is not to be
 * had. */
static int make_copy(struct tracee *t, const struct call_places *p, const struct image *im,
                     const struct call *call)
{
    char path[COPY_PATH_MAX] = "";
    uint64_t fd, arguments[6] = { im->path, MFD_CLOEXEC | MFD_EXEC };
    bool made = tracee_syscall(t, gadget(p), im->frame, SYS_memfd_create, arguments, &fd);
    if (!made && errno == EINVAL) { /* an older kernel */
        arguments[1] = MFD_CLOEXEC;
        made = tracee_syscall(t, gadget(p), im->frame, SYS_memfd_create, arguments, &fd);
    }
    if (!made)
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", (int)fd);
    if (!copy_file(call->file, t->pid, (int)fd))
        path[0] = '\0'; /* which loads nothing that could be called */
    tracee_write(t->pid, im->path, path, sizeof path);
    return (int)fd;
}

static void close_copy(struct tracee *t, const struct call_places *p, const struct image *im,
                       int fd)
{
    uint64_t result, arguments[6] = { (uint64_t)fd };
    if (fd >= 0)
        tracee_syscall(t, gadget(p), im->frame, SYS_close, arguments, &result);
}

/* ---- the code ---------------------------------------------------------------------- */
size_t call_code_bytes(void)
{
    return (size_t)(call_code_end - call_code);
}

bool call_place_code(int pid, uint64_t at)
{
    unsigned char there[CODE_MAX];
    size_t n = call_code_bytes();
    if (tracee_read(pid, at, there, n) != n)
        return false;
    if (memcmp(there, call_code, n) == 0)
        return true; /* left by an earlier call */
    for (size_t i = 0; i < n; i++)
        if (there[i])
            return false; /* no padding */
    return tracee_write(pid, at, call_code, n) && tracee_read(pid, at, there, n) == n &&
           memcmp(there, call_code, n) == 0;
}

/* ---- the call ---------------------------------------------------------------------- */
static void read_results(const struct tracee *t, const struct block *b, struct call *call)
{
    call->result = (int)b->result;
    if (b->error)
        tracee_read(t->pid, b->error, call->error, sizeof call->error - 1);
}

/* It takes long. Let it, unless it waits for the loader's lock: whoever holds that may
 * wait for this very thread. malloc's locks come free in any case, and who waits for one
 * may be within the loader, with locks of its own, from where nothing can be taken back. */
static enum call_status take_back(struct tracee *t, const struct call *call)
{
    enum tracee_event event = tracee_interrupt(t, STOP_MS);
    if (event != TRACEE_TRAP)
        return event == TRACEE_GONE ? CALL_GONE : event == TRACEE_FAULT ? CALL_FAULT : CALL_DONE;
    struct user_regs_struct now;
    if (tracee_regs(t, &now) && (long)now.orig_rax == SYS_futex &&
        call->waits_for_loader(call->data, &now))
        return CALL_BLOCKED;
    return tracee_regs(t, &now) && tracee_go(t, &now) ? CALL_DONE : CALL_GONE;
}

/* Until the block says that it is done. */
static enum call_status await(struct tracee *t, uint64_t block, struct call *call)
{
    struct block b;
    uint64_t until = tracee_now() + PATIENCE_NS;
    for (int times = 0;;) {
        enum tracee_event event = tracee_poll(t);
        if (event == TRACEE_GONE)
            return CALL_GONE;
        if (event == TRACEE_FAULT)
            return CALL_FAULT;
        if (event == TRACEE_TRAP) { /* the process was stopped: when we are gone */
            struct user_regs_struct now;
            if (!tracee_regs(t, &now) || !tracee_go(t, &now))
                return CALL_GONE;
        }
        if (tracee_read(t->pid, block, &b, sizeof b) == sizeof b && b.done)
            break;
        if (tracee_now() > until) {
            enum call_status status = take_back(t, call);
            if (status != CALL_DONE)
                return status;
            if (++times == PATIENCE_MAX) {
                call->result = INJECT_BUSY; /* nobody will read what it says */
                return CALL_ESCAPED;
            }
            until += PATIENCE_NS;
        }
        tracee_pause(POLL_US);
    }
    read_results(t, &b, call);
    return b.dlopen && !b.handle ? CALL_NOT_LOADED : CALL_DONE;
}

/* Stop it where it waits for us. */
static enum call_status fetch(struct tracee *t, uint64_t code, enum call_status status)
{
    struct user_regs_struct now;
    if (status == CALL_GONE || status == CALL_FAULT || status == CALL_BLOCKED)
        return status;
    enum tracee_event event;
    do /* without a processor it may take its time; it cannot be left before */
        event = tracee_interrupt(t, STOP_MS);
    while (event == TRACEE_LATE);
    if (event == TRACEE_GONE || !tracee_regs(t, &now))
        return CALL_GONE;
    return now.rip >= code && now.rip < code + CODE_MAX ? status : CALL_ESCAPED;
}

static enum call_status run(struct tracee *t, const struct call_places *p, const struct image *im,
                            struct call *call)
{
    bool copied = call->file >= 0 && !call->base;
    int copy = copied ? make_copy(t, p, im, call) : -1;
    if (copied && copy < 0)
        return CALL_REFUSED;
    struct user_regs_struct regs = t->regs;
    regs.rip = p->code;
    regs.rbx = im->block;
    regs.rsp = im->frame - 8;
    regs.orig_rax = (unsigned long)-1;
    regs.eflags &= ~(unsigned long)EFLAGS_FOREIGN;
    if (!tracee_go(t, &regs))
        return CALL_GONE;
    enum call_status status = fetch(t, p->code, await(t, im->block, call));
    if (status == CALL_GONE || status == CALL_ESCAPED)
        return status;
    close_copy(t, p, im, copy);
    return status;
}

/* Everything is put back at a stop of the right kind: see tracee.c. */
static enum call_status settle(struct tracee *t, enum call_status status)
{
    if (status == CALL_ESCAPED)
        return tracee_save(t) ? status : CALL_GONE;
    if (status == CALL_GONE || (!t->at_trap && tracee_settle(t) == TRACEE_GONE))
        return CALL_GONE;
    return status;
}

enum call_status call_make(struct tracee *t, const struct call_places *places,
                           struct call *call)
{
    struct image im = { 0 };
    call->error[0] = '\0';
    if (!image_build(&im, t, places, call))
        return CALL_REFUSED;
    enum call_status status = CALL_REFUSED;
    if (tracee_borrow(t) && tracee_write(t->pid, im.low, im.bytes, im.high - im.low))
        status = settle(t, run(t, places, &im, call));
    free(im.bytes);
    return status;
}
