/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each of many byte strings (names, frames) once, numbered from 0 in the order
 * in which they came: for file formats with tables of strings, functions, frames.
 *
 *     struct intern names = { 0 };
 *     uint32_t id = intern_text(&names, "malloc");
 *     intern_fini(&names);
 */
#ifndef MEMTOP_TUI_MODEL_INTERN_H
#define MEMTOP_TUI_MODEL_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: an empty one. */
struct intern {
    char *bytes;
    size_t used, room;
    struct intern_entry *entries;
    uint32_t count, entry_room;
    uint32_t *slots; /* 1 + number of an entry; a power of two of them */
    uint32_t n_slots;
    bool failed; /* memory ran out; numbers are no longer to be trusted */
};

void intern_fini(struct intern *in);

/* The number of these bytes. After memory ran out it is 0, see `failed`. */
uint32_t intern_put(struct intern *in, const void *bytes, size_t n);

/* The number of a text; its terminator is kept. */
uint32_t intern_text(struct intern *in, const char *text);

/* What has this number. Valid until the next intern_put. */
const void *intern_get(const struct intern *in, uint32_t id);

#endif
