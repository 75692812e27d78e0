/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify_walk [SEED [ROUNDS [known|framed]]]: allocates on stacks that are hard
 * to tell apart. A random walk calls itself through frames of many kinds, so that
 * each kind follows, replaces and covers each other one at the same places:
 * alloca, realigned frames, tail calls, callbacks of the C library, longjmp,
 * signals on the normal and on an alternative stack, contexts whose stacks are
 * unmapped afterwards, assembly with and without unwind information, generated
 * code that is replaced by other code, and threads. What it prints depends on
 * the arguments alone. With "known" each frame has unwind information, with
 * "framed" those without have a frame pointer. Build: -lpthread; with -DWALK_O0
 * it optimises nothing.
 */
#ifdef WALK_O0
#ifdef __clang__
#pragma clang optimize off
#else
#pragma GCC optimize("O0")
#endif
#endif

#include <alloca.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "victim.h"

#define NOINLINE __attribute__((noinline))
#define KEEP()   __asm__ volatile("" ::: "memory") /* no call before this jumps */
#define THREADS  8
#define CONTEXT_BYTES 131072

struct walker {
    uint32_t random;
    uint64_t allocations;
    sigjmp_buf *target; /* where longjmp may go to; NULL: nowhere */
    unsigned budget;    /* steps that are left in this round */
    unsigned depth;     /* for those who cannot be given an argument */
    int on_alternative;
    ucontext_t outside, inside;
    void *left;         /* a block that is freed at the next event */
};

static __thread struct walker *self;
static void step(unsigned depth);

static uint32_t draw(uint32_t below)
{
    self->random = self->random * 1664525u + 1013904223u;
    return (self->random >> 10) % below;
}

/* ---- events ---------------------------------------------------------------- */
static NOINLINE void *hand_out(void)
{
    void *p = NULL;
    size_t size = hidden(1 + draw(300));
    switch (draw(6)) {
    case 0: return keep(calloc(1, size));
    case 1: return keep(realloc(keep(malloc(8)), size));
    case 2: return keep(strdup("a copy, made by the C library"));
    case 3: return posix_memalign(&p, 64, size) == 0 ? keep(p) : NULL;
    }
    return keep(malloc(size));
}

static NOINLINE void event(void)
{
    free(self->left);
    self->left = hand_out();
    self->allocations++;
    if (self->target && draw(40) == 0)
        siglongjmp(*self->target, 1);
    KEEP();
}

/* ---- frames of compilers --------------------------------------------------- */
static NOINLINE void by_plain(unsigned depth)
{
    event();
    step(depth);
    KEEP();
}

static NOINLINE uint64_t by_many_registers(unsigned depth, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t d = a * b, e = b + c, f = c ^ a;
    step(depth);
    event();
    KEEP();
    return a + b + c + d + e + f;
}

static NOINLINE void by_alloca(unsigned depth)
{
    size_t bytes = 8 + draw(64) * 8;
    volatile char *p = alloca(bytes);
    p[0] = 1;
    step(depth);
    p[bytes - 1] = 2;
    event();
    KEEP();
}

static NOINLINE void by_realigned(unsigned depth)
{
    volatile char local[96] __attribute__((aligned(64)));
    local[0] = 1;
    step(depth);
    local[95] = local[0];
}

static NOINLINE void by_realigned_variadic(int depth, ...)
{
    volatile char local[64] __attribute__((aligned(32)));
    va_list list;
    va_start(list, depth);
    volatile char *p = alloca((size_t)va_arg(list, int));
    va_end(list);
    p[0] = local[0] = 1;
    step((unsigned)depth);
    local[63] = p[0];
    event();
    KEEP();
}

static NOINLINE void by_large_frame(unsigned depth)
{
    volatile char local[9000];
    local[0] = 1;
    step(depth);
    local[8999] = local[0];
}

static NOINLINE void by_tail_call(unsigned depth)
{
    if (depth % 2)
        return step(depth);
    return by_plain(depth);
}

static int compare(const void *a, const void *b)
{
    if (self->depth) {
        unsigned depth = self->depth;
        self->depth = 0;
        step(depth);
    }
    return *(const char *)a - *(const char *)b;
}

static NOINLINE void by_callback(unsigned depth)
{
    char letters[4] = "dbca";
    self->depth = depth;
    qsort(letters, 4, 1, compare);
    KEEP();
}

/* ---- jumps ------------------------------------------------------------------- */
static NOINLINE void by_jump(unsigned depth)
{
    sigjmp_buf here, *volatile before = self->target;
    if (sigsetjmp(here, draw(2)) == 0) {
        self->target = &here;
        step(depth);
    }
    self->target = before;
    event();
    KEEP();
}

/* ---- signals ------------------------------------------------------------------ */
static void on_signal(int number)
{
    unsigned depth = self->depth;
    (void)number;
    event();
    step(depth);
    KEEP();
}

/* On the alternative stack only one at a time: nothing may jump out of it that
 * does not end it. */
static NOINLINE void by_signal(unsigned depth)
{
    sigjmp_buf *before = self->target;
    int alternative = !self->on_alternative && draw(2);
    if (draw(2))
        self->target = NULL;
    if (alternative) {
        self->target = NULL;
        self->on_alternative = 1;
    }
    self->depth = depth;
    raise(alternative ? SIGUSR2 : SIGUSR1);
    if (alternative)
        self->on_alternative = 0;
    self->target = before;
    KEEP();
}

/* ---- contexts -------------------------------------------------------------------- */
static void context_entry(void)
{
    unsigned depth = self->depth;
    step(depth);
    swapcontext(&self->inside, &self->outside);
    step(depth);
    event();
}

static NOINLINE void by_context(unsigned depth)
{
    ucontext_t outside = self->outside, inside = self->inside;
    sigjmp_buf *before = self->target;
    char *stack = mmap(NULL, CONTEXT_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED)
        return;
    self->target = NULL;
    self->depth = depth;
    getcontext(&self->inside);
    self->inside.uc_stack.ss_sp = stack;
    self->inside.uc_stack.ss_size = CONTEXT_BYTES;
    self->inside.uc_link = &self->outside;
    makecontext(&self->inside, context_entry, 0);
    ucontext_t mine = self->inside;
    swapcontext(&self->outside, &mine);
    event();
    step(depth);
    swapcontext(&self->outside, &self->inside);
    munmap(stack, CONTEXT_BYTES);
    self->outside = outside;
    self->inside = inside;
    self->target = before;
    event();
    KEEP();
}

/* ---- assembly ------------------------------------------------------------------------ */
#ifdef __x86_64__
__asm__(".text\n"
        /* CFA by rbx. */
        "by_rbx:\n.cfi_startproc\n"
        "push %rbx\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbx, 0\n"
        "mov %rsp, %rbx\n.cfi_def_cfa_register %rbx\n"
        "sub $72, %rsp\nand $-64, %rsp\n"
        "call step_back\n"
        "mov %rbx, %rsp\n.cfi_def_cfa_register %rsp\n"
        "pop %rbx\n.cfi_adjust_cfa_offset -8\n.cfi_restore %rbx\n"
        "ret\n.cfi_endproc\n"
        /* rbp is a number, but saved as the unwind information says. */
        "by_saved_rbp:\n.cfi_startproc\n"
        "push %rbp\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbp, 0\n"
        "mov $0x1234567, %ebp\n"
        "call step_back\n"
        "pop %rbp\n.cfi_adjust_cfa_offset -8\n.cfi_restore %rbp\n"
        "ret\n.cfi_endproc\n"
        /* Arguments are pushed around a call. */
        "by_pushes:\n.cfi_startproc\n"
        "push %rdi\n.cfi_adjust_cfa_offset 8\n"
        "call step_back\n"
        "push $1\n.cfi_adjust_cfa_offset 8\n"
        "push $2\n.cfi_adjust_cfa_offset 8\n"
        "mov 16(%rsp), %rdi\n"
        "call step_back\n"
        "add $24, %rsp\n.cfi_adjust_cfa_offset -24\n"
        "ret\n.cfi_endproc\n"
        /* No unwind information, but a frame pointer. */
        "by_framed:\n"
        "push %rbp\nmov %rsp, %rbp\n"
        "call step_back\n"
        "pop %rbp\nret\n"
        /* No unwind information, and rbp is somebody else's. */
        "by_frameless:\n"
        "sub $24, %rsp\n"
        "call step_back\n"
        "add $24, %rsp\nret\n"
        /* No unwind information, and rbp is a number. */
        "by_senseless:\n"
        "push %rbp\nmov $0x1234567, %ebp\n"
        "call step_back\n"
        "pop %rbp\nret\n");
void by_rbx(unsigned depth);
void by_saved_rbp(unsigned depth);
void by_pushes(unsigned depth);
void by_framed(unsigned depth);
void by_frameless(unsigned depth);
void by_senseless(unsigned depth);
void step_back(unsigned depth);

__attribute__((used, noinline)) void step_back(unsigned depth)
{
    step(depth);
    event();
    KEEP();
}

/* Code with a frame of 8, 24, .. bytes; at the address of other code. */
static NOINLINE void by_generated(unsigned depth)
{
    static const unsigned char code[] = {
        0x55,                   /* push %rbp */
        0x48, 0x89, 0xe5,       /* mov %rsp, %rbp */
        0x48, 0x83, 0xec, 0x10, /* sub $16, %rsp */
        0xff, 0xd6,             /* call *%rsi */
        0xc9, 0xc3,             /* leave; ret */
    };
    unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return;
    sigjmp_buf *before = self->target;
    self->target = NULL;
    for (unsigned char room = 16; room <= 48; room = (unsigned char)(room + 32)) {
        memcpy(page, code, sizeof code);
        page[7] = room;
        void (*function)(unsigned, void (*)(unsigned));
        memcpy(&function, &page, sizeof function);
        function(depth, step_back);
    }
    munmap(page, 4096);
    self->target = before;
}
#else
#define by_rbx       by_plain
#define by_saved_rbp by_plain
#define by_pushes    by_plain
#define by_framed    by_plain
#define by_frameless by_plain
#define by_senseless by_plain
#define by_generated by_plain
#endif

/* ---- the same places, other frames ------------------------------------------------------ */
/* The inner frame begins elsewhere each time and ends at the same place; what
 * the outer one does not write to is as it was before, so that the former
 * return address, of another call, is still in its former place. */
#define CALL_FROM_HERE_OR_THERE(call)      \
    do {                                   \
        switch (draw(3)) {                 \
        case 0:                            \
            call;                          \
            __asm__ volatile("nop");       \
            break;                         \
        case 1:                            \
            call;                          \
            __asm__ volatile("nop; nop");  \
            break;                         \
        default:                           \
            call;                          \
        }                                  \
        KEEP();                            \
    } while (0)

static NOINLINE void inner(unsigned units)
{
    volatile char *p = alloca(units * 16 + 16);
    p[0] = 1;
    if (draw(2))
        by_saved_rbp(0);
    else
        event();
    p[1] = p[0];
}

static NOINLINE void outer(unsigned units, unsigned all)
{
    volatile char *p = alloca(units * 16 + 16);
    p[0] = 1;
    CALL_FROM_HERE_OR_THERE(inner(all - units));
    p[1] = p[0];
}

/* A realigned frame hides how far its caller's has come. */
static NOINLINE void around_realigned(unsigned units)
{
    volatile char *p = alloca(units * 16 + 16);
    p[0] = 1;
    CALL_FROM_HERE_OR_THERE(by_realigned(0));
    p[1] = p[0];
}

static NOINLINE void by_compensated(unsigned depth)
{
    for (int i = 0; i < 8; i++)
        outer(draw(9), 8);
    for (int i = 0; i < 4; i++)
        around_realigned(draw(4));
    step(depth);
    KEEP();
}

/* ---- the walk --------------------------------------------------------------------------- */
static int known_only, framed_only;

static NOINLINE void go(unsigned depth)
{
    uint32_t kind = draw(25);
    if ((known_only && kind >= 17 && kind <= 20) ||
        (framed_only && (kind == 18 || kind == 19)))
        kind = 0;
    switch (kind) {
    case 0:
    case 1: by_alloca(depth); break;
    case 2:
    case 3: by_realigned(depth); break;
    case 4: by_realigned_variadic((int)depth, 16 + (int)draw(200)); break;
    case 5: by_large_frame(depth); break;
    case 6:
    case 7: by_tail_call(depth); break;
    case 8: by_callback(depth); break;
    case 9:
    case 10: by_jump(depth); break;
    case 11: by_signal(depth); break;
    case 12: by_context(depth); break;
    case 13:
    case 14: by_rbx(depth); break;
    case 15: by_saved_rbp(depth); break;
    case 16: by_pushes(depth); break;
    case 17: by_framed(depth); break;
    case 18: draw(4) ? by_plain(depth) : by_frameless(depth); break;
    case 19: draw(4) ? by_plain(depth) : by_senseless(depth); break;
    case 20: by_generated(depth); break;
    case 21: by_compensated(depth); break;
    case 22: by_many_registers(depth, depth, 2, 3); break;
    default: by_plain(depth);
    }
    KEEP();
}

static NOINLINE void step(unsigned depth)
{
    event();
    for (unsigned n = 1 + draw(3); depth && n-- && self->budget;) {
        self->budget--;
        go(depth - 1);
        event();
    }
    KEEP();
}

static NOINLINE uint64_t walk(uint32_t seed, unsigned rounds)
{
    struct walker walker = { .random = seed };
    char *alternative = mmap(NULL, 262144, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t stack = { .ss_sp = alternative, .ss_size = 262144 };
    self = &walker;
    sigaltstack(&stack, NULL);
    while (rounds--) {
        walker.budget = 200;
        step(3 + draw(9));
    }
    free(walker.left);
    stack.ss_flags = SS_DISABLE;
    sigaltstack(&stack, NULL);
    munmap(alternative, 262144);
    return walker.allocations;
}

static uint32_t first_seed;
static unsigned rounds_wanted;

static void *thread_main(void *number)
{
    return (void *)(uintptr_t)walk(first_seed + (uint32_t)(uintptr_t)number, rounds_wanted);
}

int main(int argc, char **argv)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_NODEFER };
    sigaction(SIGUSR1, &action, NULL);
    action.sa_flags |= SA_ONSTACK;
    sigaction(SIGUSR2, &action, NULL);
    first_seed = argc > 1 ? (uint32_t)atoi(argv[1]) : 1;
    rounds_wanted = argc > 2 ? (unsigned)atoi(argv[2]) : 60;
    known_only = argc > 3 && strcmp(argv[3], "known") == 0;
    framed_only = argc > 3 && strcmp(argv[3], "framed") == 0;
    uint64_t sum = walk(first_seed, rounds_wanted);
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, thread_main, (void *)(i + 1));
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        sum += (uintptr_t)result;
    }
    printf("%llu events\n", (unsigned long long)sum);
    return 0;
}
