/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A selection of call sites: those that have a frame that a pattern matches, the
 * largest first by one of their figures. What reports and diffs list and sum.
 *
 * The figures come from the caller, one vector for each site, and may be signed.
 * Sites whose figures are all 0 have no part in anything. One thread.
 */
#ifndef MEMTOP_TUI_MODEL_SELECTION_H
#define MEMTOP_TUI_MODEL_SELECTION_H

#include "tui/model/pattern.h"
#include "tui/model/snapshot.h"
#include "tui/model/symbols.h"
#include "tui/model/tree.h"

struct selection {
    const struct site_figures *figures; /* the caller's, by site */
    uint32_t *order;                    /* the sites that pass, largest first */
    size_t n;
    struct site_figures all, passing;   /* sums */
};

/* Select. `sort` is a figure below TREE_FIGURES, compared by magnitude; sy may be
 * NULL, and is waited for where the pattern needs names. 0, or -1 without memory;
 * selection_fini is due only after 0. */
int selection_init(struct selection *sel, const struct snapshot *s, struct symbols *sy,
                   const struct site_figures *figures, const struct pattern *filter, int sort);
void selection_fini(struct selection *sel);

/* Ask for the names of all nodes of sites, and wait for them. */
void selection_name_all(const struct snapshot *s, struct symbols *sy);

/* Whether any frame of a site matches. */
bool selection_matches(const struct pattern *p, const struct snapshot *s, struct symbols *sy,
                       uint32_t site);

/* "live_bytes" and the like for TREE_LIVE_BYTES and the like, "self" for
 * TREE_BY_SELF; NULL for what has no name. */
const char *selection_figure_name(int figure);

/* The other way round; -1: no such figure. */
int selection_figure_parse(const char *name);

/* Whether a figure is in bytes; else it is a count. */
bool selection_figure_is_bytes(int figure);

#endif
