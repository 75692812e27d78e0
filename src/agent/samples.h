/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live sampled blocks, by address. There are few of them, one in so many
 * allocated bytes, but every free asks; so a filter of counters stands in front,
 * small enough for the cache, that says "no" to nearly all.
 *
 * The program orders the events of one address. Any thread, inside malloc,
 * async-signal-safe: no locks.
 */
#ifndef MEMTOP_AGENT_SAMPLES_H
#define MEMTOP_AGENT_SAMPLES_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/segment.h"

void samples_attach(void); /* a new segment */

/* Put a record in under sample->address. False: no memory is left. */
bool samples_put(const struct seg_sample *sample);

/* Take the record of `address` out. False: there is none. */
bool samples_take(uintptr_t address, struct seg_sample *out);

/* ---- the filter -------------------------------------------------------------- */

#define SAMPLES_FILTER_BITS 15u
extern uint8_t samples_filter[1u << SAMPLES_FILTER_BITS]; /* atomic; 255 stays */

static inline uint64_t samples_hash(uintptr_t address)
{
    return (uint64_t)(address >> 4) * UINT64_C(0x9e3779b97f4a7c15);
}

/* May there be a record of `address`? */
static inline bool samples_near(uintptr_t address)
{
    return __atomic_load_n(&samples_filter[samples_hash(address) >> (64 - SAMPLES_FILTER_BITS)],
                           __ATOMIC_RELAXED) != 0;
}

#endif
