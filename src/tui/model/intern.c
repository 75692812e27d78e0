/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table of byte strings, all of them in one growing piece of memory.
 * Called by the writers of files. Never prints.
 */
#include "tui/model/intern.h"

#include <stdlib.h>
#include <string.h>

struct intern_entry {
    size_t at;
    uint32_t n, hash;
};

void intern_fini(struct intern *in)
{
    free(in->bytes);
    free(in->entries);
    free(in->slots);
    *in = (struct intern){ .count = 0 };
}

/* FNV-1a. */
static uint32_t hash_of(const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ p[i]) * 16777619u;
    return hash ^ hash >> 15;
}

/* Where it is, or the empty slot where it belongs. */
static uint32_t *find_slot(const struct intern *in, uint32_t hash, const void *bytes, size_t n)
{
    uint32_t at = hash & (in->n_slots - 1);
    for (; in->slots[at]; at = (at + 1) & (in->n_slots - 1)) {
        const struct intern_entry *e = &in->entries[in->slots[at] - 1];
        if (e->hash == hash && e->n == n && memcmp(in->bytes + e->at, bytes, n) == 0)
            break;
    }
    return &in->slots[at];
}

static bool grow_slots(struct intern *in)
{
    uint32_t n = in->n_slots ? 2 * in->n_slots : 256;
    uint32_t *slots = n ? calloc(n, sizeof *slots) : NULL;
    if (!slots)
        return false;
    for (uint32_t i = 0; i < in->count; i++) {
        uint32_t at = in->entries[i].hash & (n - 1);
        while (slots[at])
            at = (at + 1) & (n - 1);
        slots[at] = i + 1;
    }
    free(in->slots);
    in->slots = slots;
    in->n_slots = n;
    return true;
}

static bool grow_entries(struct intern *in)
{
    uint32_t room = in->entry_room ? 2 * in->entry_room : 256;
    struct intern_entry *grown = realloc(in->entries, room * sizeof *grown);
    if (grown) {
        in->entries = grown;
        in->entry_room = room;
    }
    return grown != NULL;
}

static bool grow_bytes(struct intern *in, size_t n)
{
    size_t room = in->room ? in->room : 4096;
    while (room - in->used < n)
        room *= 2;
    char *grown = realloc(in->bytes, room);
    if (grown) {
        in->bytes = grown;
        in->room = room;
    }
    return grown != NULL;
}

/* Have room for one more. Slots are at most half full. */
static bool make_room(struct intern *in, size_t n)
{
    return (in->count < in->n_slots / 2 || grow_slots(in)) &&
           (in->count < in->entry_room || grow_entries(in)) &&
           (in->bytes && in->room - in->used >= n ? true : grow_bytes(in, n));
}

uint32_t intern_put(struct intern *in, const void *bytes, size_t n)
{
    uint32_t hash = hash_of(bytes, n);
    if (in->failed || !make_room(in, n)) {
        in->failed = true;
        return 0;
    }
    uint32_t *slot = find_slot(in, hash, bytes, n);
    if (!*slot) {
        memcpy(in->bytes + in->used, bytes, n);
        in->entries[in->count] = (struct intern_entry){ in->used, (uint32_t)n, hash };
        in->used += n;
        *slot = ++in->count;
    }
    return *slot - 1;
}

uint32_t intern_text(struct intern *in, const char *text)
{
    return intern_put(in, text, strlen(text) + 1);
}

const void *intern_get(const struct intern *in, uint32_t id)
{
    return in->bytes + in->entries[id].at;
}
