/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A snapshot: what the reader copied out of a segment, checked and summed, in
 * plain arrays. Views, reports and exports see this and never the segment.
 *
 * Everything in a snapshot has been bounded: indexes are valid, strings are
 * terminated, parents precede children, counters are as the target wrote them
 * (a hostile target can lie about amounts, not about shapes).
 *
 * Ownership: snapshot_init makes an empty one in the caller's storage,
 * reader_refresh fills and refills it (its arrays are reused), snapshot_fini
 * frees what it holds. Not thread safe; a filled one may be read by several.
 *
 * Estimates. While the tier is sampled, and for blocks from then, live figures
 * and those of sites are estimates: whatever is, says so by `estimated`, and
 * the fields named _error are standard errors (one sigma), 0 where a figure is
 * exact. Allocations and frees are always counted.
 *
 * Units: bytes, nanoseconds (suffix _ns), wall clock where _realtime_ns.
 */
#ifndef MEMTOP_TUI_MODEL_SNAPSHOT_H
#define MEMTOP_TUI_MODEL_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/segment.h"

enum target_state {
    TARGET_RUNNING,
    TARGET_EXITED,  /* said goodbye */
    TARGET_KILLED,  /* is gone and never said goodbye */
    TARGET_REPLACED, /* exec put another program in its place */
    TARGET_DETACHED, /* recording ended, and the process went on */
    TARGET_STATES
};

/* How the agent came to a process that ran already. */
struct attach_info {
    bool late;              /* it did; else the rest is zeros */
    enum seg_before before; /* who said how much was alive then */
    uint64_t before_bytes;  /* an estimate, which no other figure contains */
    unsigned modules, slots; /* that were redirected; 0 where it was preloaded */
    unsigned skipped;       /* modules that call an allocator of their own */
};

struct target_info {
    int pid;              /* in our namespace where it is alive, else its own */
    int inner_pid;        /* in its own namespace */
    int ppid;
    unsigned uid;
    enum target_state state;
    unsigned flags;       /* enum seg_flags */
    char command[1024];   /* arguments joined by spaces, printable */
    char executable[256];
    char allocator[64];
    int exit_status;      /* -1 unknown */
    uint64_t start_realtime_ns;
    uint64_t wall_ns;     /* from set-up to now, or to its end as far as known */
    uint64_t segment_bytes; /* memory that the segment has committed */
    uint64_t segment_cap;
    uint64_t peak_slack;  /* peak_bytes may be too low by this much */
    unsigned unloads;
    enum seg_tier tier;    /* in force */
    bool tier_pending;     /* another one was asked for and not seen yet */
    uint64_t sample_bytes; /* mean distance of samples, when tier is sampled */
    uint64_t tier_ns;      /* when it came into force, after set-up */
    struct attach_info attach;
};

/* allocations - frees = live_blocks and the like hold unless estimated. */
struct totals {
    bool estimated;                  /* bytes_freed and live_ are */
    bool peak_estimated;
    uint64_t live_blocks_error, live_bytes_error;
    uint64_t samples, live_samples;  /* blocks that estimates go by */
    uint64_t unsampled_frees;        /* part of frees; foreign ones may be among
                                        them */
    uint64_t allocations, frees, reallocations;
    uint64_t bytes_allocated, bytes_freed;
    int64_t live_blocks, live_bytes; /* allocated minus freed */
    int64_t peak_bytes, peak_blocks;
    uint64_t peak_ns;                /* after set-up */
    uint64_t temporary;
    uint64_t foreign_frees, inherited_frees, missed_frees;
    uint64_t lost, lost_bytes, lost_frees; /* in none of the other figures */
    uint64_t unattributed, cut_stacks, nested;
    uint64_t short_ns;    /* frees of blocks younger than this are short-lived; 0: of
                             these nothing is known, here and by site */
    uint64_t short_lived; /* temporary ones are among them */
};

/* A stack that was found wrong, as each witness saw it. */
struct verify_example {
    int tid;
    uint32_t site;
    uint32_t depth[SEG_WITNESS_COUNT];
    uint64_t pcs[SEG_WITNESS_COUNT][SEG_DEPTH_MAX]; /* leaf first, flags off */
};

/* MEMTOP_VERIFY: stacks compared with those of other unwinders. */
struct verify_counts {
    uint64_t checks;
    uint64_t partial;    /* of these: only up to a frame that nobody can leave */
    uint64_t mismatches; /* of these: nobody agreed */
};

struct size_row {
    uint64_t min, max; /* inclusive; max UINT64_MAX in the last */
    uint64_t allocations, frees;
    uint64_t bytes_allocated, bytes_freed;
    int64_t live_blocks, live_bytes;
    bool estimated; /* frees, bytes_freed and live_ are */
    uint64_t live_blocks_error, live_bytes_error;
};

struct lifetime_row {
    uint64_t below_ns; /* ages under this and not under the row's before */
    uint64_t frees;
};

struct thread_row {
    int tid;        /* in its own namespace; 0 for the rows below */
    char name[32];  /* the kernel's, where the thread lives; "(ended)",
                       "(shared)" for sums */
    bool alive;
    uint64_t allocations, frees, reallocations;
    uint64_t bytes_allocated, bytes_freed;
    uint64_t temporary;
    uint64_t foreign_frees;
    uint64_t first_ns, last_ns; /* after set-up */
    bool estimated;             /* bytes_freed is */
};

struct site_row {
    uint32_t id;
    uint32_t node;  /* leaf in nodes; 0 when unattributed */
    uint32_t flags; /* enum seg_site_flags */
    uint64_t first_ns;
    uint64_t allocations, frees;
    uint64_t bytes_allocated, bytes_freed;
    uint64_t temporary;
    int64_t live_blocks, live_bytes;
    int64_t peak_blocks, peak_bytes; /* its part in the heap at its peak */
    uint64_t short_lived; /* frees; see totals */
    uint64_t samples; /* not 0: all of the above are estimates, with */
    uint64_t allocations_error, bytes_allocated_error;
    uint64_t live_blocks_error, live_bytes_error;
};

struct node_row {
    uint64_t pc;     /* flags taken off */
    uint32_t parent; /* < own index; 0 is the root, which is no frame */
    uint16_t module; /* index into modules */
    uint16_t depth;
    bool exact;      /* look up at pc and not at pc - 1 */
};

struct module_row {
    uint64_t start, end, bias;
    bool unloaded;
    unsigned build_id_bytes;
    uint8_t build_id[32];
    char path[448];
};

/* One density sample: allocations in [start_ns, start_ns + tick_ns). */
struct density {
    double tick_ns;      /* length of one tick */
    uint64_t last_tick;  /* number of the newest tick that may be complete */
    size_t ticks;        /* = SEG_DENSITY_SLOTS */
    uint32_t *counts;    /* counts[i]: tick last_tick - (ticks - 1 - i) */
};

struct second_row {
    uint64_t second; /* whole seconds after set-up */
    uint64_t allocations, frees, bytes_allocated, bytes_freed;
    int64_t live_bytes, live_blocks, peak_bytes;
    unsigned threads, sites;
    enum seg_tier tier; /* in force then */
    unsigned n_top;
    struct seg_second_site top[SEG_SECOND_SITES];
};

/* A moment that the program gave a name to, or that was marked from outside. */
struct mark_event {
    uint64_t number; /* counts from 1 */
    uint64_t stamp;  /* blocks born since have at least this birth stamp */
    uint64_t ns;     /* after set-up */
    char name[SEG_MARK_NAME];
};

struct snapshot {
    uint64_t taken_ns; /* CLOCK_MONOTONIC when copied */
    uint64_t stamp;    /* the same as a birth stamp */
    struct target_info target;
    struct totals totals;
    struct verify_counts verify;
    struct verify_example *examples; /* some of the mismatches */
    size_t n_examples;
    uint64_t functions[SEG_FN_COUNT];
    struct size_row sizes[SEG_SIZE_CLASSES];
    struct lifetime_row lifetimes[SEG_LIFE_CLASSES];
    struct thread_row *threads; /* in order of first use */
    size_t n_threads;
    struct site_row *sites;     /* sites[i].id == i */
    size_t n_sites;
    struct node_row *nodes;
    size_t n_nodes;
    struct module_row *modules;
    size_t n_modules;
    struct density density;
    struct second_row *seconds; /* oldest first, gaps where nothing happened */
    size_t n_seconds;
    struct mark_event *marks;   /* the last SEG_MARKS_SLOTS ones, oldest first */
    size_t n_marks;
    bool mark_pending;          /* one was asked for and is not set yet */
    /* capacities of the arrays above; the reader's business */
    size_t cap_threads, cap_sites, cap_nodes, cap_modules, cap_seconds, cap_examples,
        cap_marks;
    /* which reader filled it, and how much of nodes and modules is final */
    uint64_t cached_reader;
    size_t cached_nodes, cached_modules;
    uint32_t cached_unloads;
};

void snapshot_init(struct snapshot *s);
void snapshot_fini(struct snapshot *s);

/* Is it known when live blocks were allocated, and by which threads, and how old
 * freed ones were? Not with compact records: then lifetimes say nothing. */
static inline bool snapshot_has_births(const struct snapshot *s)
{
    return !(s->target.flags & SEG_FLAG_COMPACT);
}

/* Why ages and threads of blocks are not shown then. */
#define SNAPSHOT_NO_BIRTHS "no birth stamps in compact mode"

/* The name of an allocation function, "malloc" for SEG_FN_MALLOC. */
const char *snapshot_function_name(enum seg_function fn);

/* Indexes of the sites by falling live bytes (ties: bytes allocated, then id)
 * into order[0..n_sites); returns how many have ever allocated, which come
 * first. `order` is the caller's, n_sites long. */
size_t snapshot_sites_by_live(const struct snapshot *s, uint32_t *order);

/* The frames of a site, leaf first, as node indexes. Returns how many. */
size_t snapshot_stack(const struct snapshot *s, uint32_t site,
                      uint32_t nodes[SEG_DEPTH_MAX]);

#endif
