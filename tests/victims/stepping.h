/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single-stepping oneself on x86-64: with the trap flag set each instruction is
 * followed by a SIGTRAP.
 */
#ifndef MEMTOP_TESTS_STEPPING_H
#define MEMTOP_TESTS_STEPPING_H

#define STEPPING_FLAG 0x100ul

/* The red zone stays as it is. */
__attribute__((unused)) static inline void stepping_set(unsigned long flag)
{
    unsigned long flags;
    __asm__ volatile("sub $128, %%rsp; pushf; pop %0; add $128, %%rsp"
                     : "=r"(flags) : : "memory", "cc");
    flags = (flags & ~STEPPING_FLAG) | flag;
    __asm__ volatile("sub $128, %%rsp; push %0; popf; add $128, %%rsp"
                     : : "r"(flags) : "memory", "cc");
}

#endif
