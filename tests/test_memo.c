/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memo_unwind and recent_find against stack_unwind, at the same place, on millions of
 * random call paths through frames that are hard on a memo, and on the stacks of
 * stack_cases.c. Each thread has a memo and recent stacks, as in the agent.
 */
#include <alloca.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>

#include "agent/care.h"
#include "agent/known.h"
#include "agent/memo.h"
#include "agent/recent.h"
#include "agent/stack.h"
#include "stack_cases.h"
#include "tap.h"

#define STEPS 1500000
#define DEPTH 40

/* What a user of the memo keeps: a frame for each remembered one. */
struct kept {
    struct memo memo;
    uint64_t pcs[SEG_DEPTH_MAX]; /* outermost first */
    uint64_t fresh[SEG_DEPTH_MAX];
    uint64_t plain[SEG_DEPTH_MAX];
    struct recent recent; /* `what` is the stack's hash here */
    uint32_t row;
};

static _Thread_local struct kept kept;
static _Atomic unsigned long probes, wrong, frames, fresh_frames, unchanged, agains, recents;

static bool agrees(size_t below, size_t fresh, size_t n)
{
    if (below + fresh != n)
        return false;
    for (size_t i = 0; i < fresh; i++)
        kept.pcs[n - 1 - i] = kept.fresh[i];
    for (size_t i = 0; i < n; i++)
        if (kept.pcs[n - 1 - i] != kept.plain[i])
            return false;
    return true;
}

/* What the hot path does. */
static _Thread_local struct stack_frame again;
static _Thread_local uint64_t again_generation;

static void expect_again(const struct stack_frame *first)
{
    again.sp = 0;
    if (!memo_line_up(&kept.memo))
        return;
    again = *first;
    again_generation = kept.memo.generation;
}

static bool is_again(const struct stack_frame *first)
{
    return again.sp == first->sp && again_generation == stack_generation && memo_holds(&kept.memo);
}

/* As the hot path and the tracker do. */
static void look_among_recent(uint64_t found, const struct stack_frame *first, size_t n,
                              size_t fresh)
{
    uint64_t what = known_seed(0);
    for (size_t i = n; i-- > 0;)
        what = known_mix(what, kept.plain[i]);
    recents += found != 0;
    wrong += found != 0 && found != what;
    recent_learn(&kept.recent, &kept.memo, fresh);
    if (found == 0 && kept.memo.depth > 0 && recent_seen(&kept.recent, what, kept.row) &&
        memo_line_up(&kept.memo)) {
        recent_prepare(&kept.recent, &kept.memo, first->sp, care_without_reasons());
        recent_add(&kept.recent, what);
    }
}

static NOINLINE void compare(const struct stack_frame *first)
{
    enum stack_end end, plain_end;
    size_t fresh = 0;
    size_t depth = kept.memo.depth;
    size_t holds = MEMO_UNKNOWN;
    bool once_more = is_again(first);
    uint64_t found = recent_find(&kept.recent, first->sp, care_without_reasons());
    recent_fetch(&kept.recent, first->sp, care_without_reasons());
    bool same = memo_same(&kept.memo, first, &holds);
    size_t below = memo_unwind(&kept.memo, first, holds, kept.fresh, &fresh, &end);
    wrong += same != (fresh == 0 && below == depth) || (once_more && !same);
    agains += once_more;
    expect_again(first);
    size_t n = stack_unwind(first, kept.plain, SEG_DEPTH_MAX, &plain_end);
    probes++;
    frames += n;
    fresh_frames += fresh;
    unchanged += fresh == 0;
    look_among_recent(found, first, n, fresh);
    if (agrees(below, fresh, n) && end == plain_end)
        return;
    if (wrong++ < 5)
        printf("# %zu kept, %zu fresh, end %d; wanted %zu, end %d\n", below, fresh,
               (int)end, n, (int)plain_end);
}

/* These two stand where a hook stands. */
#define COMPARE()                                           \
    do {                                                    \
        uintptr_t *frame = __builtin_frame_address(0);      \
        struct stack_frame first = {                        \
            .pc = (uintptr_t)__builtin_return_address(0),   \
            .sp = (uintptr_t)(frame + 2),                   \
            .fp = frame[0],                                 \
        };                                                  \
        compare(&first);                                    \
        KEEP();                                             \
    } while (0)

NOINLINE void stack_probe(const char *what, enum stack_want want)
{
    (void)what;
    (void)want;
    COMPARE();
}

static NOINLINE void probe(void)
{
    COMPARE();
}

static NOINLINE void probe_with(size_t unused)
{
    (void)unused;
    COMPARE();
}

/* ---- random call paths --------------------------------------------------------- */
struct trip {
    uint64_t seed;
    long steps;
    bool signals;
    jmp_buf *back; /* somewhere further out */
};

static uint32_t roll(struct trip *t, uint32_t sides)
{
    t->seed = t->seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(t->seed >> 33) % sides;
}

static void wander(struct trip *t, unsigned depth);

static NOINLINE void go_small(struct trip *t, unsigned depth)
{
    wander(t, depth);
    KEEP();
}

/* The same frame, left by two calls. */
static NOINLINE void go_twice(struct trip *t, unsigned depth)
{
    if (roll(t, 2))
        wander(t, depth);
    else
        wander(t, depth + 1);
    KEEP();
}

static NOINLINE void go_array(struct trip *t, unsigned depth)
{
    volatile char local[120];
    local[0] = 1;
    wander(t, depth);
    local[1] = local[0];
}

static FRAMED void go_frame_pointer(struct trip *t, unsigned depth)
{
    wander(t, depth);
}

static NOINLINE void go_alloca(struct trip *t, unsigned depth)
{
    volatile char *p = alloca(16 + 16 * roll(t, 8));
    p[0] = 1;
    wander(t, depth);
    p[1] = p[0];
}

/* Grows between its calls: the frames below move. */
static NOINLINE void go_growing(struct trip *t, unsigned depth)
{
    for (unsigned i = roll(t, 3); i < 3; i++) {
        volatile char *p = alloca(16 + 16 * roll(t, 4));
        p[0] = 1;
        wander(t, depth);
    }
}

static NOINLINE void go_realigned(struct trip *t, unsigned depth, ...)
{
    volatile char local[64] __attribute__((aligned(64)));
    va_list list;
    va_start(list, depth);
    volatile char *p = alloca((size_t)va_arg(list, int));
    va_end(list);
    local[0] = p[0] = 1;
    wander(t, depth);
    local[1] = local[0] + p[0];
}

static NOINLINE void go_catch(struct trip *t, unsigned depth)
{
    jmp_buf here;
    jmp_buf *outer = t->back;
    t->back = &here;
    if (setjmp(here) == 0)
        wander(t, depth);
    else
        probe();
    t->back = outer;
    KEEP();
}

/* Holds what it was given in rbp, so that outer frames find theirs saved. */
static NOINLINE void go_rbp(struct trip *t, unsigned depth)
{
    uint64_t value = t->seed;
    __asm__ volatile("" : "+r"(value) : : "rbx", "r12", "r13", "r14", "r15");
    wander(t, depth);
    __asm__ volatile("" : : "r"(value) : "rbx", "r12", "r13", "r14", "r15");
}

static void step(struct trip *t, unsigned depth)
{
    switch (roll(t, 12)) {
    case 0: case 1: go_small(t, depth); break;
    case 2: go_array(t, depth); break;
    case 3: go_frame_pointer(t, depth); break;
    case 4: go_alloca(t, depth); break;
    case 5: go_growing(t, depth); break;
    case 6: go_realigned(t, depth, (int)(16 + 16 * roll(t, 4))); break;
    case 7: go_catch(t, depth); break;
    case 8: case 9: go_twice(t, depth); break;
    case 10: go_rbp(t, depth); break;
    case 11:
        if (t->back && roll(t, 4) == 0)
            longjmp(*t->back, 1);
        go_small(t, depth);
        break;
    }
}

static NOINLINE void wander(struct trip *t, unsigned depth)
{
    while (t->steps > 0 && depth < DEPTH && roll(t, 5) > 1) {
        t->steps--;
        probe();
        if (t->signals && roll(t, 2000) == 0)
            raise(SIGUSR1);
        step(t, depth + 1);
    }
    for (volatile unsigned again_too = roll(t, 2) + 1; again_too > 0; again_too--)
        probe();
}

/* ---- ------------------------------------------------------------------------ */

/* ---- stacks that look like the one before ------------------------------------ */
/* Two callers, each with a hole in its frame in which the words of the former
 * stack are left as they were; below them the same functions at the same
 * places, so that only a frame pointer tells which caller it was. */
#define TAKE_RBP() __asm__ volatile("" ::: "rbp", "memory")

typedef void step_fn(size_t bytes);

static LEAN void end_here(size_t bytes)
{
    (void)bytes;
    for (volatile int twice = 0; twice < 2; twice++)
        probe();
    KEEP();
}

static LEAN void keep_rbp(size_t bytes)
{
    TAKE_RBP();
    end_here(bytes);
    TAKE_RBP();
}

static LEAN void keep_rbp_below(size_t bytes)
{
    keep_rbp(bytes);
    KEEP();
}

static LEAN void keep_rbp_further_below(size_t bytes)
{
    volatile char hole[64];
    __asm__ volatile("" : : "r"(hole) : "memory");
    keep_rbp(bytes);
    KEEP();
}

/* Frames of `bytes` more than their least. */
#define HOLE_IN_FRAME(name, next)                       \
    static NOINLINE void name(size_t bytes)             \
    {                                                   \
        volatile char *p = alloca(bytes & 0xffff);      \
        __asm__ volatile("# " #name : : "r"(p) : "memory"); \
        next(bytes >> 16);                              \
        KEEP();                                         \
    }

HOLE_IN_FRAME(direct, probe_with)
HOLE_IN_FRAME(passed, end_here)
HOLE_IN_FRAME(saved, keep_rbp)
HOLE_IN_FRAME(saved_below, keep_rbp_below)

static step_fn *volatile chosen;
static step_fn *volatile innermost;
HOLE_IN_FRAME(indirect, innermost)
HOLE_IN_FRAME(first_caller, chosen)
HOLE_IN_FRAME(second_caller, chosen)

/* Not by its frame pointer, so that what is below it does not need its own. */
static LEAN void plain_caller(size_t bytes)
{
    volatile char hole[256];
    __asm__ volatile("" : : "r"(hole) : "memory");
    keep_rbp_below(bytes >> 16);
    KEEP();
}

static NOINLINE void realigned_with(size_t bytes, ...)
{
    volatile char local[64] __attribute__((aligned(128)));
    va_list list;
    va_start(list, bytes);
    volatile char *p = alloca((size_t)va_arg(list, int));
    va_end(list);
    __asm__ volatile("" : : "r"(local), "r"(p) : "memory");
    end_here(bytes);
    local[0] = p[0] = 1;
}

static LEAN void realigned(size_t bytes)
{
    realigned_with(bytes, 16);
    KEEP();
}

#define HOLES 24 /* sizes of a hole, in steps of 16 bytes */

/* One call instruction for all, so that the frames further out look the same,
 * too. */
static NOINLINE void call(step_fn *function, size_t bytes)
{
    function(bytes);
    KEEP();
}

static NOINLINE void both_ways(step_fn *below)
{
    chosen = below;
    for (size_t a = 1; a < HOLES; a++)
        for (size_t b = 1; b < HOLES; b++)
            for (size_t c = 1; c < HOLES; c++) {
                size_t d = a + b > c ? a + b - c : 1;
                size_t holes[2] = { 16 * a | (16 * b) << 16, 16 * c | (16 * d) << 16 };
                for (volatile int i = 0; i < 2; i++)
                    call(i ? second_caller : first_caller, holes[i]);
            }
}

/* The frame that needs fp stays, but fp is saved somewhere else. */
static NOINLINE void moving_slot(void)
{
    chosen = indirect;
    for (size_t a = 1; a < HOLES; a++)
        for (size_t c = 1; c < HOLES; c++)
            for (volatile int i = 0; i < 3; i++) {
                size_t hole = i < 2 ? a : c;
                innermost = i == 0 ? keep_rbp : keep_rbp_further_below;
                call(i < 2 ? first_caller : second_caller,
                     16 * hole | (16 * (HOLES + a - hole)) << 16);
            }
}

/* Nobody further out needs an fp: this function saves it for them. */
static LEAN void changing_need(void)
{
    TAKE_RBP();
    for (size_t a = 1; a < 40; a++)
        for (volatile int i = 0; i < 3; i++)
            call(i == 1 ? saved_below : plain_caller, 16 * a);
    TAKE_RBP();
}

static _Thread_local unsigned in_handler;

static void on_signal(int number)
{
    struct trip t = { .seed = (uint64_t)probes, .steps = 20 };
    (void)number;
    if (in_handler++ == 0)
        wander(&t, 0);
    in_handler--;
}

static void travel(uint64_t seed, long steps, bool signals)
{
    struct trip t = { .seed = seed, .steps = steps, .signals = signals };
    while (t.steps > 0) {
        t.steps--;
        t.back = NULL;
        step(&t, 0);
    }
}

static void *travel_thread(void *seed)
{
    kept.row = (uint32_t)(uintptr_t)seed;
    travel((uintptr_t)seed, STEPS / 4, false);
    return NULL;
}

static void report(const char *what)
{
    printf("# %lu stacks of %.1f frames, %.2f of them fresh; %.1f%% unchanged, %lu once "
           "more, %lu recent\n",
           probes, (double)frames / (double)probes, (double)fresh_frames / (double)probes,
           100.0 * (double)unchanged / (double)probes, agains, recents);
    tap_ok(probes > 0 && wrong == 0, "%s: %lu of %lu stacks are right", what,
           probes - wrong, probes);
    probes = wrong = frames = fresh_frames = unchanged = agains = recents = 0;
}

static void test_threads(void)
{
    pthread_t threads[3];
    for (uintptr_t i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, travel_thread, (void *)(i + 7));
    for (unsigned i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    report("three threads");
}

/* The stack's words are the same, but the code may not be. */
static void test_forget(void)
{
    struct stack_frame first = {
        .pc = (uintptr_t)__builtin_return_address(0),
        .sp = (uintptr_t)__builtin_frame_address(0) + 16,
        .fp = *(uintptr_t *)__builtin_frame_address(0),
    };
    enum stack_end end;
    size_t fresh, n = stack_unwind(&first, kept.plain, SEG_DEPTH_MAX, &end);
    memo_unwind(&kept.memo, &first, MEMO_UNKNOWN, kept.fresh, &fresh, &end);
    tap_is_u64(memo_unwind(&kept.memo, &first, MEMO_UNKNOWN, kept.fresh, &fresh, &end), n,
               "the same stack again is kept as it is");
    tap_is_u64(fresh, 0, "with no fresh frames");
    recent_seen(&kept.recent, 17, kept.row);
    tap_ok(recent_seen(&kept.recent, 17, kept.row) && memo_line_up(&kept.memo), "it is lined up");
    recent_learn(&kept.recent, &kept.memo, n);
    recent_prepare(&kept.recent, &kept.memo, first.sp, care_without_reasons());
    recent_add(&kept.recent, 17);
    tap_is_u64(recent_find(&kept.recent, first.sp, care_without_reasons()), 17,
               "and found as a recent one");
    tap_ok(!recent_find(&kept.recent, first.sp + 16, care_without_reasons()),
           "not from another place on the stack");
    stack_forget(first.pc - 1, first.pc);
    tap_is_u64(memo_unwind(&kept.memo, &first, MEMO_UNKNOWN, kept.fresh, &fresh, &end), 0,
               "nothing is kept when code was unloaded");
    tap_is_u64(fresh, n, "all frames are fresh then");
    tap_ok(!recent_find(&kept.recent, first.sp, care_without_reasons()), "nor is it recent");
    memo_line_up(&kept.memo);
    recent_prepare(&kept.recent, &kept.memo, first.sp, care_without_reasons());
    recent_add(&kept.recent, 18);
    tap_is_u64(recent_find(&kept.recent, first.sp, care_without_reasons()), 18,
               "until it is there anew");
}

int main(void)
{
    stack_init();
    if (!recent_init())
        return 99;
    signal(SIGUSR1, on_signal);
    travel(1, STEPS, false);
    report("random paths");
    travel(2, STEPS, true);
    report("with signals");
    test_threads();
    both_ways(direct);
    report("the caller is told by fp alone");
    both_ways(passed);
    report("by an fp that was passed on");
    both_ways(saved);
    report("by an fp that was saved");
    both_ways(realigned);
    report("by a realigned frame's CFA");
    moving_slot();
    report("fp is saved elsewhere than before");
    changing_need();
    report("fp matters now, and did not before");
    stack_cases_run();
    stack_cases_run();
    report("hard cases");
    test_forget();
    return tap_done();
}
