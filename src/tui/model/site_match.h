/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which call sites have a frame that a pattern matches, kept up to date while stacks
 * and names arrive. Each node is matched once, and again when its name has come or got
 * better; what its callers have is passed on to it. Works in slices, for a screen that
 * goes on: selection.h does the same at once, and waits for names. One thread.
 */
#ifndef MEMTOP_TUI_MODEL_SITE_MATCH_H
#define MEMTOP_TUI_MODEL_SITE_MATCH_H

#include "tui/model/pattern.h"
#include "tui/model/snapshot.h"
#include "tui/model/symbols.h"

/* An empty one is all zeros. */
struct site_match {
    struct matched_node {
        const struct symbol *symbol; /* that it was matched by, NULL not named yet */
        bool own, any;               /* it matches; it or one of its callers does */
    } *nodes;
    size_t n, capacity;  /* nodes that were matched: the first n */
    size_t unnamed;      /* of them, whose names are still to come */
    size_t at;           /* where a pass has got to */
    bool busy, changed;  /* in a pass; with other answers than before */
    bool all;            /* over all nodes, and not only new ones */
    bool failed;         /* there was no memory */
    bool known;          /* all was looked at once */
    unsigned version;    /* changes with the answers */
    unsigned names;      /* as symbols were when the last pass began */
    struct symbols *symbols;
    uint64_t reader;
    uint32_t unloads;
    uint64_t next_ns, spent_ns;
};

/* The pattern is another one. */
void site_match_forget(struct site_match *m);
void site_match_fini(struct site_match *m);

/* When there is something to be done: 0 at once, UINT64_MAX nothing. names changes when
 * names have arrived; sy may be NULL. */
uint64_t site_match_due(const struct site_match *m, const struct snapshot *s,
                        struct symbols *sy, unsigned names);

/* Do some 15 ms of it, if it is due. Returns whether answers, or the progress, are
 * other ones. */
bool site_match_step(struct site_match *m, const struct pattern *p, const struct snapshot *s,
                     struct symbols *sy, unsigned names, uint64_t now_ns);

/* Whether all that is known was looked at, and no name is to come. */
static inline bool site_match_complete(const struct site_match *m)
{
    return m->known && !m->busy && !m->unnamed;
}

/* In percent, of the first pass. */
unsigned site_match_progress(const struct site_match *m, const struct snapshot *s);

/* Whether a frame of the site's stack matches, as far as is known. */
static inline bool site_match_has(const struct site_match *m, const struct snapshot *s,
                                  uint32_t site)
{
    uint32_t node = site < s->n_sites ? s->sites[site].node : 0;
    return node < m->n && m->nodes[node].any;
}

#endif
