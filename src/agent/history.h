/* SPDX-License-Identifier: Apache-2.0 */
/*
 * History: allocation density for the last seconds and one record a second
 * for the last half hour, so that a viewer that comes late sees what was.
 *
 * There is no helper thread: whoever allocates or frees moves the rings on,
 * and silence means that nothing happened. Inside malloc.
 */
#ifndef MEMTOP_AGENT_HISTORY_H
#define MEMTOP_AGENT_HISTORY_H

#include <stdint.h>

#include "agent/clock.h"
#include "agent/owned.h"
#include "agent/thread.h"

void history_attach(void); /* a new segment */

/* A density tick has passed for t: the slow half of history_advance. */
void history_tick(struct thread *t, uint64_t ticks);

/* Has a density tick passed? */
static inline bool history_is_due(const struct thread *t, uint64_t ticks)
{
    return __builtin_expect(owned_read(&t->page->density_tick) != ticks >> CLOCK_SHIFT_DENSITY, 0);
}

/* Call on each event with the time of it. */
static inline void history_advance(struct thread *t, uint64_t ticks)
{
    if (history_is_due(t, ticks))
        history_tick(t, ticks);
}

/* The process ends: write how things stand. */
void history_finish(void);

#endif
