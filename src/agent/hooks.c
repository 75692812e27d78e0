/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The C allocation family, as the program sees it. Each hook forwards to the
 * next allocator and tells the tracker; results, errno and side effects are
 * the next allocator's. Runs in any thread at any time, from before this
 * library is relocated until after its destructor; takes no locks. A call that
 * comes before the next allocator is known is served from the arena.
 */
#include "agent/hooks.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "agent/caller.h"

#define NOINLINE __attribute__((noinline))

HOOK void cfree(void *p);
HOOK void free_sized(void *p, size_t size);
HOOK void free_aligned_sized(void *p, size_t align, size_t size);

/* ---- before the next allocator is known ----------------------------------- */

/* errno is out of reach until this library is relocated. */
static void *early_result(void *p)
{
    if (!p && real_is_relocated())
        errno = ENOMEM;
    return p;
}

static void *early(size_t align, size_t size)
{
    return early_result(arena_alloc(align, size));
}

static void *early_array(void *p, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return early_result(NULL);
    return early_result(arena_realloc(p, bytes));
}

/* p, a block of the arena, moves to where everybody else's are. To the next
 * allocator that is a new block, and so it is recorded. */
static void *leave_arena(enum seg_function fn, void *p, size_t size,
                         const struct stack_frame *caller)
{
    if (size == 0)
        return NULL;
    struct thread *t = tracker_enter();
    void *q = hook_allocated(t, fn, real.realloc(NULL, size), size, caller);
    size_t old = arena_size(p);
    if (q)
        memcpy(q, p, old < size ? old : size);
    return q;
}

/* ---- allocating ------------------------------------------------------------ */

/* malloc, calloc and free have a quick way. Whatever is not on it goes on in a function
 * that is reached by a jump at the end, so that the quick way saves no registers for
 * it. The caller's frame is therefore passed in registers, or in t->caller. */

static NOINLINE void *malloc_otherwise(size_t size, uintptr_t pc, uintptr_t sp, uintptr_t fp)
{
    if (!real_ready())
        return early(ARENA_ALIGN, size);
    return hook_malloc(size, &(struct stack_frame){ .pc = pc, .sp = sp, .fp = fp });
}

static NOINLINE void *calloc_otherwise(size_t count, size_t size, uintptr_t pc, uintptr_t sp,
                                       uintptr_t fp)
{
    if (!real_ready())
        return early_array(NULL, count, size);
    struct thread *t = tracker_enter();
    return hook_allocated(t, SEG_FN_CALLOC, real.calloc(count, size), count * size,
                          &(struct stack_frame){ .pc = pc, .sp = sp, .fp = fp });
}

/* The ends of hooks that handed out p. */
static NOINLINE void *record_otherwise(struct thread *t, enum seg_function fn, void *p,
                                       size_t size, uint64_t ticks)
{
    tracker_alloc(t, fn, p, size, &t->caller, ticks);
    tracker_leave(t);
    return p;
}

static NOINLINE void *record_and_flush(struct thread *t, void *p, uint64_t ticks)
{
    heap_flush(t, ticks);
    tracker_leave(t);
    return p;
}

/* The end of what was recorded, or is still to be by t->caller. */
HOT void *recorded(struct thread *t, enum seg_function fn, enum record done, void *p,
                   size_t size, uint64_t ticks)
{
    if (!USUALLY(done != RECORD_OTHERWISE))
        return record_otherwise(t, fn, p, size, ticks);
    if (!USUALLY(done == RECORD_DONE))
        return record_and_flush(t, p, ticks);
    tracker_leave(t);
    return p;
}

/* Its path is unset: t is not in the gate, nor is anything known of it. */
static NOINLINE void *record_anew(const struct thread *t, enum seg_function fn, void *p,
                                  size_t size)
{
    struct stack_frame caller = t->caller;
    return hook_allocated(tracker_enter(), fn, p, size, &caller);
}

/* On another path than THREAD_PATH_EXACT and THREAD_PATH_PLAIN; t->caller calls. */
static NOINLINE void *allocated_by_path(struct thread *t, enum seg_function fn, void *p,
                                        size_t size)
{
    uint64_t ticks = clock_ticks();
    enum record done = record_by_path(t, fn, p, size, ticks);
    if (done == RECORD_OTHERWISE && thread_path(t) == THREAD_PATH_UNSET)
        return record_anew(t, fn, p, size);
    return recorded(t, fn, done, p, size, ticks);
}

/* Hands out what fn would; count is 1 for all but calloc. */
HOT void *allocate(enum seg_function fn, size_t count, size_t size)
{
    return fn == SEG_FN_MALLOC   ? real.malloc(size)
           : fn == SEG_FN_CALLOC ? real.calloc(count, size)
                                 : real.realloc(NULL, size);
}

/* It was no recent stack of t->caller's. */
static NOINLINE void *recorded_anew(struct thread *t, enum seg_function fn, void *p, size_t size,
                                    uint64_t ticks)
{
    uint64_t care = __atomic_load_n(&care_word, __ATOMIC_ACQUIRE);
    enum record done =
        caller_find(t, care)
            ? record_found(t, fn, p, blocks_near((uintptr_t)p), size, care, ticks)
            : RECORD_OTHERWISE;
    return recorded(t, fn, done, p, size, ticks);
}

/* Not from where the last stack called, but maybe from a recent one. Its shape is on its
 * way to the caches while something is handed out, and what is known of it, and the block's
 * record, while the clock is read. */
HOT void *allocated_elsewhere(struct thread *t, enum seg_function fn, size_t count, size_t size,
                              const struct stack_frame *caller)
{
    uint64_t care = __atomic_load_n(&care_word, __ATOMIC_ACQUIRE);
    struct recent_aim aim = recent_aim(&t->recent, caller->sp, care);
    void *p = allocate(fn, count, size);
    if (!USUALLY(p != NULL)) {
        tracker_leave(t);
        return p;
    }
    size *= count;
    if (!USUALLY(thread_is_exact(t))) { /* a signal handler may have forked meanwhile */
        t->caller = *caller;
        return allocated_by_path(t, fn, p, size);
    }
    struct seg_block *record = blocks_near((uintptr_t)p);
    __builtin_prefetch(record, 1);
    uint64_t known = recent_at(&t->recent, aim, caller->sp), ticks = clock_ticks();
    if (!USUALLY(aim.set != NULL) || !record_answered(t, caller->sp, known)) {
        t->caller = *caller;
        return recorded_anew(t, fn, p, size, ticks);
    }
    enum record done = record_found(t, fn, p, record, size, care, ticks);
    if (!USUALLY(done != RECORD_OTHERWISE))
        t->caller = *caller;
    return recorded(t, fn, done, p, size, ticks);
}

static NOINLINE void *malloc_elsewhere(struct thread *t, size_t size, uintptr_t pc, uintptr_t sp,
                                       uintptr_t fp)
{
    return allocated_elsewhere(t, SEG_FN_MALLOC, 1, size,
                               &(struct stack_frame){ .pc = pc, .sp = sp, .fp = fp });
}

static NOINLINE void *calloc_elsewhere(struct thread *t, size_t count, size_t size, uintptr_t pc,
                                       uintptr_t sp, uintptr_t fp)
{
    return allocated_elsewhere(t, SEG_FN_CALLOC, count, size,
                               &(struct stack_frame){ .pc = pc, .sp = sp, .fp = fp });
}

static NOINLINE void *realloc_elsewhere(struct thread *t, size_t size, uintptr_t pc, uintptr_t sp,
                                        uintptr_t fp)
{
    return allocated_elsewhere(t, SEG_FN_REALLOC, 1, size,
                               &(struct stack_frame){ .pc = pc, .sp = sp, .fp = fp });
}

/* Before this library is relocated, not even the gate is in reach. */
HOT struct thread *enter_quickly(void)
{
    return USUALLY(real_is_known()) ? gate_try() : NULL;
}

/* Does a call belong to allocated_elsewhere? Whoever is on another path than
 * THREAD_PATH_EXACT knows no frame, and is looked at later. In the hook itself. */
HOT bool is_elsewhere(const struct thread *t)
{
    return !USUALLY((uintptr_t)HOOK_FRAME == t->again.frame) && thread_is_exact(t);
}

/* The end of the hook into which it is inlined, as the next one: so its caller is that
 * hook's. */
HOT void *recorded_quickly(struct thread *t, enum seg_function fn, enum record done, void *p,
                           size_t size, uint64_t ticks)
{
    if (!USUALLY(done != RECORD_OTHERWISE))
        t->caller = *HOOK_CALLER();
    return recorded(t, fn, done, p, size, ticks);
}

HOT void *allocated_quickly(struct thread *t, enum seg_function fn, void *p, size_t size)
{
    if (!USUALLY(p != NULL)) {
        tracker_leave(t);
        return p;
    }
    if (USUALLY(thread_is_exact(t))) {
        uint64_t ticks = clock_ticks();
        return recorded_quickly(t, fn, record_alloc(t, fn, p, size, ticks), p, size, ticks);
    }
    if (USUALLY(thread_has_records(t))) {
        uint64_t ticks = clock_ticks();
        return recorded_quickly(t, fn, record_plain(t, fn, p, size, ticks), p, size, ticks);
    }
    t->caller = *HOOK_CALLER();
    return allocated_by_path(t, fn, p, size);
}

HOOK void *malloc(size_t size)
{
    struct thread *t = enter_quickly();
    if (!USUALLY(t != NULL))
        return malloc_otherwise(size, HOOK_CALLER()->pc, HOOK_CALLER()->sp, HOOK_CALLER()->fp);
    if (is_elsewhere(t))
        return malloc_elsewhere(t, size, HOOK_CALLER()->pc, HOOK_CALLER()->sp,
                                HOOK_CALLER()->fp);
    return allocated_quickly(t, SEG_FN_MALLOC, real.malloc(size), size);
}

HOOK void *calloc(size_t count, size_t size)
{
    struct thread *t = enter_quickly();
    if (!USUALLY(t != NULL))
        return calloc_otherwise(count, size, HOOK_CALLER()->pc, HOOK_CALLER()->sp,
                                HOOK_CALLER()->fp);
    if (is_elsewhere(t))
        return calloc_elsewhere(t, count, size, HOOK_CALLER()->pc, HOOK_CALLER()->sp,
                                HOOK_CALLER()->fp);
    return allocated_quickly(t, SEG_FN_CALLOC, real.calloc(count, size), count * size);
}

HOOK void *memalign(size_t align, size_t size)
{
    if (!real_ready())
        return early(align, size);
    struct thread *t = tracker_enter();
    return hook_allocated(t, SEG_FN_MEMALIGN, real.memalign(align, size), size,
                          HOOK_CALLER());
}

HOOK void *aligned_alloc(size_t align, size_t size)
{
    if (!real_ready())
        return early(align, size);
    struct thread *t = tracker_enter();
    return hook_allocated(t, SEG_FN_ALIGNED_ALLOC, real.aligned_alloc(align, size),
                          size, HOOK_CALLER());
}

HOOK void *valloc(size_t size)
{
    if (!real_ready())
        return early(ARENA_PAGE, size);
    struct thread *t = tracker_enter();
    return hook_allocated(t, SEG_FN_VALLOC, real.valloc(size), size, HOOK_CALLER());
}

HOOK void *pvalloc(size_t size)
{
    if (!real_ready())
        return early(ARENA_PAGE, size);
    struct thread *t = tracker_enter();
    return hook_allocated(t, SEG_FN_PVALLOC, real.pvalloc(size), size, HOOK_CALLER());
}

static int early_posix_memalign(void **out, size_t align, size_t size)
{
    if (align == 0 || align % sizeof(void *) || (align & (align - 1)))
        return EINVAL;
    void *p = arena_alloc(align, size);
    if (!p)
        return ENOMEM;
    *out = p;
    return 0;
}

HOOK int posix_memalign(void **out, size_t align, size_t size)
{
    if (!real_ready())
        return early_posix_memalign(out, align, size);
    struct thread *t = tracker_enter();
    int error = real.posix_memalign(out, align, size);
    hook_allocated(t, SEG_FN_POSIX_MEMALIGN, error ? NULL : *out, size, HOOK_CALLER());
    return error;
}

/* ---- reallocating ----------------------------------------------------------- */

/* One reallocation under way. `refused` says that its size is out of range,
 * so that the next allocator can only fail. */
struct resize {
    enum seg_function fn;
    bool refused;
    void *p;
    size_t size;
};

static inline struct thread *resize_begin(const struct resize *r,
                                          struct tracker_block *old)
{
    struct thread *t = tracker_enter();
    if (t && r->p)
        tracker_realloc_begin(t, r->p, old);
    return t;
}

/* A NULL for size 0 means that the old block was freed, all others that it
 * stays. Returns q. */
static inline void *resize_end(const struct resize *r, struct thread *t,
                               const struct tracker_block *old, void *q,
                               const struct stack_frame *caller)
{
    if (!t)
        return q;
    if (!r->p)
        return hook_allocated(t, r->fn, q, r->size, caller);
    if (q || (r->size == 0 && !r->refused))
        tracker_realloc_end(t, r->fn, r->p, old, q, r->size, caller);
    else
        tracker_realloc_cancel(t, r->p, old);
    tracker_leave(t);
    return q;
}

static NOINLINE void *realloc_block(void *p, size_t size, const struct stack_frame *caller)
{
    if (!real_ready())
        return early_array(p, 1, size);
    if (arena_owns(p))
        return leave_arena(SEG_FN_REALLOC, p, size, caller);
    struct resize r = { .fn = SEG_FN_REALLOC, .p = p, .size = size };
    struct tracker_block old;
    struct thread *t = resize_begin(&r, &old);
    return resize_end(&r, t, &old, real.realloc(p, size), caller);
}

HOOK void *realloc(void *p, size_t size)
{
    struct thread *t = p ? NULL : enter_quickly();
    if (!USUALLY(t != NULL))
        return realloc_block(p, size, HOOK_CALLER());
    if (is_elsewhere(t))
        return realloc_elsewhere(t, size, HOOK_CALLER()->pc, HOOK_CALLER()->sp,
                                 HOOK_CALLER()->fp);
    return allocated_quickly(t, SEG_FN_REALLOC, real.realloc(NULL, size), size);
}

HOOK void *reallocarray(void *p, size_t count, size_t size)
{
    if (!real_ready())
        return early_array(p, count, size);
    struct resize r = { .fn = SEG_FN_REALLOCARRAY, .p = p };
    r.refused = __builtin_mul_overflow(count, size, &r.size);
    if (arena_owns(p) && !r.refused)
        return leave_arena(SEG_FN_REALLOCARRAY, p, r.size, HOOK_CALLER());
    struct tracker_block old;
    struct thread *t = resize_begin(&r, &old);
    return resize_end(&r, t, &old, real.reallocarray(p, count, size), HOOK_CALLER());
}

/* ---- releasing --------------------------------------------------------------- */

static NOINLINE void free_otherwise(void *p)
{
    if (hook_must_release(p))
        hook_free(p);
}

/* The begins of hooks that release p, and their ends. */
static NOINLINE void record_free_otherwise(struct thread *t, void *p)
{
    if (!arena_owns(p)) {
        tracker_free(t, SEG_FN_FREE, p);
        real.free(p);
    }
    tracker_leave(t);
}

static NOINLINE void flush_and_free(struct thread *t, void *p)
{
    heap_flush(t, t->page->last_ticks);
    real.free(p);
    tracker_leave(t);
}

HOT void free_quickly(struct thread *t, enum record done, void *p)
{
    if (!USUALLY(done != RECORD_OTHERWISE)) {
        record_free_otherwise(t, p);
    } else if (!USUALLY(done == RECORD_DONE)) {
        flush_and_free(t, p);
    } else {
        real.free(p);
        tracker_leave(t);
    }
}

static NOINLINE void free_by_path(struct thread *t, void *p)
{
    if (thread_path(t) == THREAD_PATH_UNSET) {
        free_otherwise(p);
        return;
    }
    free_quickly(t, record_free_by_path(t, SEG_FN_FREE, p), p);
}

HOOK void free(void *p)
{
    if (!p)
        return;
    hook_prepare_release(p);
    struct thread *t = enter_quickly();
    if (!USUALLY(t != NULL))
        free_otherwise(p);
    else if (USUALLY(thread_has_records(t)))
        free_quickly(t, record_free(t, SEG_FN_FREE, p), p);
    else
        free_by_path(t, p);
}

HOOK void cfree(void *p)
{
    if (!hook_must_release(p))
        return;
    struct thread *t = hook_releasing(SEG_FN_CFREE, p);
    real.cfree(p);
    hook_released(t);
}

HOOK void free_sized(void *p, size_t size)
{
    if (!hook_must_release(p))
        return;
    struct thread *t = hook_releasing(SEG_FN_FREE_SIZED, p);
    real.free_sized(p, size);
    hook_released(t);
}

HOOK void free_aligned_sized(void *p, size_t align, size_t size)
{
    if (!hook_must_release(p))
        return;
    struct thread *t = hook_releasing(SEG_FN_FREE_ALIGNED_SIZED, p);
    real.free_aligned_sized(p, align, size);
    hook_released(t);
}

/* ---- asking -------------------------------------------------------------------- */

HOOK size_t malloc_usable_size(void *p)
{
    if (arena_owns(p))
        return arena_size(p);
    return p && real_ready() ? real.malloc_usable_size(p) : 0;
}
