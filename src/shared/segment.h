/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The segment: the one contract between the agent, which writes it inside the
 * target, and the reader, which copies it out in the viewer's process.
 *
 * Shape. One sparse file per process, mapped shared by the agent. A header
 * page names every section: where it starts, how much address range it owns,
 * how many elements it holds. All references are indexes or offsets, never
 * pointers. Sizes are bytes and sizes of blocks are the requested ones;
 * times are ticks of `clock` (below) unless a name says otherwise.
 *
 *   header | globals | threads | site_dirs | site_chunks | sites | nodes |
 *   modules | density | seconds | region_l1 | region_l2 | blocks | overflow |
 *   mismatches | samples | site_errors | marks
 *
 * Writing. Only the target writes, but for header.control and mark_request, which
 * is how viewers ask for something; the target believes nothing that it finds there. Each
 * counter has one writer at a time (its thread), except those marked "atomic".
 * Memory is committed in steps before it is touched, so that a full file system
 * is an error that the agent sees and never a SIGBUS in the target. A page that
 * was never committed reads as zeros, and zero always means "nothing here".
 *
 * Reading. The reader copies with pread(2) and trusts nothing: the writer may
 * be dead, hostile, or in the middle of an update. Totals are never stored:
 * they are sums over the thread pages, so allocations - frees = live_blocks
 * holds for every copy by construction.
 *
 * Versions. `version` changes whenever a reader of the old one would read
 * something wrong; new trailing fields and new sections do not change it.
 *   2  front ends; the globals say how far below the peak the heap is
 *   3  records of live blocks may be compact
 */
#ifndef MEMTOP_SHARED_SEGMENT_H
#define MEMTOP_SHARED_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "shared/segment_blocks.h"

#define SEG_MAGIC   UINT64_C(0x0a0d504f544d454d) /* "MEMTOP\r\n" */
#define SEG_VERSION 3u

/* Where segments live and what they are called:
 * DIR/memtop-<pid in its own namespace>-<start time in ticks since boot>.
 * DIR is $MEMTOP_DIR, else /dev/shm, else /tmp. */
#define SEG_DIR_DEFAULT  "/dev/shm"
#define SEG_DIR_FALLBACK "/tmp"
#define SEG_NAME_PREFIX  "memtop-"
#define SEG_NAME_FORMAT  SEG_NAME_PREFIX "%d-%llu"

/* The allocation family. `id` names the counter, `name` is what users see. */
#define SEG_FUNCTIONS(X)                          \
    X(MALLOC, "malloc")                           \
    X(CALLOC, "calloc")                           \
    X(REALLOC, "realloc")                         \
    X(REALLOCARRAY, "reallocarray")               \
    X(FREE, "free")                               \
    X(CFREE, "cfree")                             \
    X(MEMALIGN, "memalign")                       \
    X(ALIGNED_ALLOC, "aligned_alloc")             \
    X(POSIX_MEMALIGN, "posix_memalign")           \
    X(VALLOC, "valloc")                           \
    X(PVALLOC, "pvalloc")                         \
    X(FREE_SIZED, "free_sized")                   \
    X(FREE_ALIGNED_SIZED, "free_aligned_sized")   \
    X(NEW, "operator new")                        \
    X(DELETE, "operator delete")

enum seg_function {
#define SEG_FUNCTION_ENUM(id, name) SEG_FN_##id,
    SEG_FUNCTIONS(SEG_FUNCTION_ENUM)
#undef SEG_FUNCTION_ENUM
    SEG_FN_COUNT
};
#define SEG_FN_SLOTS 32 /* room in the layout for later functions */

/* ---- limits of the layout (the reader takes them from the section table) */
#define SEG_THREADS_MAX     4096u      /* thread pages, reused after threads die */
#define SEG_CHUNK_SITES     64u        /* sites in a chunk: 64 x 64 B = a page */
#define SEG_SITES_MAX       (1u << 22) /* distinct allocating stacks */
#define SEG_CHUNKS_MAX      (1u << 20)
#define SEG_NODES_MAX       (1u << 24) /* distinct (parent, pc) pairs */
#define SEG_MODULES_MAX     4096u
#define SEG_DENSITY_SLOTS   8192u      /* density ticks: 4 to 8 s */
#define SEG_SECONDS_SLOTS   2048u      /* one a second: 34 min */
#define SEG_SECOND_SITES    14u        /* top sites in each record */
#define SEG_SIZE_CLASSES    64u
#define SEG_LIFE_CLASSES    48u
#define SEG_DEPTH_MAX       256u       /* frames kept; deeper ones are cut */

/* ---- sections ---------------------------------------------------------- */
enum seg_section_id {
    SEG_GLOBALS,     /* struct seg_globals, one */
    SEG_THREADS,     /* struct seg_thread[threads] */
    SEG_SITE_DIRS,   /* uint32_t[threads][SITES_MAX / CHUNK_SITES] */
    SEG_SITE_CHUNKS, /* struct seg_site_counters[][CHUNK_SITES] */
    SEG_SITES,       /* struct seg_site[] */
    SEG_NODES,       /* struct seg_node[] */
    SEG_MODULES,     /* struct seg_module[] */
    SEG_DENSITY,     /* uint64_t[DENSITY_SLOTS] */
    SEG_SECONDS,     /* struct seg_second[SECONDS_SLOTS] */
    SEG_REGION_L1,   /* uint32_t[]: 1 + index of an l2 table */
    SEG_REGION_L2,   /* struct seg_region[][SEG_L2_ENTRIES] */
    SEG_BLOCKS,      /* struct seg_block[][SEG_REGION_BLOCKS], or words: the shadow heap */
    SEG_OVERFLOW,    /* struct seg_overflow[] */
    SEG_MISMATCHES,  /* struct seg_mismatch[], the first ones */
    SEG_SAMPLES,     /* struct seg_sample[]: tables of 4096, 8192, ... slots */
    SEG_SITE_ERRORS, /* struct seg_site_error[], by site */
    SEG_MARKS,       /* struct seg_mark[MARKS_SLOTS] */
    SEG_SECTION_COUNT
};
#define SEG_SECTION_SLOTS 32

struct seg_section {
    uint64_t offset;   /* from the start of the file, page aligned */
    uint64_t reserved; /* bytes of file and address range it owns */
    uint64_t element;  /* bytes of one element */
    uint64_t count;    /* atomic: elements handed out (dense sections), else
                          reserved / element */
    uint64_t committed; /* atomic: bytes that may be read from its start (dense
                          sections grow this, sparse ones leave it 0) */
};

/* ---- header ------------------------------------------------------------ */
enum seg_state {
    SEG_STARTING = 0, /* not yet complete: try again */
    SEG_LIVE     = 1,
    SEG_EXITED   = 2, /* said goodbye: exit() or _exit() was reached */
};

enum seg_clock {
    SEG_CLOCK_TSC       = 1, /* x86 time stamp counter */
    SEG_CLOCK_CNTVCT    = 2, /* ARM generic timer */
    SEG_CLOCK_MONOTONIC = 3, /* nanoseconds of CLOCK_MONOTONIC */
};

enum seg_flags {
    SEG_FLAG_KEEP         = 1u << 0, /* leave the file behind after exit */
    SEG_FLAG_FORKED       = 1u << 1, /* a forked child: inherited blocks unknown */
    SEG_FLAG_FOREIGN_HEAP = 1u << 2, /* the program brings its own malloc, which
                                        the agent does not see */
    SEG_FLAG_MEMORY_CAP   = 1u << 3, /* a commit failed: full, or MEMTOP_MEMORY */
    SEG_FLAG_THREADED     = 1u << 4, /* more than one thread was seen: the peak
                                        is exact to peak_slack bytes */
    SEG_FLAG_NO_STACKS    = 1u << 5, /* the tier is SEG_TIER_COUNTERS */
    SEG_FLAG_ATTACHED     = 1u << 6, /* recording began while the process ran:
                                        blocks from before are unknown */
    SEG_FLAG_SANDBOXED    = 1u << 9, /* seccomp: the segment does not grow any more */
    SEG_FLAG_COMPACT      = 1u << 10, /* records of live blocks without birth stamps */
    SEG_FLAG_DETACHED     = 1u << 7, /* with SEG_EXITED: recording ended, and the
                                        process went on */
};

/* How the program's calls reach the hooks. */
enum seg_front {
    SEG_FRONT_PRELOAD  = 0, /* by symbol interposition */
    SEG_FRONT_REDIRECT = 1, /* loaded late: by redirected slots */
};

/* Who said how much was alive before the attach. It is an estimate, and no other
 * figure contains it. */
enum seg_before {
    SEG_BEFORE_UNKNOWN  = 0,
    SEG_BEFORE_MALLINFO = 1, /* glibc's mallinfo2: with its overhead, and with what
                                its threads keep for themselves */
    SEG_BEFORE_MALLCTL  = 2, /* jemalloc's stats.allocated: rounded up to classes */
    SEG_BEFORE_TCMALLOC = 3, /* generic.current_allocated_bytes, as well */
};

/* How much is recorded of each event. */
enum seg_tier {
    SEG_TIER_EXACT    = 0, /* every block with its stack */
    SEG_TIER_COUNTERS = 1, /* every block, no stacks */
    SEG_TIER_SAMPLED  = 2, /* blocks and stacks at the points of a Poisson process
                              over the allocated bytes, the rest is counted */
    SEG_TIER_COUNT
};
#define SEG_SAMPLE_DEFAULT (UINT64_C(512) << 10) /* mean bytes between points */
#define SEG_SAMPLE_MAX     (UINT64_C(1) << 30)

/* Written by viewers, the sequence last, which changes each time. */
struct seg_control {
    uint32_t sequence;
    uint32_t tier;   /* enum seg_tier that is asked for */
    uint64_t sample; /* 1 to SEG_SAMPLE_MAX; 0: as it is */
};

#define SEG_MARK_NAME 48u /* bytes of a mark's name, NUL included */

/* A viewer asks for a mark: as above. */
struct seg_mark_request {
    uint32_t sequence;
    uint32_t reserved;
    uint64_t ticks; /* when it was asked for; 0: whenever it is seen */
    char     name[SEG_MARK_NAME];
};

/* One tick/time pair; two of them give the clock's rate. */
struct seg_clock_pair {
    uint64_t ticks;
    uint64_t monotonic_ns;
};

struct seg_header {
    uint64_t magic;
    uint32_t version;
    uint32_t header_bytes; /* sizeof(struct seg_header) of the writer */
    uint32_t state;        /* enum seg_state, atomic, release after set-up */
    uint32_t flags;        /* enum seg_flags, atomic */
    int32_t  pid;          /* in the target's own pid namespace */
    int32_t  ppid;
    uint32_t uid;
    int32_t  root_pid;     /* MEMTOP_ROOT, or 0 */
    uint64_t start_time;   /* field 22 of /proc/PID/stat: clock ticks since boot */
    uint64_t pid_namespace; /* inode of /proc/self/ns/pid */
    uint64_t file_bytes;   /* length of the file (sparse) */
    uint32_t clock;        /* enum seg_clock */
    uint32_t clock_shift_birth;   /* birth stamp = ticks >> this */
    uint32_t clock_shift_density; /* density tick = ticks >> this */
    uint32_t granule_shift;       /* bytes per shadow record = 1 << this */
    struct seg_clock_pair clock_first; /* at set-up */
    struct seg_clock_pair clock_last;  /* moved on once a second and at exit */
    uint64_t start_realtime_ns;
    uint64_t page_bytes;
    uint64_t memory_cap;      /* bytes this segment may commit */
    uint64_t memory_used;     /* atomic: bytes committed so far */
    uint64_t peak_slack;      /* bytes by which peak_bytes may be too low */
    uint64_t end_ticks;       /* when goodbye was said, 0 before */
    int32_t  exit_status;     /* what _exit() was given; -1 unknown */
    uint32_t unloads;         /* atomic: dlclose seen so many times */
    char allocator[64];       /* file name of the library that serves malloc */
    char executable[256];     /* path, NUL terminated, cut if longer */
    uint32_t command_bytes;   /* of `command`, cut at its end if longer */
    char command[1020];       /* argv, each NUL terminated */
    struct seg_section sections[SEG_SECTION_SLOTS];
    uint32_t tier;            /* enum seg_tier in force */
    uint32_t tier_sequence;   /* of the request that was last looked at */
    uint64_t sample_bytes;    /* mean distance when tier is SEG_TIER_SAMPLED */
    uint64_t tier_ticks;      /* when that tier came into force; 0: at set-up */
    uint64_t sampled_ticks;   /* when SEG_TIER_SAMPLED first did; 0: never */
    struct seg_control control;
    uint64_t marks;           /* atomic: marks set so far */
    uint32_t mark_sequence;   /* of the request for one that was last looked at */
    uint32_t mark_reserved;
    struct seg_mark_request mark_request;
    uint32_t front;             /* enum seg_front */
    uint32_t before;            /* enum seg_before */
    uint64_t before_bytes;      /* alive before the attach, an estimate */
    uint32_t front_modules;     /* modules in which the family was redirected, */
    uint32_t front_slots;       /* and slots, at the attach */
    uint32_t front_skipped;     /* modules that call an allocator of their own */
    uint32_t short_classes;     /* of lifetimes, that count as short: up to a density
                                   tick; 0: call sites have no count of these frees */
};

/* ---- globals: what needs a single truth --------------------------------- */
/* Exact while one thread runs. With more, each thread carries up to
 * SEG_BATCH_BYTES that it has not added yet. */
#define SEG_BATCH_BYTES 65536

struct seg_globals {
    int64_t  room_bytes;  /* atomic: live bytes below peak_bytes, and */
    int64_t  room_blocks; /* atomic: live blocks below peak_blocks */
    int64_t  peak_bytes;  /* atomic: the most that were alive */
    int64_t  peak_blocks; /* atomic: on its own */
    uint64_t peak_ticks;  /* when peak_bytes was reached */
    uint32_t epoch;       /* counts the heap's descents from a maximum */
    uint32_t at_peak;     /* 1 from a new peak_bytes to the next free */
    uint32_t folding;     /* atomic: odd while an ended thread's page is being
                             added to row 0; changed: copy the threads again */
    uint8_t  pad[12];
};

/* ---- threads ------------------------------------------------------------ */
struct seg_class {
    uint64_t allocations;
    uint64_t bytes_allocated;
    uint64_t frees;
    uint64_t bytes_freed;
};

enum seg_thread_state {
    SEG_THREAD_FREE = 0, /* never used */
    SEG_THREAD_USED = 1, /* tid counts here; whether it lives: ask the kernel */
    SEG_THREAD_ENDED = 2, /* row 0 only: sums of ended threads whose pages
                             were taken over; tid 0 */
    SEG_THREAD_SHARED = 3, /* row 1 only: threads beyond the last page; its
                              counters are atomic; tid 0 */
};

/* Allocations while the tier was sampled, whether a sample or not. They are in
 * no struct seg_class. */
struct seg_passed {
    uint64_t allocations;
    uint64_t bytes;
};

/* One page a thread. A thread's figures are the calls that it made; a block
 * freed by another thread counts in the other thread's page. */
struct seg_thread {
    uint32_t state; /* enum seg_thread_state */
    int32_t  tid;   /* in the target's own pid namespace */
    char     name[16];
    uint64_t first_ticks;
    uint64_t last_ticks;    /* of its last allocation */
    int64_t  pending_bytes; /* not yet taken from globals.room_bytes */
    int64_t  pending_blocks;
    uint64_t density_tick;  /* the tick that it is counting, and */
    uint64_t density_count; /* how many allocations it made in it */
    uint64_t reallocations;
    uint64_t temporary;
    uint64_t foreign_frees;   /* of blocks never seen */
    uint64_t inherited_frees; /* in a forked child: of the parent's blocks */
    uint64_t missed_frees;    /* blocks whose free went unseen, noticed when
                                 their address was handed out again; these
                                 are part of frees */
    uint64_t lost;            /* allocations that could not be recorded: they and
                                 their frees are in none but these counters,
                                 lost_bytes, lost_frees and functions */
    uint64_t unattributed;    /* recorded, but without a stack: site 0 */
    uint64_t cut_stacks;      /* deeper than SEG_DEPTH_MAX */
    uint64_t nested;          /* made by a signal handler inside a hook */
    uint64_t functions[SEG_FN_SLOTS];   /* calls that handed out or took a block */
    uint64_t lifetimes[SEG_LIFE_CLASSES]; /* frees by bit length of the age in
                                             birth-stamp units; temporary ones
                                             are not timed and not in here; of
                                             no meaning with SEG_FLAG_COMPACT */
    struct seg_class classes[SEG_SIZE_CLASSES];
    uint64_t verified;        /* stacks compared with other unwinders' */
    uint64_t verified_partly; /* of these: only up to a frame that nobody knows
                                 how to leave */
    uint64_t mismatches;      /* of these: no other unwinder agreed */
    /* While the tier was sampled, and of blocks from then. Sums of weights are
     * estimates of what unsampled blocks are part of, see seg_sample. */
    struct seg_passed passed[SEG_SIZE_CLASSES];
    uint64_t samples;         /* of `passed`: sampled blocks */
    uint64_t samples_freed;
    uint64_t unsampled_frees; /* of blocks that nothing is known of: unsampled
                                 ones, or foreign or inherited ones */
    uint64_t blocks_weighed, blocks_weighed_freed; /* weights of samples */
    uint64_t bytes_weighed, bytes_weighed_freed;
    uint64_t lost_bytes;      /* sizes of the lost ones */
    uint64_t lost_frees;      /* frees of unknown blocks while lost ones were
                                 about; foreign ones may be among them */
    uint8_t pad[144];
};

/* ---- sites, nodes, modules ---------------------------------------------- */
/* Counters of one site by one thread. A sampled block counts with its weights,
 * as if it were so many blocks: then the figures are estimates. A thread's chunk for sites
 * [64 c, 64 c + 64) is site_chunks[site_dirs[thread][c] - 1]; 0 means that it
 * never touched them. The site's figures are the sums over the threads. */
struct seg_site_counters {
    uint64_t allocations;
    uint64_t frees;
    uint64_t bytes_allocated;
    uint64_t bytes_freed;
    uint64_t temporary;
    int64_t  bytes_at_peak;  /* live bytes when `epoch` began */
    int32_t  blocks_at_peak;
    uint32_t epoch;          /* bytes_at_peak is meant for the peak while this
                                equals globals.epoch and not globals.at_peak;
                                otherwise the live figures are */
    uint64_t short_lived;    /* frees of blocks whose age is in the first
                                header.short_classes of seg_thread.lifetimes; so
                                temporary ones, which come on top, are not in here */
};

/* What makes a site's sums of allocations uncertain: variances of the estimates
 * (Horvitz and Thompson), over all samples that it ever had. Atomic. */
struct seg_site_error {
    uint64_t samples;
    uint64_t blocks_variance;
    uint64_t bytes_variance; /* in units of 2^SEG_VARIANCE_SHIFT */
    uint64_t reserved;
};
#define SEG_VARIANCE_SHIFT 12

/* Site 0 is "unattributed"; its node is 0. */
struct seg_site {
    uint32_t node;        /* its leaf; 0 while being set up */
    uint32_t flags;       /* enum seg_site_flags */
    uint64_t first_ticks; /* of its first allocation */
};

enum seg_site_flags {
    SEG_SITE_CUT     = 1u << 0, /* the stack was deeper than SEG_DEPTH_MAX */
    SEG_SITE_BROKEN  = 1u << 1, /* unwinding ended before the thread's start */
    SEG_SITE_FOREIGN = 1u << 2, /* not on a stack that belongs to the thread */
};

/* A stack is a path in this trie, from a leaf over `parent` to node 0, which
 * is the root and no frame. A parent's index is below its child's. */
#define SEG_PC_UNLOADED (UINT64_C(1) << 63) /* its module is gone */
#define SEG_PC_EXACT    (UINT64_C(1) << 62) /* look up at pc, not pc - 1: the
                                               frame was interrupted */
#define SEG_PC_MASK     (SEG_PC_EXACT - 1)

struct seg_node {
    uint64_t pc;     /* return address with the SEG_PC flags; 0 while set up */
    uint32_t parent;
    uint32_t site;   /* atomic: site that ends here, 0 none */
    uint16_t module; /* index into modules, 0 unknown */
    uint16_t depth;  /* frames from the root to here: its parent's + 1 */
    uint32_t follows; /* 1: its parent is the node before it, and was made with it */
};

/* Module 0 is "unknown". */
struct seg_module {
    uint64_t start; /* of the mapped range [start, end) */
    uint64_t end;
    uint64_t bias;  /* add to an ELF address to get a mapped one */
    uint32_t state; /* enum seg_module_state, atomic */
    uint32_t build_id_bytes;
    uint8_t  build_id[32];
    char     path[448]; /* NUL terminated */
};

enum seg_module_state {
    SEG_MODULE_PENDING  = 0,
    SEG_MODULE_LOADED   = 1,
    SEG_MODULE_UNLOADED = 2,
};

/* ---- sampled blocks ------------------------------------------------------- */
/* A live block that was sampled: p being the chance of that, it stands for 1/p
 * blocks. The weights are 1/p and size/p, rounded at random to whole numbers of
 * that expectation, so that weight * (weight - 1) and weight * (weight - size)
 * estimate the variances. Table k has SEG_SAMPLES_FIRST << k slots and starts
 * with slot (SEG_SAMPLES_FIRST << k) - SEG_SAMPLES_FIRST. */
struct seg_sample {
    uint64_t address; /* atomic; 0 never used, 1 free again, 2 being written */
    uint64_t size;
    uint64_t when;    /* as in seg_block, sub unused */
    uint64_t bytes;   /* weights */
    uint32_t blocks;
    uint32_t site;
};
#define SEG_SAMPLES_FIRST  4096u
#define SEG_SAMPLES_TABLES 10u
#define SEG_SAMPLES_MAX    ((SEG_SAMPLES_FIRST << SEG_SAMPLES_TABLES) - SEG_SAMPLES_FIRST)

/* ---- verification --------------------------------------------------------- */
/* Who looked at a stack that was found wrong. */
enum seg_witness {
    SEG_WITNESS_RECORDED, /* what the site's nodes say */
    SEG_WITNESS_FRESH,    /* our unwinder, without what it remembers of stacks */
    SEG_WITNESS_LIBGCC,
    SEG_WITNESS_LIBUNWIND,
    SEG_WITNESS_COUNT
};

struct seg_mismatch {
    uint32_t complete; /* atomic: 0 while it is written */
    int32_t  tid;
    uint32_t site;
    uint32_t reserved;
    uint32_t depth[SEG_WITNESS_COUNT];
    uint64_t pcs[SEG_WITNESS_COUNT][SEG_DEPTH_MAX]; /* leaf first, with flags */
};
#define SEG_MISMATCHES_MAX 7u

/* ---- history ------------------------------------------------------------ */
/* Density slot i holds (tick << 32 | allocations) for the last density tick
 * with tick % DENSITY_SLOTS == i; tick is cut to its low 32 bits. A thread adds
 * its count when it meets a new tick; the one under way is in its page. */

/* Record i was written at the first event of second % SECONDS_SLOTS == i since
 * clock_first, and says how things stood then. Silence leaves gaps. */
struct seg_second_site {
    uint32_t site;
    uint32_t live_blocks;
    int64_t  live_bytes;
};

struct seg_second {
    uint64_t second; /* 1 + whole seconds since clock_first; 0 while written */
    uint64_t monotonic_ns;
    uint64_t allocations;
    uint64_t frees;
    uint64_t bytes_allocated;
    uint64_t bytes_freed;
    int64_t  live_bytes;
    int64_t  live_blocks;
    int64_t  peak_bytes;
    uint32_t threads;
    uint32_t sites;
    uint64_t tier;     /* enum seg_tier in force */
    uint64_t reserved;
    struct seg_second_site top[SEG_SECOND_SITES];
};

/* A moment that the program, or somebody who looks at it, gave a name to. Mark
 * `number` is in slot (number - 1) % SEG_MARKS_SLOTS. A block is born at or after
 * it when its birth stamp is at least ticks >> clock_shift_birth; those of the
 * thread that set it come out right without exception. */
struct seg_mark {
    uint64_t number; /* atomic; from 1; 0 while it is written */
    uint64_t ticks;
    char     name[SEG_MARK_NAME]; /* NUL terminated */
};
#define SEG_MARKS_SLOTS 256u

/* ---- size classes --------------------------------------------------------- */
/* 0: size 0. 1-16: steps of 16 to 256. 17-32: four per doubling to 4 KiB.
 * 33-63: one per doubling, the last without end. Both bounds are inclusive. */
static inline unsigned seg_size_class(uint64_t size)
{
    if (size <= 256)
        return (unsigned)((size + 15) >> 4);
    unsigned top = 63u - (unsigned)__builtin_clzll(size - 1); /* 8: 257..512 */
    if (top < 12)
        return 17 + (top - 8) * 4 + (unsigned)((size - 1) >> (top - 2) & 3);
    return top + 21 < SEG_SIZE_CLASSES ? top + 21 : SEG_SIZE_CLASSES - 1;
}

static inline uint64_t seg_class_max(unsigned class)
{
    if (class <= 16)
        return (uint64_t)class << 4;
    if (class <= 32) {
        unsigned top = 8 + (class - 17) / 4;
        return (UINT64_C(1) << top) +
               (((uint64_t)(class - 17) % 4 + 1) << (top - 2));
    }
    return class < SEG_SIZE_CLASSES - 1 ? UINT64_C(1) << (class - 20) : UINT64_MAX;
}

static inline uint64_t seg_class_min(unsigned class)
{
    return class == 0 ? 0 : seg_class_max(class - 1) + 1;
}

_Static_assert(sizeof(struct seg_section) == 40, "layout");
_Static_assert(sizeof(struct seg_header) <= 4096, "the header is one page");
_Static_assert(sizeof(struct seg_globals) == 64, "layout");
_Static_assert(sizeof(struct seg_thread) == 4096, "a thread has one page");
_Static_assert(sizeof(struct seg_site_counters) == 64, "layout");
_Static_assert(sizeof(struct seg_site) == 16, "layout");
_Static_assert(sizeof(struct seg_node) == 24, "layout");
_Static_assert(sizeof(struct seg_module) == 512, "layout");
_Static_assert(sizeof(struct seg_sample) == 40, "layout");
_Static_assert(sizeof(struct seg_site_error) == 32, "layout");
_Static_assert(sizeof(struct seg_control) == 16, "layout");
_Static_assert(sizeof(struct seg_mark_request) == 64, "layout");
_Static_assert(sizeof(struct seg_mark) == 64, "layout");
_Static_assert(sizeof(struct seg_mismatch) == 8224, "layout");
_Static_assert(sizeof(struct seg_second) == 320, "layout");
_Static_assert(SEG_FN_COUNT <= SEG_FN_SLOTS, "room for the functions");
_Static_assert(SEG_SECTION_COUNT <= SEG_SECTION_SLOTS, "room for the sections");

#endif
