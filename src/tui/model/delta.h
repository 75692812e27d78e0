/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A delta: two heaps, A and B, put side by side by the names in their stacks, so that
 * they may be of different runs and builds. A stack is the modules and functions of its
 * frames, inlined ones included; lines of source and addresses do not count, since they
 * move. Call sites that read the same are one.
 *
 * The result is a snapshot of its own with sites, nodes and names, for trees and
 * selections, and the figures of both sides and of the growth by its sites.
 *
 *     struct delta d;
 *     delta_init(&d);
 *     delta_add(&d, DELTA_A, &old, old_symbols, old_figures);
 *     delta_add(&d, DELTA_B, &new, new_symbols, new_figures);
 *     if (delta_finish(&d)) show(&d.merged, d.symbols, d.growth);
 *     delta_fini(&d);
 *
 * One thread.
 */
#ifndef MEMTOP_TUI_MODEL_DELTA_H
#define MEMTOP_TUI_MODEL_DELTA_H

#include "tui/model/mark_file.h"
#include "tui/model/rename.h"
#include "tui/model/snapshot.h"
#include "tui/model/symbols.h"
#include "tui/model/tree.h"

enum delta_side { DELTA_A, DELTA_B, DELTA_SIDES };

struct delta_frames; /* private */

struct delta {
    struct snapshot merged;      /* sites without figures, and nodes */
    struct symbols *symbols;     /* of its nodes; NULL before delta_finish */
    struct site_figures *figures[DELTA_SIDES]; /* by site of merged */
    struct site_figures *growth; /* B less A; after delta_finish */
    const struct rename_rules *rules; /* for the names of marks; the caller's, NULL: none */
    bool partial;                /* a side knows live and allocated figures only */
    struct delta_frames *frames;
    bool failed;                 /* memory ran out */
};

void delta_init(struct delta *d);
void delta_fini(struct delta *d);

/* Add a snapshot's sites to a side, with figures[i] of site i. Its names are waited
 * for; sy may be NULL. Nothing of it is kept. */
void delta_add(struct delta *d, enum delta_side side, const struct snapshot *s,
               struct symbols *sy, const struct site_figures *figures);

/* The same with a mark out of a file. */
void delta_add_mark(struct delta *d, enum delta_side side, const struct mark_file *f);

/* Work out the growth. False: memory ran out. */
bool delta_finish(struct delta *d);

/* What became of a site: new, vanished, or there before and after. */
enum mark_change delta_change(const struct delta *d, uint32_t site);

#endif
