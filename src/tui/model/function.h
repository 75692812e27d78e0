/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the name of a function says: its short form, and whether it only passes
 * on what others asked for. Pure; any thread.
 */
#ifndef MEMTOP_TUI_MODEL_FUNCTION_H
#define MEMTOP_TUI_MODEL_FUNCTION_H

#include <stdbool.h>
#include <stddef.h>

/* "void ns::f<int>(char) const" -> "ns::f<int>". */
void function_short_name(char *out, size_t n, const char *function);

/* Whether a function of this short name, in this file (NULL unknown), only
 * passes on what others asked for: allocators and what wraps them. */
bool function_is_wrapper(const char *short_name, const char *file);

/* Whether a file name is that of a library that allocates for whoever called
 * it: the C and C++ libraries, the loader, other allocators. */
bool function_is_plumbing(const char *module);

#endif
