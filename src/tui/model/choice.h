/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choices: which of the live blocks are meant, by size, age and the thread
 * that allocated them, and what they come to by call site, size and age. Live
 * blocks are known one by one, so these figures are exact, or estimates where
 * blocks were sampled. Of freed ones it is known by call site how many were
 * short-lived, and a choice may be of these instead.
 *
 *     struct chosen s = { .n_sites = 0 };
 *     chosen_begin(&s, &choice, snapshot);
 *     for (each live block) chosen_add(&s, &block);
 *     ... s.sites[site].bytes ...
 *     chosen_fini(&s);
 *
 * Pure; one thread for each struct chosen.
 */
#ifndef MEMTOP_TUI_MODEL_CHOICE_H
#define MEMTOP_TUI_MODEL_CHOICE_H

#include "tui/model/snapshot.h"

/* All zeros: any block. */
struct choice {
    bool by_size, by_age, by_thread;
    uint64_t size_min, size_max;       /* inclusive */
    uint64_t age_min_ns, age_below_ns; /* at least, and less than */
    int tid;                           /* 0: threads that have ended */
    bool short_lived; /* freed ones, at sites whose blocks are of the size: then sums are
                         of the live ones there, and neither age nor thread are chosen */
};

bool choice_any(const struct choice *s);
bool choice_equal(const struct choice *a, const struct choice *b);

/* Whether live blocks have to be looked at, one by one. */
bool choice_of_live(const struct choice *s);

struct choice_block {
    uint64_t size, age_ns;
    uint32_t site;
    int tid;
    uint64_t blocks, bytes; /* that it stands for */
};

struct choice_sum {
    uint64_t blocks, bytes;
};

struct chosen {
    struct choice what;
    struct choice_sum all, taken;              /* all live blocks; those meant */
    bool estimated;                               /* sampled blocks are among them */
    struct choice_sum sizes[SEG_SIZE_CLASSES]; /* of those meant but for their size */
    struct choice_sum ages[SEG_LIFE_CLASSES];  /* but for their age; the rows are those
                                                     of the snapshot's lifetimes */
    uint64_t age_bounds[SEG_LIFE_CLASSES];        /* below_ns of these */
    struct choice_sum *sites;                  /* of those meant, by site */
    size_t n_sites, capacity;                     /* sites newer than that are in `taken`
                                                     alone */
};

/* Whether such a block is meant. */
bool choice_takes(const struct choice *s, const struct choice_block *b);

/* Zeros for all, with room for the snapshot's sites. False without memory. */
bool chosen_begin(struct chosen *s, const struct choice *what,
                    const struct snapshot *snapshot);
void chosen_add(struct chosen *s, const struct choice_block *b);
void chosen_fini(struct chosen *s);

/* The row of the snapshot's lifetimes that an age belongs to. */
unsigned chosen_age_class(const struct chosen *s, uint64_t age_ns);

#endif
