/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks: moments with names, set by the program through memtop_mark or asked
 * for by a viewer. Kept in a ring of the segment, where viewers find them. Any
 * thread, async-signal-safe: no locks, no allocation.
 */
#ifndef MEMTOP_AGENT_MARKS_H
#define MEMTOP_AGENT_MARKS_H

#include <stdint.h>

/* See whether a viewer asks for a mark. One thread at a time; inside malloc. */
void marks_look(uint64_t ticks);

#endif
