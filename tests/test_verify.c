/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verification must see what is wrong: stacks that are made up, others that
 * are right, and the rule by which they are compared.
 */
#include "agent/verify.h"

#include <execinfo.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/clock.h"
#include "agent/store.h"
#include "agent/thread.h"
#include "agent/tracker.h"
#include "tests/stack_fake.h"
#include "tests/tap.h"

static void test_rule(void)
{
    struct verify_stack a = { 3, { 1, 2 | SEG_PC_EXACT, 3 } }, b = a;
    tap_ok(verify_compare(&a, &b) == VERIFY_SAME, "the same frames");
    b.pcs[1] = 2;
    tap_ok(verify_compare(&a, &b) == VERIFY_DIFFERENT, "a frame was not interrupted");
    b = a;
    b.pcs[2] = 4;
    tap_ok(verify_compare(&a, &b) == VERIFY_DIFFERENT, "another outermost frame");
    b = a;
    b.n = 2;
    tap_ok(verify_compare(&a, &b) == VERIFY_DIFFERENT, "we found a frame too much");
    tap_ok(verify_compare(&b, &a) == VERIFY_DIFFERENT, "we found a frame too few");
    stack_fake_explains = false;
    tap_ok(verify_compare(&a, &b) == VERIFY_PARTLY && verify_compare(&b, &a) == VERIFY_PARTLY,
           "the last common frame cannot be left by anybody");
    b.n = 0;
    tap_ok(verify_compare(&a, &b) == VERIFY_DIFFERENT, "the other one found nothing");
    stack_fake_explains = true;
}

/* Stands where a hook stands; the unwinder says what is true, or `wrong`. */
static __attribute__((noinline)) void event(uintptr_t wrong)
{
    void *frames[64];
    uintptr_t *frame = __builtin_frame_address(0);
    struct stack_frame first = {
        .pc = (uintptr_t)__builtin_return_address(0),
        .sp = (uintptr_t)(frame + 2),
        .fp = frame[0],
    };
    int n = backtrace(frames, 64), i = 0;
    while (i < n && (uintptr_t)frames[i] != first.pc)
        i++;
    for (stack_fake_depth = 0; i < n; i++)
        if (frames[i])
            stack_fake_pcs[stack_fake_depth++] = (uintptr_t)frames[i];
    stack_fake_pcs[stack_fake_depth - 1] += wrong;
    struct thread *t = tracker_enter();
    tracker_alloc(t, SEG_FN_MALLOC, (void *)0x555555560000, 10, &first, clock_ticks());
    tracker_free(t, SEG_FN_FREE, (void *)0x555555560000);
    tracker_leave(t);
}

int main(void)
{
    char dir[] = "/tmp/memtop-test-XXXXXX";
    setenv("MEMTOP_DIR", mkdtemp(dir), 1);
    test_rule();
    tracker_init("libc.so.6", true, false);
    event(0);
    const struct seg_thread *page = &store.threads[THREAD_ROW_FIRST];
    tap_is_u64(page->verified, 0, "nothing is compared unless it is wanted");
    tap_ok(verify_load(1), "another unwinder is there");
    event(0);
    tap_is_u64(page->verified, 1, "one stack was compared");
    tap_is_u64(page->mismatches, 0, "and is right");
    event(1);
    tap_is_u64(page->verified, 2, "another one was compared");
    tap_is_u64(page->mismatches, 1, "and is wrong");
    const struct seg_mismatch *m = &store.mismatches[0];
    tap_ok(m->complete && m->depth[SEG_WITNESS_RECORDED] == stack_fake_depth &&
               m->depth[SEG_WITNESS_LIBGCC] == stack_fake_depth &&
               m->pcs[SEG_WITNESS_RECORDED][0] == m->pcs[SEG_WITNESS_LIBGCC][0] &&
               m->pcs[SEG_WITNESS_RECORDED][stack_fake_depth - 1] ==
                   m->pcs[SEG_WITNESS_LIBGCC][stack_fake_depth - 1] + 1,
           "it is kept as each one saw it");
    for (int i = 0; i < 20; i++)
        event(1);
    tap_is_u64(page->mismatches, 21, "all wrong ones are counted");
    tap_is_u64(store.header->sections[SEG_MISMATCHES].count, SEG_MISMATCHES_MAX,
               "and the first ones kept");
    unlink(store.path);
    rmdir(dir);
    return tap_done();
}
