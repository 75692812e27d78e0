/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the oracle counts, and the file in which it does. The definitions are
 * the project's, the code shares nothing with the agent's.
 */
#ifndef MEMTOP_TESTS_ORACLE_H
#define MEMTOP_TESTS_ORACLE_H

#include <stdint.h>

#define ORACLE_TOTALS(X)                                                       \
    X(allocations) X(frees) X(reallocations) X(bytes_allocated) X(bytes_freed) \
    X(live_blocks) X(live_bytes) X(peak_bytes) X(peak_blocks) X(temporary)     \
    X(foreign_frees) X(lost)

#define ORACLE_FUNCTIONS(X)                                                    \
    X(malloc) X(calloc) X(realloc) X(reallocarray) X(free) X(cfree)            \
    X(memalign) X(aligned_alloc) X(posix_memalign) X(valloc) X(pvalloc)        \
    X(free_sized) X(free_aligned_sized)

#define ORACLE_FIELD(name) uint64_t name;

struct oracle_counts {
    uint64_t pid;
    struct {
        ORACLE_TOTALS(ORACLE_FIELD)
    } totals;
    struct {
        ORACLE_FUNCTIONS(ORACLE_FIELD)
    } functions;
};

#endif
