/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One word that the hot path tests in place of many. Its low half counts the
 * reasons why events must take the long way: modules that may be gone, stacks
 * to be verified, records in the overflow table. Its high half changes when what
 * threads know in advance may not be so any more: code went away, or a part of
 * the shadow heap. A thread compares the word with what it was, without reasons,
 * when it last took the long way.
 *
 * Any thread; atomic.
 */
#ifndef MEMTOP_AGENT_CARE_H
#define MEMTOP_AGENT_CARE_H

#include <stdint.h>

extern uint64_t care_word __attribute__((visibility("hidden")));

#define CARE_GENERATION (UINT64_C(1) << 32)
#define CARE_FIRST CARE_GENERATION /* 0 stands for no care at all */

/* One reason more, or `reasons` fewer. */
static inline void care_begin(void)
{
    __atomic_add_fetch(&care_word, 1, __ATOMIC_RELEASE);
}

static inline void care_end(uint32_t reasons)
{
    __atomic_sub_fetch(&care_word, reasons, __ATOMIC_RELEASE);
}

/* Whatever threads have learned in advance must be learned anew. */
static inline void care_renew(void)
{
    __atomic_fetch_add(&care_word, CARE_GENERATION, __ATOMIC_RELEASE);
}

/* The word as it will be when there are no reasons. To be asked for before what it
 * is to stand for is learned. */
static inline uint64_t care_without_reasons(void)
{
    return __atomic_load_n(&care_word, __ATOMIC_ACQUIRE) & ~(CARE_GENERATION - 1);
}

#endif
