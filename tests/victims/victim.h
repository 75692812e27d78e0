/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What victims share. A victim is a tiny program of one behaviour: it prints
 * the same on every run, and exits with 0 if all was as it should be.
 */
#ifndef MEMTOP_TESTS_VICTIM_H
#define MEMTOP_TESTS_VICTIM_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The compiler can neither see where p comes from nor drop its allocation. */
__attribute__((unused)) static inline void *keep(void *p)
{
    __asm__ volatile("" : "+r"(p) : : "memory");
    return p;
}

/* A size that the compiler does not know, so that it warns of nothing. */
__attribute__((unused)) static inline size_t hidden(size_t size)
{
    __asm__ volatile("" : "+r"(size));
    return size;
}

__attribute__((unused)) static int victim_failures;

/* Say what was claimed and whether it holds. */
#define CHECK(claim)                                    \
    do {                                                \
        int holds_ = !!(claim);                         \
        victim_failures += !holds_;                     \
        printf("%s: %s\n", holds_ ? "yes" : "NO", #claim); \
    } while (0)

#endif
