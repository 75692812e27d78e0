/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recent stacks: of each thread some thousand that it has been at, so that one of them
 * is known again without a walk.
 *
 * Where the leaf's caller calls from, and the leaf's stack pointer, nearly always say
 * where the return addresses above it lie: that is a stack's shape. The words in these
 * places are read, each on its own, where a walk has to wait for one frame to find the
 * next; and their hash says which stack it is. The leaf's caller itself is expected as far
 * up as the one of the same leaf was last time. Where it is not, what is read there is no
 * caller of that stack pointer, and there is no shape.
 *
 * What takes time is to fetch all this into the caches: the program has filled them with
 * other things since. So a shape has two lines side by side, which are asked for before
 * the next allocator is called and looked at afterwards: its places, and the last stacks
 * that had it. All stacks are in a table of their own besides.
 *
 * Why that is sound. A walk is a function of its registers, of the rules and of the
 * words that it reads, which are those that memo_line_up names: return addresses, and
 * what was saved of fp where it matters. A stack is remembered by its shape and the hash
 * of those words; the same shape and the same words are the same walk. Two stacks of one
 * shape whose words have the same 64 bits of hash would be taken for one, as in known.h;
 * the verify mode would tell. A shape is read at the very stack pointer at which it was
 * made, by the same thread, so that its places are mapped, and a caller is expected only
 * within the part of the stack that shapes were made of. When code goes away, or what
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

#define RECENT_SETS_BITS   10u /* of two shapes each */
#define RECENT_STACKS_BITS 12u
#define RECENT_NEXTS       4096u
#define RECENT_SEEN        4096u
#define RECENT_FIRST_WORDS 24u
#define RECENT_OWN         4u
#define RECENT_MORE_WORDS  64u
#define RECENT_WORDS (RECENT_FIRST_WORDS + RECENT_MORE_WORDS) /* deeper stacks are not remembered */

struct recent_stack {
    uint64_t hash;
    uint64_t what; /* there is to be known of it; 0: wiped */
};

/* Two lines of a cache, which have all of most shapes. Stacks are smaller than 4 GiB, so that
 * half of its sp says which one it is. */
struct recent_shape {
    uint32_t sp;   /* of the leaf, and */
    uint32_t next; /* the pc of its caller: the lower halves */
    uint32_t seed; /* of hashes: it tells places apart */
    uint16_t words; /* a multiple of 4 */
    uint16_t stamp; /* when it was made */
    uint16_t at[RECENT_FIRST_WORDS]; /* words from the hook's frame */
    struct recent_stack own[RECENT_OWN]; /* those that it had last */
};
_Static_assert(sizeof(struct recent_shape) == 128 && RECENT_OWN == 4, "two lines");

/* Its places beyond the first ones. */
struct recent_rest {
    uint16_t at[RECENT_MORE_WORDS];
};

struct recent_tables {
    _Alignas(64) uint8_t nexts[RECENT_NEXTS]; /* by a frame's pc, how many words above it its
                                    caller's lies, or 0: of the last one, and be it another's */
    _Alignas(64) struct recent_shape shapes[2u << RECENT_SETS_BITS];
    struct recent_rest rests[2u << RECENT_SETS_BITS];
    struct recent_stack stacks[1u << RECENT_STACKS_BITS];
    uint16_t seen[RECENT_SEEN]; /* some bits of stacks that were met: those that come
                                   again are worth remembering */
};

struct recent {
    uint64_t care;  /* care_word under which all of it holds; 0, which it never is: none */
    uint64_t stamp; /* counts how often all was forgotten, in steps of RECENT_STAMP */
    struct recent_tables *tables;
    uintptr_t low, span; /* [low, low + span) are the words of the stack that may be read */
    uintptr_t missed; /* the sp of a caller that was not found just now; 0: none */
    struct recent_shape *prepared; /* of a stack that is to be remembered; NULL: none */
    uint64_t hash; /* its */
};

/* Reserve the tables, for some threads; others do without. Once per program image. */
bool recent_init(void);

/* Forget all stacks. */
static inline void recent_forget(struct recent *r)
{
    r->care = 0;
}

/* ---- shapes ------------------------------------------------------------------------ */

#define RECENT_K UINT64_C(0x9fb21c651e98df25) /* odd; its bits look like chance */
#define RECENT_STAMP (UINT64_C(1) << 32) /* seeds are below, the bits in shapes above */

static inline uint16_t recent_stamp(const struct recent *r)
{
    return (uint16_t)(r->stamp / RECENT_STAMP);
}

static inline uint8_t *recent_next_of(struct recent_tables *tables, uintptr_t pc)
{
    return &tables->nexts[pc % RECENT_NEXTS];
}

/* Of a leaf at sp, whose caller's pc is `next`: one of two. */
static inline struct recent_shape *recent_set(struct recent_tables *tables, uintptr_t sp,
                                              uintptr_t next)
{
    uint64_t mixed = (next ^ sp << 16) * RECENT_K;
    return &tables->shapes[mixed >> (64 - RECENT_SETS_BITS) << 1];
}

static inline struct recent_rest *recent_rest_of(struct recent_tables *tables,
                                                 const struct recent_shape *shape)
{
    return &tables->rests[shape - tables->shapes];
}

/* ---- hashes ------------------------------------------------------------------------ */

/* Four lanes that do not wait for one another. */
struct recent_lanes {
    uint64_t a, b, c, d;
};

static inline __attribute__((always_inline)) void
recent_take(struct recent_lanes *h, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    h->a = (h->a ^ a) * RECENT_K;
    h->b = (h->b ^ b) * RECENT_K;
    h->c = (h->c ^ c) * RECENT_K;
    h->d = (h->d ^ d) * RECENT_K;
}

/* Of the words in at least four places, [at, end). A fork by a signal handler may wipe
 * them at any time. */
static inline __attribute__((always_inline)) void
recent_take_places(struct recent_lanes *h, const uint16_t *at, const uint16_t *end,
                   const uint64_t *words)
{
    do
        recent_take(h, words[at[0]], words[at[1]], words[at[2]], words[at[3]]);
    while ((at += 4) < end);
}

static inline __attribute__((always_inline)) struct recent_lanes recent_begin(uint64_t seed)
{
    return (struct recent_lanes){ seed, seed, seed, seed };
}

static inline __attribute__((always_inline)) uint64_t recent_hash(struct recent_lanes h)
{
    return (((h.a ^ h.a >> 32) * RECENT_K ^ h.b ^ h.b >> 29) * RECENT_K ^ h.c ^ h.c >> 31) *
               RECENT_K ^ h.d;
}

/* A stack is in the first of two places in a cache line, or in the second. */
static inline struct recent_stack *recent_places(struct recent_tables *tables, uint64_t hash)
{
    return &tables->stacks[hash >> (65 - RECENT_STACKS_BITS) << 1];
}

/* ---- looking ------------------------------------------------------------------------ */

/* Where the shape of a stack would be; set NULL: nowhere. */
struct recent_aim {
    struct recent_tables *tables;
    struct recent_shape *set;
    uint32_t next;
};

/* Of the caller whose return address lies at sp - 8, with its fp below that. The shape is
 * on its way to the caches then. */
static inline __attribute__((always_inline)) struct recent_aim
recent_aim(const struct recent *r, uintptr_t sp, uint64_t care)
{
    /* In this order: a fork wipes both. */
    struct recent_tables *tables = __atomic_load_n(&r->tables, __ATOMIC_RELAXED);
    __asm__ volatile("" ::: "memory"); /* and read the words now, whatever was known of them */
    if (__builtin_expect(care != r->care, 0))
        return (struct recent_aim){ .set = NULL };
    const uint64_t *words = (const uint64_t *)stack_hook_frame(sp);
    const uint64_t *next = words + 1 + *recent_next_of(tables, words[1]);
    if (__builtin_expect((uintptr_t)next - r->low >= r->span, 0))
        return (struct recent_aim){ .set = NULL };
    struct recent_shape *set = recent_set(tables, sp, *next);
    __asm__("" : "+r"(set)); /* it is not to be computed twice */
    __builtin_prefetch(set);
    __builtin_prefetch(set->own);
    return (struct recent_aim){ tables, set, (uint32_t)*next };
}

static inline __attribute__((always_inline)) bool
recent_is(const struct recent_shape *shape, const struct recent *r, uint32_t next, uintptr_t sp)
{
    return shape->sp == (uint32_t)sp && shape->next == next && shape->stamp == recent_stamp(r);
}

/* What is to be known of the stack of this hash and shape. */
static inline __attribute__((always_inline)) uint64_t
recent_known(struct recent_tables *tables, const struct recent_shape *shape, uint64_t hash)
{
    /* Which one it is cannot be foreseen, that it is one of them can. */
    const struct recent_stack *own = shape->own;
    size_t i = (own[1].hash == hash) + 2 * (size_t)(own[2].hash == hash) +
               3 * (size_t)(own[3].hash == hash);
    const struct recent_stack *stack = own + i;
    if (__builtin_expect(stack->hash != hash, 0)) {
        stack = recent_places(tables, hash);
        if (stack->hash != hash && __builtin_expect((++stack)->hash != hash, 0))
            return 0;
    }
    return __atomic_load_n(&stack->what, __ATOMIC_RELAXED);
}

/* The same where it has a rest. */
uint64_t recent_known_deep(const struct recent *r, struct recent_tables *tables,
                           const struct recent_shape *shape, uintptr_t sp);

/* What is to be known of the stack that recent_aim was asked for. 0: it is none of those
 * that are remembered. */
static inline __attribute__((always_inline)) uint64_t
recent_at(const struct recent *r, struct recent_aim aim, uintptr_t sp)
{
    const uint64_t *words = (const uint64_t *)stack_hook_frame(sp);
    const struct recent_shape *shape = aim.set;
    if (__builtin_expect(!shape, 0) ||
        (!recent_is(shape, r, aim.next, sp) &&
         __builtin_expect(!recent_is(++shape, r, aim.next, sp), 0)))
        return 0;
    if (__builtin_expect(shape->words > RECENT_FIRST_WORDS, 0))
        return recent_known_deep(r, aim.tables, shape, sp);
    struct recent_lanes lanes = recent_begin(r->stamp + shape->seed);
    recent_take_places(&lanes, shape->at, shape->at + shape->words, words);
    return recent_known(aim.tables, shape, recent_hash(lanes));
}

static inline __attribute__((always_inline)) uint64_t
recent_find(const struct recent *r, uintptr_t sp, uint64_t care)
{
    return recent_at(r, recent_aim(r, sp, care), sp);
}

/* The stack of the caller at sp was not found, and there will be a walk: have the rules of
 * its innermost frames fetched side by side, where they may be. */
void recent_fetch(const struct recent *r, uintptr_t sp, uint64_t care);

/* That walk has found the innermost `fresh` frames of the memo's, if it remembers the stack. */
void recent_learn(struct recent *r, const struct memo *m, size_t fresh);

/* The stack that a memo is about, of a caller at sp, is to be remembered: its words are
 * lined up, and recent_seen said so. Makes its shape, if it can; then recent_add remembers
 * what there is to know about it, which is not 0. Nothing else is asked for in between. */
void recent_prepare(struct recent *r, const struct memo *m, uintptr_t sp, uint64_t care);
void recent_add(struct recent *r, uint64_t what);

/* Is it worth it: was a stack with this hash (known.h) met before? `row` is the
 * thread's. */
bool recent_seen(struct recent *r, uint64_t hash, uint32_t row);

#endif
