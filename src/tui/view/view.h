/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A view: one way to look at a target. Each is one file that defines one const
 * struct view_ops, and one line in the table of view.c. Views draw what the
 * context holds and change nothing but their own state; they know no terminal
 * and no segment. One thread, the event loop's.
 */
#ifndef MEMTOP_TUI_VIEW_VIEW_H
#define MEMTOP_TUI_VIEW_VIEW_H

#include "tui/model/snapshot.h"
#include "tui/model/symbols.h"
#include "tui/view/canvas.h"
#include "tui/view/keys.h"
#include "tui/view/rates.h"
#include "tui/view/settings.h"
#include "tui/view/trend.h"

struct terminal;
struct growth;
struct block_filter;
struct block_list;
struct block_sums;
struct site_set;
struct site_watch;
struct sources;

/* What there is to show. All of it belongs to the event loop. */
struct view_context {
    const struct snapshot *snapshot;     /* filled at least once */
    unsigned sites_version;              /* changes with the snapshot's sites */
    struct symbols *symbols;             /* NULL: addresses only */
    unsigned names_version;              /* changes when names have arrived */
    struct sources *sources;             /* NULL: none are looked for */
    const struct rates *rates;
    const struct rate_table *site_rates; /* allocations, by site id */
    const struct rate_table *thread_rates; /* allocations, by row */
    const struct trend *trend;
    const struct second_row *then;       /* record under the timeline's cursor; NULL: it
                                            is at the present */
    const struct site_watch *watch;      /* verdicts on call sites */
    int64_t rss;                         /* bytes, -1 unknown */
    int64_t rss_peak;                    /* the highest seen */
    const char *state;                   /* "running", "exited with status 0" ... */
    bool ended;
    bool paused;
    bool no_blocks;                      /* a file without single live blocks */
    struct terminal *terminal;           /* NULL: the program has its own */
    struct growth *growth;               /* marks; NULL: none. Views may call what
                                            growth.h has for keys */
    struct block_filter *filter;         /* which blocks are meant; NULL: all */
    bool selected;                       /* the view in front shows only these */
    struct block_list *blocks;           /* of some call sites; NULL: none */
    struct block_sums *sums;             /* over all blocks; NULL: none. Views say
                                            which they want */
};

/* What is read and summed only while somebody looks at it. */
enum view_reads {
    VIEW_READS_SITES  = 1 << 0,
    VIEW_READS_GROWTH = 1 << 1, /* while marks are compared */
    VIEW_READS_BLOCKS = 1 << 2, /* the context's blocks */
    VIEW_READS_SUMS   = 1 << 3, /* the context's sums */
    VIEW_READS_FILTER = 1 << 8, /* the context's filter, while it is on */
    VIEW_READS_SELECTED = 1 << 9, /* its sums, whether it is on or not */
};

struct view_ops {
    const char *name;    /* on its tab */
    const char *title;   /* on the help page */
    size_t state_bytes;  /* state begins as zeros */
    unsigned reads;      /* enum view_reads */
    unsigned where;      /* enum key_where: which keys are valid */
    void (*init)(void *state);  /* may be NULL */
    void (*fini)(void *state);  /* may be NULL */
    /* What takes long is done here, between other events, for some 15 ms at once,
     * when `due` says so (0: at once; UINT64_MAX: never). Returns whether there is
     * something new to draw. Both may be NULL. */
    bool (*work)(void *state, const struct view_context *x, uint64_t now_ns);
    uint64_t (*due)(const void *state, const struct view_context *x);
    void (*draw)(void *state, const struct view_context *x, struct canvas *c,
                 struct rect area);
    /* Returns whether the view took it. May be NULL. */
    bool (*action)(void *state, const struct view_context *x, enum action action);
    /* A click on, or the wheel over, a cell of the canvas. May be NULL. */
    void (*click)(void *state, const struct view_context *x, int row, int col);
    /* What the status line says of this view; returns out. May be NULL. */
    char *(*status)(void *state, const struct view_context *x, char *out, size_t n);
    /* What of it is to outlast the viewer, and taking it up again, after init. False:
     * there is no such column to sort by. Both or neither. */
    void (*remember)(const void *state, struct settings *s);
    bool (*recall)(void *state, const struct settings *s);
    /* Keys go to the program, a line or a menu, which `key` hands them to: one of
     * WHERE_TYPING, WHERE_PROMPT and WHERE_MENU, or 0. May be NULL. */
    unsigned (*typing)(const void *state);
    void (*key)(void *state, const struct view_context *x, uint32_t key);
};

extern const struct view_ops view_overview;
extern const struct view_ops view_tree;
extern const struct view_ops view_sites;
extern const struct view_ops view_blocks;
extern const struct view_ops view_sizes;
extern const struct view_ops view_threads;
extern const struct view_ops view_time;
extern const struct view_ops view_marks;
extern const struct view_ops view_output;

/* The views in the order of their tabs, which are numbered from 1 to at most 9. */
#define VIEW_COUNT 9
extern const struct view_ops *const view_table[VIEW_COUNT];

/* What stands where live blocks are not known yet: `otherwise`, unless nothing is read
 * because the picture is held. */
const char *view_waits(const struct view_context *x, const char *otherwise);

/* The place of a view in the table. */
int view_index(const struct view_ops *view);

/* The stack of this site, in the view of sites. */
void view_sites_show(void *state, uint32_t site);

/* The list of blocks, from its beginning, in the view of blocks. */
void view_blocks_begin(void *state);

/* Only the sites of a set, in the view of sites. */
void view_sites_only(void *state, const struct site_set *set);

/* The sites of the row under the cursor of the call tree. False: there are none. */
bool view_tree_sites(void *state, const struct view_context *x, struct site_set *out);

/* Whether a filter is on in the view of sites, or in the call tree; then, take the sites
 * that do not pass out of a set. */
bool view_sites_filters(const void *state);
void view_sites_pass(const void *state, const struct snapshot *s, struct site_set *set);
bool view_tree_filters(const void *state);
void view_tree_pass(const void *state, struct site_set *set);

/* Whether the call tree is all there. */
bool view_tree_complete(const void *state);

/* What somebody asked for while rows of the call tree were being made, and can be done
 * now; ACTION_NONE: nothing. */
enum action view_tree_late(void *state);

/* The site that the view of sites has under its cursor; UINT32_MAX: none. */
uint32_t view_sites_selected(const void *state, const struct view_context *x);

/* The record that stands for the timeline's cursor; NULL: it is at the present. */
const struct second_row *view_time_record(const void *state, const struct snapshot *s);

/* Its cursor goes to the present. */
void view_time_now(void *state);

/* The site that the timeline has under its cursor; UINT32_MAX: none. */
uint32_t view_time_site(const void *state, const struct view_context *x);

/* The site that the overview has under its cursor, 0 none. */
uint32_t view_overview_site(const void *state);

/* Help is a page over the views: it draws all keys, those first that are valid in one
 * of the places that `where` has (enum key_where); *scroll is brought into range. */
void view_help_draw(struct canvas *c, struct rect area, unsigned where, int *scroll);

#endif
