/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growth: the marks of a target and the comparison that is shown. Part of the
 * event loop, which calls growth_follow between its other work; views see it
 * through their context and call what follows their keys. Nothing here takes
 * longer than GROWTH_SLICE_MS at once, but for taking a mark, which is one
 * refresh; files are read and written by a thread. One thread otherwise.
 *
 * Two figures tell what came since a mark: growth is live now less live then;
 * `alive` is what was allocated since and is still there, summed over the live
 * blocks by their birth stamps.
 */
#ifndef MEMTOP_TUI_VIEW_GROWTH_H
#define MEMTOP_TUI_VIEW_GROWTH_H

#include "tui/model/mark.h"
#include "tui/view/block_walk.h"
#include "tui/view/target.h"

#define GROWTH_SLICE_MS 15

enum growth_mode {
    GROWTH_OFF,
    GROWTH_SINCE, /* from a mark to now */
    GROWTH_PAIR,  /* from a mark to another */
};

/* Allocated since the mark, or between two, and still alive. */
struct growth_alive {
    uint64_t blocks, bytes;
};

/* The births that are compared: at least `since`, before `until`. `since` is 0
 * where there is nothing to compare births with, or none are known. */
struct growth_births {
    uint64_t since, until;
};

struct growth_job; /* a file that is read or written */

struct growth {
    struct mark *marks[MARKS_MAX]; /* in the order in which they came */
    size_t n_marks;
    unsigned auto_number;     /* of the last automatic name */
    struct mark *tags[2];     /* A and B, NULL: none */
    struct stack_book book;
    uint64_t last_event;      /* number of the newest that was taken over */
    bool begun;               /* events up to last_event are known */

    enum growth_mode mode;
    const struct mark *from, *to; /* to NULL: now */
    bool figures;             /* diff is filled: `from` has figures */
    bool naming;              /* stacks are being named for the comparison */
    struct mark_diff diff;
    unsigned diffed;          /* version of the sites that diff was made for */
    unsigned version;         /* changes with what is shown */

    bool no_births;           /* of blocks: compact records */
    bool alive_known;
    struct growth_alive *alive; /* by site */
    size_t n_alive;
    struct block_walk *pass;  /* under way, into `next` */
    bool ended;               /* the target has */
    bool final, begun_final;  /* the last pass began after that; the one under way did */
    struct growth_births births; /* that it looks for */
    struct growth_alive *next;
    size_t n_next;
    uint64_t next_pass_ns, pass_begin_ns;

    struct growth_job *job;
    char message[192]; /* for the status line; taken by the loop */
};

void growth_init(struct growth *g);
void growth_fini(struct growth *g);

/* Another program is looked at: its marks are not comparable, those out of files
 * stay. */
void growth_forget(struct growth *g);

/* The target is about to be closed: let go of what reads it. */
void growth_rest(struct growth *g);

/* Go on. `shown`: somebody looks at growth. Returns whether there is something
 * new to draw. */
bool growth_follow(struct growth *g, struct target *t, uint64_t now_ns, bool shown);

/* When growth_follow has something to do next; UINT64_MAX never. */
uint64_t growth_due(const struct growth *g, const struct target *t, bool shown);

/* Set a mark now. False: no room. */
bool growth_mark(struct growth *g, struct target *t);

/* The next comparison: of the tagged marks; else of the last two, then since the
 * newest; then none. */
void growth_toggle(struct growth *g);
void growth_since(struct growth *g, size_t mark); /* from this one to now */

void growth_tag(struct growth *g, size_t mark);
void growth_delete(struct growth *g, size_t mark);
void growth_rename(struct growth *g, size_t mark, const char *name);

/* Begin to write a mark to a new file, or to read one. What comes of it is said
 * in `message`. */
void growth_save(struct growth *g, size_t mark, const char *path);
void growth_load(struct growth *g, const char *path);

/* "since mark 1, 12 s ago", "mark 1 to mark 2", "" when off. Returns out. */
char *growth_describe(const struct growth *g, const struct snapshot *s, char *out, size_t n);

/* Those of what is shown. */
struct growth_births growth_births(const struct growth *g);

#endif
