/* SPDX-License-Identifier: Apache-2.0 */
/* Names of tiers; see tier.h. */
#include "tui/model/tier.h"

#include <string.h>

static const char *const names[SEG_TIER_COUNT] = {
    [SEG_TIER_EXACT] = "exact",
    [SEG_TIER_COUNTERS] = "counters",
    [SEG_TIER_SAMPLED] = "sampled",
};

const char *tier_name(enum seg_tier tier)
{
    return (unsigned)tier < SEG_TIER_COUNT ? names[tier] : "unknown";
}

bool tier_parse(const char *name, enum seg_tier *tier)
{
    for (unsigned i = 0; i < SEG_TIER_COUNT; i++)
        if (strcmp(name, names[i]) == 0) {
            *tier = (enum seg_tier)i;
            return true;
        }
    return false;
}
