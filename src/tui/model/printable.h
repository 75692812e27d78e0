/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text from files of unknown origin made fit for a terminal and for JSON:
 * control characters and what is not UTF-8 become '?', long text ends in
 * "...". Pure functions, any thread.
 */
#ifndef MEMTOP_TUI_MODEL_PRINTABLE_H
#define MEMTOP_TUI_MODEL_PRINTABLE_H

#include <stddef.h>

/* Copy text[0..n) into to[0..room), terminated, at most room - 1 bytes of it.
 * room is at least 4. */
void printable_copy(char *to, size_t room, const char *text, size_t n);

/* The same, allocated: at most `max` bytes. The caller frees; NULL without
 * memory. */
char *printable_dup(const char *text, size_t n, size_t max);

#endif
