/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live blocks of one call site, or of several, copied out of the segment in slices, and
 * again from time to time. Part of the event loop, like growth.h. One thread.
 */
#ifndef MEMTOP_TUI_VIEW_BLOCK_LIST_H
#define MEMTOP_TUI_VIEW_BLOCK_LIST_H

#include "tui/model/choice.h"
#include "tui/view/site_set.h"
#include "tui/view/block_walk.h"
#include "tui/view/target.h"

#define BLOCK_LIST_MOST 262144u /* rows that are kept; what is beyond is summed */

struct block_rows {
    struct block_row *rows;
    size_t n, capacity;
    uint64_t blocks, bytes; /* of all, those beyond `n` included */
};

struct block_list {
    uint32_t site;            /* the only one, or the largest of the set */
    struct site_set set;      /* empty: the site alone */
    bool wanted;              /* something was chosen */
    uint64_t since, until;    /* only blocks born then; 0 and UINT64_MAX: all */
    struct choice what;       /* and only such */
    uint64_t now_ns;          /* for their ages while a pass is under way */
    struct block_rows rows;   /* the last complete ones */
    bool known;               /* they are of what was chosen */
    unsigned version;         /* changes with rows */
    struct block_rows next;   /* under way */
    struct block_walk *pass;
    bool final, begun_final;  /* the last pass began after the end; the one under way did */
    uint64_t next_ns, begin_ns;
    const struct reader *reader; /* of the last follow; NULL: none */
    bool ended;
    bool from_file;
    bool absent;              /* there are none to be had: a file without them */
};

/* An empty one is all zeros. */
void block_list_fini(struct block_list *b);

/* Another target, or none: the list is void. */
void block_list_forget(struct block_list *b);

/* From now on the blocks of this site, born at `since` or later and before
 * `until` (birth stamps; 0 and UINT64_MAX: all). */
void block_list_choose(struct block_list *b, uint32_t site, uint64_t since, uint64_t until);

/* The same of the sites of a set, which is copied. */
void block_list_choose_set(struct block_list *b, const struct site_set *set, uint64_t since,
                           uint64_t until);
/* The same sites', only such as are chosen. */
void block_list_only(struct block_list *b, const struct choice *what);

/* The same sites', born then. */
void block_list_births(struct block_list *b, uint64_t since, uint64_t until);

/* Go on, for a slice. Returns whether there is something new to draw. */
bool block_list_follow(struct block_list *b, struct target *t, uint64_t now_ns);

/* When block_list_follow has something to do next; UINT64_MAX never. */
uint64_t block_list_due(const struct block_list *b, const struct target *t);

/* Read up to n bytes of a block from `offset` on, never beyond its end. Returns
 * how many; -1: it is gone, or the target is; -2: it cannot be read. */
long block_list_peek(const struct block_list *b, const struct block_row *row, uint64_t offset,
                     void *to, size_t n);

#endif
