/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of code without unwind information: generated code, and assembly that
 * nobody annotated. Most of it keeps frame pointers; this file finds out
 * whether all that can be seen agrees with that. When in doubt the walk ends.
 * A memo may take a frame for what it was when the words that say how to leave
 * it are the same; what else spoke for it is not looked at again.
 *
 * Runs inside malloc and in signal handlers.
 */
#include "agent/walk.h"

#include <string.h>

#define FRAME_BYTES_MAX 4096 /* larger frames are not believed */
#define CHAIN_MAX       64   /* frames within them, nor more than this */
#define ADDRESS_BITS    47

/* Return addresses outside of known code that were seen to follow a call. That
 * code can be replaced without notice; but what then stands on a stack and is
 * one of these addresses still is a return address. A word each: any thread
 * may write at any time. */
#define CALLS (1u << 10)
static _Atomic uintptr_t calls[CALLS];

static _Atomic uintptr_t *calls_slot(uintptr_t pc)
{
    return &calls[(pc ^ pc >> 10) % CALLS];
}

void walk_guess_forget(void)
{
    for (unsigned i = 0; i < CALLS; i++)
        atomic_store_explicit(&calls[i], 0, memory_order_relaxed);
}

/* Do these eight bytes end with a call instruction? */
static bool ends_with_call(uintptr_t code)
{
    uint8_t b[8];
    memcpy(b, (const void *)code, sizeof(b));
    if (b[3] == 0xe8) /* call rel32 */
        return true;
    for (unsigned i = 1; i < 7; i++) /* call r/m64: ff /2, 2 to 7 bytes long */
        if (i != 3 && b[i] == 0xff && (b[i + 1] & 0x38) == 0x10)
            return true;
    return false;
}

bool walk_follows_call(uintptr_t pc)
{
    _Atomic uintptr_t *slot = calls_slot(pc);
    if (atomic_load_explicit(slot, memory_order_relaxed) == pc)
        return pc != 0;
    if (pc < 4096 || pc >> ADDRESS_BITS || !bounds_readable(pc - 8) ||
        !ends_with_call(pc - 8))
        return false;
    atomic_store_explicit(slot, pc, memory_order_relaxed);
    return true;
}

/* In code that is described, whose pages can be read without asking. */
static bool is_known_return_address(uintptr_t pc)
{
    bool one_page = ((pc - 1) ^ (pc - 8)) < 4096;
    return cfi_covers(pc - 1) && (one_page || cfi_covers(pc - 8)) &&
           ends_with_call(pc - 8);
}

/* Does a walk by rules from this return address, which stood below sp, come to
 * a frame of which `frame` is the frame pointer? */
static bool leads_to(uintptr_t pc, uintptr_t sp, uintptr_t frame, uintptr_t hi)
{
    const struct rows_table *table =
        atomic_load_explicit(&rows_newest, memory_order_acquire);
    uintptr_t fp = frame;
    for (unsigned i = 0; i < CHAIN_MAX && sp <= frame; i++) {
        uint64_t rule = rows_find(table, pc);
        if (rows_is_guess(rule))
            return fp == frame && walk_follows_call(pc);
        bool by_fp = rows_kind(rule) == ROWS_FP && fp == frame;
        if (!walk_rule(&sp, &fp, &pc, hi, rule))
            return false;
        if (by_fp && sp == frame + 16)
            return true;
    }
    return false;
}

/* A function that keeps no frame pointer leaves that of a frame further out in
 * place, and then there is its own return address on this side of it. Return
 * addresses that do not lead there are leftovers of former calls. */
static bool hides_frame(uintptr_t sp, uintptr_t fp, uintptr_t hi)
{
    for (uintptr_t at = sp; at < fp; at += 8) {
        uintptr_t word = walk_load(at);
        if (is_known_return_address(word) && leads_to(word, at + 8, fp, hi))
            return true;
    }
    return false;
}

/* Does the call before `from`, in described code, name a described function? */
static bool calls_known_function(uintptr_t from)
{
    uint8_t call[8];
    int32_t distance;
    memcpy(call, (const void *)(from - 8), sizeof(call));
    memcpy(&distance, call + 4, sizeof(distance));
    return call[3] == 0xe8 && cfi_covers(from + (uintptr_t)(intptr_t)distance);
}

/* Can `caller` have called code without unwind information, which saved the
 * frame pointer `outer`? From known code that need not be one: it may have been
 * compiled without them. But if it called known code, the frame is that one's. */
static bool is_plausible(uintptr_t fp, uintptr_t outer, uintptr_t caller)
{
    if (is_known_return_address(caller))
        return !calls_known_function(caller);
    return (outer == 0 || (outer > fp && (outer & 7) == 0)) && walk_follows_call(caller);
}

/* Code generators keep frame pointers, or use rbp for data. Assembly in a module
 * may do neither. */
bool walk_guess(uintptr_t *sp, uintptr_t *fp, uintptr_t *pc, uintptr_t hi, uint64_t rule)
{
    uintptr_t frame = *fp;
    if (((frame | *sp) & 7) || frame < *sp || frame - *sp > FRAME_BYTES_MAX ||
        frame + 16 > hi || !walk_follows_call(*pc))
        return false;
    uintptr_t outer = walk_load(frame), caller = walk_load(frame + 8);
    if (!is_plausible(frame, outer, caller) ||
        (rows_kind(rule) == ROWS_NO_INFO && hides_frame(*sp, frame, hi)))
        return false;
    *sp = frame + 16;
    *fp = outer;
    *pc = caller;
    return true;
}
