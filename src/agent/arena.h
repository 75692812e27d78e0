/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bootstrap arena: memory for those who allocate before the next allocator
 * has been found (the dynamic loader while it looks for it, IFUNC resolvers).
 *
 * Blocks are handed out once and never reused; the tracker never hears of
 * them. Every function is safe in any thread, in signal handlers, and before
 * this library has been relocated: nothing here calls anything or touches
 * thread-local storage.
 */
#ifndef MEMTOP_AGENT_ARENA_H
#define MEMTOP_AGENT_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARENA_BYTES (256u * 1024)
#define ARENA_ALIGN 16u
#define ARENA_PAGE  4096u /* what valloc aligns to */

extern unsigned char arena_memory[ARENA_BYTES]
    __attribute__((visibility("hidden")));

/* Does p point into the arena? */
static inline bool arena_owns(const void *p)
{
    return (uintptr_t)p - (uintptr_t)arena_memory < ARENA_BYTES;
}

/* `size` zeroed bytes at a multiple of `align` (a power of two), or NULL when
 * the arena has no more room. Leaves errno alone. */
void *arena_alloc(size_t align, size_t size);

/* The size that was asked for when p, a block of the arena, was handed out. */
size_t arena_size(const void *p);

/* A block of `size` bytes that begins with what p, a block of the arena or
 * NULL, holds. p itself while it is large enough; NULL when there is no room,
 * and p stays then. */
void *arena_realloc(void *p, size_t size);

#endif
