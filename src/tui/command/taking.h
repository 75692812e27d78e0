/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking snapshots that go into files, for the commands snapshot and record. The
 * target is never stopped: the reader copies while it goes on, and how much it
 * did meanwhile is part of what is taken.
 */
#ifndef MEMTOP_TUI_COMMAND_TAKING_H
#define MEMTOP_TUI_COMMAND_TAKING_H

#include "tui/file/archive_writer.h"
#include "tui/reader/reader.h"

/* Copy everything into *s, and say in *m when and how; its number is left alone.
 * As reader_refresh. */
enum reader_status taking_take(struct reader *r, struct snapshot *s, struct moment *m);

/* Ask for the names of all nodes; waits for them where `wait`. */
void taking_name(struct symbols *sy, const struct snapshot *s, bool wait);

/* "memtop-1234-20261121-115220.snapshot": where to write without --output. */
void taking_file_name(char *out, size_t n, int pid, const char *extension);

/* The live blocks of an open reader; `source` is struct taking_blocks. */
struct taking_blocks {
    struct reader *reader;
    size_t n_sites; /* blocks of later sites are left out */
};
bool taking_each_block(void *source, archive_each_block *add, void *data);

#endif
