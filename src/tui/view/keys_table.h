/* SPDX-License-Identifier: Apache-2.0 */
/* The table of keys as keys_file.c changes it. Private to keys.c and that. */
#ifndef MEMTOP_TUI_VIEW_KEYS_TABLE_H
#define MEMTOP_TUI_VIEW_KEYS_TABLE_H

#include "tui/view/keys.h"

/* An action's keys, 0 behind the last. */
void keys_set(enum action action, const uint32_t keys[3]);

#endif
