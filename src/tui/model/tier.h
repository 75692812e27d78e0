/* SPDX-License-Identifier: Apache-2.0 */
/* Names of tiers. Pure; any thread. */
#ifndef MEMTOP_TUI_MODEL_TIER_H
#define MEMTOP_TUI_MODEL_TIER_H

#include <stdbool.h>

#include "shared/segment.h"

/* "exact", "counters", "sampled": as options and JSON have them. */
const char *tier_name(enum seg_tier tier);

/* The other way round. False: there is no such tier. */
bool tier_parse(const char *name, enum seg_tier *tier);

#endif
