/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads: each has a private state here and a page of counters in the
 * segment. A thread is found through one initial-exec TLS pointer; it has no
 * constructor and no destructor, and the states live in memory that fork
 * wipes, so that a forked child finds every gate at GATE_UNSET and begins
 * anew, even after a raw clone().
 *
 * An ended thread is noticed when a new one needs a page: the kernel is asked
 * whether the old tid lives. Its figures are then added to row 0.
 */
#ifndef MEMTOP_AGENT_THREAD_H
#define MEMTOP_AGENT_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/blocks.h"
#include "agent/gate.h"
#include "agent/memo.h"
#include "agent/sampler.h"
#include "shared/segment.h"

#define THREAD_ROW_ENDED  0u
#define THREAD_ROW_SHARED 1u
#define THREAD_ROW_FIRST  2u

/* How the thread's events are recorded, see tier.h. 0 is the hot path. */
enum {
    THREAD_PATH_PLAIN = 1,   /* without stacks */
    THREAD_PATH_SAMPLED = 2,
    THREAD_PATH_SHARED = 3,  /* row 1; the tier is looked up each time */
    THREAD_PATH_OFF = 4,     /* recording ended: ask whether it began again */
};

struct thread {
    struct gate gate;
    struct seg_thread *page;
    uint32_t *site_dir;      /* of its row: chunk numbers */
    uint64_t site_dir_pages; /* bit i: page i of site_dir is committed */
    struct blocks_cache blocks;
    void *last_block;        /* handed out by its last event, else NULL */
    uint32_t last_site;      /* of last_block */
    uint32_t row;
    uint32_t name_countdown; /* density ticks until its name is read again */
    uint32_t name_interval;
    bool shared;             /* row 1: its counters are updated atomically */
    uint32_t path;           /* THREAD_PATH_...: not 0 where nothing is simple;
                                atomic: others set it to THREAD_PATH_OFF */
    uint32_t tier_version;   /* that `path` goes by */
    bool drained;            /* for threads_drained */
    struct sampler sampler;
    /* The last stack: its site, the counters of that (NULL: not looked up), and
     * of its frames, outermost first, the hashes and, where the trie was asked,
     * the nodes (0: it was not). */
    uint32_t site;
    struct seg_site_counters *counters;
    uint64_t hashes[SEG_DEPTH_MAX];
    uint32_t nodes[SEG_DEPTH_MAX];
    uint64_t pcs[SEG_DEPTH_MAX]; /* not on the program's stack */
    struct memo memo;
};

static inline struct thread *thread_self(void)
{
    return (struct thread *)gate_self;
}

/* Reserve the states. Once per program image. */
bool threads_init(void);

/* Rows 0 and 1 of a new segment, and those of threads that had one in the segment
 * before it, in the same process: they get it back when they call threads_rejoin. */
bool threads_attach(void);

/* The path of t, the calling thread's, is THREAD_PATH_OFF, and there is a new
 * segment: take part again. */
void threads_rejoin(struct thread *t);

/* Recording has ended, and no thread registers: turn all of them off, so that those
 * who are within hooks when this returns are the last to touch the segment. */
void threads_shut(void);

/* Since threads_shut: is each thread outside of hooks, or was it? */
bool threads_drained(void);

/* Give the calling thread a page and make it thread_self(), with its gate shut by
 * `frame`. NULL when there is no page left: use threads_shared(). */
struct thread *threads_register(uintptr_t frame);

/* Forget which state is the calling thread's. */
void threads_leave_self(void);

/* The state that stands for row 1: events in signal handlers that interrupted
 * a hook, and threads beyond the last page. */
struct thread *threads_shared(void);

/* Read the calling thread's name into its page, now and then. */
void threads_refresh_name(struct thread *t);

/* Rows in use, [0, n), and the private state of one of them. */
uint32_t threads_rows(void);
struct thread *threads_state(uint32_t row);

/* Some thread found no page and has events without a gate, now or earlier; atomic. */
extern bool threads_crowded;

#endif
