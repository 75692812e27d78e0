/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules that rename functions, as sed has them: "s/REGEX/TEXT/", with extended
 * regular expressions, any character in the place of the slashes, & and \1 to \9 in
 * TEXT, and the letters g (all that match) and i (case does not count) behind. One
 * thread.
 */
#ifndef MEMTOP_TUI_MODEL_RENAME_H
#define MEMTOP_TUI_MODEL_RENAME_H

#include <stdbool.h>
#include <stddef.h>

#define RENAME_ERROR 320
#define RENAME_BYTES (1 << 20) /* longest file of rules that is read */

struct rename_rule;

struct rename_rules {
    struct rename_rule *at;
    size_t n, capacity;
};

void rename_init(struct rename_rules *r);
void rename_fini(struct rename_rules *r);

/* Add a rule. False with a sentence in error. */
bool rename_add(struct rename_rules *r, const char *rule, char error[RENAME_ERROR]);

/* Add the rules of a text, one a line, '#' begins a comment line; `name` and the
 * number of the line are in the error. */
bool rename_parse(struct rename_rules *r, const char *name, const char *text, size_t n,
                  char error[RENAME_ERROR]);
bool rename_read(struct rename_rules *r, const char *path, char error[RENAME_ERROR]);

/* The name after all rules, in their order: printable, at most DEMANGLE_MAX bytes. The
 * caller frees. NULL: it is as before, or there is no memory. A rule that leaves
 * nothing of a name is passed over. */
char *rename_apply(const struct rename_rules *r, const char *name);

#endif
