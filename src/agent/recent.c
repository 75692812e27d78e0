/* SPDX-License-Identifier: Apache-2.0 */
/* How recent stacks get in. Runs inside malloc. */
#include "agent/recent.h"

#include <string.h>

#include "agent/rows.h"
#include "agent/wiped.h"

/* Threads with tables: 588 KiB each, of which what is used takes memory. */
#define ROWS 64u

#define FETCHED 6u /* frames */

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

/* ---- frames ------------------------------------------------------------------------- */

void recent_learn(struct recent *r, const struct memo *m, size_t fresh)
{
    if (!r->tables || m->depth == 0)
        return;
    for (size_t i = m->depth - 1; i > 0 && fresh-- > 0; i--) {
        uintptr_t apart = (m->slots[i - 1] - m->slots[i]) / 8;
        *recent_next_of(r->tables, m->pcs[i]) = apart <= UINT8_MAX ? (uint8_t)apart : 0;
    }
}

void recent_fetch(const struct recent *r, uintptr_t sp, uint64_t care)
{
    const uint64_t *at = (const uint64_t *)(sp - sizeof *at);
    if (r->care != care)
        return;
    for (unsigned i = 0; i < FETCHED && (uintptr_t)at - r->low < r->span; i++) {
        rows_fetch(*at);
        unsigned apart = *recent_next_of(r->tables, *at);
        if (apart == 0)
            break;
        at += apart;
    }
}

/* ---- shapes ------------------------------------------------------------------------- */

/* The places of the lined-up words, in words from the hook's frame. False: they are not
 * to be said like that. */
static bool take_places(uint16_t places[RECENT_WORDS], const struct memo *m, uintptr_t sp)
{
    uintptr_t all = 0, frame = stack_hook_frame(sp);
    for (size_t i = 0; i < m->words; i++) {
        uintptr_t distance = m->slots[i] - frame;
        all |= distance;
        places[i] = (uint16_t)(distance / 8);
    }
    return all % 8 == 0 && all / 8 <= UINT16_MAX;
}

static uint32_t seed_of(const uint16_t *places, size_t n, uintptr_t sp)
{
    struct recent_lanes lanes = recent_begin(sp);
    for (size_t i = 0; i < n; i += 4)
        recent_take(&lanes, places[i], places[i + 1], places[i + 2], places[i + 3]);
    return (uint32_t)(recent_hash(lanes) >> 32);
}

/* The second shape of a set becomes what the first one is. */
static void move_first(struct recent_tables *tables, struct recent_shape *set)
{
    struct recent_shape moved = set[0];
    uint32_t next = moved.next;
    moved.next = set[1].next = 0;
    step();
    set[1] = moved;
    if (moved.words > RECENT_FIRST_WORDS)
        *recent_rest_of(tables, set + 1) = *recent_rest_of(tables, set);
    step();
    set[1].next = next;
}

/* The shape in its set, or which one is to go: the one that was not made last. */
static struct recent_shape *choose(const struct recent *r, struct recent_shape *set,
                                   uint32_t next, uintptr_t sp)
{
    if (recent_is(set, r, next, sp))
        return set;
    if (recent_is(set + 1, r, next, sp))
        return set + 1;
    move_first(r->tables, set);
    step();
    return set;
}

/* Make it the shape of these places, if it is not. */
static void take_shape(const struct recent *r, struct recent_shape *shape, uint32_t next,
                       uintptr_t sp, const uint16_t *places, size_t words)
{
    uint16_t *rest = recent_rest_of(r->tables, shape)->at;
    size_t first = words < RECENT_FIRST_WORDS ? words : RECENT_FIRST_WORDS;
    size_t first_bytes = first * sizeof *places, more_bytes = (words - first) * sizeof *places;
    if (recent_is(shape, r, next, sp) && shape->words == words &&
        memcmp(shape->at, places, first_bytes) == 0 &&
        memcmp(rest, places + first, more_bytes) == 0)
        return;
    shape->next = 0;
    step();
    shape->sp = (uint32_t)sp;
    shape->seed = seed_of(places, words, sp);
    shape->words = (uint16_t)words;
    shape->stamp = recent_stamp(r);
    memcpy(shape->at, places, first_bytes);
    memcpy(rest, places + first, more_bytes);
    step();
    shape->next = next;
}

static uint64_t hash_of(uint64_t seed, const struct memo *m)
{
    struct recent_lanes lanes = recent_begin(seed);
    for (size_t i = 0; i < m->words; i += 4)
        recent_take(&lanes, m->pcs[i], m->pcs[i + 1], m->pcs[i + 2], m->pcs[i + 3]);
    return recent_hash(lanes);
}

/* What was known by another care is void. */
static void renew(struct recent *r, uint64_t care)
{
    r->care = 0;
    step();
    r->stamp += RECENT_STAMP;
    if (recent_stamp(r) == 0) { /* shapes of long ago would be valid again */
        memset(r->tables, 0, sizeof *r->tables);
        r->stamp += RECENT_STAMP;
    }
    step();
    r->care = care;
}

/* [sp, hi) is of the thread's own stack. */
static void take_stack(struct recent *r, uintptr_t sp, uintptr_t hi)
{
    uintptr_t end = hi - sizeof(uint64_t) + 1;
    if (r->low + r->span != end || sp < r->low) {
        r->span = 0;
        step();
        r->low = sp;
        step();
        r->span = end - sp;
    }
}

void recent_prepare(struct recent *r, const struct memo *m, uintptr_t sp, uint64_t care)
{
    uint16_t places[RECENT_WORDS];
    if (m->words > RECENT_WORDS || m->depth < 2 || m->hi - sp > UINT32_MAX / 2 || care == 0 ||
        !take_places(places, m, sp))
        return;
    if (r->care != care)
        renew(r, care);
    take_stack(r, sp, m->hi);
    uintptr_t pc = m->pcs[m->depth - 2];
    uint32_t next = (uint32_t)pc;
    struct recent_shape *shape = choose(r, recent_set(r->tables, sp, pc), next, sp);
    take_shape(r, shape, next, sp, places, m->words);
    r->prepared = shape;
    r->hash = hash_of(r->stamp + shape->seed, m);
    __builtin_prefetch(recent_places(r->tables, r->hash), 1);
}

uint64_t recent_known_deep(const struct recent *r, struct recent_tables *tables,
                           const struct recent_shape *shape, uintptr_t sp)
{
    const struct recent_rest *rest = recent_rest_of(tables, shape);
    const uint64_t *words = (const uint64_t *)stack_hook_frame(sp);
    const uint16_t *end = rest->at + shape->words - RECENT_FIRST_WORDS;
    struct recent_lanes lanes = recent_begin(r->stamp + shape->seed);
    recent_take_places(&lanes, shape->at, shape->at + RECENT_FIRST_WORDS, words);
    recent_take_places(&lanes, rest->at, end, words);
    return recent_known(tables, shape, recent_hash(lanes));
}

/* ---- stacks ------------------------------------------------------------------------- */

static void put(struct recent_stack *place, uint64_t hash, uint64_t what)
{
    place->hash = 0;
    step();
    place->what = what;
    step();
    place->hash = hash;
}

void recent_add(struct recent *r, uint64_t what)
{
    struct recent_shape *shape = r->prepared;
    uint64_t hash = r->hash;
    if (!shape)
        return;
    r->prepared = NULL;
    for (unsigned i = RECENT_OWN - 1; i > 0; i--)
        put(&shape->own[i], shape->own[i - 1].hash, shape->own[i - 1].what);
    put(&shape->own[0], hash, what);
    struct recent_stack *place = recent_places(r->tables, hash);
    if (place[0].hash != hash && place[1].hash != hash)
        put(place + 1, place[0].hash, place[0].what);
    put(place[1].hash == hash ? place + 1 : place, hash, what);
}
