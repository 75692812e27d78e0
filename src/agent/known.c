/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growth of the cache of known stacks. It begins small, so that small programs
 * touch little memory, and doubles in place when half of it has been written:
 * entries whose place moves with that are forgotten, and asked of the trie once
 * more. Runs inside malloc.
 */
#include "agent/known.h"

#include <sys/mman.h>

#include "agent/wiped.h"

#define FIRST_MASK ((UINT64_C(1) << 11) - 1) /* 16 KiB */
#define LAST_MASK ((UINT64_C(1) << 19) - 1)  /* 4 MiB */
#define TABLE_BYTES \
    (sizeof(struct known_table) + (LAST_MASK + 1) * sizeof(uint64_t))

struct known_table *known_table;

bool known_init(void)
{
    known_table = wiped_map(TABLE_BYTES);
    return known_table != NULL;
}

void known_forget(void)
{
    madvise(known_table, TABLE_BYTES, MADV_DONTNEED);
}

static void grow(uint64_t mask)
{
    uint64_t next = mask ? mask * 2 + 1 : FIRST_MASK;
    if (next <= LAST_MASK &&
        __atomic_compare_exchange_n(&known_table->mask, &mask, next, false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        __atomic_store_n(&known_table->changed, 0, __ATOMIC_RELAXED);
}

void known_add(uint64_t hash, uint32_t site)
{
    uint64_t mask = __atomic_load_n(&known_table->mask, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&known_table->changed, 1, __ATOMIC_RELAXED) > mask / 2) {
        grow(mask);
        mask = __atomic_load_n(&known_table->mask, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&known_table->entries[hash & mask], (hash & ~KNOWN_SITE_MASK) | site,
                     __ATOMIC_RELAXED);
}
