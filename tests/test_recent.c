/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recent stacks with made-up memos: what is found, and what must not be. Real stacks
 * are in test_memo.c.
 */
#include <string.h>

#include "agent/care.h"
#include "agent/recent.h"
#include "tests/tap.h"

enum { DEPTH = 30, CARE = 7 };

static uint64_t stack_words[4096]; /* what lies above the leaf */
static struct memo memo;
static struct recent recent;

static uintptr_t sp(void)
{
    return (uintptr_t)&stack_words[2];
}

/* A stack whose return addresses lie `apart` words from each other. */
static void make_stack(uint64_t seed, size_t depth, size_t apart)
{
    memo.depth = memo.words = depth;
    for (size_t i = 0; i < depth; i++) {
        size_t at = 1 + (depth - 1 - i) * apart;
        stack_words[at] = 0x400000 + seed * 64 * (i + 1);
        memo.slots[i] = (uintptr_t)&stack_words[at];
        memo.pcs[i] = stack_words[at];
    }
    for (; memo.words % 4; memo.words++) {
        memo.slots[memo.words] = memo.slots[0];
        memo.pcs[memo.words] = memo.pcs[0];
    }
}

static struct seg_site_counters *counters_of(uint64_t site)
{
    return (struct seg_site_counters *)(site * 64);
}

static void add(uint64_t site, uint64_t care)
{
    struct recent_stack stack = {
        .what = site << 16, .site = site, .counters = counters_of(site),
    };
    recent_seen(&recent, site, 0);
    recent_prepare(&recent, &memo, sp(), care);
    recent_add(&recent, &stack);
}

/* The site of what the words say now; 0: it is not found. */
static uint64_t find(uint64_t care)
{
    const struct recent_stack *found = recent_find(&recent, sp(), care);
    if (found && (found->what != found->site << 16 || found->counters != counters_of(found->site)))
        return UINT64_MAX;
    return found ? found->site : 0;
}

static void test_finding(void)
{
    make_stack(1, DEPTH, 3);
    tap_is_u64(find(CARE), 0, "nothing is known at first");
    tap_ok(!recent_seen(&recent, 1234, 0), "a stack was not seen");
    tap_ok(recent_seen(&recent, 1234, 0), "and then it was");
    tap_ok(!recent_seen(&recent, 1234, 100000), "a thread without tables sees nothing");
    add(1, CARE);
    tap_is_u64(find(CARE), 1, "it is found");
    for (size_t i = 0; i < DEPTH; i++) {
        uint64_t *word = (uint64_t *)memo.slots[i];
        *word ^= 64;
        uint64_t other = find(CARE);
        *word ^= 64;
        if (other)
            tap_is_u64(other, 0, "not when frame %zu is another", i);
    }
    tap_is_u64(find(CARE), 1, "each of its frames counts");
    memmove(stack_words + 1, stack_words, sizeof stack_words - 8);
    tap_is_u64(find(CARE), 0, "and where they lie");
}

static void test_many(void)
{
    unsigned found = 0, wrong = 0;
    for (unsigned turn = 0; turn < 2; turn++)
        for (uint64_t site = 1; site <= 256; site++) {
            make_stack(site, DEPTH, 3);
            uint64_t got = find(CARE);
            found += got == site;
            wrong += got != site && got != 0;
            add(site, CARE);
        }
    tap_ok(found > 200, "most of 256 stacks of one shape are kept (%u)", found);
    tap_is_u64(wrong, 0, "none is taken for another");
    found = 0;
    for (uint64_t site = 1; site <= 40; site++) {
        make_stack(site, 8 + site, 1 + site % 5);
        add(site, CARE);
        found += find(CARE) == site;
    }
    tap_is_u64(found, 40, "one place has one shape after the other");
}

/* The same stack may be another site's by then. */
static void test_forgetting(void)
{
    make_stack(1, DEPTH, 3);
    add(1, CARE);
    tap_is_u64(find(CARE + 1), 0, "nothing is known by another care");
    make_stack(2, DEPTH, 3);
    add(2, CARE + 1);
    tap_is_u64(find(CARE + 1), 2, "what is learned by it");
    make_stack(1, DEPTH, 3);
    tap_is_u64(find(CARE + 1), 0, "does not bring back what was known before");
    recent_forget(&recent);
    make_stack(2, DEPTH, 3);
    tap_is_u64(find(CARE + 1), 0, "nothing is known of a new thread");
    unsigned wrong = 0;
    make_stack(1, DEPTH, 3);
    add(1, CARE);
    for (uint64_t i = 0; i < 70000; i++) {
        make_stack(2, DEPTH, 3);
        add(2, CARE + 1 + i);
        make_stack(1, DEPTH, 3);
        wrong += find(CARE + 1 + i) != 0;
    }
    tap_is_u64(wrong, 0, "nor after more changes than the stamp has bits for");
}

static void test_limits(void)
{
    make_stack(1, RECENT_WORDS, 3);
    add(1, CARE);
    tap_is_u64(find(CARE), 1, "a stack of as many words as there is room for");
    make_stack(2, RECENT_WORDS + 4, 3);
    add(2, CARE);
    tap_is_u64(find(CARE), 0, "and no deeper");
    make_stack(3, DEPTH, 3);
    memo.slots[3] += 4;
    add(3, CARE);
    memo.slots[3] -= 4;
    tap_is_u64(find(CARE), 0, "words that are not aligned are not said in words");
    make_stack(4, DEPTH, 3);
    memo.slots[0] = sp() - 16 + UINT16_MAX * 8 + 8;
    add(4, CARE);
    tap_is_u64(find(CARE), 0, "nor are those too far away");
    make_stack(5, DEPTH, 3);
    add(5, 0);
    tap_is_u64(find(0), 0, "nothing is known without care");
}

int main(void)
{
    if (!recent_init())
        return 99;
    test_finding();
    test_many();
    test_forgetting();
    test_limits();
    return tap_done();
}
