/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracker puts the parts together: one event becomes one record in the
 * live table and a few plain additions in the calling thread's shard. Called
 * by the hooks, inside malloc: no locks, no allocation, no stdio.
 *
 * An event that interrupted a hook of its own thread (a signal handler that
 * allocates) goes to the shared row with atomic additions and without a stack.
 */
#include "agent/tracker.h"

#include "agent/blocks.h"
#include "agent/clock.h"
#include "agent/heap.h"
#include "agent/history.h"
#include "agent/modules.h"
#include "agent/process.h"
#include "agent/sites.h"
#include "agent/store.h"
#include "agent/thread.h"
#include "agent/trie.h"

#define HOT __attribute__((always_inline)) static inline

/* Add to a counter of t's own, or of the shared row. */
HOT void add(bool shared, uint64_t *counter, uint64_t n)
{
    if (shared)
        __atomic_add_fetch(counter, n, __ATOMIC_RELAXED);
    else
        *counter += n;
}

/* ---- in and out of a hook ---------------------------------------------------- */

/* A longjmp out of a signal handler can leave a gate shut for ever. The frame
 * that shut it is gone when we run above it on the same stack. */
static bool abandoned(const struct thread *t, uintptr_t frame)
{
    return frame > t->gate && frame - t->gate < 1u << 20;
}

static struct thread *enter_slowly(struct thread *t, uintptr_t frame)
{
    if (!process_ready())
        return NULL;
    if (t->gate == GATE_UNSET) {
        t = process_register_thread();
        if (!t)
            return threads_shared();
    } else if (t->gate != GATE_OPEN && !abandoned(t, frame)) {
        struct thread *shared = threads_shared();
        add(true, &shared->page->nested, 1);
        return shared;
    }
    t->gate = frame;
    return t;
}

struct thread *tracker_enter(void)
{
    struct thread *t = thread_self;
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    if (__builtin_expect(t->gate != GATE_OPEN, 0))
        return enter_slowly(t, frame);
    t->gate = frame;
    return t;
}

void tracker_leave(struct thread *t)
{
    t->gate = t->shared ? GATE_UNSET : GATE_OPEN;
}

/* ---- who calls ------------------------------------------------------------------ */

static uint32_t flags_of(enum stack_end end)
{
    return end == STACK_CUT       ? SEG_SITE_CUT
           : end == STACK_BROKEN  ? SEG_SITE_BROKEN
           : end == STACK_FOREIGN ? SEG_SITE_FOREIGN
                                  : 0;
}

/* A stack that is not the last one: its `kept` outermost frames are. */
static uint32_t change_site(struct thread *t, size_t kept, size_t fresh, enum stack_end end)
{
    t->counters = NULL;
    t->depth = kept + fresh;
    t->page->cut_stacks += end == STACK_CUT;
    uint32_t join = kept ? t->nodes[kept - 1] : 0;
    if (!trie_find(join, t->pcs, fresh, t->nodes + kept)) {
        t->memo.depth = t->depth = 0;
        return t->site = 0;
    }
    return t->site = trie_site(t->nodes[t->depth - 1], flags_of(end));
}

static uint32_t find_site(struct thread *t, const struct stack_frame *caller)
{
    if (__builtin_expect(t->shared || !process_wants_stacks(), 0))
        return 0;
    if (__builtin_expect(__atomic_load_n(&modules_suspects, __ATOMIC_RELAXED) != 0, 0))
        modules_check();
    enum stack_end end;
    size_t fresh, kept = memo_unwind(&t->memo, caller, t->pcs, &fresh, &end);
    if (__builtin_expect(fresh == 0 && kept == t->depth, 1))
        return t->site;
    return change_site(t, kept, fresh, end);
}

/* ---- counting ------------------------------------------------------------------- */

/* The counters of a site; those of site 0 where there is no memory for more. */
static struct seg_site_counters *counters(struct thread *t, uint32_t *site)
{
    struct seg_site_counters *c = sites_counters(t, *site);
    if (!c && *site != 0) {
        *site = 0;
        c = sites_counters(t, 0);
    }
    return c;
}

HOT void count_free(struct thread *t, bool shared, const struct block *b, uint64_t ticks)
{
    struct seg_class *class = &t->page->classes[seg_size_class(b->size)];
    add(shared, &class->frees, 1);
    add(shared, &class->bytes_freed, b->size);
    uint64_t age = ((ticks >> CLOCK_SHIFT_BIRTH) - b->birth) &
                   ((UINT64_C(1) << SEG_BLOCK_BIRTH_BITS) - 1);
    unsigned life = age ? 64 - (unsigned)__builtin_clzll(age) : 0;
    add(shared, &t->page->lifetimes[life < SEG_LIFE_CLASSES ? life : SEG_LIFE_CLASSES - 1], 1);
    uint32_t epoch = heap_descend();
    uint32_t site = b->site;
    struct seg_site_counters *c = counters(t, &site);
    if (__builtin_expect(c != NULL, 1)) {
        sites_keep_peak(c, epoch);
        add(shared, &c->frees, 1);
        add(shared, &c->bytes_freed, b->size);
    }
    heap_add(t, -(int64_t)b->size, -1, ticks);
}

HOT void count_alloc(struct thread *t, bool shared, const struct block *b,
                     struct seg_site_counters *c, uint64_t ticks)
{
    struct seg_class *class = &t->page->classes[seg_size_class(b->size)];
    add(shared, &class->allocations, 1);
    add(shared, &class->bytes_allocated, b->size);
    if (__builtin_expect(c != NULL, 1)) {
        sites_keep_peak(c, __atomic_load_n(&store.globals->epoch, __ATOMIC_RELAXED));
        add(shared, &c->allocations, 1);
        add(shared, &c->bytes_allocated, b->size);
    }
    if (b->site == 0)
        add(shared, &t->page->unattributed, 1);
    add(shared, &t->page->density_count, 1);
    t->page->last_ticks = ticks;
    heap_add(t, (int64_t)b->size, 1, ticks);
}

HOT void count_temporary(struct thread *t, bool shared, const void *p, uint32_t site)
{
    if (shared)
        return;
    if (t->last_block == p) {
        t->page->temporary++;
        struct seg_site_counters *c = counters(t, &site);
        if (c)
            c->temporary++;
    }
    t->last_block = NULL;
}

/* ---- events ------------------------------------------------------------------------ */

HOT void record_alloc(struct thread *t, bool shared, void *p, size_t size,
                      const struct stack_frame *caller, uint64_t ticks)
{
    uint32_t site = find_site(t, caller);
    struct seg_site_counters *c = t->counters;
    if (__builtin_expect(!c || shared, 0))
        c = t->counters = counters(t, &site);
    struct block old, b = {
        .size = size,
        .birth = ticks >> CLOCK_SHIFT_BIRTH,
        .site = site,
        .thread = t->row,
    };
    enum blocks_result result = blocks_put((uintptr_t)p, &b, &old);
    if (__builtin_expect(result != BLOCKS_STORED, 0)) {
        if (result == BLOCKS_FULL) {
            add(shared, &t->page->lost, 1);
            return;
        }
        add(shared, &t->page->missed_frees, 1);
        count_free(t, shared, &old, ticks);
    }
    count_alloc(t, shared, &b, c, ticks);
    t->last_block = shared ? NULL : p;
}

static void count_unknown_free(struct thread *t, bool shared)
{
    bool forked = store.header->flags & SEG_FLAG_FORKED;
    add(shared, forked ? &t->page->inherited_frees : &t->page->foreign_frees, 1);
}

HOT void record_free(struct thread *t, bool shared, const struct block *b, bool known,
                     const void *p, uint64_t ticks)
{
    if (__builtin_expect(!known, 0)) {
        count_unknown_free(t, shared);
        t->last_block = NULL;
        return;
    }
    count_temporary(t, shared, p, b->site);
    count_free(t, shared, b, ticks);
}

void tracker_alloc(struct thread *t, enum seg_function fn, void *p, size_t size,
                   const struct stack_frame *caller)
{
    uint64_t ticks = clock_ticks();
    history_advance(t, ticks);
    if (__builtin_expect(t->shared, 0)) {
        add(true, &t->page->functions[fn], 1);
        record_alloc(t, true, p, size, caller, ticks);
    } else {
        add(false, &t->page->functions[fn], 1);
        record_alloc(t, false, p, size, caller, ticks);
    }
}

void tracker_free(struct thread *t, enum seg_function fn, void *p)
{
    uint64_t ticks = clock_ticks();
    history_advance(t, ticks);
    struct block b;
    bool known = blocks_take((uintptr_t)p, &b);
    if (__builtin_expect(t->shared, 0)) {
        add(true, &t->page->functions[fn], 1);
        record_free(t, true, &b, known, p, ticks);
    } else {
        add(false, &t->page->functions[fn], 1);
        record_free(t, false, &b, known, p, ticks);
    }
}

/* ---- realloc ------------------------------------------------------------------------ */

void tracker_realloc_begin(struct thread *t, void *p, struct tracker_block *old)
{
    (void)t;
    struct block b;
    *old = (struct tracker_block){ .known = blocks_take((uintptr_t)p, &b) };
    if (old->known) {
        old->size = b.size;
        old->site = b.site;
        old->when = b.birth | (uint64_t)b.thread << SEG_BLOCK_BIRTH_BITS;
    }
}

static struct block block_of(const struct tracker_block *old)
{
    return (struct block){
        .size = old->size,
        .site = old->site,
        .birth = old->when & ((UINT64_C(1) << SEG_BLOCK_BIRTH_BITS) - 1),
        .thread = (uint32_t)(old->when >> SEG_BLOCK_BIRTH_BITS),
    };
}

void tracker_realloc_end(struct thread *t, enum seg_function fn, void *p,
                         const struct tracker_block *old, void *q, size_t size,
                         const struct stack_frame *caller)
{
    uint64_t ticks = clock_ticks();
    bool shared = t->shared;
    struct block b = block_of(old);
    history_advance(t, ticks);
    add(shared, &t->page->functions[fn], 1);
    record_free(t, shared, &b, old->known, p, ticks);
    if (q) {
        add(shared, &t->page->reallocations, 1);
        record_alloc(t, shared, q, size, caller, ticks);
    }
}

void tracker_realloc_cancel(struct thread *t, void *p, const struct tracker_block *old)
{
    struct block replaced, b = block_of(old);
    if (old->known && blocks_put((uintptr_t)p, &b, &replaced) == BLOCKS_FULL)
        add(t->shared, &t->page->lost, 1);
}

void tracker_module_unloaded(uintptr_t start, uintptr_t end)
{
    if (process_ready())
        modules_suspect(start, end);
}
