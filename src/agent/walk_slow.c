/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slow steps of a walk: with all registers, through signal frames, frames
 * that only a DWARF expression describes, other stacks than the thread's own,
 * and code without unwind information.
 *
 * Runs inside malloc and in signal handlers. Memory outside of the known
 * bounds is read only after the kernel said that it can be.
 */
#include "agent/walk.h"

#include <string.h>

#include "shared/segment.h"

#define OWN_FRAMES_MAX 32       /* of the agent, below the first frame */
#define ADDRESS_BITS    47      /* of user space; five-level programs ask for more */

struct slow {
    struct cfi_regs regs;
    struct bounds bounds;
    bool exact; /* the frame was interrupted: its pc has not been left yet */
};

static bool slow_read(void *context, uintptr_t address, uint64_t *value)
{
    struct slow *s = context;
    uintptr_t sp = s->regs.r[CFI_RSP];
    bool inside = address >= sp && address < s->bounds.hi && s->bounds.hi - address >= 8;
    if (!inside && !bounds_readable(address))
        return false;
    memcpy(value, (const void *)address, sizeof(*value));
    return true;
}

/* ---- code without unwind information ------------------------------------- */
static bool guess_step(struct slow *s)
{
    const struct rows_table *table =
        atomic_load_explicit(&rows_newest, memory_order_acquire);
    const uint32_t needed = 1u << CFI_RSP | 1u << CFI_RBP | 1u << CFI_RIP;
    uintptr_t *r = s->regs.r, fp = r[CFI_RBP];
    if (s->exact || (s->regs.known & needed) != needed || fp < r[CFI_RSP] ||
        (fp + 16 > s->bounds.hi && !bounds_extend(&s->bounds, fp + 16)) ||
        !walk_guess(&r[CFI_RSP], &r[CFI_RBP], &r[CFI_RIP], s->bounds.hi,
                    rows_find(table, r[CFI_RIP])))
        return false;
    s->regs.known = needed;
    return true;
}

/* Where the kernel put the registers, if pc is at the code that returns from a
 * signal: mov $SYS_rt_sigreturn, %eax or %rax; syscall. */
static bool is_signal_return(struct slow *s)
{
    static const uint8_t with_rax[] = { 0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05 };
    static const uint8_t with_eax[] = { 0xb8, 15, 0, 0, 0, 0x0f, 0x05 };
    uint64_t words[2];
    uintptr_t pc = s->regs.r[CFI_RIP];
    if (s->exact || !slow_read(s, pc, &words[0]) || !slow_read(s, pc + 8, &words[1]))
        return false;
    return memcmp(words, with_rax, sizeof(with_rax)) == 0 ||
           memcmp(words, with_eax, sizeof(with_eax)) == 0;
}

/* struct ucontext: general registers begin 40 bytes into it, in this order. */
static bool signal_step(struct slow *s)
{
    static const uint8_t order[] = {
        8, 9, 10, 11, 12, 13, 14, 15, 5, 4, CFI_RBP, CFI_RBX, 1, 0, 2, CFI_RSP, CFI_RIP,
    };
    struct cfi_regs out = { .known = (1u << CFI_REGS) - 1 };
    uintptr_t at = s->regs.r[CFI_RSP] + 40;
    for (unsigned i = 0; i < sizeof(order); i++)
        if (!slow_read(s, at + 8 * i, &out.r[order[i]]))
            return false;
    s->regs = out;
    return true;
}

/* ---- steps ---------------------------------------------------------------- */
/* What is known after a step must lie further up the same stack, unless the
 * frame that was left is a signal's: those may be on a stack of their own. */
static enum cfi_status arrive(struct slow *s, uintptr_t old_sp, bool signal,
                              enum stack_end *end)
{
    uintptr_t sp = s->regs.r[CFI_RSP];
    s->exact = signal;
    *end = STACK_BROKEN;
    if (signal) {
        s->bounds = bounds_find(sp);
    } else {
        if (sp <= old_sp)
            return CFI_BAD;
        if (sp > s->bounds.hi && !bounds_extend(&s->bounds, sp)) {
            *end = s->bounds.own ? STACK_BROKEN : STACK_FOREIGN;
            return CFI_BAD;
        }
    }
    uintptr_t pc = s->regs.r[CFI_RIP];
    if (pc >> ADDRESS_BITS)
        return CFI_BAD;
    *end = STACK_COMPLETE;
    return pc ? CFI_OK : CFI_END;
}

/* Code in a module without unwind information, which nobody called: where the
 * process starts (in the dynamic linker), or what makecontext and its like put
 * in the place of a return address. */
static bool is_beginning(uintptr_t sp, uintptr_t pc)
{
    return bounds_at_start(sp) || !walk_follows_call(pc);
}

/* To the caller. On anything but CFI_OK *end says how the walk ends. */
static enum cfi_status slow_step(struct slow *s, enum stack_end *end)
{
    uintptr_t pc = s->regs.r[CFI_RIP], sp = s->regs.r[CFI_RSP];
    struct cfi_row row;
    enum cfi_status status = pc ? cfi_find(s->exact ? pc : pc - 1, &row) : CFI_END;
    bool signal = status == CFI_OK && row.signal;
    if (status == CFI_OK) {
        status = cfi_apply(&row, &s->regs, slow_read, s);
    } else if (status == CFI_NO_MODULE || status == CFI_NO_ENTRY) {
        signal = is_signal_return(s) && signal_step(s);
        if (signal || guess_step(s))
            status = CFI_OK;
        else if (!s->exact && status == CFI_NO_ENTRY && is_beginning(sp, pc))
            status = CFI_END;
    }
    if (status == CFI_OK)
        return arrive(s, sp, signal, end);
    *end = status == CFI_END ? STACK_COMPLETE : STACK_BROKEN;
    return status;
}

static void record(const struct slow *s, uint64_t *pcs, size_t *n)
{
    pcs[(*n)++] = (s->regs.r[CFI_RIP] & SEG_PC_MASK) | (s->exact ? SEG_PC_EXACT : 0);
}

/* The registers that a function must preserve, here and now. */
static __attribute__((always_inline)) inline void capture(struct cfi_regs *regs)
{
    uintptr_t r[8];
    __asm__ volatile("movq %%rbx, (%0)\n\t"
                     "movq %%rbp, 8(%0)\n\t"
                     "movq %%rsp, 16(%0)\n\t"
                     "movq %%r12, 24(%0)\n\t"
                     "movq %%r13, 32(%0)\n\t"
                     "movq %%r14, 40(%0)\n\t"
                     "movq %%r15, 48(%0)\n\t"
                     "leaq 0(%%rip), %%rax\n\t"
                     "movq %%rax, 56(%0)\n\t"
                     : : "r"(r) : "rax", "memory");
    static const uint8_t order[8] = {
        CFI_RBX, CFI_RBP, CFI_RSP, 12, 13, 14, 15, CFI_RIP,
    };
    memset(regs, 0, sizeof(*regs));
    for (unsigned i = 0; i < 8; i++) {
        regs->r[order[i]] = r[i];
        regs->known |= 1u << order[i];
    }
}

/* From our own frame on, with all registers that calls preserve. */
static __attribute__((noinline)) size_t
walk_all(const struct stack_frame *first, uint64_t *pcs, size_t max,
         enum stack_end *end)
{
    struct slow s = { .exact = true };
    size_t n = 0;
    capture(&s.regs);
    s.bounds = bounds_find(s.regs.r[CFI_RSP]);
    for (unsigned i = 0; s.regs.r[CFI_RIP] != first->pc ||
                         s.regs.r[CFI_RSP] != first->sp; i++)
        if (i == OWN_FRAMES_MAX || slow_step(&s, end) != CFI_OK)
            return 0;
    record(&s, pcs, &n);
    while (n < max) {
        if (slow_step(&s, end) != CFI_OK)
            return n;
        record(&s, pcs, &n);
    }
    *end = STACK_CUT;
    return n;
}

bool walk_slow(struct walk *w, const struct stack_frame *first, uint64_t *pcs,
               size_t *n, size_t max, enum stack_end *end)
{
    struct slow s = { .bounds = w->bounds };
    if (w->pc == 0 || w->pc >> ADDRESS_BITS) {
        (*n)--; /* no frame: the mark of the outermost one, or nonsense */
        *end = w->pc ? STACK_BROKEN : STACK_COMPLETE;
        return false;
    }
    s.regs.known = 1u << CFI_RSP | 1u << CFI_RIP | (uint32_t)w->fp_known << CFI_RBP;
    s.regs.r[CFI_RSP] = w->sp;
    s.regs.r[CFI_RIP] = w->pc;
    s.regs.r[CFI_RBP] = w->fp;
    do {
        if (*n == max) {
            *end = STACK_CUT;
            return false;
        }
        enum cfi_status status = slow_step(&s, end);
        if (status == CFI_UNKNOWN_REGISTER) {
            size_t all = walk_all(first, pcs, max, end);
            *n = all ? all : *n;
            *end = all ? *end : STACK_BROKEN;
        }
        if (status != CFI_OK)
            return false;
        record(&s, pcs, n);
    } while (s.exact);
    w->pc = s.regs.r[CFI_RIP];
    w->sp = s.regs.r[CFI_RSP];
    w->fp_known = s.regs.known >> CFI_RBP & 1;
    w->fp = w->fp_known ? s.regs.r[CFI_RBP] : 0;
    w->bounds = s.bounds;
    return true;
}
