/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linker names made readable: C++ (Itanium), Rust (legacy and v0), and the
 * suffixes that compilers add to C functions. symbols_demangle, of symbols.h,
 * is here too. Pure functions, any thread.
 *
 *     _ZNSt6vectorIiSaIiEE9push_backEOi  std::vector<int>::push_back(int&&)
 *     _ZN4core3ptr4drop17h0123456789abcdefE  core::ptr::drop
 *     parse.constprop.0                  parse
 */
#ifndef MEMTOP_TUI_MODEL_DEMANGLE_H
#define MEMTOP_TUI_MODEL_DEMANGLE_H

#define DEMANGLE_MAX 2047 /* bytes of a name; longer ones end in "..." */

/* How to show the linker name `raw`, mangled or not: printable, never empty.
 * The caller frees; NULL without memory. */
char *demangle_shown(const char *raw);

#endif
