/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thinning: which of many moments to keep so that the recent past is known
 * closely and the distant one roughly: the spacing grows with the age, and the
 * number only with its logarithm. Pure.
 */
#ifndef MEMTOP_TUI_FILE_THIN_H
#define MEMTOP_TUI_FILE_THIN_H

#include <stdbool.h>
#include <stdint.h>

/* Times in steps: the length of the shortest spacing. Keep what happened at `at`,
 * now being `end`, when what was kept before it is `before` (UINT64_MAX: nothing)?
 * The last `near` steps are kept all. */
bool thin_keeps(uint64_t at, uint64_t before, uint64_t end, uint64_t near);

#endif
