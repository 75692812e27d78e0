/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of code that was made at run time, from the file that JIT compilers
 * write for perf: /tmp/perf-PID.map, lines of "START SIZE name", in hex. Where
 * lines overlap the later one holds, since it was compiled later.
 *
 * Anybody can make a file of that name: it counts only if it is a regular
 * file, no symbolic link, belongs to the target's user or root, and has been
 * written since the target started. One thread at a time per map.
 */
#ifndef MEMTOP_TUI_MODEL_PERFMAP_H
#define MEMTOP_TUI_MODEL_PERFMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PERFMAP_BYTES_MAX (64u << 20) /* of a file; what follows is not read */

struct perfmap;

struct perfmap *perfmap_new(void); /* NULL without memory */
void perfmap_free(struct perfmap *map);

/* Replace what the map holds by `text`, n bytes. False without memory; the
 * map is then empty. Lines that make no sense are passed over. */
bool perfmap_parse(struct perfmap *map, const char *text, size_t n);

/* Read the file open as `fd`, which stays the caller's, if it changed since
 * the last time and may be believed (see above). True: re-read. */
bool perfmap_load(struct perfmap *map, int fd, unsigned uid, uint64_t start_realtime_ns);

/* perfmap_load of the target's file, at most once a second. pid: the living
 * target in our namespace, or 0. */
bool perfmap_refresh(struct perfmap *map, int pid, int inner_pid, unsigned uid,
                     uint64_t start_realtime_ns);

/* The name of what is at `address`, *n bytes, not terminated and as it is in
 * the file; NULL: nothing known. Valid until the map is read again. */
const char *perfmap_find(const struct perfmap *map, uint64_t address, size_t *n);

#endif
