/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registration of threads and reuse of the pages of ended ones. Runs inside
 * malloc; the slow path of a thread's first event. Called by the tracker.
 */
#include "agent/thread.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/clock.h"
#include "agent/heap.h"
#include "agent/sandbox.h"
#include "agent/store.h"
#include "agent/tier.h"
#include "agent/wiped.h"

#define PROBES 4u       /* old pages asked after for each new thread */
#define OWNER_ENDED (-1)
#define FRESH_ROWS 16u  /* below so many, take a fresh page without asking */
#define NAME_INTERVAL_MAX 65536u

/* Wiped by fork. */
struct registry {
    uint32_t probe;                 /* where to look for ended threads next */
    uint32_t rows;                  /* of the segment before this one; 0: none */
    int32_t owners[SEG_THREADS_MAX]; /* tid of each row, OWNER_ENDED; atomic */
    struct thread states[SEG_THREADS_MAX];
};

static struct thread unset; /* its gate is never open */
static struct registry *registry;
const struct seg_block thread_nowhere = { .what = THREAD_NOWHERE };
bool threads_crowded;
__thread struct gate *gate_self = &unset.gate;

bool threads_init(void)
{
    registry = wiped_map(sizeof *registry);
    return registry != NULL;
}

static struct thread *prepare(uint32_t row, int32_t tid)
{
    struct thread *t = &registry->states[row];
    t->row = row;
    t->page = &store.threads[row];
    t->site_dir = threads_site_dir(row);
    t->name_interval = t->name_countdown = 1;
    t->page->tid = tid;
    t->again.size = 0;
    t->again.class = &t->page->classes[seg_size_class(0)];
    t->shared = row == THREAD_ROW_SHARED;
    t->sampler.mean = 0;
    __atomic_store_n(&t->path, THREAD_PATH_PLAIN, __ATOMIC_RELAXED);
    tier_adopt(t);
    return t;
}

/* A row of the segment before: its thread, if it still lives, may be within a hook,
 * but it is turned off and uses nothing of this. */
static void renew(uint32_t row)
{
    struct thread *t = &registry->states[row];
    t->page = &store.threads[row];
    t->site_dir = threads_site_dir(row);
    t->site_dir_pages = 0;
}

bool threads_attach(void)
{
    for (uint32_t row = 0; row < THREAD_ROW_FIRST; row++)
        if (store_append(SEG_THREADS) != row)
            return false;
    prepare(THREAD_ROW_ENDED, 0)->page->state = SEG_THREAD_ENDED;
    prepare(THREAD_ROW_SHARED, 0)->page->state = SEG_THREAD_SHARED;
    for (uint32_t row = THREAD_ROW_FIRST; row < registry->rows; row++) {
        if (store_append(SEG_THREADS) != row)
            return false;
        renew(row);
    }
    return true;
}

struct thread *threads_shared(void)
{
    return &registry->states[THREAD_ROW_SHARED];
}

uint32_t threads_rows(void)
{
    uint64_t rows = __atomic_load_n(&store.header->sections[SEG_THREADS].count,
                                    __ATOMIC_RELAXED);
    return rows < SEG_THREADS_MAX ? (uint32_t)rows : SEG_THREADS_MAX;
}

struct thread *threads_state(uint32_t row)
{
    return &registry->states[row];
}

static bool has_ended(int32_t tid)
{
    return tid == OWNER_ENDED ||
           (!sandbox_is_closed() &&
            syscall(SYS_tgkill, store.header->pid, tid, 0) != 0 && errno == ESRCH);
}

/* Add an ended thread's figures to row 0 and wipe its page. Everything from
 * reallocations to the last class is a counter. */
static void fold(struct seg_thread *page)
{
    __atomic_add_fetch(&store.globals->folding, 1, __ATOMIC_ACQ_REL);
    struct seg_thread *sum = &store.threads[THREAD_ROW_ENDED];
    uint64_t *to = &sum->reallocations;
    uint64_t *from = &page->reallocations;
    size_t n = (offsetof(struct seg_thread, pad) -
                offsetof(struct seg_thread, reallocations)) / sizeof *to;
    for (size_t i = 0; i < n; i++)
        if (from[i]) {
            __atomic_add_fetch(&to[i], from[i], __ATOMIC_RELAXED);
            __atomic_store_n(&from[i], 0, __ATOMIC_RELAXED);
        }
    heap_take(page->pending_bytes, page->pending_blocks, page->last_ticks);
    if (__atomic_load_n(&sum->last_ticks, __ATOMIC_RELAXED) < page->last_ticks)
        __atomic_store_n(&sum->last_ticks, page->last_ticks, __ATOMIC_RELAXED);
    memset(page, 0, offsetof(struct seg_thread, reallocations));
    __atomic_add_fetch(&store.globals->folding, 1, __ATOMIC_ACQ_REL);
}

/* Take over row `row` from `owner`, which has ended. */
static bool take_over(uint32_t row, int32_t owner, int32_t tid)
{
    if (!__atomic_compare_exchange_n(&registry->owners[row], &owner, tid, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return false;
    /* Its last hook ended with this, and we see all that it wrote. */
    (void)__atomic_load_n(&registry->states[row].gate.word, __ATOMIC_ACQUIRE);
    fold(&store.threads[row]);
    return true;
}

/* Round and round. (A count that is taken modulo the rows would always come to the same
 * few of them, where a row is added for each thread.) */
static uint32_t next_probe(uint32_t rows)
{
    uint32_t next = __atomic_fetch_add(&registry->probe, 1, __ATOMIC_RELAXED);
    if (next >= rows - THREAD_ROW_FIRST) {
        __atomic_store_n(&registry->probe, 1, __ATOMIC_RELAXED);
        next = 0;
    }
    return THREAD_ROW_FIRST + next;
}

/* Ask after the next few rows, even where a free one is known: what is found early
 * serves while the probe passes rows whose threads live. So for PROBES threads at
 * once there are never many more than PROBES + 1 rows, however many come and go. */
static void note_ended(uint32_t rows)
{
    for (unsigned i = 0; i < PROBES; i++) {
        uint32_t row = next_probe(rows);
        int32_t owner = __atomic_load_n(&registry->owners[row], __ATOMIC_RELAXED);
        if (owner > 0 && has_ended(owner))
            __atomic_compare_exchange_n(&registry->owners[row], &owner, OWNER_ENDED, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    }
}

/* Take over one of `owner`. */
static uint32_t find_row(int32_t owner, int32_t tid, uint32_t rows)
{
    for (uint32_t row = THREAD_ROW_FIRST; row < rows; row++)
        if (__atomic_load_n(&registry->owners[row], __ATOMIC_RELAXED) == owner &&
            take_over(row, owner, tid))
            return row;
    return 0;
}

/* A row whose thread has ended: one with our own tid, which the kernel handed
 * out again, or one that the kernel does not know any more. */
static uint32_t find_ended(int32_t tid, uint32_t rows)
{
    uint32_t row = find_row(tid, tid, rows);
    if (row != 0 || rows < FRESH_ROWS)
        return row;
    note_ended(rows);
    return find_row(OWNER_ENDED, tid, rows);
}

static void read_name(struct thread *t)
{
    if (!sandbox_enter())
        return;
    prctl(PR_GET_NAME, t->page->name);
    sandbox_leave();
}

static struct thread *begin(uint32_t row, int32_t tid)
{
    struct thread *t = prepare(row, tid);
    read_name(t);
    t->page->first_ticks = clock_ticks();
    t->page->state = SEG_THREAD_USED;
    return t;
}

void threads_rejoin(struct thread *t)
{
    begin(t->row, __atomic_load_n(&registry->owners[t->row], __ATOMIC_RELAXED));
}

struct thread *threads_register(uintptr_t frame)
{
    int32_t tid = (int32_t)syscall(SYS_gettid);
    uint32_t row = find_ended(tid, threads_rows());
    if (row == 0) {
        uint64_t fresh = store_append(SEG_THREADS);
        if (fresh == UINT64_MAX) {
            __atomic_store_n(&threads_crowded, true, __ATOMIC_RELEASE);
            return NULL;
        }
        row = (uint32_t)fresh;
        __atomic_store_n(&registry->owners[row], tid, __ATOMIC_RELAXED);
    }
    struct thread *t = begin(row, tid);
    __atomic_store_n(&t->gate.word, frame, __ATOMIC_RELAXED);
    t->gate.ready = 1;
    gate_self = &t->gate;
    return t;
}

void threads_leave_self(void)
{
    gate_self = &unset.gate;
}

void threads_refresh_name(struct thread *t)
{
    if (--t->name_countdown != 0)
        return;
    if (t->name_interval < NAME_INTERVAL_MAX)
        t->name_interval *= 2;
    t->name_countdown = t->name_interval;
    read_name(t);
}

/* ---- the end of recording --------------------------------------------------------- */

/* Afterwards each thread that runs sees what we wrote, and we see what it wrote
 * before. The kernel can do that where it was registered while there was one thread, see
 * shrink_attach; with more it takes the kernel up to 100 ms to do so, for which the
 * thread that ends the recording is not to be held. Then, or where the kernel may not,
 * in the time given here each processor has long written its stores to memory. */
static void synchronise(void)
{
    struct timespec while_stores_drain = { .tv_nsec = 2000000 };
    if (sandbox_is_closed())
        return;
    if (prctl(PR_GET_SECCOMP) == 0 &&
        syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0)
        return;
    nanosleep(&while_stores_drain, NULL);
}

/* A hook shuts its gate before it looks at the path. So whoever is seen outside after
 * this either is, or will find that it is turned off. */
void threads_shut(void)
{
    registry->rows = threads_rows();
    for (uint32_t row = 0; row < registry->rows; row++) {
        registry->states[row].drained = false;
        __atomic_store_n(&registry->states[row].path, THREAD_PATH_OFF, __ATOMIC_SEQ_CST);
    }
    synchronise();
}

bool threads_drained(void)
{
    for (uint32_t row = THREAD_ROW_FIRST; row < registry->rows; row++) {
        struct thread *t = &registry->states[row];
        uintptr_t gate = __atomic_load_n(&t->gate.word, __ATOMIC_ACQUIRE);
        t->drained = t->drained || gate == GATE_OPEN || gate == GATE_UNSET ||
                     has_ended(__atomic_load_n(&registry->owners[row], __ATOMIC_RELAXED));
        if (!t->drained)
            return false;
    }
    return true;
}
