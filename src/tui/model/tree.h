/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call tree: figures of call sites summed over their stacks, from the
 * thread's start downward (standard), from the allocating function upward
 * (inverted), or one row per function (flat).
 *
 * The figures come from the caller, one vector for each site, so that a diff
 * (signed growth) is shown by the same tree. Frames are merged by module and
 * function; until a name is known, by address. Functions that were inlined are
 * frames of their own. Only rows that are open are made.
 *
 *     struct tree *t = tree_new();
 *     tree_options(t)->mode = TREE_INVERTED;
 *     tree_update(t, snapshot, symbols, figures, n, names_version);
 *     for (size_t i = 0; i < tree_count(t); i++) print(tree_row(t, i));
 *
 * One thread. What is handed out is valid until the next tree_update.
 */
#ifndef MEMTOP_TUI_MODEL_TREE_H
#define MEMTOP_TUI_MODEL_TREE_H

#include "tui/model/snapshot.h"
#include "tui/model/symbols.h"

#define TREE_ROWS_MAX 20000

enum tree_mode { TREE_STANDARD, TREE_INVERTED, TREE_FLAT, TREE_MODES };

enum tree_figure {
    TREE_LIVE_BYTES, TREE_LIVE_BLOCKS, TREE_ALLOCATIONS, TREE_FREES, TREE_BYTES_ALLOCATED,
    TREE_TEMPORARY, TREE_PEAK_BYTES, TREE_PEAK_BLOCKS, TREE_RATE, TREE_SAMPLES, TREE_FIGURES,
    /* Not summed, but sorted by. */
    TREE_BY_SELF = TREE_FIGURES, TREE_BY_AVERAGE, TREE_BY_TEMPORARY,
};

/* One site's part. TREE_RATE is in allocations per 1000 seconds. */
struct site_figures {
    int64_t v[TREE_FIGURES];
};

struct tree_options {
    enum tree_mode mode;
    bool show_hidden;   /* frames of allocators, libc and the like, too */
    bool fold;          /* recursion: a function that calls itself, however
                           indirectly, is one frame */
    int sort;           /* enum tree_figure, largest first */
    bool reverse;
    size_t rows_max;    /* make no more; 0: TREE_ROWS_MAX */
    char filter[128];   /* sites with a frame that matches; "" all. "/re/" is a
                           regular expression; "function:", "module:" or "file:"
                           before it says where to look */
};

struct tree_row {
    uint64_t key;       /* stays with the row over updates */
    const char *function; /* demangled in full */
    const char *module;
    const char *file;   /* NULL unknown */
    unsigned line;      /* 0: unknown or several */
    bool named;         /* false: an address so far */
    unsigned depth;     /* 0 at the top */
    bool expandable, expanded;
    bool last;          /* among its siblings */
    uint32_t site;      /* that has the largest part in it */
    uint32_t sites;     /* how many have a part in it */
    int64_t v[TREE_FIGURES];    /* inclusive */
    int64_t self[TREE_FIGURES]; /* of the function itself; zeros where it has no
                                   meaning (callers in the inverted tree) */
};

struct tree *tree_new(void);
void tree_free(struct tree *t);

/* To be changed between updates. */
struct tree_options *tree_options(struct tree *t);

/* Make the rows anew. figures[i] belongs to site i. Names are looked up again
 * when names_version or the stacks changed; sy may be NULL. 0, or -1 without
 * memory (there are no rows then). */
int tree_update(struct tree *t, const struct snapshot *s, struct symbols *sy,
                const struct site_figures *figures, size_t n, unsigned names_version);

size_t tree_count(const struct tree *t);
const struct tree_row *tree_row(const struct tree *t, size_t i);

/* Sums over all sites, and over those that pass the filter. */
const struct site_figures *tree_all(const struct tree *t);
const struct site_figures *tree_passing(const struct tree *t);
/* Why the filter does not work; NULL if it does. */
const char *tree_complaint(const struct tree *t);

/* All take effect with the next update. */
void tree_open(struct tree *t, uint64_t key, bool open);
void tree_open_hottest(struct tree *t, uint64_t key); /* down to its end */
void tree_open_all(struct tree *t, bool open);
/* Show one row's subtree only; false: it cannot be (flat). */
bool tree_zoom(struct tree *t, size_t row);
bool tree_zoom_out(struct tree *t); /* false: it was not zoomed */

/* Fill figures[0..s->n_sites) from a snapshot; peak: with its composition at
 * its peak as what is live. TREE_RATE is left 0. */
void tree_figures(const struct snapshot *s, bool peak, struct site_figures *figures);

#endif
