/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two functions by which programs ask for a seccomp filter. Everything else
 * passes through: results and errno are the kernel's.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "agent/hooks.h"
#include "agent/process.h"
#include "agent/sandbox.h"

#ifdef __x86_64__

/* What the C library's syscall() does. */
static inline long system_call(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    if ((unsigned long)result < (unsigned long)-4095L)
        return result;
    errno = (int)-result;
    return -1;
}

/* In the strict mode, and on request, reading the clock's register is a SIGSEGV. */
static bool stops_clock(long number, long a, long b)
{
    return number == SYS_seccomp ? a == SECCOMP_SET_MODE_STRICT
           : (int)a == PR_SET_SECCOMP ? b == SECCOMP_MODE_STRICT
                                      : (int)a == PR_SET_TSC && b == PR_TSC_SIGSEGV;
}

static bool is_request(long number, long a)
{
    return number == SYS_seccomp
               ? a == SECCOMP_SET_MODE_STRICT || a == SECCOMP_SET_MODE_FILTER
               : number == SYS_prctl && (int)a == PR_SET_SECCOMP;
}

/* syscall() goes on here for the two calls that matter, with its own arguments. */
#define FROM_ASSEMBLY __attribute__((visibility("hidden"), used))
FROM_ASSEMBLY long sandbox_request(long number, long a, long b, long c, long d, long e, long f);
long sandbox_request(long number, long a, long b, long c, long d, long e, long f)
{
    if (stops_clock(number, a, b))
        process_end_recording();
    if (!is_request(number, a))
        return system_call(number, a, b, c, d, e, f);
    sandbox_close();
    long result = system_call(number, a, b, c, d, e, f);
    sandbox_closed(result == -1);
    return result;
}

/* And here with the error of any call. */
FROM_ASSEMBLY long sandbox_failed(long result);
long sandbox_failed(long result)
{
    errno = (int)-result;
    return -1;
}

/* All others as in the C library, to the instruction: a clone() may come out of this
 * on another stack. */
_Static_assert(SYS_seccomp == 317 && SYS_prctl == 157, "numbers below");
__asm__("    .text\n"
        "    .globl syscall\n"
        "    .type syscall, @function\n"
        "syscall:\n"
        "    .cfi_startproc\n"
        "    endbr64\n"
        "    cmpl $317, %edi\n"
        "    je sandbox_request\n"
        "    cmpl $157, %edi\n"
        "    je sandbox_request\n"
        "    movq %rdi, %rax\n"
        "    movq %rsi, %rdi\n"
        "    movq %rdx, %rsi\n"
        "    movq %rcx, %rdx\n"
        "    movq %r8, %r10\n"
        "    movq %r9, %r8\n"
        "    movq 8(%rsp), %r9\n"
        "    syscall\n"
        "    cmpq $-4095, %rax\n"
        "    jae 1f\n"
        "    ret\n"
        "1:  movq %rax, %rdi\n"
        "    jmp sandbox_failed\n"
        "    .cfi_endproc\n"
        "    .size syscall, . - syscall\n");

HOOK int prctl(int option, ...)
{
    va_list list;
    long a[4];
    va_start(list, option);
    for (unsigned i = 0; i < 4; i++)
        a[i] = va_arg(list, long);
    va_end(list);
    return (int)sandbox_request(SYS_prctl, option, a[0], a[1], a[2], a[3], 0);
}

#endif
