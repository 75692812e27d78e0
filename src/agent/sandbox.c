/* SPDX-License-Identifier: Apache-2.0 */
/* See sandbox.h. Two counters, each written before the other is read. */
#include "agent/sandbox.h"

#include <errno.h>
#include <time.h>

#include "agent/process.h"
#include "agent/store.h"

#define WAITS 50
#define WAIT_NS 1000000L

uint32_t sandbox_filters;
static uint32_t calls; /* under way; atomic */

bool sandbox_enter(void)
{
    __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
    if (!sandbox_is_closed())
        return true;
    sandbox_leave();
    return false;
}

void sandbox_leave(void)
{
    __atomic_sub_fetch(&calls, 1, __ATOMIC_SEQ_CST);
}

/* Not for ever: we may be a signal handler that interrupted such a call. */
void sandbox_close(void)
{
    struct timespec wait = { .tv_nsec = WAIT_NS };
    int saved_errno = errno;
    bool was = sandbox_is_closed();
    __atomic_add_fetch(&sandbox_filters, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; !was && i < WAITS && __atomic_load_n(&calls, __ATOMIC_SEQ_CST); i++)
        nanosleep(&wait, NULL);
    errno = saved_errno;
}

void sandbox_closed(bool refused)
{
    if (refused) {
        __atomic_sub_fetch(&sandbox_filters, 1, __ATOMIC_SEQ_CST);
    } else if (process_records() && process_hold()) {
        __atomic_or_fetch(&store.header->flags, SEG_FLAG_SANDBOXED, __ATOMIC_RELAXED);
        process_release();
    }
}

void sandbox_forked(void)
{
    __atomic_store_n(&calls, 0, __ATOMIC_SEQ_CST);
}
