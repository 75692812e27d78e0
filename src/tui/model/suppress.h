/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Suppressions of leaks, in LeakSanitizer's format: a line "leak:PATTERN" for each,
 * '#' begins a comment line. A pattern is searched in the names of the functions,
 * source files and modules of a stack: '*' is anything, '^' at its start and '$' at
 * its end tie it to the ends of the name. One thread.
 */
#ifndef MEMTOP_TUI_MODEL_SUPPRESS_H
#define MEMTOP_TUI_MODEL_SUPPRESS_H

#include <stdbool.h>
#include <stddef.h>

#define SUPPRESS_ERROR 320
#define SUPPRESS_BYTES (1 << 20) /* longest file that is read */

struct suppress {
    char **patterns;
    size_t n, capacity;
};

void suppress_init(struct suppress *s);
void suppress_fini(struct suppress *s);

/* Add the patterns of a text. False with a sentence in error, which begins with
 * `name` and the line's number. */
bool suppress_parse(struct suppress *s, const char *name, const char *text, size_t n,
                    char error[SUPPRESS_ERROR]);

/* The same of a file. */
bool suppress_read(struct suppress *s, const char *path, char error[SUPPRESS_ERROR]);

/* The first pattern that matches one of the names, which may be NULL; NULL: none. */
const char *suppress_find(const struct suppress *s, const char *function, const char *file,
                          const char *module);

/* Whether a pattern matches a text. */
bool suppress_matches(const char *pattern, const char *text);

#endif
