/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks: how things stood at a moment, under a name, and what changed from one
 * to another. A mark holds the counters of all call sites as one refresh copied
 * them; one that the program set while nobody looked has only its moment.
 *
 * Sites of one run are known by their numbers. Those of another run, out of a
 * file, are known by the text of their stacks (see stack_book.h), and compared
 * with this run's by that. One thread.
 */
#ifndef MEMTOP_TUI_MODEL_MARK_H
#define MEMTOP_TUI_MODEL_MARK_H

#include "tui/model/snapshot.h"
#include "tui/model/stack_book.h"

#define MARK_NAME 64 /* bytes, NUL included */
#define MARKS_MAX 64

struct mark_figures {
    uint64_t allocations, frees, bytes_allocated, bytes_freed;
};

struct mark {
    char name[MARK_NAME];
    uint64_t number;      /* of the event in the target; 0: set by the viewer */
    uint64_t realtime_ns; /* since the Epoch */
    uint64_t wall_ns;     /* after the target's set-up */
    uint64_t stamp;       /* births since then have at least this; of this run */
    uint64_t late_ns;     /* the figures were copied so long after the moment */
    bool counted;         /* it has figures */
    bool foreign;         /* of another run: stamp means nothing, keys are there */
    bool estimated;       /* some figures are estimates */
    enum seg_tier tier;   /* in force at that time */
    struct mark_figures totals;
    size_t n_sites;
    struct mark_figures *sites; /* by site; foreign: in the order of keys */
    uint32_t *keys;             /* foreign: numbers in the stack book */
    char command[256];          /* foreign: of the program that it is of */
};

static inline int64_t mark_live_bytes(const struct mark_figures *f)
{
    return (int64_t)(f->bytes_allocated - f->bytes_freed);
}

static inline int64_t mark_live_blocks(const struct mark_figures *f)
{
    return (int64_t)(f->allocations - f->frees);
}

/* The figures of a snapshot that holds sites. NULL without memory. */
struct mark *mark_take(const struct snapshot *s, const char *name);

/* An event that is older than the viewer: no figures. */
struct mark *mark_of_event(const struct snapshot *s, const struct mark_event *e);

void mark_rename(struct mark *m, const char *name); /* made printable */
void mark_free(struct mark *m); /* NULL is fine */

/* ---- differences --------------------------------------------------------------- */

enum mark_change {
    MARK_SAME,     /* was there, and is */
    MARK_NEW,      /* had never allocated */
    MARK_VANISHED, /* had live blocks and has none, or is not in the later one */
};

#define MARK_NO_SITE UINT32_MAX

struct mark_growth {
    uint32_t site;     /* of this run; MARK_NO_SITE: only a file knows it */
    uint32_t key;      /* in the stack book, where `by_key` */
    enum mark_change change;
    int64_t live_bytes, live_blocks; /* growth, signed */
    int64_t allocations, frees, bytes_allocated; /* since; negative only between
                                                    different runs */
};

struct mark_diff {
    bool by_key;       /* another run takes part; else rows[i].site == i */
    struct mark_growth *rows;
    size_t n, capacity;
    struct mark_growth totals;
};

/* What changed from `from` to `to` (NULL: to the snapshot). Both counted. Rows in
 * which nothing happened are in it with zeros. Where another run takes part,
 * `book` must know the snapshot's sites; several that read the same make one row.
 * False without memory. */
bool mark_diff(const struct mark *from, const struct mark *to, const struct snapshot *s,
               const struct stack_book *book, struct mark_diff *out);
void mark_diff_fini(struct mark_diff *d);

#endif
