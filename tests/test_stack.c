/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stack_unwind against two other unwinders, libunwind's unw_backtrace and the
 * C library's backtrace (which is libgcc's), called at the same place, on the
 * stacks of stack_cases.c.
 */
#include <errno.h>
#include <execinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "agent/stack.h"
#include "shared/segment.h"
#include "stack_cases.h"
#include "tap.h"

#define MAX SEG_DEPTH_MAX

/* Two rounds of three signals, with two probes in each of them. */
#define INTERRUPTED 12

struct seen {
    uint64_t pcs[MAX + 64];
    size_t n;
    enum stack_end end;
};

static unsigned probes;
static unsigned wrong;
static unsigned interrupted;  /* frames marked so */
static struct seen outermost; /* the frames that all cases share */

static void show(const char *who, const struct seen *s)
{
    printf("# %s, end %d:", who, (int)s->end);
    for (size_t i = 0; i < s->n && i < 60; i++)
        printf(" %#" PRIx64, s->pcs[i]);
    putchar('\n');
}

/* Take an unwinder's frames from `pc` on. */
static void take(struct seen *s, void **frames, int n, uintptr_t pc)
{
    int i = 0;
    while (i < n && (uintptr_t)frames[i] != pc)
        i++;
    for (s->n = 0; i < n && s->n < MAX; i++)
        if (frames[i])
            s->pcs[s->n++] = (uintptr_t)frames[i];
}

static bool same(const struct seen *ours, const struct seen *theirs)
{
    if (ours->n != theirs->n)
        return false;
    for (size_t i = 0; i < ours->n; i++)
        if ((ours->pcs[i] & SEG_PC_MASK) != theirs->pcs[i])
            return false;
    return true;
}

static bool ends_with(const struct seen *s, const struct seen *tail)
{
    return s->n > tail->n && memcmp(s->pcs + s->n - tail->n, tail->pcs,
                                    tail->n * sizeof(tail->pcs[0])) == 0;
}

static bool as_wanted(const struct seen *ours, const struct seen *a,
                      const struct seen *b, enum stack_want want)
{
    switch (want) {
    case STACK_WANT_ALL:
        return ours->end == STACK_COMPLETE && (same(ours, a) || same(ours, b));
    case STACK_WANT_CUT:
        return ours->end == STACK_CUT && ours->n == MAX && (same(ours, a) || same(ours, b));
    case STACK_WANT_GUESS:
        return ours->end == STACK_COMPLETE && ends_with(ours, &outermost);
    case STACK_WANT_BROKEN:
        return ours->end == STACK_BROKEN && ours->n == 2;
    }
    return false;
}

/* Stands where a hook stands. */
__attribute__((noinline)) void stack_probe(const char *what, enum stack_want want)
{
    static _Thread_local struct seen ours, theirs, libgcc;
    static _Thread_local void *frames[MAX + 64];
    uintptr_t *frame = __builtin_frame_address(0);
    struct stack_frame first = {
        .pc = (uintptr_t)__builtin_return_address(0),
        .sp = (uintptr_t)(frame + 2),
        .fp = frame[0],
    };
    errno = 77;
    ours.n = stack_unwind(&first, ours.pcs, MAX, &ours.end);
    bool errno_kept = errno == 77;
    take(&theirs, frames, unw_backtrace(frames, MAX + 64), first.pc);
    take(&libgcc, frames, backtrace(frames, MAX + 64), first.pc);
    probes++;
    for (size_t i = 0; i < ours.n; i++)
        interrupted += (ours.pcs[i] & SEG_PC_EXACT) != 0;
    if (errno_kept && as_wanted(&ours, &theirs, &libgcc, want))
        return;
    if (wrong++ < 5) {
        printf("# %s\n", what);
        show("ours     ", &ours);
        show("libunwind", &theirs);
        show("libgcc   ", &libgcc);
    }
}

static __attribute__((noinline)) void run_cases(void)
{
    void *frames[MAX];
    take(&outermost, frames, backtrace(frames, MAX), (uintptr_t)__builtin_return_address(0));
    probes = wrong = interrupted = 0;
    stack_cases_run();
}

static void run(const char *when)
{
    run_cases();
    tap_ok(interrupted == INTERRUPTED, "%s: %u frames were interrupted", when, interrupted);
    tap_ok(probes > 100 && wrong == 0, "%s: %u of %u stacks are right", when,
           probes - wrong, probes);
}

static void run_in_child(void)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        stack_init();
        run_cases();
        _exit(wrong != 0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    tap_ok(status == 0, "the same in a forked child");
}

/* Forgetting must be noticed by nobody but the clock. */
static void run_forgetful(void)
{
    stack_forget(0x1000, UINTPTR_MAX / 2);
    run("after all rows were forgotten");
}

int main(void)
{
    void *warm[4];
    backtrace(warm, 4);
    stack_init();
    stack_init();
    run("first time");
    run("second time");
    run_forgetful();
    run_in_child();
    return tap_done();
}
