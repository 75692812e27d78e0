/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recent stacks: of each thread some hundred that it has been at, so that one of them
 * is known again without a walk.
 *
 * Where a leaf calls from, and with which stack pointer, nearly always says where the
 * return addresses above it lie: that is its shape. The words in these places are read,
 * each on its own, where a walk has to wait for one frame to find the next; and their
 * hash says which stack it is.
 *
 * Why that is sound. A walk is a function of its registers, of the rules and of the
 * words that it reads, which are those that memo_line_up names: return addresses, and
 * what was saved of fp where it matters. A stack is remembered by its shape and the hash
 * of those words; the same shape and the same words are the same walk. Two stacks of one
 * shape whose words have the same 64 bits of hash would be taken for one, as in known.h;
 * the verify mode would tell. A shape is read at the very stack pointer at which it was
 * made, by the same thread, so that its places are mapped. When code goes away, or what
 * is known of sites, `care` changes, and with the stamp all shapes and hashes are void.
 *
 * Belongs to its thread. Runs inside malloc. All zeros is empty. Fork wipes the tables,
 * and a signal handler may fork at any instruction of what reads them here.
 */
#ifndef MEMTOP_AGENT_RECENT_H
#define MEMTOP_AGENT_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/memo.h"

#define RECENT_SHAPES_BITS 9u
#define RECENT_STACKS_BITS 11u
#define RECENT_WORDS 84u /* of a shape; deeper stacks are not remembered */
#define RECENT_ADDRESS_BITS 48u

struct seg_site_counters;

struct recent_shape {
    uint64_t key;   /* the leaf's sp, and above it the stamp */
    uint64_t seed;  /* of hashes: it tells places and stamps apart */
    uint32_t words; /* a multiple of 4 */
    uint32_t depth; /* the first so many are return addresses, outermost first */
    uint16_t at[RECENT_WORDS]; /* words from the hook's frame */
};
_Static_assert(sizeof(struct recent_shape) == 192, "three lines, so that all sets are used");

struct recent_stack {
    uint64_t hash;
    uint64_t what; /* of the record of a block of no bytes */
    struct seg_site_counters *counters; /* the thread's, of its site; NULL: wiped */
    uint64_t site;
};

#define RECENT_SEEN 4096u

struct recent_tables {
    _Alignas(64) uint16_t seen[RECENT_SEEN]; /* some bits of stacks that were met: those that come
                                   again are worth remembering */
    struct recent_shape shapes[1u << RECENT_SHAPES_BITS];
    _Alignas(64) struct recent_stack stacks[1u << RECENT_STACKS_BITS];
};

struct recent {
    uint64_t care;  /* care_word under which all of it holds; 0, which it never is: none */
    uint64_t stamp; /* counts how often all was forgotten, above the bits of addresses */
    struct recent_tables *tables;
    uintptr_t missed; /* the sp of a caller that was not found just now; 0: none */
    uint64_t prepared; /* the hash of a stack that is to be remembered; 0: none */
};

/* Reserve the tables, for some threads; others do without. Once per program image. */
bool recent_init(void);

/* Forget all stacks. */
static inline void recent_forget(struct recent *r)
{
    r->care = 0;
}

#define RECENT_K UINT64_C(0x9fb21c651e98df25) /* odd; its bits look like chance */

/* Where the shape of a leaf would be. */
static inline struct recent_shape *recent_shape_of(struct recent_tables *tables, uintptr_t pc,
                                                   uintptr_t sp)
{
    uint64_t mixed = (pc ^ sp << 16) * RECENT_K;
    return &tables->shapes[mixed >> (64 - RECENT_SHAPES_BITS)];
}

/* The hash of the words in the places of a shape, in four lanes that do not wait for
 * one another. */
static inline __attribute__((always_inline)) uint64_t
recent_hash(const struct recent_shape *shape, const uint64_t *words)
{
    uint64_t a = shape->seed, b = a, c = a, d = a;
    const uint16_t *at = shape->at, *end = at + shape->words;
    do {
        a = (a ^ words[at[0]]) * RECENT_K;
        b = (b ^ words[at[1]]) * RECENT_K;
        c = (c ^ words[at[2]]) * RECENT_K;
        d = (d ^ words[at[3]]) * RECENT_K;
    } while ((at += 4) < end); /* a fork by a signal handler may wipe it at any time */
    return (((a ^ a >> 32) * RECENT_K ^ b ^ b >> 29) * RECENT_K ^ c ^ c >> 31) * RECENT_K ^ d;
}

/* A stack is in the first of two places in a cache line, or in the second. */
static inline struct recent_stack *recent_places(struct recent_tables *tables, uint64_t hash)
{
    return &tables->stacks[hash >> (65 - RECENT_STACKS_BITS) << 1];
}

/* The remembered stack of the caller whose return address lies at sp - 8, with its fp
 * below that. NULL: it is none of them. */
static inline __attribute__((always_inline)) const struct recent_stack *
recent_find(const struct recent *r, uintptr_t sp, uint64_t care)
{
    if (__builtin_expect(care != r->care, 0))
        return NULL;
    const uint64_t *words = (const uint64_t *)stack_hook_frame(sp);
    __asm__ volatile("" ::: "memory"); /* read them now, whatever was known of them */
    const struct recent_shape *shape = recent_shape_of(r->tables, words[1], sp);
    if (__builtin_expect(shape->key != sp + r->stamp, 0))
        return NULL;
    uint64_t hash = recent_hash(shape, words);
    const struct recent_stack *stack = recent_places(r->tables, hash);
    return __builtin_expect(stack->hash == hash, 1) ? stack
           : __builtin_expect(stack[1].hash == hash, 1) ? stack + 1 : NULL;
}

/* The caller's stack was not found, but it will look like the last one of its shape:
 * have the rules of its innermost frames fetched. */
void recent_fetch(const struct recent *r, uintptr_t pc, uintptr_t sp, uint64_t care);

/* The stack that a memo is about, of a caller at sp, is to be remembered: its words are
 * lined up, and recent_seen said so. Makes its shape, if it can; then recent_add remembers
 * what there is to know about it. Nothing else is asked for in between. */
void recent_prepare(struct recent *r, const struct memo *m, uintptr_t sp, uint64_t care);
void recent_add(struct recent *r, const struct recent_stack *stack);

/* Is it worth it: was a stack with this hash (known.h) met before? `row` is the
 * thread's. */
bool recent_seen(struct recent *r, uint64_t hash, uint32_t row);

#endif
