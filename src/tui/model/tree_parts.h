/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a call tree, private to tree*.c: frames (tree_frames.c), paths
 * with their sums (tree_paths.c), rows (tree_rows.c). Indexes start at 1.
 */
#ifndef MEMTOP_TUI_MODEL_TREE_PARTS_H
#define MEMTOP_TUI_MODEL_TREE_PARTS_H

#include "tui/model/pattern.h"
#include "tui/model/tree.h"

/* From 64-bit keys (0 is none) to numbers. Zeros are an empty one. */
struct tree_map {
    struct { uint64_t key; uint32_t value; } *at;
    size_t n, capacity;
};

/* The value's place, 0 when it is new. NULL without memory. */
uint32_t *tree_map_put(struct tree_map *m, uint64_t key);
/* The value, or 0. */
uint32_t tree_map_get(const struct tree_map *m, uint64_t key);
void tree_map_clear(struct tree_map *m);
void tree_map_fini(struct tree_map *m);
uint64_t tree_mix(uint64_t a, uint64_t b);

enum { FRAME_UNATTRIBUTED = 1, FRAME_HIDDEN_ONLY = 2 };

struct frame {
    char *function, *module, *file;
    unsigned line;
    bool hidden, named;
};

/* One program counter: what it is called. */
struct place {
    uint32_t node;      /* one of its nodes */
    const struct symbol *symbol;
    uint32_t *frames;   /* innermost first */
    uint32_t n;
    bool matches;       /* the filter */
};

/* A chain of frames from the root. Parents precede children; 0 is the root. */
struct path {
    uint32_t parent, frame, child, next;
    uint32_t sites, best;
    bool nested;        /* its frame is among those above it */
    int64_t best_value;
    int64_t v[TREE_FIGURES];
};

struct tree {
    struct tree_options options, built; /* built: those of paths and matches */
    struct pattern filter;
    bool named_once;
    unsigned names_version;
    uint64_t reader;
    uint32_t unloads;
    struct symbols *symbols;
    struct tree_map frame_ids, place_ids, path_ids;
    struct frame *frames;
    struct place *places;
    struct path *paths;
    size_t n_frames, cap_frames, n_places, cap_places, n_paths, cap_paths;
    size_t cap_nodes, placed_nodes, pathed_nodes;
    uint32_t *node_place, *node_path; /* by node of the snapshot */
    bool *node_match;
    size_t cap_sites, n_sites;
    uint32_t *site_path;              /* 0: it has no part */
    const struct site_figures *figures;
    struct site_figures all, passing;
    struct tree_row *rows;
    size_t n_rows, cap_rows;
    struct tree_map state;            /* keys: 1 opened, 2 closed */
    uint64_t hottest;                 /* key to open down from, 0 none */
    bool open_all;
    uint32_t zoom[256];               /* frames from the top */
    size_t n_zoom, zooms[32], n_zooms; /* and the lengths it had before */
};

/* Room for one element more, zeroed. */
bool tree_reserve(void **array, size_t *capacity, size_t need, size_t size);

/* Places for new nodes; names again if `again`. *changed: some are different.
 * -1 without memory. */
int tree_frames_update(struct tree *t, const struct snapshot *s, bool again, bool *changed);
void tree_frames_match(struct tree *t);
void tree_frames_fini(struct tree *t);

/* Paths for nodes from t->pathed_nodes on. */
int tree_paths_extend(struct tree *t, const struct snapshot *s);
void tree_paths_clear(struct tree *t);
/* Sum the sites' figures. */
int tree_paths_sum(struct tree *t, const struct snapshot *s, size_t n);

int tree_rows_make(struct tree *t);

#endif
