/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One word that the hot path tests in place of many. Its low half counts the
 * reasons why events must take the long way: modules that may be gone, stacks
 * to be verified, records in the overflow table. Its high half changes with
 * stack_generation. A thread compares the word with what it was, without
 * reasons, when it last took the long way.
 *
 * Any thread; atomic.
 */
#ifndef MEMTOP_AGENT_CARE_H
#define MEMTOP_AGENT_CARE_H

#include <stdint.h>

extern uint64_t care_word __attribute__((visibility("hidden")));

#define CARE_GENERATION (UINT64_C(1) << 32)

/* One reason more, or `reasons` fewer. */
static inline void care_begin(void)
{
    __atomic_add_fetch(&care_word, 1, __ATOMIC_RELEASE);
}

static inline void care_end(uint32_t reasons)
{
    __atomic_sub_fetch(&care_word, reasons, __ATOMIC_RELEASE);
}

/* What the word is in a generation, with no reasons. */
static inline uint64_t care_without_reasons(uint64_t generation)
{
    return generation * CARE_GENERATION;
}

#endif
