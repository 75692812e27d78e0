/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is mapped in a process, and the files behind it, also in containers and
 * after the file was deleted. Read while the process runs.
 */
#ifndef MEMTOP_TUI_INJECT_MAPS_H
#define MEMTOP_TUI_INJECT_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct mapping {
    uint64_t start, end, offset, inode;
    unsigned major, minor;
    bool executable;
    char *path; /* "" for none; as the process sees it */
};

struct maps {
    int pid;
    struct mapping *list; /* by address */
    size_t n;
};

/* Read /proc/PID/maps. False with errno; *m is empty then. */
bool maps_read(struct maps *m, int pid);

/* The same from a file in that form, which is said to be of the process. */
bool maps_parse(struct maps *m, int pid, FILE *in);
void maps_free(struct maps *m);

/* The mapping that holds an address, or NULL. */
const struct mapping *maps_at(const struct maps *m, uint64_t address);

/* The first mapping of a file whose name without folders begins so, or NULL. */
const struct mapping *maps_named(const struct maps *m, const char *prefix);

/* Are both parts of the same file? */
bool maps_same_file(const struct mapping *a, const struct mapping *b);

/* Open the file behind a mapping for reading. -1 when it cannot be had. */
int maps_open(const struct maps *m, const struct mapping *of);

#endif
