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

#include "agent/gate.h"
#include "agent/memo.h"
#include "agent/owned.h"
#include "agent/recent.h"
#include "agent/sampler.h"
#include "agent/store.h"
#include "shared/segment.h"

#define THREAD_ROW_ENDED  0u
#define THREAD_ROW_SHARED 1u
#define THREAD_ROW_FIRST  2u

/* How the thread's events are recorded, see tier.h. */
enum {
    THREAD_PATH_UNSET = 0,   /* by nobody: fork has wiped the state */
    THREAD_PATH_EXACT = 1,
    THREAD_PATH_SAMPLED = 2,
    THREAD_PATH_PLAIN = 3,   /* without stacks */
    THREAD_PATH_SHARED = 4,  /* row 1; the tier is looked up each time */
    THREAD_PATH_OFF = 6,     /* recording ended: ask whether it began again */
    THREAD_PATH_COMPACT = 8, /* as EXACT and as PLAIN, but records are compact */
    THREAD_PATH_COMPACT_PLAIN = 10,
};
#define THREAD_PATH_WHOLE 1u /* the bit of EXACT and PLAIN: their records are alike */

/* What is known in advance of an event that is like the thread's last ones: of the
 * same stack, with nothing that needs care; of the same block; of the same size. */
struct thread_again {
    uintptr_t frame;  /* of a hook that the leaf of the last stack calls, if that is the
                         memo's and its words are lined up; else 0 */
    uint64_t care;    /* care_word without its reasons, when all this was learned */
    uint64_t what;    /* of the record of a block of no bytes of that stack */
    struct seg_site_counters *counters; /* of the last stack's site; NULL: not looked
                                           up; never where frame is known */
    uint32_t site;     /* that they are of, if they are known */
    uint32_t run;      /* how often that stack came again without frame */
    const void *block; /* that was handed out last */
    struct seg_block *record; /* its place, or thread_nowhere */
    uint64_t when;     /* of its record, but for the birth */
    uint64_t handed;   /* `what` of its record; THREAD_PASSED: other events followed */
    uint64_t size;     /* the last one, and */
    struct seg_class *class; /* where it is counted */
};
#define THREAD_PASSED UINT64_MAX

/* The record of blocks that the hot path must not know: neither free nor any that
 * was handed out. */
#define THREAD_NOWHERE (UINT64_MAX - 1)
extern const struct seg_block thread_nowhere __attribute__((visibility("hidden")));

struct thread {
    struct gate gate;
    uint32_t path;           /* THREAD_PATH_...; atomic: others set it to
                                THREAD_PATH_OFF */
    bool shared;             /* row 1: its counters are updated atomically */
    bool drained;            /* for threads_drained */
    struct seg_thread *page;
    struct thread_again again;
    struct stack_frame caller; /* of the event under way, for slow ways */
    struct recent recent;
    uint32_t site;           /* of the stack that the memo is about */
    bool cut;                /* the stack that was looked for last was too deep */
    uint32_t row;
    uint32_t *site_dir;      /* of its row: chunk numbers */
    uint64_t site_dir_pages; /* bit i: page i of site_dir is committed */
    uint32_t name_countdown; /* density ticks until its name is read again */
    uint32_t name_interval;
    uint32_t tier_version;   /* that `path` goes by */
    struct sampler sampler;
    /* Of the last stack's frames, outermost first, the nodes of the first n_nodes. */
    size_t n_nodes;
    uint32_t nodes[SEG_DEPTH_MAX];
    uint64_t pcs[SEG_DEPTH_MAX]; /* not on the program's stack */
    struct memo memo;
};

/* The last stack is known by this care. What was known by another one of the last block is
 * void: its record's place may have been taken back. */
static inline void thread_learn_anew(struct thread *t, uint64_t care)
{
    if (__builtin_expect(t->again.care != care, 0)) {
        t->again.block = NULL;
        t->again.handed = THREAD_PASSED;
    }
    t->again.care = care;
}

/* Forget which stack was last, and which block. */
static inline void thread_forget_stack(struct thread *t)
{
    t->again.frame = 0;
    t->again.counters = NULL;
    t->again.site = 0;
    t->again.block = NULL;
    t->again.handed = THREAD_PASSED;
    t->site = 0;
    t->n_nodes = 0;
    t->memo.depth = 0;
    recent_forget(&t->recent);
}

static inline uint32_t thread_path(const struct thread *t)
{
    return __atomic_load_n(&t->path, __ATOMIC_RELAXED);
}

/* Is t's path THREAD_PATH_EXACT? After the gate was shut. A plain load, so that it is one
 * instruction with the compare; who turns t off waits until it has left the gate. */
static inline bool thread_is_exact(const struct thread *t)
{
    return OWNED_TEST(t->path) == THREAD_PATH_EXACT;
}

/* The same: is it EXACT or PLAIN? */
static inline bool thread_has_records(const struct thread *t)
{
    return OWNED_TEST(t->path) & THREAD_PATH_WHOLE;
}

/* Was p handed out by the thread's last event? */
static inline bool thread_has_just(const struct thread *t, const void *p)
{
    return t->again.block == p && t->again.handed != THREAD_PASSED;
}

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

/* The chunk numbers of a row. */
static inline uint32_t *threads_site_dir(uint32_t row)
{
    return store.site_dirs + (size_t)row * store.dir_entries;
}

/* Some thread found no page and has events without a gate, now or earlier; atomic. */
extern bool threads_crowded __attribute__((visibility("hidden")));

#endif
