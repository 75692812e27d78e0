/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bootstrap arena: alignment, content, limits, and what it calls its own.
 */
#include <stdint.h>
#include <string.h>

#include "agent/arena.h"
#include "tap.h"

static bool all_zero(const unsigned char *p, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (p[i])
            return false;
    return true;
}

static void test_blocks(void)
{
    unsigned char *a = arena_alloc(ARENA_ALIGN, 100);
    unsigned char *b = arena_alloc(1, 7);
    unsigned char *zero = arena_alloc(ARENA_ALIGN, 0);
    tap_ok(a && b && zero && zero != b, "even empty blocks are handed out");
    tap_ok((uintptr_t)a % 16 == 0 && (uintptr_t)b % 16 == 0, "at multiples of 16");
    tap_ok(b >= a + 100 && zero >= b + 7, "they do not overlap");
    tap_ok(all_zero(a, 100), "they are zeroed");
    tap_is_u64(arena_size(a), 100, "the arena remembers a size");
    tap_is_u64(arena_size(zero), 0, "and an empty one");
    tap_ok(arena_owns(a) && arena_owns(a + 99) && arena_owns(zero), "it knows its own");
    tap_ok(!arena_owns(NULL) && !arena_owns(&a), "and nothing else");
    tap_ok(!arena_owns(arena_memory + ARENA_BYTES), "nor what lies behind it");
}

static void test_alignment(void)
{
    bool aligned = true;
    for (size_t align = 16; align <= 4096; align *= 2)
        aligned &= (uintptr_t)arena_alloc(align, 5) % align == 0;
    tap_ok(aligned, "every alignment up to a page is kept");
    tap_ok(!arena_alloc(48, 5), "an alignment that is no power of two is refused");
    tap_ok(!arena_alloc(SIZE_MAX / 2 + 1, 5), "so is one beyond all bounds");
}

static void test_realloc(void)
{
    char *p = arena_realloc(NULL, 20);
    strcpy(p, "nineteen characters");
    tap_ok(arena_realloc(p, 10) == p, "a smaller block stays");
    char *q = arena_realloc(p, 200);
    tap_ok(q && q != p, "a larger one moves");
    tap_is_str(q, "nineteen characters", "with what it held");
    tap_ok(!arena_realloc(q, SIZE_MAX), "what has no room is refused");
    tap_is_str(q, "nineteen characters", "and the old block stays");
}

static void test_limits(void)
{
    tap_ok(!arena_alloc(ARENA_ALIGN, ARENA_BYTES), "more than there is");
    tap_ok(!arena_alloc(ARENA_ALIGN, SIZE_MAX), "much more than there is");
    tap_ok(!arena_alloc(ARENA_ALIGN, SIZE_MAX - 100), "and a size near the end of numbers");
    size_t blocks = 0;
    bool inside = true;
    for (unsigned char *p; (p = arena_alloc(ARENA_ALIGN, 1000)); blocks++) {
        inside &= arena_owns(p) && arena_owns(p + 999);
        memset(p, 0xff, 1000);
    }
    tap_ok(inside && blocks > 200 && blocks < ARENA_BYTES / 1000, "it is used up to its end");
    tap_ok(!arena_alloc(ARENA_ALIGN, 1000), "where it stays");
    tap_ok(arena_memory[0] == 0, "its first bytes belong to nobody");
}

int main(void)
{
    test_blocks();
    test_alignment();
    test_realloc();
    test_limits();
    return tap_done();
}
