/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program of the user's that demangles: a shell command that reads linker names, one
 * a line, and prints for each how it shall read, as c++filt and swift demangle do. It
 * gets all names in one batch. One thread, with SIGPIPE ignored; blocks until it has
 * ended.
 */
#ifndef MEMTOP_TUI_MODEL_DEMANGLER_H
#define MEMTOP_TUI_MODEL_DEMANGLER_H

#include <stddef.h>

#define DEMANGLER_ERROR 256
#define DEMANGLER_PATIENCE_MS 10000 /* without a byte of progress it hangs */

/* The answers to names[0..n): an array of n strings, made printable, in one allocation
 * that the caller frees. NULL with a sentence in error: it failed, hung, or printed
 * another number of lines. Names have no newlines in them. */
char **demangler_run(const char *command, const char *const *names, size_t n,
                     char error[DEMANGLER_ERROR]);

#endif
