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
 * Where the sites are many, tree_step does the same in slices, with the old rows in
 * place until the new ones are there; and tree_show, in slices as well, makes only the
 * rows anew.
 *
 * Figures may also come in parts, several of a site, each in a group (a thread, a
 * size class): then groups are the topmost rows, and below each is the tree of its
 * parts.
 *
 * One thread. What is handed out is valid until rows are next made.
 */
#ifndef MEMTOP_TUI_MODEL_TREE_H
#define MEMTOP_TUI_MODEL_TREE_H

#include "tui/model/pattern.h"
#include "tui/model/snapshot.h"
#include "tui/model/symbols.h"

#define TREE_ROWS_MAX 10000

enum tree_mode { TREE_STANDARD, TREE_INVERTED, TREE_FLAT, TREE_MODES };

enum tree_figure {
    TREE_LIVE_BYTES, TREE_LIVE_BLOCKS, TREE_ALLOCATIONS, TREE_FREES, TREE_BYTES_ALLOCATED,
    TREE_TEMPORARY, TREE_SHORT_LIVED, TREE_PEAK_BYTES, TREE_PEAK_BLOCKS, TREE_RATE,
    TREE_SAMPLES,
    /* Since a mark: growth is live then and now; alive what was allocated since. */
    TREE_GROWTH_BYTES, TREE_GROWTH_BLOCKS, TREE_SINCE_ALLOCATIONS, TREE_SINCE_FREES,
    TREE_ALIVE_BYTES,
    TREE_AGE,       /* of live blocks, summed, in milliseconds */
    TREE_AGED,      /* how many blocks that is summed over */
    TREE_FIGURES,
    /* Not summed, but sorted by. */
    TREE_BY_SELF = TREE_FIGURES, TREE_BY_AVERAGE, TREE_BY_TEMPORARY, TREE_BY_SHORT, TREE_BY_AGE,
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
    bool by_module;     /* the topmost rows are the modules that allocate */
    bool changed;       /* only what changed since the mark */
    int sort;           /* enum tree_figure, largest first */
    bool reverse;
    size_t rows_max;    /* make no more; 0: TREE_ROWS_MAX */
    char filter[128];   /* sites with a frame that matches; "" all. "/re/" is a
                           regular expression; "function:", "module:" or "file:"
                           before it says where to look, "group:" at the
                           names of groups */
};

/* What belongs to figures[i]. */
struct tree_part {
    uint32_t site;
    uint32_t group;     /* index into the names of groups */
};

/* What a tree is made from. All of it must stay until rows have been made. */
struct tree_source {
    const struct snapshot *snapshot;
    struct symbols *symbols;            /* may be NULL */
    unsigned names_version;             /* names are looked up again when it changes */
    const struct site_figures *figures; /* of the parts; must stay for tree_show */
    size_t n;
    const struct tree_part *parts;      /* NULL: figures[i] belongs to site i */
    const char *const *groups;
    size_t n_groups;
};

struct tree_row {
    uint64_t key;       /* stays with the row over updates */
    uint32_t frame;     /* the tree's own number of the function */
    bool group;         /* not a function: a group, or a module that allocates */
    uint32_t node;      /* in the standard tree: a node of the snapshot that is in it;
                           0 otherwise */
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

/* Go on towards new rows for about so many milliseconds. 1: there is more to do,
 * 0: the rows are there; -1 without memory. A source other than the one that was
 * begun with, but for a snapshot that was refreshed, needs tree_stop first. */
int tree_step(struct tree *t, const struct tree_source *from, unsigned budget_ms);
void tree_stop(struct tree *t);
/* How far the first tree, or one with other names, has come: 0 to 100. */
unsigned tree_progress(const struct tree *t);

/* Go on, likewise, towards new rows where only mode, sort, reverse, zoom and what is
 * open have changed. 1: they come with the steps that follow. */
int tree_show(struct tree *t, unsigned budget_ms);

size_t tree_count(const struct tree *t);
const struct tree_row *tree_row(const struct tree *t, size_t i);

/* Sums over all sites, and over those that pass the filter. */
const struct site_figures *tree_all(const struct tree *t);
const struct site_figures *tree_passing(const struct tree *t);
/* Why the filter does not work; NULL if it does. */
const char *tree_complaint(const struct tree *t);

/* All take effect when rows are next made. */
void tree_open(struct tree *t, size_t row, bool open);
/* Down to its end, from a row or from the first one that there will be. */
#define TREE_FIRST_ROW UINT64_MAX
void tree_open_hottest(struct tree *t, uint64_t key);
void tree_open_all(struct tree *t, bool open);
/* Show one row's subtree only; false: it cannot be (flat). */
bool tree_zoom(struct tree *t, size_t row);
bool tree_zoom_out(struct tree *t); /* false: it was not zoomed */

/* Whether what follows has answers: not while paths are made anew, or parts in
 * groups are summed. */
bool tree_answers(const struct tree *t);

/* Open the way to the largest row that matches and does not show. Returns its key,
 * 0 if there is none. */
uint64_t tree_reveal(struct tree *t, const struct pattern *p);

/* The key of the standard tree's row that has a node in it, however the row is
 * called by now. 0: there is none. */
uint64_t tree_key_of_node(const struct tree *t, uint32_t node);

/* Take those of n sites out of in[] that have no part that passes the filter. */
void tree_passing_sites(const struct tree *t, bool *in, size_t n);

/* Mark the sites that have a part in a row: in[site], n of them, zeroed by the
 * caller. Returns how many. */
size_t tree_row_sites(const struct tree *t, size_t row, bool *in, size_t n);

/* Fill figures[0..s->n_sites) from a snapshot; peak: with its composition at
 * its peak as what is live. TREE_RATE, and what needs a mark or the blocks, are
 * left 0. */
void tree_figures(const struct snapshot *s, bool peak, struct site_figures *figures);

#endif
