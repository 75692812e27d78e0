/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters that one thread at a time writes, without atomic operations, while others
 * read them: they do so by relaxed atomic loads.
 *
 * What the writer does is a relaxed load, an addition and a relaxed store, and that is
 * what ThreadSanitizer gets to see. But GCC makes three instructions of these, where
 * one addition to memory stores the aligned word as a whole as well.
 */
#ifndef MEMTOP_AGENT_OWNED_H
#define MEMTOP_AGENT_OWNED_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __SANITIZE_THREAD__
#define OWNED_ADD(counter, n)                                                    \
    __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + (n), \
                     __ATOMIC_RELAXED)
#else
#define OWNED_ADD(counter, n) (*(counter) += (n))
#endif

/* A word that the calling thread mostly writes itself, for a test in one instruction. */
#ifdef __SANITIZE_THREAD__
#define OWNED_TEST(word) __atomic_load_n(&(word), __ATOMIC_RELAXED)
#else
#define OWNED_TEST(word) (word)
#endif

/* Add to a counter of the calling thread's own, or of the row that all share. */
static inline __attribute__((always_inline)) void owned_add(bool shared, uint64_t *counter,
                                                            uint64_t n)
{
    if (shared)
        __atomic_add_fetch(counter, n, __ATOMIC_RELAXED);
    else
        OWNED_ADD(counter, n);
}

/* In any thread. */
static inline uint64_t owned_read(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

#endif
