/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known stacks: from the hash of a whole stack to its site, in one look.
 *
 * The hash is computed from the outermost frame inwards, so the hashes of a
 * stack's kept frames are kept, too, and a stack that differs in its innermost
 * frames costs a multiplication for each of those. The trie is only asked about
 * stacks that are not in here; this is a cache and may forget.
 *
 * Two stacks that belong in the same place and have the same upper 42 bits of hash would
 * be taken for one: with a million stacks the chance that any two of them do is 1 in 4
 * million. The verify mode compares stacks, not hashes, and would tell.
 *
 * The mixing step is the folded 128-bit product of wyhash (W. Yi). Runs inside
 * malloc; lock-free; any thread.
 */
#ifndef MEMTOP_AGENT_KNOWN_H
#define MEMTOP_AGENT_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/segment.h"

/* Reserve the cache. Once per program image; fork empties it. */
bool known_init(void);

/* Empty it, as fork does. Nobody may be using it. */
void known_forget(void);

/* An entry is one word, so that a line of a cache has eight of them: the upper bits of a
 * hash, and a site. 0: empty. */
#define KNOWN_SITE_BITS 22
_Static_assert(SEG_SITES_MAX <= 1u << KNOWN_SITE_BITS, "they fit");
#define KNOWN_SITE_MASK ((UINT64_C(1) << KNOWN_SITE_BITS) - 1)

struct known_table {
    uint64_t mask;    /* of the entries in use; grows; atomic */
    uint64_t changed; /* entries written since it grew; atomic */
    uint64_t entries[]; /* atomic */
};

extern struct known_table *known_table __attribute__((visibility("hidden")));

/* The hash of no frames, while no code was unloaded since `generation`. */
static inline uint64_t known_seed(uint64_t generation)
{
    return (generation + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

/* The hash of a stack and one more frame. */
static inline uint64_t known_mix(uint64_t hash, uint64_t pc)
{
#ifdef __SIZEOF_INT128__
    unsigned __int128 product =
        (unsigned __int128)(hash ^ pc) * UINT64_C(0xa0761d6478bd642f);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    uint64_t h = (hash ^ pc) * UINT64_C(0xa0761d6478bd642f);
    h = (h ^ h >> 32) * UINT64_C(0xe7037ed1a0b428db);
    return h ^ h >> 29;
#endif
}

static inline uint64_t *known_entry_of(uint64_t hash)
{
    return &known_table->entries[hash & __atomic_load_n(&known_table->mask, __ATOMIC_ACQUIRE)];
}

/* Soon the site of the stack with this hash will be asked for. */
static inline void known_fetch(uint64_t hash)
{
    __builtin_prefetch(known_entry_of(hash));
}

/* The site of the stack with this hash; 0: not known. */
static inline uint32_t known_site(uint64_t hash)
{
    uint64_t entry = __atomic_load_n(known_entry_of(hash), __ATOMIC_RELAXED);
    return ((entry ^ hash) & ~KNOWN_SITE_MASK) == 0 ? (uint32_t)(entry & KNOWN_SITE_MASK) : 0;
}

/* Remember it. */
void known_add(uint64_t hash, uint32_t site);

#endif
