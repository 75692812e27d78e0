/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bootstrap arena: one static array, handed out from its start upwards.
 * A block is preceded by its requested size, so that its content can move to
 * the real allocator later. Called by the hooks while nothing else works yet,
 * so it calls nothing itself: no libc, no thread-local storage, no errno.
 */
#include "agent/arena.h"

unsigned char arena_memory[ARENA_BYTES] __attribute__((aligned(4096)));

static size_t arena_used; /* atomic: bytes from the start that are taken */

static size_t round_up(size_t value, size_t align)
{
    return (value + align - 1) & ~(align - 1);
}

static size_t *size_of(const void *p)
{
    return (size_t *)(uintptr_t)p - 1;
}

/* Where a block goes that is placed behind `used` bytes, or 0: no room. */
static size_t place(size_t used, size_t align, size_t size)
{
    if (align & (align - 1) || align > ARENA_BYTES || size > ARENA_BYTES)
        return 0;
    size_t offset = round_up(used + ARENA_ALIGN, align);
    return offset + size <= ARENA_BYTES ? offset : 0;
}

void *arena_alloc(size_t align, size_t size)
{
    if (align < ARENA_ALIGN)
        align = ARENA_ALIGN;
    size_t used = __atomic_load_n(&arena_used, __ATOMIC_RELAXED);
    size_t offset;
    do {
        offset = place(used, align, size);
        if (offset == 0)
            return NULL;
    } while (!__atomic_compare_exchange_n(&arena_used, &used, offset + size, true,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    void *p = arena_memory + offset;
    *size_of(p) = size;
    return p;
}

size_t arena_size(const void *p)
{
    return *size_of(p);
}

void *arena_realloc(void *p, size_t size)
{
    if (p && size <= arena_size(p))
        return p;
    unsigned char *q = arena_alloc(ARENA_ALIGN, size);
    if (p && q) {
        const volatile unsigned char *from = p; /* no call to memcpy */
        for (size_t i = 0; i < arena_size(p); i++)
            q[i] = from[i];
    }
    return q;
}
