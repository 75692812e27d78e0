/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tier in force: how much is recorded of each event. Viewers may ask for
 * another one in the segment's control block; whoever moves the history on
 * looks there, and each thread follows when it next meets a density tick. So
 * the hot path pays nothing but the one test of struct thread's `path`.
 */
#ifndef MEMTOP_AGENT_TIER_H
#define MEMTOP_AGENT_TIER_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/segment.h"

struct thread;

struct tier {
    uint32_t version;  /* atomic; changes with all that follows */
    uint32_t kind;     /* enum seg_tier, atomic */
    uint64_t sample;   /* atomic */
    bool recorded;     /* atomic; blocks may be in the live table: the tier was, or is,
                          another than sampled */
    bool sampled;      /* atomic; the tier is, or was, sampled */
};
extern struct tier tier __attribute__((visibility("hidden")));

static inline bool tier_was_sampled(void)
{
    return __atomic_load_n(&tier.sampled, __ATOMIC_RELAXED);
}

/* What the environment asks for. Once per program image. */
void tier_configure(enum seg_tier kind, uint64_t sample);

/* A new segment: a forked child goes on with its parent's tier. */
void tier_attach(void);

/* See whether a viewer asks for something. One thread at a time; inside malloc. */
void tier_look(uint64_t ticks);

/* Take the tier over into t, the calling thread's, unless that is turned off. */
void tier_adopt(struct thread *t);

#endif
