/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stacks of stack_cases.h. Plain C where a compiler can be made to produce
 * the frame, assembly where not. x86-64 and glibc.
 */
#include "stack_cases.h"

#include <alloca.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static const char *case_name;
static enum stack_want case_want;

static NOINLINE void probe(void)
{
    stack_probe(case_name, case_want);
    KEEP();
}

static void begin(const char *what, enum stack_want want)
{
    case_name = what;
    case_want = want;
}

/* ---- plain recursion -------------------------------------------------------- */
static FRAMED void recurse_framed(unsigned depth)
{
    if (depth)
        recurse_framed(depth - 1);
    else
        probe();
    KEEP();
}

static LEAN int recurse_lean(unsigned depth, int a, int b)
{
    if (!depth) {
        probe();
        return a;
    }
    int c = recurse_lean(depth - 1, b, a + 1);
    KEEP();
    return c + recurse_lean(0, c, 2) * b;
}

static void case_recursion(void)
{
    begin("recursion with frame pointers", STACK_WANT_ALL);
    for (unsigned depth = 0; depth < 60; depth += 7)
        recurse_framed(depth);
    begin("recursion without frame pointers", STACK_WANT_ALL);
    recurse_lean(1, 2, 3);
    recurse_lean(20, 2, 3);
    begin("recursion deeper than what is kept", STACK_WANT_CUT);
    recurse_framed(300);
}

/* ---- odd frames ---------------------------------------------------------------- */
static NOINLINE void with_alloca(size_t bytes, unsigned depth)
{
    volatile char *p = alloca(bytes);
    p[0] = 1;
    if (depth)
        with_alloca(bytes * 2 + 8, depth - 1);
    else
        probe();
    p[bytes - 1] = 2;
}

static NOINLINE void with_realigned(int count, ...)
{
    volatile char local[96] __attribute__((aligned(64)));
    va_list list;
    va_start(list, count);
    volatile char *p = alloca((size_t)va_arg(list, int));
    va_end(list);
    p[0] = local[0] = 1;
    if (count)
        with_realigned(count - 1, 40 * count);
    else
        probe();
    local[95] = p[0];
}

static NOINLINE __attribute__((force_align_arg_pointer)) void
with_realigned_entry(unsigned depth)
{
    volatile char local[64] __attribute__((aligned(32)));
    local[0] = 1;
    if (depth)
        with_realigned_entry(depth - 1);
    else
        with_realigned(2, 100);
    local[1] = local[0];
}

static NOINLINE void with_large_frame(void)
{
    volatile char local[200000];
    local[0] = 1;
    probe();
    local[199999] = local[0];
}

static NOINLINE int tail_target(int a)
{
    probe();
    return a + 1;
}

static LEAN int tail_caller(int a)
{
    return tail_target(a * 3);
}

static int compare_probe(const void *a, const void *b)
{
    probe();
    return *(const int *)a - *(const int *)b;
}

static void case_frames(void)
{
    int numbers[3] = { 3, 1, 2 };
    begin("alloca", STACK_WANT_ALL);
    with_alloca(24, 5);
    begin("realigned frames", STACK_WANT_ALL);
    with_realigned(3, 64);
    with_realigned_entry(3);
    begin("a frame of 200 kB", STACK_WANT_ALL);
    with_large_frame();
    begin("tail call", STACK_WANT_ALL);
    tail_caller(1);
    begin("called from the C library", STACK_WANT_ALL);
    qsort(numbers, 3, sizeof(int), compare_probe);
}

/* ---- jumps ---------------------------------------------------------------------- */
static jmp_buf jump_target;

static NOINLINE void jump_back(unsigned depth)
{
    volatile char local[64];
    local[0] = (char)depth;
    if (depth)
        jump_back(depth - 1);
    else
        probe();
    if (depth == 0)
        longjmp(jump_target, 1);
    local[1] = local[0];
}

static void case_jump(void)
{
    begin("before and after longjmp", STACK_WANT_ALL);
    if (setjmp(jump_target) == 0)
        jump_back(10);
    probe();
    recurse_framed(8);
}

/* ---- signals --------------------------------------------------------------------- */
/* Code that is interrupted where its frame is anything but ordinary, and calls
 * from frames that only the unwind information explains. */
__asm__(
    ".text\n"
    /* CFA by rbx, which the caller's frame must be known for. */
    ".type asm_by_rbx, @function\n"
    "asm_by_rbx:\n"
    ".cfi_startproc\n"
    "push %rbx\n"
    ".cfi_adjust_cfa_offset 8\n"
    ".cfi_rel_offset %rbx, 0\n"
    "mov %rsp, %rbx\n"
    ".cfi_def_cfa_register %rbx\n"
    "sub $40, %rsp\n"
    "and $-64, %rsp\n"
    "call *%rdi\n"
    "mov %rbx, %rsp\n"
    ".cfi_def_cfa_register %rsp\n"
    "pop %rbx\n"
    ".cfi_adjust_cfa_offset -8\n"
    ".cfi_restore %rbx\n"
    "ret\n"
    ".cfi_endproc\n"
    ".size asm_by_rbx, . - asm_by_rbx\n"
    /* Interrupted with the CFA in r10, by its very first instruction. */
    ".type asm_by_r10, @function\n"
    "asm_by_r10:\n"
    ".cfi_startproc\n"
    "ud2\n"
    "lea 8(%rsp), %r10\n"
    ".cfi_def_cfa %r10, 0\n"
    "sub $24, %rsp\n"
    "ud2\n"
    "lea -8(%r10), %rsp\n"
    ".cfi_def_cfa %rsp, 8\n"
    "ret\n"
    ".cfi_endproc\n"
    ".size asm_by_r10, . - asm_by_r10\n"
    /* No unwind information, but a frame pointer. */
    ".type asm_framed, @function\n"
    "asm_framed:\n"
    "push %rbp\n"
    "mov %rsp, %rbp\n"
    "sub $32, %rsp\n"
    "movq $0, (%rsp)\n"
    "movq $0, 8(%rsp)\n"
    "movq $0, 16(%rsp)\n"
    "movq $0, 24(%rsp)\n"
    "call *%rdi\n"
    "leave\n"
    "ret\n"
    ".size asm_framed, . - asm_framed\n"
    /* No unwind information, and rbp is somebody else's. */
    ".type asm_frameless, @function\n"
    "asm_frameless:\n"
    "sub $24, %rsp\n"
    "call *%rdi\n"
    "add $24, %rsp\n"
    "ret\n"
    ".size asm_frameless, . - asm_frameless\n"
    /* The same, and rbp is no pointer at all. */
    ".type asm_senseless, @function\n"
    "asm_senseless:\n"
    "push %rbp\n"
    "mov $0x1234567, %ebp\n"
    "call *%rdi\n"
    "pop %rbp\n"
    "ret\n"
    ".size asm_senseless, . - asm_senseless\n");
void asm_by_rbx(void (*function)(void));
void asm_by_r10(void);
void asm_framed(void (*function)(void));
void asm_frameless(void (*function)(void));
void asm_senseless(void (*function)(void));

static void on_signal(int number, siginfo_t *info, void *context)
{
    ucontext_t *at = context;
    (void)info;
    probe();
    recurse_framed(3);
    if (number == SIGILL)
        at->uc_mcontext.gregs[REG_RIP] += 2; /* ud2 */
}

static void handle(int number, int flags)
{
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | flags };
    sigaction(number, &action, NULL);
}

static NOINLINE void interrupted(unsigned depth)
{
    volatile char local[32];
    local[0] = 1;
    if (depth) {
        interrupted(depth - 1);
    } else {
        raise(SIGUSR1);
        asm_by_r10();
    }
    local[1] = local[0];
}

static void case_signals(void)
{
    static char alternative[65536];
    stack_t stack = { .ss_sp = alternative, .ss_size = sizeof(alternative) };
    handle(SIGUSR1, 0);
    handle(SIGILL, 0);
    begin("signal", STACK_WANT_ALL);
    interrupted(4);
    sigaltstack(&stack, NULL);
    handle(SIGUSR1, SA_ONSTACK);
    handle(SIGILL, SA_ONSTACK);
    begin("signal on its own stack", STACK_WANT_ALL);
    interrupted(4);
    stack.ss_flags = SS_DISABLE;
    sigaltstack(&stack, NULL);
}

/* ---- assembly ---------------------------------------------------------------------- */
static NOINLINE void from_rbx(void)
{
    asm_by_rbx(probe);
    KEEP();
}

static NOINLINE void from_rbx_twice(void)
{
    asm_by_rbx(from_rbx);
    KEEP();
}

static FRAMED void from_asm(void (*function)(void (*)(void)))
{
    function(probe);
    KEEP();
}

/* push %rbp; mov %rsp, %rbp; call *%rdi; pop %rbp; ret */
static void case_jit(void)
{
    static const uint8_t code[] = {
        0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3,
    };
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return;
    memcpy((char *)page + 64, code, sizeof(code));
    void (*function)(void (*)(void));
    void *entry = (char *)page + 64;
    memcpy(&function, &entry, sizeof(function));
    begin("generated code with frame pointers", STACK_WANT_GUESS);
    from_asm(function);
    munmap(page, 4096);
}

static void case_assembly(void)
{
    begin("frames by rbx", STACK_WANT_ALL);
    from_rbx();
    from_rbx_twice();
    begin("no unwind information, frame pointer", STACK_WANT_GUESS);
    from_asm(asm_framed);
    begin("no unwind information, no frame pointer", STACK_WANT_BROKEN);
    from_asm(asm_frameless);
    begin("no unwind information, rbp is a number", STACK_WANT_BROKEN);
    from_asm(asm_senseless);
    case_jit();
}

/* ---- other stacks -------------------------------------------------------------------- */
#define STACK_BYTES 262144

static ucontext_t context_main, context_other;

static void context_entry(int depth)
{
    recurse_framed((unsigned)depth);
    swapcontext(&context_other, &context_main);
    with_realigned(3, 64);
    recurse_lean(5, 1, 2);
}

static void on_other_stack(char *stack, int depth)
{
    getcontext(&context_other);
    context_other.uc_stack.ss_sp = stack;
    context_other.uc_stack.ss_size = STACK_BYTES;
    context_other.uc_link = &context_main;
    void (*entry)(void) = (void (*)(void))context_entry;
    makecontext(&context_other, entry, 1, depth);
    swapcontext(&context_main, &context_other);
    recurse_framed(4);
    swapcontext(&context_main, &context_other);
    recurse_framed(2);
}

static void *map_stack(void)
{
    char *p = mmap(NULL, STACK_BYTES + 8192, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(p, 4096, PROT_NONE);
    mprotect(p + 4096 + STACK_BYTES, 4096, PROT_NONE);
    return p + 4096;
}

static void case_contexts(void)
{
    for (int round = 0; round < 3; round++) {
        char *stack = map_stack();
        begin("makecontext", STACK_WANT_ALL);
        on_other_stack(stack, 3 * round);
        munmap(stack - 4096, STACK_BYTES + 8192);
    }
}

static void *thread_main(void *argument)
{
    (void)argument;
    begin("thread", STACK_WANT_ALL);
    recurse_framed(10);
    recurse_framed(200);
    case_contexts();
    begin("thread", STACK_WANT_ALL);
    recurse_lean(10, 1, 2);
    return NULL;
}

static void case_threads(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_create(&thread, NULL, thread_main, NULL);
    pthread_join(thread, NULL);
    char *stack = map_stack();
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack, STACK_BYTES);
    pthread_create(&thread, &attributes, thread_main, NULL);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    munmap(stack - 4096, STACK_BYTES + 8192);
}

void stack_cases_run(void)
{
    case_recursion();
    case_frames();
    case_jump();
    case_signals();
    case_assembly();
    case_contexts();
    case_threads();
}
