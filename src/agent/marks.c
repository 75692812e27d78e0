/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring of marks. Called by history's ticks, inside malloc, and by the
 * program itself. What a viewer asks for is written by other processes: it is
 * copied with its bounds, and at worst sets a mark that nobody wanted.
 */
#include "agent/marks.h"

#include <errno.h>

#include "agent/clock.h"
#include "agent/process.h"
#include "agent/store.h"
#include "agent/tracker.h"

static void copy_name(char to[SEG_MARK_NAME], const char *from)
{
    unsigned n = 0;
    for (; from && n < SEG_MARK_NAME - 1; n++)
        if ((to[n] = __atomic_load_n(&from[n], __ATOMIC_RELAXED)) == '\0')
            return;
    to[n] = '\0';
}

/* Pairs with the reader, who reads `number` before and after the rest. */
static void add(const char *name, uint64_t ticks)
{
    struct seg_header *h = store.header;
    if (!store_reach(SEG_MARKS, SEG_MARKS_SLOTS * sizeof(struct seg_mark)))
        return;
    uint64_t number = __atomic_add_fetch(&h->marks, 1, __ATOMIC_RELAXED);
    struct seg_mark *m = &store.marks[(number - 1) % SEG_MARKS_SLOTS];
    __atomic_store_n(&m->number, 0, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    m->ticks = ticks;
    copy_name(m->name, name);
    __atomic_store_n(&m->number, number, __ATOMIC_RELEASE);
}

void marks_look(uint64_t ticks)
{
    struct seg_header *h = store.header;
    uint32_t sequence = __atomic_load_n(&h->mark_request.sequence, __ATOMIC_ACQUIRE);
    if (sequence == h->mark_sequence)
        return;
    /* The program may have been idle since it was asked for. */
    uint64_t asked = __atomic_load_n(&h->mark_request.ticks, __ATOMIC_RELAXED);
    if (asked < h->clock_first.ticks || asked > ticks)
        asked = ticks;
    add(h->mark_request.name, asked);
    __atomic_store_n(&h->mark_sequence, sequence, __ATOMIC_RELEASE);
}

/* The first moment whose birth stamp is none that a block has by now. */
static uint64_t next_stamp(void)
{
    uint64_t now = clock_ticks(), stamp = now >> CLOCK_SHIFT_BIRTH;
    while (now >> CLOCK_SHIFT_BIRTH == stamp)
        now = clock_ticks();
    return now;
}

void tracker_mark(const char *name)
{
    int saved_errno = errno;
    struct thread *t = tracker_enter(); /* for those who fork meanwhile */
    if (t) {
        if (process_hold()) {
            add(name, next_stamp());
            process_release();
        }
        tracker_leave(t);
    }
    errno = saved_errno;
}
