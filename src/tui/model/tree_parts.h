/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a call tree, private to tree*.c: frames (tree_frames.c), paths
 * (tree_paths.c) and their sums (tree_sums.c), rows (tree_rows.c) and what is below one
 * (tree_groups.c), what is asked of rows (tree_find.c), zooming into one (tree_zoom.c),
 * and the map that most of them use (tree_map.c). Each's work is done in slices: it
 * returns 1 when its time is up, and goes on from there; 0 when it is done; -1 without
 * memory. Indexes start at 1.
 */
#ifndef MEMTOP_TUI_MODEL_TREE_PARTS_H
#define MEMTOP_TUI_MODEL_TREE_PARTS_H

#include "tui/model/pattern.h"
#include "tui/model/tree.h"

/* From 64-bit keys (0 is none) to numbers. Zeros are an empty one. What is put stays
 * where it is until the next one is. */
struct tree_map {
    struct tree_slot {
        uint64_t key;
        uint32_t value;
    } *at, *old;        /* old: while it grows, those before */
    size_t n, capacity, old_capacity, moved;
};

/* The value's place, 0 when it is new. NULL without memory. */
uint32_t *tree_map_put(struct tree_map *m, uint64_t key);
/* Room for n keys in an empty one, so that it need not grow at once later. */
bool tree_map_reserve(struct tree_map *m, size_t n);
/* The value, or 0. */
uint32_t tree_map_get(const struct tree_map *m, uint64_t key);
/* Let m->at have all of it. */
void tree_map_settle(struct tree_map *m);
void tree_map_clear(struct tree_map *m);
void tree_map_fini(struct tree_map *m);
uint64_t tree_mix(uint64_t a, uint64_t b);

enum { FRAME_UNATTRIBUTED = 1, FRAME_HIDDEN_ONLY = 2 };

struct frame {
    char *function, *module, *file;
    unsigned line;
    bool hidden, named, group;
    bool matches;       /* the filter: of groups */
};

/* One program counter: what it is called. */
struct place {
    uint32_t node;      /* one of its nodes */
    const struct symbol *symbol;
    uint32_t *frames;   /* innermost first */
    uint32_t n;
    bool matches;       /* the filter */
};

/* A chain of frames from the root. Parents precede children; 0 is the root. Small, as
 * many stacks are walked along them: their sums are apart. */
struct path {
    uint32_t parent, frame, child, next;
    uint32_t top;       /* its topmost one */
    uint32_t node, nth; /* the node that it was made for, and which of its frames:
                           these stay when names come */
    uint32_t sites, best;
    bool nested;        /* its frame is among those above it */
    int64_t best_value;
};

/* What an update does, one after the other. */
enum phase {
    PHASE_IDLE, PHASE_RENAME, PHASE_PLACE, PHASE_MATCH_PLACES, PHASE_MATCH_NODES, PHASE_PATHS,
    PHASE_CLEAR, PHASE_ADD, PHASE_ROLL, PHASE_ROWS,
};

enum { ROW_OPENED = 1, ROW_CLOSED = 2, ROW_STATE = 3 };
enum { ZOOM_DEPTH = 256, ZOOM_LEVELS = 32 };

/* The time until which an update may go on. */
struct slice {
    uint64_t until_ns;
    unsigned count;
    bool over;
};

/* Whether the time is up; looks at the clock now and then. Once it is, it stays so. */
bool slice_over(struct slice *s);

/* A row to be, among those with the same parent. */
struct group {
    struct tree_row row;
    uint32_t path;      /* in the standard tree; else of a group only */
    size_t first, n;    /* its entries, in the inverted one */
    int64_t best;
};

/* A part on its way up, in the inverted tree. */
struct entry {
    uint32_t part, path;
    uint32_t group;     /* while they are sorted into groups */
};

/* The rows below one that is open, while rows are made. */
struct level {
    struct group *groups;
    struct group_order {
        double value;
        uint32_t group;
    } *order;             /* that they are shown in */
    struct entry *entries; /* in the inverted tree: those one frame up, by groups */
    size_t n, cap, cap_order, n_entries, cap_entries;
    uint64_t above;       /* key of the row that they are below */
    bool gathered;
    size_t at;            /* how far that has come */
    size_t next;          /* in the order: to be appended */
};

/* Rows that are being made, from the top down. */
struct making {
    bool begun;
    enum tree_mode mode;  /* begun with these */
    int sort;
    bool reverse;
    uint64_t hottest;     /* key to open down from, 0 none */
    struct level *levels; /* what they hold stays for the next time */
    size_t depth, cap_levels;
    struct tree_row *rows;
    size_t n_rows, cap_rows;
    uint32_t *group_of;   /* by frame: 1 + its group; zeros between two levels */
    struct entry *scratch;
    size_t cap_group_of, cap_scratch;
};

struct tree {
    struct tree_options options, built; /* built: those of paths and matches */
    enum phase phase;
    size_t at;          /* in the phase */
    bool changed, rematch; /* what the update found so far */
    bool redo;          /* one was stopped: nothing that it made is final */
    struct tree_source from;
    struct pattern filter;
    bool named_once;
    unsigned names_version;
    uint64_t reader;
    uint32_t unloads;
    struct symbols *symbols;
    struct tree_map frame_ids, place_ids, path_ids, grouped_ids;
    struct frame *frames;
    struct place *places;
    struct path *paths;
    struct site_figures *sums;        /* by path */
    size_t n_frames, cap_frames, n_places, cap_places, n_paths, cap_paths, cap_sums;
    size_t cap_nodes, placed_nodes, pathed_nodes;
    uint32_t *node_place, *node_path; /* by node of the snapshot */
    bool *node_match;
    size_t cap_parts, n_parts, matched_nodes, matched_places;
    uint32_t *part_path;              /* 0: it is not shown */
    uint32_t *group_path;             /* of groups by their index */
    size_t cap_groups;
    bool grouped;                     /* the topmost paths are groups */
    struct site_figures all, passing;
    struct tree_row *rows;
    size_t n_rows, cap_rows;
    struct making making;
    struct tree_map state;            /* of rows by their keys: node << 2 | ROW_.. */
    uint32_t *reopen;                 /* nodes of rows that were open before their paths
                                         were made anew */
    size_t n_reopen, cap_reopen;
    uint64_t hottest;                 /* key to open down from, 0 none */
    bool open_all, all_anew;          /* all_anew: since rows were last made */
    uint32_t zoom[ZOOM_DEPTH];        /* frames from the top, and how many of them */
    struct zoom_level {
        size_t n;
        uint32_t node;                /* of the row; 0: it has none */
    } zooms[ZOOM_LEVELS];             /* belong to each step inward */
    size_t n_zooms;
    bool zoom_lost;                   /* its frames may be called otherwise by now */
};

/* How many frames are above and in the row that is zoomed into; 0: all is shown. */
static inline size_t tree_zoomed(const struct tree *t)
{
    return t->n_zooms ? t->zooms[t->n_zooms - 1].n : 0;
}

/* Room for `need` elements; new room is zeroed, or not, where it is large and will
 * be filled bit by bit. */
bool tree_reserve(void **array, size_t *capacity, size_t need, size_t size);
bool tree_reserve_raw(void **array, size_t *capacity, size_t need, size_t size);

/* ---- tree_frames.c --------------------------------------------------------- */

/* Look names up again; t->changed: some are different. */
int tree_frames_rename(struct tree *t, const struct snapshot *s, struct slice *slice);
/* Places for new nodes. */
int tree_frames_place(struct tree *t, const struct snapshot *s, struct slice *slice);
int tree_frames_match(struct tree *t, struct slice *slice);
/* The frame of a group; 0 without memory. */
uint32_t tree_frames_group(struct tree *t, const char *name);
void tree_frames_fini(struct tree *t);

/* ---- tree_paths.c ---------------------------------------------------------- */

/* Which nodes have a frame that matches in their stacks. */
int tree_paths_match(struct tree *t, const struct snapshot *s, struct slice *slice);
/* Paths for new nodes, where there are no groups. */
int tree_paths_extend(struct tree *t, const struct snapshot *s, struct slice *slice);
/* The path of a part, its frames in its group's; 0 without memory. */
uint32_t tree_paths_of_part(struct tree *t, const struct snapshot *s, size_t part);
void tree_paths_clear(struct tree *t);

static inline uint32_t tree_part_site(const struct tree *t, size_t part)
{
    return t->from.parts ? t->from.parts[part].site : (uint32_t)part;
}

/* ---- tree_sums.c ----------------------------------------------------------- */

int tree_sums_clear(struct tree *t, struct slice *slice);
int tree_sums_add(struct tree *t, const struct snapshot *s, struct slice *slice);
int tree_sums_roll(struct tree *t, struct slice *slice);

/* ---- tree_rows.c ----------------------------------------------------------- */

/* From the beginning, with the next call of tree_rows_make. */
void tree_rows_restart(struct tree *t);
int tree_rows_make(struct tree *t, struct slice *slice);
void tree_rows_fini(struct tree *t);

/* What somebody wants a row to be, whether it shows or not. node: as in its row. */
void tree_rows_set(struct tree *t, uint64_t key, uint32_t node, bool open);

/* Remember what is open while paths are made anew. */
void tree_rows_remember(struct tree *t);

/* What a row goes by: in the standard tree by its path, in the others by its frame,
 * below the row that goes by `above`. */
uint64_t tree_rows_key(const struct tree *t, uint64_t above, uint32_t path, uint32_t frame);

/* Whether any of it changed since the mark. */
bool tree_rows_changed(const int64_t *v);

/* The frames from the top, zoom included, down to a row. Returns how many. */
size_t tree_rows_chain(const struct tree *t, size_t row, uint32_t *frames, size_t most);

/* ---- tree_groups.c --------------------------------------------------------- */

/* Fill the innermost level with the groups below its row, `of`: the topmost ones where
 * it is NULL. */
int tree_groups_gather(struct tree *t, const struct group *of, struct slice *slice);

/* ---- tree_zoom.c ----------------------------------------------------------- */

/* Paths were made anew: zoom into what the rows' nodes are in now. */
void tree_zoom_follow(struct tree *t);

#endif
