/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much was alive before an attach, as the allocator's own statistics have it:
 * an estimate of another kind than all that the agent counts, and never added to it.
 */
#ifndef MEMTOP_AGENT_BEFORE_H
#define MEMTOP_AGENT_BEFORE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/segment.h"

/* Ask it; *bytes is 0 when the result is SEG_BEFORE_UNKNOWN. `glibc` says that the C
 * library serves malloc. Takes the allocator's locks, and walks over glibc's lists of
 * free blocks: not in a hook. */
enum seg_before before_ask(bool glibc, uint64_t *bytes);

#endif
