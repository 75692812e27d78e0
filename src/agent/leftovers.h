/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments of processes that died without goodbye stay behind, so that they
 * can be reported. A service that crashes in a loop must not fill the machine
 * with them.
 */
#ifndef MEMTOP_AGENT_LEFTOVERS_H
#define MEMTOP_AGENT_LEFTOVERS_H

/* How many crashed processes' segments a user may have in one directory. */
#define LEFTOVERS_MAX 8

/* So many names in the directory are looked at, at most: some milliseconds. What
 * comes after those is left to the processes that come after this one. */
#define LEFTOVERS_LOOKS 1024

/* In the directory of `path`, remove this user's oldest segments of dead
 * processes beyond LEFTOVERS_MAX, except those that were to be kept. At
 * set-up only; no allocation. */
void leftovers_trim(const char *path);

#endif
