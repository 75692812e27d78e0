/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: the segment's memory. Makes the file, maps it, hands out elements
 * of its sections, and commits memory before anybody touches it.
 *
 * There is one store per process. Its base is private to the agent; other
 * modules reach their section through the pointers below, which are valid
 * from store_create until the process ends or forks.
 *
 * A section is "dense" when its elements are handed out one after another
 * (store_append) and "sparse" when its user commits the pieces that it needs
 * (store_commit). Both fail instead of touching memory that is not there.
 * Any thread, inside malloc, async-signal-safe: no locks, no allocation.
 */
#ifndef MEMTOP_AGENT_STORE_H
#define MEMTOP_AGENT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/config.h"
#include "shared/segment.h"

struct store {
    struct seg_header *header; /* also the mapping's base; NULL: no segment */
    struct seg_globals *globals;
    struct seg_thread *threads;
    uint32_t *site_dirs;
    struct seg_site_counters *chunks;
    struct seg_site *sites;
    struct seg_node *nodes;
    struct seg_module *modules;
    uint64_t *density;
    struct seg_second *seconds;
    uint32_t *region_l1;
    struct seg_region *region_l2;
    struct seg_block *blocks; /* or, with SEG_FLAG_COMPACT, words */
    struct seg_overflow *overflow;
    struct seg_mismatch *mismatches;
    struct seg_sample *samples;
    struct seg_site_error *site_errors;
    struct seg_mark *marks;
    uint64_t bytes;            /* of the mapping */
    uint32_t dir_entries;      /* of each thread's site directory */
    char path[320];            /* of the file */
};

extern struct store store __attribute__((visibility("hidden")));

/* What the file says about the process besides the configuration. */
struct store_identity {
    const char *executable; /* path */
    const char *allocator;  /* path of the library that serves malloc */
    bool glibc;             /* it is the C library's own */
    uint32_t flags;         /* SEG_FLAG_FORKED, SEG_FLAG_FOREIGN_HEAP, ... */
};

/* Make the segment of this process, with the state SEG_STARTING. On failure
 * store.header is NULL and nothing is left behind. One thread. */
bool store_create(const struct config *config, const struct store_identity *id);

/* Readers may begin. */
void store_publish(void);

/* Let go of a segment inherited over fork; its file stays the parent's. */
void store_abandon(void);

/* The same for one that is still in use: what is written from now on is seen by
 * nobody else. Its contents stay, or read as zeros where the file is out of reach. */
void store_make_private(void);

/* Hand out the next element of a dense section. UINT64_MAX when the section
 * or the memory is used up. Whoever gets a later one sees what was written before. */
uint64_t store_append(enum seg_section_id section);

/* The same for n elements, one behind the other; returns the first. */
uint64_t store_append_run(enum seg_section_id section, uint64_t n);

/* Commit the first `bytes` of a section. False when the memory is used up. */
bool store_reach(enum seg_section_id section, uint64_t bytes);

/* How many have been handed out, or a sparse section has. */
static inline uint64_t store_count(enum seg_section_id section)
{
    return __atomic_load_n(&store.header->sections[section].count, __ATOMIC_ACQUIRE);
}

/* Make [address, address + length) of a sparse section safe to touch; both
 * page aligned. False when the memory is used up. */
bool store_commit(void *address, size_t length);

/* What was committed twice, by threads that raced, counts once. */
void store_refund(size_t length);

/* The step by which sections grow, once they are as large. */
#define STORE_STEP 65536u

#endif
