/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pattern that frames are searched and filtered by: a substring (case counts
 * only if it has capitals), or a regular expression between slashes, behind an
 * optional "function:", "module:", "file:" or "group:". Of modules and files the
 * last component counts, or the whole path if the pattern has a slash in it. One
 * thread.
 */
#ifndef MEMTOP_TUI_MODEL_PATTERN_H
#define MEMTOP_TUI_MODEL_PATTERN_H

#include <regex.h>
#include <stdbool.h>

enum pattern_place {
    PATTERN_FUNCTION = 1, PATTERN_MODULE = 2, PATTERN_FILE = 4, PATTERN_GROUP = 8,
};

struct pattern {
    unsigned places;   /* enum pattern_place; 0: empty, matches all */
    bool is_regex, exact_case, whole_paths;
    char text[128];
    regex_t regex;
    char error[96];    /* "" none; with one, nothing matches */
};

/* In the caller's storage; _fini is always due. */
void pattern_init(struct pattern *p, const char *text);
void pattern_fini(struct pattern *p);

/* Strings may be NULL. */
bool pattern_matches(const struct pattern *p, const char *function, const char *module,
                     const char *file);

/* The name of a group of sites, which only "group:" asks for. */
bool pattern_matches_group(const struct pattern *p, const char *group);

#endif
