/* SPDX-License-Identifier: Apache-2.0 */
/* How recent stacks get in. Runs inside malloc. */
#include "agent/recent.h"

#include <string.h>

#include "agent/rows.h"
#include "agent/wiped.h"

/* Threads with tables: 168 KiB each, of which what is used takes memory. */
#define ROWS 64u

#define FETCHED 8u /* frames */

#define STAMP (UINT64_C(1) << RECENT_ADDRESS_BITS)

static struct recent_tables *pool;

bool recent_init(void)
{
    pool = wiped_map(ROWS * sizeof *pool);
    return pool != NULL;
}

/* A signal handler may leave by longjmp: nothing is found that is half written. */
static void step(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* What was known by another care is void. */
static void renew(struct recent *r, uint64_t care)
{
    r->stamp += STAMP;
    if (r->stamp == 0) { /* shapes of long ago would be valid again */
        memset(r->tables, 0, sizeof *r->tables);
        r->stamp = STAMP;
    }
    r->care = care;
}

bool recent_seen(struct recent *r, uint64_t hash, uint32_t row)
{
    if (!pool || row >= ROWS)
        return false;
    r->tables = &pool[row];
    uint16_t *seen = &r->tables->seen[hash % RECENT_SEEN], tag = (uint16_t)(hash >> 48 | 1);
    bool was = *seen == tag;
    *seen = tag;
    return was;
}

/* Fill a shape with the places of the lined-up words. False: they are not to be said in
 * few bits. */
static bool take_shape(struct recent_shape *shape, const struct memo *m, uintptr_t sp,
                       uint64_t stamp)
{
    uint64_t seed = (stamp + m->words) * RECENT_K;
    seed ^= seed >> 32;
    for (size_t i = 0; i < m->words; i++) {
        uintptr_t distance = m->slots[i] - stack_hook_frame(sp);
        if (distance % 8 != 0 || distance / 8 > UINT16_MAX)
            return false;
        shape->at[i] = (uint16_t)(distance / 8);
        seed = (seed ^ distance) * RECENT_K;
        seed ^= seed >> 32;
    }
    shape->seed = seed;
    shape->words = (uint32_t)m->words;
    shape->depth = (uint32_t)m->depth;
    return true;
}

static bool has_shape(const struct recent_shape *shape, const struct memo *m, uintptr_t sp)
{
    if (shape->words != m->words)
        return false;
    for (size_t i = 0; i < m->words; i++)
        if (m->slots[i] - stack_hook_frame(sp) != (uintptr_t)shape->at[i] * 8)
            return false;
    return true;
}

/* As recent_hash will find them. */
static uint64_t hash_of(const struct recent_shape *shape, const struct memo *m)
{
    struct recent_shape in_order = { .seed = shape->seed, .words = shape->words };
    for (size_t i = 0; i < m->words; i++)
        in_order.at[i] = (uint16_t)i;
    return recent_hash(&in_order, m->pcs);
}

static void put(struct recent_stack *place, const struct recent_stack *stack, uint64_t hash)
{
    place->hash = 0;
    step();
    place->what = stack->what;
    place->counters = stack->counters;
    place->site = stack->site;
    step();
    place->hash = hash;
}

void recent_fetch(const struct recent *r, uintptr_t pc, uintptr_t sp, uint64_t care)
{
    if (care != r->care)
        return;
    const struct recent_shape *shape = recent_shape_of(r->tables, pc, sp);
    if (shape->key != sp + r->stamp)
        return;
    const uint64_t *words = (const uint64_t *)stack_hook_frame(sp);
    uint32_t n = shape->depth;
    for (uint32_t end = n > FETCHED ? n - FETCHED : 0; n > end; n--)
        rows_fetch(words[shape->at[n - 1]]);
}

void recent_prepare(struct recent *r, const struct memo *m, uintptr_t sp, uint64_t care)
{
    if (m->words > RECENT_WORDS || sp >> RECENT_ADDRESS_BITS || care == 0)
        return;
    if (r->care != care)
        renew(r, care);
    struct recent_shape *shape = recent_shape_of(r->tables, m->pcs[m->depth - 1], sp);
    if (shape->key != sp + r->stamp || !has_shape(shape, m, sp)) {
        shape->key = 0;
        step();
        if (!take_shape(shape, m, sp, r->stamp))
            return;
        step();
        shape->key = sp + r->stamp;
    }
    r->prepared = hash_of(shape, m);
    __builtin_prefetch(recent_places(r->tables, r->prepared), 1);
}

void recent_add(struct recent *r, const struct recent_stack *stack)
{
    uint64_t hash = r->prepared;
    if (hash == 0)
        return;
    r->prepared = 0;
    struct recent_stack *place = recent_places(r->tables, hash);
    if (place[0].hash != hash && place[1].hash != hash)
        put(place + 1, &place[0], place[0].hash);
    put(place[1].hash == hash ? place + 1 : place, stack, hash);
}
