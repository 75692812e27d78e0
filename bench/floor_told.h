/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the floor that is told which stacks a program has: a first run learns them, by the
 * compiler's unwinder, and writes them to a file; a second one, of the same work, reads
 * them there, one after the other.
 *
 * What it then does with them is what nobody can leave out who keeps exact stacks, supposed
 * that there is memory for everything, and nothing is ever forgotten:
 *
 * - The return addresses lie where they lay when the same caller called from the same place
 *   last time, and it is remembered where that was: one look, by the caller and the place.
 * - Where it is not so, frames that the last stack did not have are found by the rules of
 *   their code: one look each, and one after the other, for where the next frame is, is not
 *   known before. There are 4,096 rules; a compiler has three times as many.
 * - Which stack it is, is found by one look into a table of all of them.
 * - A stack that is new to the run is put into a tree of calls, and into what finds it again.
 *
 * Not for several threads.
 */
#ifndef MEMTOP_BENCH_FLOOR_TOLD_H
#define MEMTOP_BENCH_FLOOR_TOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/floor.h"

#define TOLD_SITES_BITS  17
#define TOLD_PLACES_BITS 17
#define TOLD_WORDS       32 /* of a stack are read at most */

struct told_allocation {
    uint32_t site : TOLD_SITES_BITS, nodes : 32 - TOLD_SITES_BITS;  /* that are new */
    uint32_t from : TOLD_PLACES_BITS, walk : 32 - TOLD_PLACES_BITS; /* so many frames, or 0 */
};

struct told_file {
    uint64_t n;
    struct told_allocation allocations[];
};

struct told_node { /* as large as memtop's */
    uint64_t pc;
    uint32_t parent, site, depth, follows;
};

struct told_tables {
    struct told_places {
        _Alignas(64) uint16_t at[TOLD_WORDS];
    } places[1u << TOLD_PLACES_BITS];
    uint64_t stacks[1u << (TOLD_SITES_BITS + 1)]; /* upper bits of a hash, and a site */
    struct told_rule {
        uint64_t pc, rule;
    } rules[1u << 12];
    uint32_t heads[1u << (TOLD_SITES_BITS + 1)];
    struct told_node nodes[1u << 20];
};

struct told {
    const struct told_file *file; /* NULL: nothing is told */
    uint64_t next;                /* allocation */
    uint32_t nodes;
    struct told_tables *tables;
};

extern struct told told;

/* By the environment: FLOOR_LEARN=FILE or FLOOR_TOLD=FILE. False: it cannot be done, which
 * was said on stderr. Once. */
bool told_begin(void);

/* Is this the first run? Then call told_learn for each allocation. Allocates. */
bool told_is_learning(void);
void told_learn(void);

static inline uint64_t told_mix(uint64_t x)
{
    x *= UINT64_C(0x9fb21c651e98df25);
    return x ^ x >> 32;
}

/* All rules say 0, which nobody knows before. */
static inline void told_walk(struct told_places *places, uint32_t frames, uint64_t pc)
{
    const struct told_rule *rules = told.tables->rules;
    uint64_t rule = 0;
    for (uint32_t i = 0; i < frames; i++) {
        pc = told_mix(pc + rule);
        rule = rules[pc % (sizeof told.tables->rules / sizeof *rules)].rule;
    }
    for (uint16_t i = 0; i < TOLD_WORDS; i++)
        places->at[i] = (uint16_t)(i * (WORDS_APART + rule));
}

/* Soon told_places is asked. */
static inline void told_fetch(void)
{
    if (told.file && told.next < told.file->n)
        __builtin_prefetch(&told.tables->places[told.file->allocations[told.next].from]);
}

/* Where the return addresses of the next allocation's stack lie, in words from the hook's
 * frame. There is one: told.next < told.file->n. */
static inline const uint16_t *told_places(void)
{
    struct told_allocation a = told.file->allocations[told.next];
    struct told_places *places = &told.tables->places[a.from];
    if (a.walk != 0)
        told_walk(places, a.walk, a.from + 1);
    return places->at;
}

static inline void told_meet(uint32_t nodes, uint64_t hash)
{
    struct told_tables *t = told.tables;
    uint32_t first = told.nodes;
    for (uint32_t i = 0; i < nodes && told.nodes < sizeof t->nodes / sizeof *t->nodes - 1; i++) {
        uint32_t parent = told.nodes++;
        t->nodes[told.nodes] = (struct told_node){ .pc = hash + i, .parent = parent, .depth = i };
    }
    t->heads[told_mix(hash) % (sizeof t->heads / sizeof *t->heads)] = first + 1;
}

/* Its site, of as many bits as its number has. On to the next one. */
static inline uint64_t told_site(void)
{
    struct told_allocation a = told.file->allocations[told.next++];
    uint64_t mask = (UINT64_C(1) << TOLD_SITES_BITS) - 1;
    uint64_t hash = told_mix(a.site + UINT64_C(1)), stack = (hash & ~mask) | a.site;
    for (uint64_t i = hash;; i++) {
        uint64_t *s = &told.tables->stacks[i % (1u << (TOLD_SITES_BITS + 1))];
        if (((*s ^ hash) & ~mask) == 0)
            return *s & mask;
        if (*s == 0) {
            told_meet(a.nodes, hash);
            *s = stack;
            return a.site;
        }
    }
}

#endif
