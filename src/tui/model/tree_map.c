/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From keys to numbers: open addressing. One that grows does so bit by bit, as a
 * million entries take too long to be moved at once: until all are, what is not found
 * in its new slots may still be in the old ones, of which nothing is taken away.
 */
#include <stdlib.h>
#include <string.h>

#include "tui/model/tree_parts.h"

#define SLOTS_MIN  256u
#define SLOTS_MOVED 8u /* with each put: they are through long before it grows again */

static size_t slot_of(const struct tree_slot *at, size_t capacity, uint64_t key)
{
    /* Keys are often two numbers of 32 bits: both have to count. */
    uint64_t h = key * UINT64_C(0x9e3779b97f4a7c15);
    size_t i = (size_t)(h ^ h >> 32) & (capacity - 1);
    while (at[i].key && at[i].key != key)
        i = (i + 1) & (capacity - 1);
    return i;
}

static struct tree_slot *find(const struct tree_map *m, uint64_t key)
{
    return &m->at[slot_of(m->at, m->capacity, key)];
}

/* Where it was before the map grew; NULL: nowhere. */
static const struct tree_slot *find_old(const struct tree_map *m, uint64_t key)
{
    const struct tree_slot *slot =
        m->old ? &m->old[slot_of(m->old, m->old_capacity, key)] : NULL;
    return slot && slot->key ? slot : NULL;
}

static void move(struct tree_map *m, size_t slots)
{
    for (; m->old && slots > 0; slots--) {
        const struct tree_slot *from = &m->old[m->moved];
        struct tree_slot *to = from->key ? find(m, from->key) : NULL;
        if (to && !to->key)
            *to = *from;
        if (++m->moved == m->old_capacity) {
            free(m->old);
            m->old = NULL;
        }
    }
}

void tree_map_settle(struct tree_map *m)
{
    move(m, SIZE_MAX);
}

static bool grow(struct tree_map *m)
{
    size_t capacity = m->capacity ? m->capacity * 2 : SLOTS_MIN;
    struct tree_slot *at = calloc(capacity, sizeof *at);
    if (!at)
        return false;
    tree_map_settle(m);
    m->old = m->at;
    m->old_capacity = m->capacity;
    m->moved = 0;
    m->at = at;
    m->capacity = capacity;
    return true;
}

bool tree_map_reserve(struct tree_map *m, size_t n)
{
    size_t capacity = SLOTS_MIN;
    while (capacity < 2 * n)
        capacity *= 2;
    if (m->n || capacity <= m->capacity)
        return true;
    tree_map_fini(m);
    m->at = calloc(capacity, sizeof *m->at);
    m->capacity = m->at ? capacity : 0;
    return m->at != NULL;
}

uint32_t *tree_map_put(struct tree_map *m, uint64_t key)
{
    if (m->n * 2 >= m->capacity && !grow(m))
        return NULL;
    move(m, SLOTS_MOVED);
    struct tree_slot *slot = find(m, key);
    if (!slot->key) {
        const struct tree_slot *old = find_old(m, key);
        slot->key = key;
        slot->value = old ? old->value : 0;
        m->n += !old;
    }
    return &slot->value;
}

uint32_t tree_map_get(const struct tree_map *m, uint64_t key)
{
    const struct tree_slot *slot = m->capacity ? find(m, key) : NULL;
    if (slot && !slot->key)
        slot = find_old(m, key);
    return slot ? slot->value : 0;
}

void tree_map_clear(struct tree_map *m)
{
    if (m->n)
        memset(m->at, 0, m->capacity * sizeof *m->at);
    free(m->old);
    m->old = NULL;
    m->n = 0;
}

void tree_map_fini(struct tree_map *m)
{
    free(m->at);
    free(m->old);
    *m = (struct tree_map){ .n = 0 };
}
