/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments made by hand, for tests of what reads them: a valid one in a small
 * layout, mapped, so that a test fills it, changes it while it is being read,
 * or spoils it. One thread.
 *
 *     struct fake_segment f;
 *     fake_open(&f, dir, pid, start_time);
 *     uint32_t row = fake_thread(&f, 42, "main");
 *     fake_count(&f, row, site, 100, 3, 1);  // 3 blocks of 100 bytes, 1 freed
 *     ...
 *     fake_close(&f);
 */
#ifndef MEMTOP_TESTS_FAKE_SEGMENT_H
#define MEMTOP_TESTS_FAKE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/segment.h"

#define FAKE_ROWS    64u
#define FAKE_SITES   8192u
#define FAKE_CHUNKS  1024u
#define FAKE_NODES   16384u
#define FAKE_MODULES 64u

struct fake_segment {
    char path[512];
    char *base;   /* the whole file, mapped shared */
    size_t bytes;
    struct seg_header *header;
    struct seg_globals *globals;
    struct seg_thread *threads;
    uint32_t *dirs;
    struct seg_site_counters *chunks;
    struct seg_site *sites;
    struct seg_node *nodes;
    struct seg_module *modules;
    uint64_t *density;
    struct seg_second *seconds;
};

/* Create DIR/memtop-PID-START: live, its clock nanoseconds since now, rows 0
 * and 1, site 0, node 0 and module 0 there. False with errno. */
bool fake_open(struct fake_segment *f, const char *dir, int pid, uint64_t start_time);

/* The pid of a process that has ended, to be its owner. */
int fake_dead_pid(void);

/* Unmap it; also remove the file. */
void fake_unmap(struct fake_segment *f);
void fake_close(struct fake_segment *f);

/* A new thread page; its row. */
uint32_t fake_thread(struct fake_segment *f, int tid, const char *name);

/* A new module, node (below `parent`), site (ending at `node`). */
uint16_t fake_module(struct fake_segment *f, const char *path, uint64_t start, uint64_t end);
uint32_t fake_node(struct fake_segment *f, uint32_t parent, uint64_t pc, uint16_t module);
uint32_t fake_site(struct fake_segment *f, uint32_t node);

/* The counters of a site by a row, with a chunk for them. */
struct seg_site_counters *fake_counters(struct fake_segment *f, uint32_t row, uint32_t site);

/* `allocations` blocks of `size` by row at site, `frees` of them freed. Counts
 * in the classes, the site and the globals. */
void fake_count(struct fake_segment *f, uint32_t row, uint32_t site, uint64_t size,
                uint64_t allocations, uint64_t frees);

/* A record for `second`, counted from 0. */
void fake_second(struct fake_segment *f, uint64_t second, int64_t live_bytes);

#endif
