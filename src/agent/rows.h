/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flat rows: for each return address met, how to leave its frame, in 8 bytes
 * beside the address. They are the cache in front of cfi.c, shared by all
 * threads, and what makes a step cost some 4 ns.
 *
 * A table is open-addressed and insert-only: an address takes a slot for ever,
 * its rule is set after that and may be cleared again. When a table fills up a
 * larger one goes in front of it; the old ones stay, and what is found in them
 * is copied forward. A reader takes address and rule in two loads: since a slot
 * never changes its address, they cannot belong to different rows.
 *
 * Runs inside malloc and in signal handlers. Lock-free.
 */
#ifndef MEMTOP_AGENT_ROWS_H
#define MEMTOP_AGENT_ROWS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/cfi.h"

/* A rule packs kind << 48 | fp << 32 | cfa, so that 0 is none. The caller's
 * pc is always at CFA - 8, its sp is the CFA. */
enum rows_kind {
    ROWS_NONE = 0,
    ROWS_SP = 1,   /* CFA = sp + cfa */
    ROWS_FP = 2,   /* CFA = fp + cfa */
    ROWS_DRAP = 3, /* CFA = *(fp + cfa), fp = *fp: a realigned stack */
    ROWS_GENERAL,  /* ask cfi.c */
    ROWS_END,      /* the outermost frame */
    ROWS_NO_INFO,  /* in a module, without unwind information */
    ROWS_NO_MODULE, /* generated code, if it is code */
};

/* Kinds up to this one say exactly how to leave the frame. The last two are
 * guesses: they say it for a frame that was kept with a frame pointer. */
#define ROWS_LAST_SIMPLE ROWS_DRAP

static inline unsigned rows_kind(uint64_t rule)
{
    return (unsigned)(rule >> 48);
}

/* Add to the base to get the CFA. */
static inline int64_t rows_cfa(uint64_t rule)
{
    return (int32_t)rule;
}

/* Add to the CFA to get where fp is saved; 0: fp is unchanged. */
static inline int64_t rows_fp(uint64_t rule)
{
    return (int16_t)(rule >> 32);
}

static inline bool rows_is_guess(uint64_t rule)
{
    return rows_kind(rule) >= ROWS_NO_INFO;
}

/* Does the CFA depend on fp? */
static inline bool rows_uses_fp(uint64_t rule)
{
    return rows_kind(rule) == ROWS_FP || rows_kind(rule) == ROWS_DRAP ||
           rows_is_guess(rule);
}

struct rows_row {
    _Atomic uintptr_t pc;  /* set once, by compare and swap */
    _Atomic uint64_t rule; /* released after pc; 0: not there */
};

struct rows_table {
    uintptr_t mask; /* of byte offsets into rows[] */
    size_t room;    /* rows that may still be put in, when empty */
    _Atomic size_t used;
    struct rows_table *older;
    struct rows_row rows[];
};

/* The newest table; a small one that is always empty before rows_init. Pairs
 * with the release in rows.c that puts a new table in front. */
extern _Atomic(struct rows_table *) rows_newest __attribute__((visibility("hidden")));

/* Map the first table. Again: does nothing. */
void rows_init(void);

/* The rule of a return address that is not at its place: looks further, then
 * interprets its entry and keeps the result. 0 for pc 0 only. */
uint64_t rows_find_slow(uintptr_t pc);

/* Drop the rules of all code in [start, end). */
void rows_forget(uintptr_t start, uintptr_t end);

/* What a row says as a rule. */
uint64_t rows_pack(const struct cfi_row *row);

/* Cheap, and good for return addresses: neighbours differ in the low bits,
 * modules in the high ones. */
static inline uintptr_t rows_hash(uintptr_t pc)
{
    return pc << 4 ^ pc >> 7;
}

static inline uint64_t rows_find(const struct rows_table *table, uintptr_t pc)
{
    const char *base = (const char *)table->rows;
    const struct rows_row *row =
        (const void *)(base + (rows_hash(pc) & table->mask));
    if (__builtin_expect(atomic_load_explicit(&row->pc, memory_order_relaxed) == pc, 1)) {
        uint64_t rule = atomic_load_explicit(&row->rule, memory_order_acquire);
        if (__builtin_expect(rule != 0, 1))
            return rule;
    }
    return rows_find_slow(pc);
}

/* Soon that of pc will be asked for. */
static inline void rows_fetch(uintptr_t pc)
{
    const struct rows_table *table =
        atomic_load_explicit(&rows_newest, memory_order_acquire);
    __builtin_prefetch((const char *)table->rows + (rows_hash(pc) & table->mask));
}

#endif
