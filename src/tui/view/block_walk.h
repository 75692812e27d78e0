/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pass over the live blocks of a target: out of its segment in slices, or out
 * of a file that has them. Part of the event loop. One thread.
 */
#ifndef MEMTOP_TUI_VIEW_BLOCK_WALK_H
#define MEMTOP_TUI_VIEW_BLOCK_WALK_H

#include "tui/view/target.h"

struct block_walk;

/* Are there any to be had? A file may have none. */
bool block_walk_possible(const struct target *t);

/* What the reader has in reader.h, for both: the target must stay as it is until
 * it is freed. */
struct block_walk *block_walk_new(struct target *t);
void block_walk_free(struct block_walk *w);
enum reader_status block_walk_step(struct block_walk *w, unsigned budget_ms, reader_block *each,
                                   void *data);

#endif
