/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two functions by which programs ask for a seccomp filter; by syscall() they may
 * also lock their memory and fork. Everything else passes through: results and errno
 * are the kernel's.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "agent/forks.h"
#include "agent/hooks.h"
#include "agent/memlock.h"
#include "agent/process.h"
#include "agent/rawcall.h"
#include "agent/sandbox.h"

#ifdef __x86_64__

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

/* A fork by a signal handler that interrupted a hook is a matter of its own. */
static __attribute__((noinline)) long guarded_fork(long number, long a, long b, long c, long d,
                                                   long e)
{
    struct forks_guard guard;
    if (!forks_prepare(&guard, (uintptr_t)__builtin_frame_address(0))) {
        errno = ENOMEM;
        return -1;
    }
    long pid = raw_call(number, a, b, c, d, e, 0);
    forks_done(&guard, (int)pid);
    return pid;
}

/* syscall() goes on here for the calls that matter, with its own arguments. */
#define FROM_ASSEMBLY __attribute__((visibility("hidden"), used))
FROM_ASSEMBLY long sandbox_request(long number, long a, long b, long c, long d, long e, long f);
long sandbox_request(long number, long a, long b, long c, long d, long e, long f)
{
    if (number == SYS_mlockall)
        return memlock_all((int)a);
    if (number == SYS_fork || number == SYS_clone)
        return guarded_fork(number, a, b, c, d, e);
    if (stops_clock(number, a, b))
        process_end_recording();
    if (!is_request(number, a))
        return raw_call(number, a, b, c, d, e, f);
    sandbox_close();
    long result = raw_call(number, a, b, c, d, e, f);
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
 * on another stack, or in the same memory. */
_Static_assert(SYS_seccomp == 317 && SYS_prctl == 157 && SYS_mlockall == 151 && SYS_fork == 57 &&
                   SYS_clone == 56 && CLONE_VM == 256,
               "numbers below");
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
        "    cmpl $151, %edi\n"
        "    je sandbox_request\n"
        "    cmpl $57, %edi\n"
        "    je sandbox_request\n"
        "    cmpl $56, %edi\n"
        "    jne 2f\n"
        "    testl $256, %esi\n"
        "    jnz 2f\n"
        "    testq %rdx, %rdx\n"
        "    jz sandbox_request\n"
        "2:\n"
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
