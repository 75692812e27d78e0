/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unwinder where stack_rows.c does not work: other processors, and C
 * libraries without _dl_find_object.
 *
 * Known limits: libunwind finds modules with dl_iterate_phdr, which takes the
 * loader's lock, and may use memory of its own on its first steps; it does not
 * say which stack it is on, so a walk never ends with STACK_FOREIGN.
 */
#include "agent/stack.h"

#include <errno.h>
#include <stdbool.h>

#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "agent/care.h"
#include "shared/segment.h"

#define OWN_FRAMES_MAX 16 /* of the agent, below the first frame */

uint64_t stack_generation;
uint64_t care_word = CARE_FIRST;

void stack_init(void)
{
    unw_set_caching_policy(unw_local_addr_space, UNW_CACHE_GLOBAL);
}

void stack_forget(uintptr_t start, uintptr_t end)
{
    unw_flush_cache(unw_local_addr_space, start, end);
}

bool stack_explains(uint64_t pc)
{
    (void)pc;
    return true;
}

static uintptr_t cursor_get(unw_cursor_t *cursor, unw_regnum_t reg)
{
    unw_word_t value = 0;
    unw_get_reg(cursor, reg, &value);
    return (uintptr_t)value;
}

/* Step out of the agent to the frame that called the hook. */
static bool skip_own(unw_cursor_t *cursor, const struct stack_frame *first)
{
    for (unsigned i = 0; i < OWN_FRAMES_MAX; i++) {
        if (cursor_get(cursor, UNW_REG_IP) == first->pc &&
            cursor_get(cursor, UNW_REG_SP) >= first->sp)
            return true;
        if (unw_step(cursor) <= 0)
            return false;
    }
    return false;
}

static size_t walk(unw_cursor_t *cursor, uint64_t *pcs, size_t max, enum stack_end *end)
{
    size_t n = 1;
    for (;;) {
        bool signal = unw_is_signal_frame(cursor) > 0;
        int more = unw_step(cursor);
        uintptr_t pc = more > 0 ? cursor_get(cursor, UNW_REG_IP) : 0;
        *end = more < 0 ? STACK_BROKEN : STACK_COMPLETE;
        if (pc == 0)
            return n;
        *end = STACK_CUT;
        if (n == max)
            return n;
        pcs[n++] = (pc & SEG_PC_MASK) | (signal ? SEG_PC_EXACT : 0);
    }
}

size_t stack_unwind(const struct stack_frame *first, uint64_t *pcs, size_t max,
                    enum stack_end *end)
{
    int saved = errno;
    unw_context_t context;
    unw_cursor_t cursor;
    size_t n = 1;
    pcs[0] = first->pc;
    *end = STACK_BROKEN;
    if (unw_getcontext(&context) == 0 && unw_init_local(&cursor, &context) == 0 &&
        skip_own(&cursor, first))
        n = walk(&cursor, pcs, max, end);
    errno = saved;
    return n;
}
