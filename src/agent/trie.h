/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trie of stacks: from return addresses to a node, and from a node to its
 * site. It is the call tree. Insert-only; nodes keep their number for ever.
 *
 * Runs inside malloc. Lock-free: a node is filled before it is published, and
 * a thread that loses the race for a place uses the winner's node.
 */
#ifndef MEMTOP_AGENT_TRIE_H
#define MEMTOP_AGENT_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reserve the index, unless it is there; forked children find it empty. */
bool trie_init(void);

/* Give it back, where nobody uses it any more. */
void trie_release(void);

/* Empty it, as fork does. Nobody may be using it. */
void trie_forget(void);

/* Node 0 and site 0 of a new segment. */
bool trie_attach(void);

/* Find the nodes of the frames pcs[0..n), leaf first, below node `join` (0: the
 * root), and write them to path[0..n), outermost first. False when there is no
 * memory left. */
bool trie_find(uint32_t join, const uint64_t *pcs, size_t n, uint32_t *path);

/* The site that ends at `node`, made on the first call; `flags` are those of a
 * new one (enum seg_site_flags). 0 when there is no memory left. */
uint32_t trie_site(uint32_t node, uint32_t flags);

/* Code at [start, end) is gone: its nodes, of which `first` is the lowest that
 * may be one, are never found again. They are marked in slices, so that no event
 * pays for all of them: call trie_retire_some until it returns false, that is,
 * until all is done. Neither is needed for trie_find to be right. */
void trie_retire(uintptr_t start, uintptr_t end, uint32_t first);
bool trie_retire_some(void);

#endif
