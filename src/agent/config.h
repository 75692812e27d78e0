/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the MEMTOP_* variables ask for. Read once per program image, before the
 * first segment is made; forked children keep what their parent read.
 */
#ifndef MEMTOP_AGENT_CONFIG_H
#define MEMTOP_AGENT_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/segment.h"

struct config {
    bool off;          /* MEMTOP=off, or the agent must stay out of the way */
    bool keep;         /* MEMTOP_KEEP=1 */
    bool keep_root;    /* MEMTOP_KEEP=root: keep, but in the root only */
    enum seg_tier tier; /* MEMTOP_TIER; MEMTOP_STACKS=0 means counters */
    uint64_t sample;   /* MEMTOP_SAMPLE in bytes, SEG_SAMPLE_DEFAULT */
    bool compact;      /* MEMTOP_COMPACT=1: records without birth stamps */
    unsigned verify;   /* MEMTOP_VERIFY: one in so many stacks, 0: none */
    uint64_t memory;   /* MEMTOP_MEMORY in bytes, 0: not given */
    bool before;       /* not MEMTOP_BEFORE=0: ask what was alive before an attach */
    int root_pid;      /* MEMTOP_ROOT, 0: not given */
    const char *dir;   /* MEMTOP_DIR, NULL: not given */
    const char *follow; /* MEMTOP_FOLLOW, NULL: not given, meaning all */
};

/* Fill *c from the environment. The strings are copies and belong to this
 * module; a MEMTOP_DIR or MEMTOP_FOLLOW that is too long to keep turns the agent
 * off. Uses nothing but getenv. */
void config_read(struct config *c);

/* The same from lines NAME=VALUE, each ended by '\n' or by the end, instead of the
 * environment. NULL: no lines. False: they are too long, or something else. Not
 * while somebody uses strings of a configuration that was read before. */
bool config_read_lines(struct config *c, const char *lines);

/* Is the process `pid` that runs `executable` one to be tracked? The root
 * always is; others as MEMTOP_FOLLOW says. */
bool config_follows(const struct config *c, int pid, const char *executable);

/* Is the segment of process `pid` to outlive it? */
bool config_keeps(const struct config *c, int pid);

/* "64M" to bytes: digits and at most one of K M G T. 0 when malformed. */
uint64_t config_parse_size(const char *text);

#endif
