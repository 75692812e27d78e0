/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the C library's syscall() does, past the hook of that name: for calls that the
 * hook itself gives to other parts of the agent. Any thread; sets errno.
 */
#ifndef MEMTOP_AGENT_RAWCALL_H
#define MEMTOP_AGENT_RAWCALL_H

#ifdef __x86_64__
#include <errno.h>

static inline long raw_call(long number, long a, long b, long c, long d, long e, long f)
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
#else
#include <unistd.h>

static inline long raw_call(long number, long a, long b, long c, long d, long e, long f)
{
    return syscall(number, a, b, c, d, e, f);
}
#endif

#endif
