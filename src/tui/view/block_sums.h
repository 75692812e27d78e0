/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live blocks of all call sites, summed by site and thread or size class, or by
 * site alone, with their ages. Copied out of the segment in slices, and again from
 * time to time, while a view wants it. Part of the event loop, like block_list.h.
 * One thread.
 */
#ifndef MEMTOP_TUI_VIEW_BLOCK_SUMS_H
#define MEMTOP_TUI_VIEW_BLOCK_SUMS_H

#include "tui/view/block_walk.h"
#include "tui/view/target.h"

enum block_sums_by { SUMS_NONE, SUMS_BY_SITE, SUMS_BY_THREAD, SUMS_BY_SIZE };

struct block_sum {
    uint32_t site, group;
    uint64_t blocks, bytes;
    uint64_t age_ms; /* of the blocks, summed, when the pass came to them */
};

struct block_sum_list {
    enum block_sums_by by;
    struct block_sum *sums;
    size_t n, capacity;
    uint32_t *slots;      /* of a hash table: 1 + index of a sum */
    size_t n_slots;
    char (*names)[48];    /* of groups */
    int *tids;            /* of groups that are threads */
    size_t n_groups, cap_groups;
    uint32_t last_group;
    bool births;          /* ages are known, and threads */
    bool failed;          /* there was no memory */
};

struct block_sums {
    enum block_sums_by wanted;   /* set by views */
    struct block_sum_list last;  /* of the last complete pass */
    bool known;                  /* last is of what is wanted */
    unsigned version;            /* changes with last */
    struct block_sum_list next;  /* under way */
    struct block_walk *pass;
    bool ended;                  /* the target has */
    bool final, begun_final;     /* the last pass began after that; the one under way did */
    uint64_t now_ns;             /* after set-up, for ages */
    uint64_t next_ns, begin_ns;
};

/* An empty one is all zeros. */
void block_sums_fini(struct block_sums *b);

/* From now on these, or none. */
void block_sums_want(struct block_sums *b, enum block_sums_by by);

/* Another target, or none. */
void block_sums_forget(struct block_sums *b);

/* Go on, for a slice. Returns whether there is something new to draw. */
bool block_sums_follow(struct block_sums *b, struct target *t, uint64_t now_ns);

/* When block_sums_follow has something to do next; UINT64_MAX never. */
uint64_t block_sums_due(const struct block_sums *b, const struct target *t);

#endif
