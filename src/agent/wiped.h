/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private memory that a forked child finds full of zeros, even after a raw
 * clone(): what the agent knows of its process in there must not be taken for
 * the child's. Handed out at set-up, never returned. Inside malloc.
 */
#ifndef MEMTOP_AGENT_WIPED_H
#define MEMTOP_AGENT_WIPED_H

#include <stddef.h>

/* Zeros, page aligned, NULL without memory or on kernels before 4.14, where a
 * child would go on with what its parent left there. One thread. */
void *wiped_map(size_t bytes);

/* Nobody uses it any more. */
void wiped_unmap(void *start);

/* Zero all of it here and now, as fork does. Nobody may be using it. */
void wiped_clear(void);

#endif
