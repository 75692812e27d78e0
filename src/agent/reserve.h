/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address space of which only pieces are ever used: the segment and the agent's
 * tables. A program that locks its memory (mlockall) must not make the kernel fill
 * it, whether it did so before (MCL_FUTURE) or does so later (memlock.h).
 *
 * Mappings come and go at set-up, attach and detach, one at a time; the list may be
 * read by any thread.
 */
#ifndef MEMTOP_AGENT_RESERVE_H
#define MEMTOP_AGENT_RESERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The agent may take one part in so many of the address space that a process may have. */
#define RESERVE_SHARE 4

/* How many times tables that are not in the segment are to be halved for that. */
unsigned reserve_halvings(void);

/* All that is reserved now. */
uint64_t reserve_total(void);

/* mmap, readable and writable, without locks on it. NULL: there is no room. errno is
 * not kept. Inside malloc. */
void *reserve_map(size_t bytes, int flags, int fd);
void reserve_unmap(void *start, size_t bytes);

struct reserve_range {
    uintptr_t start, end;
};

/* The lowest range of the agent's own that ends above `at`; its library is one of
 * them. False: there is none. */
bool reserve_next(uintptr_t at, struct reserve_range *range);

#endif
