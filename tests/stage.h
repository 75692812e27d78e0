/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What golden screens are drawn of: a made-up snapshot, with names that a stand-in for
 * symbols.c makes up, and the whole screen as the event loop puts it together.
 */
#ifndef MEMTOP_TESTS_STAGE_H
#define MEMTOP_TESTS_STAGE_H

#include "tui/view/view.h"

#define STAGE_SECOND UINT64_C(1000000000)
#define STAGE_SITES  40

extern struct snapshot stage_snapshot;
extern struct view_context stage_context; /* of that snapshot */

/* Before all others, while srcdir and the working directory are the test's. False: there is
 * no such directory. */
bool stage_begin(void);
void stage_end(void);

/* The rows are shared by all snapshots that are filled. */
void stage_fill(struct snapshot *s);

/* A view's state. */
void *stage_new_state(int view);
void stage_free_state(int view, void *state);

void stage_draw(struct canvas *c, int view, void *state);

/* What is drawn. The caller frees. */
char *stage_text(const struct canvas *c);

/* Is it tests/golden/draw-NAME.txt? If not, it is printed. */
bool stage_is(const struct canvas *c, const char *name);

#endif
