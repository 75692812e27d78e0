/* SPDX-License-Identifier: Apache-2.0 */
/* Choices of live blocks, and what they come to. */
#include "tests/tap.h"

#include "tui/model/choice.h"

static struct snapshot snapshot;

static void add(struct chosen *c, uint64_t size, uint64_t age_ns, int tid, uint32_t site,
                uint64_t weight)
{
    chosen_add(c, &(struct choice_block){ .size = size, .age_ns = age_ns, .tid = tid,
                                          .site = site, .blocks = weight,
                                          .bytes = size * weight });
}

/* Sizes 16, 40 and 48; ages 50 and 5000 ns; threads 1, 2 and one that has ended. */
static void add_all(struct chosen *c)
{
    add(c, 16, 50, 1, 1, 1);
    add(c, 40, 50, 1, 1, 1);
    add(c, 48, 5000, 2, 2, 1);
    add(c, 48, 50, 2, 2, 1);
    add(c, 48, 5000, 0, 3, 1);
    add(c, 48, 50, 2, 999999999, 1);
}

static void test_any(struct chosen *c)
{
    struct choice any = { .by_size = false };
    tap_ok(!choice_any(&any), "zeros choose nothing");
    tap_ok(chosen_begin(c, &any, &snapshot), "there is room");
    add_all(c);
    tap_is_u64(c->taken.blocks, 6, "then all blocks are meant");
    tap_is_u64(c->taken.bytes, c->all.bytes, "with all their bytes");
    tap_is_u64(c->sites[2].bytes, 96, "by site");
    tap_is_u64(c->sites[3].blocks, 1, "each");
    tap_is_u64(c->sizes[seg_size_class(48)].blocks, 5, "by size class");
    tap_is_u64(c->ages[6].blocks, 4, "by age");
    tap_is_u64(c->ages[13].blocks, 2, "older ones");
    tap_ok(!c->estimated, "nothing is estimated");
}

static void test_each(struct chosen *c)
{
    struct choice size = { .by_size = true, .size_min = 33, .size_max = 48 };
    chosen_begin(c, &size, &snapshot);
    add_all(c);
    tap_ok(c->taken.blocks == 5 && c->sites[1].blocks == 1 && c->sites[1].bytes == 40,
           "by size, both bounds included");
    tap_ok(c->sizes[1].blocks == 1, "the other sizes are known all the same");
    tap_ok(c->ages[6].blocks == 3 && c->ages[13].blocks == 2, "ages are those of the sizes");

    struct choice age = { .by_age = true, .age_min_ns = 50, .age_below_ns = 5000 };
    chosen_begin(c, &age, &snapshot);
    add_all(c);
    tap_ok(c->taken.blocks == 4 && c->sites[3].blocks == 0, "by age, from and below");
    tap_ok(c->ages[13].blocks == 2, "the other ages are known all the same");
    tap_ok(c->sizes[seg_size_class(48)].blocks == 3, "sizes are those of the ages");

    struct choice thread = { .by_thread = true, .tid = 2 };
    chosen_begin(c, &thread, &snapshot);
    add_all(c);
    tap_ok(c->taken.blocks == 3 && c->sites[2].blocks == 2 && c->sites[1].blocks == 0,
           "by thread");
    thread.tid = 0;
    chosen_begin(c, &thread, &snapshot);
    add_all(c);
    tap_ok(c->taken.blocks == 1 && c->sites[3].blocks == 1 && c->all.blocks == 6,
           "threads that have ended");
    tap_ok(c->ages[6].blocks == 0, "a thread limits both histograms");

    struct choice all = { .by_size = true, .size_min = 48, .size_max = 48, .by_age = true,
                          .age_below_ns = 100, .by_thread = true, .tid = 2 };
    chosen_begin(c, &all, &snapshot);
    add_all(c);
    tap_ok(c->taken.blocks == 2 && c->sites[2].blocks == 1, "all three");
    add(c, 48, 10, 2, 2, 10);
    tap_ok(c->sites[2].blocks == 11 && c->sites[2].bytes == 528 && c->estimated,
           "a sampled block counts with its weight, and that shows");
}

static void test_equal(void)
{
    struct choice a = { .by_size = true, .size_min = 1, .size_max = 2 }, b = a;
    tap_ok(choice_equal(&a, &b), "the same");
    b.tid = 7;
    b.age_min_ns = 3;
    tap_ok(choice_equal(&a, &b), "what does not count does not matter");
    b.by_thread = true;
    tap_ok(!choice_equal(&a, &b), "what counts does");
    b = a;
    b.size_max = 3;
    tap_ok(!choice_equal(&a, &b), "another bound");
    b = a;
    b.short_lived = true;
    tap_ok(!choice_equal(&a, &b), "freed blocks are others than live ones");
    b = (struct choice){ .short_lived = true };
    tap_ok(choice_any(&b) && !choice_of_live(&b), "and no live ones are looked at for them");
}

static void test_classes(struct chosen *c)
{
    bool right = true;
    for (unsigned i = 0; i + 1 < SEG_LIFE_CLASSES; i++)
        right = right && chosen_age_class(c, snapshot.lifetimes[i].below_ns) == i + 1 &&
                chosen_age_class(c, snapshot.lifetimes[i].below_ns - 1) == i;
    tap_ok(right, "an age belongs to the first row that it is below");
    tap_is_u64(chosen_age_class(c, UINT64_MAX), SEG_LIFE_CLASSES - 1, "the oldest to the last");
}

int main(void)
{
    struct chosen c = { .n_sites = 0 };
    snapshot.n_sites = 4;
    for (unsigned i = 0; i < SEG_LIFE_CLASSES; i++)
        snapshot.lifetimes[i].below_ns = i < SEG_LIFE_CLASSES - 1 ? UINT64_C(1) << i : UINT64_MAX;
    test_any(&c);
    test_each(&c);
    test_equal();
    test_classes(&c);
    chosen_fini(&c);
    return tap_done();
}
