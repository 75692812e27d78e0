/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The selection of live blocks that the views share, and what it comes to: all
 * live blocks are read in slices, again and again while somebody looks. Part of
 * the event loop, which calls block_filter_follow; views choose what is meant.
 * One thread.
 */
#ifndef MEMTOP_TUI_VIEW_BLOCK_FILTER_H
#define MEMTOP_TUI_VIEW_BLOCK_FILTER_H

#include "tui/model/choice.h"
#include "tui/model/tree.h"
#include "tui/view/block_walk.h"
#include "tui/view/target.h"

struct block_filter {
    struct choice what;
    struct chosen sums;     /* the last complete ones, perhaps of another choice */
    bool known;               /* there are some */
    bool final;               /* the target had ended before they were begun */
    unsigned version;         /* changes with sums and with what is meant */
    struct chosen next;     /* under way */
    struct block_walk *pass;
    uint64_t next_ns, begin_ns;
    bool begun_final;
    /* For ages while a pass is under way. */
    uint64_t wall_ns, taken_ns, now_ns;
    bool running;
    unsigned until_clock;     /* blocks until the clock is read again */
};

/* An empty one is all zeros. */
void block_filter_fini(struct block_filter *f);

/* Another target, or none: sums are void, and every block is meant. */
void block_filter_forget(struct block_filter *f);

/* The target is about to be closed: let go of what reads it. */
void block_filter_rest(struct block_filter *f);

void block_filter_choose(struct block_filter *f, const struct choice *what);

/* Whether only some blocks are meant, and whether it is known which. */
bool block_filter_on(const struct block_filter *f); /* NULL is fine: no */
bool block_filter_ready(const struct block_filter *f);

/* What a site has of the blocks that are meant; zeros while that is not known. */
struct choice_sum block_filter_site(const struct block_filter *f, uint32_t site);

/* Live bytes and blocks of the blocks that are meant, and nothing else, for the tree:
 * figures[0..n). */
void block_filter_figures(const struct block_filter *f, struct site_figures *figures, size_t n);

/* Whether freed blocks that were short-lived are meant; NULL is fine: no. And whether
 * a site has some: of a size these are the sites whose blocks are of that size on the
 * average, or that have live ones. */
bool block_filter_short(const struct block_filter *f);
bool block_filter_short_site(const struct block_filter *f, const struct site_row *site);

/* Go on, for a slice. `shown`: somebody looks at the sums. Returns whether there is
 * something new to draw. */
bool block_filter_follow(struct block_filter *f, struct target *t, uint64_t now_ns, bool shown);

/* When block_filter_follow has something to do next; UINT64_MAX never. */
uint64_t block_filter_due(const struct block_filter *f, const struct target *t, bool shown);

/* "33-48 bytes, 1.0 ms to 2.1 ms old, thread worker"; "" when every block is meant;
 * "short-lived frees at sites of 33-48 bytes". Returns out. */
char *block_filter_describe(const struct block_filter *f, const struct snapshot *s, char *out,
                            size_t n);

#endif
