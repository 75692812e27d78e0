/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's logic in many threads at once, with real stacks and made-up blocks that
 * go from hand to hand: in the end each figure is what the threads know, block by
 * block. Linked once as it is, and once with ThreadSanitizer (tests/tsan.sh), which
 * then reports what is neither ordered nor atomic.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/hooks.h"
#include "agent/modules.h"
#include "agent/process.h"
#include "agent/thread.h"
#include "agent/trie.h"
#include "tests/as_hooks.h"
#include "tests/tap.h"

enum { THREADS = 6, PLACES = 1024, ALIVE = PLACES / 4, LEAVES = 4, BRANCHES = 3 };
#ifdef __SANITIZE_THREAD__
enum { EVENTS = 10000, SHORT_THREADS = 150, TURNS = 4 };
#else
enum { EVENTS = 100000, SHORT_THREADS = 1500, TURNS = 20 };
#endif

/* A place for a block. Whoever takes it off its shelf owns it. */
struct place {
    uintptr_t address;
    size_t size;
    unsigned leaf; /* where it was allocated */
};

static struct place places[PLACES];
static struct place *living[ALIVE], *empty[PLACES]; /* shelves, atomic */

struct figures {
    uint64_t allocations, frees, bytes_allocated, bytes_freed, reallocations, nested;
    uint64_t at[LEAVES][2]; /* allocations and frees of each leaf's blocks */
};

/* What a thread did, and what it is to do. */
struct worker {
    struct figures did;
    unsigned events;
    uint64_t random;
    pthread_t id;
};

static struct worker workers[THREADS];
static bool over; /* atomic */

static uint64_t draw(struct worker *w)
{
    w->random = w->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return w->random >> 24;
}

static struct place *swap(struct place **shelf, struct place *p)
{
    return __atomic_exchange_n(shelf, p, __ATOMIC_ACQ_REL);
}

/* An empty shelf is found: there are no more places than shelves. */
static void put_away(struct worker *w, struct place *p)
{
    for (uint64_t i = draw(w); p; i++)
        p = swap(&empty[i % PLACES], p);
}

/* ---- events, as the hooks see them ------------------------------------------------ */

static void note_alloc(struct worker *w, struct place *p, unsigned leaf,
                       const struct stack_frame *caller)
{
    struct thread *t = tracker_enter();
    if (t) {
        event_alloc(t, (void *)p->address, p->size, caller);
        tracker_leave(t);
    }
    p->leaf = leaf;
    w->did.allocations++;
    w->did.bytes_allocated += p->size;
    w->did.at[leaf][0]++;
}

static void count_free(struct worker *w, const struct place *p)
{
    w->did.frees++;
    w->did.bytes_freed += p->size;
    w->did.at[p->leaf][1]++;
}

static void note_free(struct worker *w, struct place *p)
{
    struct thread *t = tracker_enter();
    if (t) {
        event_free(t, (void *)p->address);
        tracker_leave(t);
    }
    count_free(w, p);
}

/* In another place, or not at all. */
static void note_realloc(struct worker *w, struct place *p, unsigned leaf, struct place *to,
                         const struct stack_frame *caller)
{
    struct tracker_block old;
    struct thread *t = tracker_enter();
    if (t) {
        tracker_realloc_begin(t, (void *)p->address, &old);
        if (to)
            tracker_realloc_end(t, SEG_FN_REALLOC, (void *)p->address, &old,
                                (void *)to->address, to->size, caller);
        else
            tracker_realloc_cancel(t, (void *)p->address, &old);
        tracker_leave(t);
    }
    if (!to)
        return;
    count_free(w, p);
    to->leaf = leaf;
    w->did.reallocations++;
    w->did.allocations++;
    w->did.bytes_allocated += to->size;
    w->did.at[leaf][0]++;
}

/* A signal handler's block, in the middle of a hook. */
static __attribute__((noinline)) void interrupt(struct worker *w, struct place *p)
{
    struct thread *t = tracker_enter();
    if (t == threads_shared())
        w->did.nested++;
    if (!t)
        return;
    tracker_alloc(t, SEG_FN_MALLOC, (void *)p->address, p->size, HOOK_CALLER(), clock_ticks());
    tracker_leave(t);
    t = tracker_enter();
    if (t == threads_shared())
        w->did.nested++;
    if (t) {
        tracker_free(t, SEG_FN_FREE, (void *)p->address);
        tracker_leave(t);
    }
    w->did.allocations++;
    w->did.frees++;
    w->did.bytes_allocated += p->size;
    w->did.bytes_freed += p->size;
}

/* ---- stacks ------------------------------------------------------------------------- */

struct event {
    struct worker *w;
    struct place *place, *to;
    enum { ALLOCATE, RESIZE, REFUSE } what;
};

static void happen(const struct event *e, unsigned leaf, const struct stack_frame *caller)
{
    if (e->what == ALLOCATE)
        note_alloc(e->w, e->place, leaf, caller);
    else
        note_realloc(e->w, e->place, leaf, e->what == RESIZE ? e->to : NULL, caller);
}

/* What stands for malloc: one for each leaf, so that the program counter tells. */
#define LEAF(n)                                                         \
    static __attribute__((noinline)) void allocator##n(const struct event *e) \
    {                                                                   \
        happen(e, n, HOOK_CALLER());                                    \
        __asm__ volatile("");                                           \
    }                                                                   \
    static __attribute__((noinline)) void leaf##n(const struct event *e) \
    {                                                                   \
        allocator##n(e);                                                \
        __asm__ volatile("");                                           \
    }
LEAF(0)
LEAF(1)
LEAF(2)
LEAF(3)
static void (*const leaves[LEAVES])(const struct event *) = { leaf0, leaf1, leaf2, leaf3 };

/* Different ways to a leaf, BRANCHES at each of `depth` calls. */
#define BRANCH(n)                                                                    \
    static __attribute__((noinline)) void branch##n(const struct event *e, uint64_t way, \
                                                    unsigned depth, unsigned leaf)
BRANCH(0);
BRANCH(1);
BRANCH(2);
static void (*const branches[BRANCHES])(const struct event *, uint64_t, unsigned, unsigned) = {
    branch0, branch1, branch2
};
#define BRANCH_BODY(n)                                                   \
    BRANCH(n)                                                            \
    {                                                                    \
        if (depth)                                                       \
            branches[way % BRANCHES](e, way / BRANCHES, depth - 1, leaf); \
        else                                                             \
            leaves[leaf](e);                                             \
        __asm__ volatile("");                                            \
    }
BRANCH_BODY(0)
BRANCH_BODY(1)
BRANCH_BODY(2)

static void somewhere(struct worker *w, struct event *e)
{
    uint64_t way = draw(w);
    branches[0](e, way >> 8, way % 7, way >> 5 & (LEAVES - 1));
}

/* ---- a thread's work ------------------------------------------------------------------ */

static size_t any_size(struct worker *w)
{
    uint64_t r = draw(w);
    return r % 64 == 0 ? r % 100000 : r % 300;
}

static void step(struct worker *w)
{
    struct place *p = swap(&empty[draw(w) % PLACES], NULL);
    struct event e = { .w = w, .place = p, .what = ALLOCATE };
    if (!p)
        return;
    p->size = any_size(w);
    if (w->random >> 58 == 0) { /* it is allocated and freed by an interruption */
        struct thread *t = tracker_enter();
        interrupt(w, p);
        if (t)
            tracker_leave(t);
        put_away(w, p);
        return;
    }
    somewhere(w, &e);
    p = swap(&living[draw(w) % ALIVE], p);
    if (p && w->random >> 61 == 0) {
        e.place = p;
        e.what = REFUSE;
        if ((e.to = swap(&empty[draw(w) % PLACES], NULL))) {
            e.to->size = any_size(w);
            e.what = RESIZE;
        }
        somewhere(w, &e);
        if (e.to) {
            put_away(w, p);
            p = e.to;
        }
    }
    if (p) {
        note_free(w, p);
        put_away(w, p);
    }
}

static void *work(void *arg)
{
    struct worker *w = arg;
    for (unsigned i = 0; w->events ? i < w->events : !__atomic_load_n(&over, __ATOMIC_RELAXED);
         i++)
        step(w);
    return NULL;
}

static void start(unsigned events)
{
    __atomic_store_n(&over, false, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i].events = events;
        workers[i].random = i * 7919 + 1;
        pthread_create(&workers[i].id, NULL, work, &workers[i]);
    }
}

static void finish(void)
{
    __atomic_store_n(&over, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(workers[i].id, NULL);
}

/* ---- what was written down --------------------------------------------------------------- */

static void lay_out(uintptr_t apart)
{
    memset(living, 0, sizeof living);
    memset(workers, 0, sizeof workers);
    for (size_t i = 0; i < PLACES; i++) {
        uintptr_t base = i % 3 ? 0x555555560000u : 0x7fe000000000u;
        places[i].address = base + i * apart * (i % 7 ? 1 : 4099);
        empty[i] = &places[i];
    }
}

static struct figures known(void)
{
    struct figures sum = { 0 };
    for (unsigned i = 0; i < THREADS; i++) {
        const uint64_t *from = (const uint64_t *)&workers[i].did;
        for (size_t k = 0; k < sizeof sum / sizeof *from; k++)
            ((uint64_t *)&sum)[k] += from[k];
    }
    return sum;
}

static struct figures recorded(void)
{
    struct figures sum = { 0 };
    for (uint32_t row = 0; row < threads_rows(); row++) {
        const struct seg_thread *page = &store.threads[row];
        sum.reallocations += page->reallocations;
        sum.nested += page->nested;
        for (unsigned i = 0; i < SEG_SIZE_CLASSES; i++) {
            sum.allocations += page->classes[i].allocations;
            sum.frees += page->classes[i].frees;
            sum.bytes_allocated += page->classes[i].bytes_allocated;
            sum.bytes_freed += page->classes[i].bytes_freed;
        }
    }
    return sum;
}

static uint64_t sum_of(size_t counter)
{
    uint64_t sum = 0;
    for (uint32_t row = 0; row < threads_rows(); row++)
        sum += *(const uint64_t *)((const char *)&store.threads[row] + counter);
    return sum;
}
#define SUM_OF(name) sum_of(offsetof(struct seg_thread, name))

/* The leaf at which a site allocates; LEAVES: none of them. */
static unsigned leaf_of(uint32_t site)
{
    uintptr_t pc = store.nodes[store.sites[site].node].pc & SEG_PC_MASK, best = 0;
    unsigned leaf = LEAVES;
    for (unsigned i = 0; site && i < LEAVES; i++)
        if ((uintptr_t)leaves[i] < pc && (uintptr_t)leaves[i] > best) {
            best = (uintptr_t)leaves[i];
            leaf = i;
        }
    return leaf;
}

/* Of the lifetimes that count as short. */
static uint64_t timed_short(void)
{
    uint64_t sum = 0;
    for (uint32_t row = 0; row < threads_rows(); row++)
        for (unsigned i = 0; i < store.header->short_classes; i++)
            sum += store.threads[row].lifetimes[i];
    return sum;
}

static void check_sites(const struct figures *wanted)
{
    uint64_t wrong = 0, short_lived = 0, at[LEAVES + 1][2] = { 0 };
    uint32_t n = (uint32_t)store.header->sections[SEG_SITES].count;
    for (uint32_t site = 0; site < n; site++)
        for (uint32_t row = 0; row < threads_rows(); row++) {
            const struct thread *t = threads_state(row);
            uint32_t chunk = t->site_dir_pages ? t->site_dir[site / SEG_CHUNK_SITES] : 0;
            if (chunk == 0)
                continue;
            const struct seg_site_counters *c =
                &store.chunks[(size_t)(chunk - 1) * SEG_CHUNK_SITES + site % SEG_CHUNK_SITES];
            at[leaf_of(site)][0] += c->allocations;
            at[leaf_of(site)][1] += c->frees;
            short_lived += c->short_lived;
        }
    for (unsigned leaf = 0; leaf < LEAVES; leaf++)
        wrong += at[leaf][0] != wanted->at[leaf][0] || at[leaf][1] != wanted->at[leaf][1];
    tap_is_u64(wrong, 0, "each place in the program has its allocations and frees (%u sites)", n);
    tap_is_u64(short_lived, timed_short(), "sites and lifetimes agree on short-lived blocks");
}

static void check_blocks(const struct figures *wanted)
{
    uint64_t blocks = 0, bytes = 0, wrong = 0;
    for (size_t i = 0; i < ALIVE; i++) {
        struct block b;
        const struct place *p = living[i];
        if (!p)
            continue;
        blocks++;
        bytes += p->size;
        wrong += !blocks_take_slowly(p->address, &b) || b.size != p->size ||
                 leaf_of(b.site) != p->leaf;
    }
    tap_is_u64(wrong, 0, "each live block has its record");
    tap_is_u64(blocks, wanted->allocations - wanted->frees, "live blocks");
    tap_is_u64(bytes, wanted->bytes_allocated - wanted->bytes_freed, "live bytes");
}

static void check(void)
{
    struct figures wanted = known(), got = recorded();
    tap_is_u64(got.allocations, wanted.allocations, "allocations");
    tap_is_u64(got.frees, wanted.frees, "frees");
    tap_is_u64(got.bytes_allocated, wanted.bytes_allocated, "bytes allocated");
    tap_is_u64(got.bytes_freed, wanted.bytes_freed, "bytes freed");
    tap_is_u64(got.reallocations, wanted.reallocations, "reallocations");
    tap_is_u64(got.nested, wanted.nested, "nested events");
    tap_is_u64(SUM_OF(foreign_frees) + SUM_OF(missed_frees) + SUM_OF(lost), 0, "none went by");
    int64_t room = store.globals->room_bytes, pending = (int64_t)SUM_OF(pending_bytes);
    tap_is_u64((uint64_t)(store.globals->peak_bytes - room + pending),
               wanted.bytes_allocated - wanted.bytes_freed, "the heap as one number");
    check_sites(&wanted);
    check_blocks(&wanted);
}

/* ---- scenes ---------------------------------------------------------------------------------- */

static void attach(bool glibc)
{
    struct config config;
    struct process_front front = { .allocator = "/lib/other.so", .glibc = glibc };
    config_read(&config);
    tap_ok(process_prepare(&config, &front) == INJECT_OK, "a new segment");
    process_go();
}

static void detach(void)
{
    process_halt();
    process_finish();
}

/* Meanwhile a viewer asks for marks, the program sets some, and libraries go. */
static void disturb(unsigned turns)
{
    struct seg_header *h = store.header;
    for (unsigned i = 0; i < turns; i++) {
        __atomic_store_n(&h->mark_request.ticks, clock_ticks(), __ATOMIC_RELAXED);
        __atomic_store_n(&h->mark_request.sequence, i + 1, __ATOMIC_RELEASE);
        tracker_mark("the program's own");
        trie_retire((uintptr_t)leaf1, (uintptr_t)leaf1 + 16, 1);
        tracker_module_unloaded(4096 * (i + 1), 4096 * (i + 2));
        usleep(2000);
    }
}

static void hand_over(uintptr_t apart)
{
    lay_out(apart);
    start(EVENTS);
    disturb(TURNS);
    finish();
    check();
}

/* Threads whose pages go on to others, while two of them stay. */
static void come_and_go(void)
{
    uint64_t before = recorded().allocations;
    lay_out(32);
    for (unsigned i = 0; i < SHORT_THREADS; i++) {
        struct worker *w = &workers[i % THREADS];
        if (i >= THREADS)
            pthread_join(w->id, NULL);
        w->events = 40;
        w->random = i + 1;
        pthread_create(&w->id, NULL, work, w);
    }
    finish();
    tap_is_u64(recorded().allocations - before, known().allocations,
               "threads that come and go are counted");
    tap_ok(threads_rows() < 64, "in pages that are used again (%u)", threads_rows());
}

/* The tier changes under the threads: calls are counted, whatever it is. */
static void change_tiers(void)
{
    struct seg_header *h = store.header;
    uint64_t before = SUM_OF(functions[SEG_FN_MALLOC]) + SUM_OF(functions[SEG_FN_REALLOC]);
    lay_out(32);
    start(0);
    for (uint32_t i = 0; i < 3 * TURNS; i++) {
        __atomic_store_n(&h->control.tier, (i + 1) % SEG_TIER_COUNT, __ATOMIC_RELAXED);
        __atomic_store_n(&h->control.sample, 4096 << i % 3, __ATOMIC_RELAXED);
        __atomic_store_n(&h->control.sequence, i + 1, __ATOMIC_RELEASE);
        usleep(5000);
    }
    finish();
    tap_is_u64(SUM_OF(functions[SEG_FN_MALLOC]) + SUM_OF(functions[SEG_FN_REALLOC]) - before,
               known().allocations, "each call is counted while the tier changes");
}

/* Recording ends and begins anew, again and again. */
static void attach_and_detach(void)
{
    bool sound = true;
    lay_out(32);
    start(0);
    for (unsigned i = 0; i < TURNS; i++) {
        struct config config;
        struct process_front front = { .allocator = "/lib/other.so", .glibc = true };
        config_read(&config);
        detach();
        usleep(2000);
        enum inject_result result = process_prepare(&config, &front);
        sound = sound && (result == INJECT_OK || result == INJECT_BUSY);
        if (result == INJECT_OK)
            process_go();
        usleep(5000);
    }
    finish();
    tap_ok(sound, "attached and detached under load");
}

int main(void)
{
    setenv("MEMTOP_KEEP", "0", 1);
    tracker_init("/lib/libc.so.6", true, false);
    hand_over(32);
    come_and_go();
    change_tiers();
    detach();
    attach(false);
    hand_over(8);
    attach_and_detach();
    tracker_goodbye(0);
    return tap_done();
}
