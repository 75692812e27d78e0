/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings that came out of another process, made fit for a terminal or for
 * JSON: names of functions, threads and files are whatever their author, or an
 * attacker, put there.
 */
#ifndef MEMTOP_TUI_REPORT_SAFE_TEXT_H
#define MEMTOP_TUI_REPORT_SAFE_TEXT_H

#include <stddef.h>

/* Copy `text` with each byte that is no valid UTF-8 replaced by U+FFFD. The
 * caller frees; NULL without memory. For JSON, which escapes control
 * characters itself. */
char *safe_text_utf8(const char *text);

/* As much of `text` as fits into `out` (n > 0 bytes, always terminated), with
 * control characters and invalid UTF-8 replaced by '?'. Never cuts a character
 * in two. Returns out. For a terminal. */
char *safe_text_line(char *out, size_t n, const char *text);

#endif
