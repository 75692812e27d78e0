/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of JSON, for the formats that are made of it.
 */
#ifndef MEMTOP_TUI_EXPORT_JSON_TEXT_H
#define MEMTOP_TUI_EXPORT_JSON_TEXT_H

#include <stdio.h>

/* A string of any origin as a JSON string. What is no UTF-8 is replaced, and
 * '<' is escaped, so that it is safe within HTML too. 0, or -1 without memory. */
int json_text(FILE *out, const char *text);

#endif
