/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source lines for the screen: a thread of its own finds and reads files, so that a
 * file system that does not answer holds up nobody. The newest question goes first,
 * and what was asked before it and is not begun is dropped: somebody moves a cursor.
 */
#ifndef MEMTOP_TUI_MODEL_SOURCES_H
#define MEMTOP_TUI_MODEL_SOURCES_H

#include "tui/model/source_file.h"

struct sources;

/* pid and folders as in source_file.h; folders stay for the life of the process. The
 * thread starts with the first question. NULL without memory. Freeing waits for nothing. */
struct sources *sources_new(int pid, const char *const *folders);
void sources_free(struct sources *so); /* NULL is fine */

/* The lines around a place, valid until the next call. NULL: not known yet, asked for.
 * start_realtime_ns: of the process, 0 unknown. Call from one thread. */
const struct source_lines *sources_look(struct sources *so, const struct source_place *place,
                                        uint64_t start_realtime_ns);

/* Readable when an answer has arrived, until sources_drain. For poll(). */
int sources_fd(const struct sources *so);
void sources_drain(struct sources *so);

#endif
