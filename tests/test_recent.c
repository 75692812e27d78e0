/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recent stacks with made-up memos: what is found, and what must not be. Real stacks
 * are in test_memo.c.
 */
#include <string.h>
#include <sys/mman.h>

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

/* A stack whose return addresses lie `apart` words from each other; the leaf's lies at
 * leaf[1]. */
static void make_stack_at(uint64_t *leaf, uint64_t seed, size_t depth, size_t apart)
{
    memo.depth = memo.words = depth;
    for (size_t i = 0; i < depth; i++) {
        uint64_t *at = leaf + 1 + (depth - 1 - i) * apart;
        *at = 0x400000 + seed * 64 * (i + 1);
        memo.slots[i] = (uintptr_t)at;
        memo.pcs[i] = *at;
    }
    for (; memo.words % 4; memo.words++) {
        memo.slots[memo.words] = memo.slots[0];
        memo.pcs[memo.words] = memo.pcs[0];
    }
}

static void make_stack(uint64_t seed, size_t depth, size_t apart)
{
    memo.hi = (uintptr_t)(stack_words + sizeof stack_words / sizeof *stack_words);
    make_stack_at(stack_words, seed, depth, apart);
}

static void add_at(uintptr_t leaf, uint64_t site, uint64_t care)
{
    recent_seen(&recent, site, 0);
    recent_learn(&recent, &memo, memo.depth);
    recent_prepare(&recent, &memo, leaf, care);
    recent_add(&recent, site);
}

static void add(uint64_t site, uint64_t care)
{
    add_at(sp(), site, care);
}

/* The site of what the words say now; 0: it is not found. */
static uint64_t find(uint64_t care)
{
    return recent_find(&recent, sp(), care);
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

static void make_stack_of_root(uint64_t root)
{
    make_stack(800, 20, 3);
    memo.pcs[0] = *(uint64_t *)memo.slots[0] = 0x700000 + 16 * root;
}

static void test_one_shape(void)
{
    unsigned found = 0;
    for (uint64_t root = 1; root <= 40; root++) {
        make_stack_of_root(root);
        add(root, CARE);
    }
    for (uint64_t root = 1; root <= 40; root++) {
        make_stack_of_root(root);
        found += find(CARE) == root;
    }
    tap_is_u64(found, 40, "a shape has many stacks");
    memset(recent.tables->stacks, 0, sizeof recent.tables->stacks);
    found = 0;
    for (uint64_t root = 1; root <= 40; root++) {
        make_stack_of_root(root);
        found += find(CARE) == root;
    }
    tap_is_u64(found, RECENT_OWN, "the last ones are beside it");
}

/* The leaves of all have one pc and one sp. */
static void test_callers(void)
{
    unsigned found = 0;
    for (unsigned turn = 0; turn < 2; turn++)
        for (uint64_t caller = 1; caller <= 8; caller++) {
            make_stack(500, DEPTH, 2 + caller % 3);
            memo.pcs[DEPTH - 2] = *(uint64_t *)memo.slots[DEPTH - 2] = 0x500000 + 16 * caller;
            recent_learn(&recent, &memo, memo.depth);
            found += turn == 1 && find(CARE) == caller;
            add(caller, CARE);
        }
    tap_is_u64(found, 8, "a leaf has a shape for each of its callers");
    make_stack(600, DEPTH, 255);
    add(600, CARE);
    tap_is_u64(find(CARE), 600, "a caller is found 255 words away");
    make_stack(601, 15, 256);
    add(601, CARE);
    tap_is_u64(find(CARE), 0, "and no further");
}

/* The i-th caller, from 0, whose shape belongs in the same set as the first one's. */
static uint64_t caller_in_set(unsigned i)
{
    uint64_t pc = 0x600000;
    const struct recent_shape *set = recent_set(recent.tables, sp(), pc);
    while (i > 0)
        i -= recent_set(recent.tables, sp(), pc += 16) == set;
    return pc;
}

static void make_stack_in_set(unsigned i)
{
    make_stack(i + 1, DEPTH, 2 + i);
    memo.pcs[DEPTH - 2] = *(uint64_t *)memo.slots[DEPTH - 2] = caller_in_set(i);
    recent_learn(&recent, &memo, memo.depth);
}

static void test_sets(void)
{
    for (unsigned i = 0; i < 3; i++) {
        make_stack_in_set(i);
        add(i + 1, CARE);
    }
    tap_is_u64(find(CARE), 3, "of three deep stacks whose shapes belong in one set the last one");
    make_stack_in_set(1);
    tap_is_u64(find(CARE), 2, "and the one before it are found");
    make_stack_in_set(0);
    tap_is_u64(find(CARE), 0, "and the first one is not");
    make_stack(1, DEPTH, 3);
    add(1, CARE);
    *(uint64_t *)memo.slots[DEPTH - 4] = 0;
    memo.slots[DEPTH - 4] += 8;
    *(uint64_t *)memo.slots[DEPTH - 4] = memo.pcs[DEPTH - 4];
    add(2, CARE);
    tap_is_u64(find(CARE), 2, "the place of one of its frames is another one");
}

/* Behind the end of the stack nothing is mapped. */
static void test_end(void)
{
    enum { WORDS = 1024 };
    uint64_t *stack = mmap(NULL, 2 * WORDS * 8, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t *middle = stack + WORDS - 500, *leaf = stack + WORDS - 8;
    tap_ok(stack != MAP_FAILED && mprotect(stack + WORDS, WORDS * 8, PROT_NONE) == 0, "a stack");
    memo.hi = (uintptr_t)(stack + WORDS);
    make_stack_at(middle, 700, 3, 100);
    add_at((uintptr_t)(middle + 2), 700, CARE);
    tap_is_u64(recent_find(&recent, (uintptr_t)(middle + 2), CARE), 700,
               "its leaf's caller is far");
    leaf[1] = middle[1];
    tap_is_u64(recent_find(&recent, (uintptr_t)(leaf + 2), CARE), 0,
               "it is not looked for beyond the end");
    recent_fetch(&recent, (uintptr_t)(leaf + 2), CARE);
    recent_fetch(&recent, (uintptr_t)(middle + 2), CARE);
    munmap(stack, 2 * WORDS * 8);
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
    test_one_shape();
    test_callers();
    test_sets();
    test_forgetting();
    test_limits();
    test_end();
    return tap_done();
}
