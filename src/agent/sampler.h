/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arithmetic of sampling: a Poisson process over the bytes that a thread
 * allocates. Points lie at exponential distances of a given mean R; a block is
 * sampled when at least one point falls into it, which has the probability
 * p = 1 - exp(-size / R). A sampled block stands for 1 / p blocks of its size
 * (Horvitz and Thompson), which makes all sums of these weights unbiased.
 *
 * Weights are whole numbers, rounded at random so that their expectation is
 * exact: what is added for a block can be taken off again to the last unit.
 * Integers only: a hook must not touch the program's floating-point flags or
 * trip over its rounding mode. Pure but for the state; called by the tracker.
 */
#ifndef MEMTOP_AGENT_SAMPLER_H
#define MEMTOP_AGENT_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

/* Belongs to one thread. */
struct sampler {
    uint64_t random;   /* never 0 once seeded */
    uint64_t distance; /* bytes to the next point */
    uint64_t mean;     /* R, 1 to SEG_SAMPLE_MAX; 0: not seeded */
};

/* What one sampled block stands for. */
struct weight {
    uint64_t bytes;
    uint32_t blocks; /* 0: none, the block is no sample */
};

/* Begin with mean R and a point at a fresh distance. */
void sampler_seed(struct sampler *s, uint64_t mean, uint64_t seed);

/* Draw the next point's distance. After each sampled block. */
void sampler_draw(struct sampler *s);

/* The weight of a sampled block. */
struct weight sampler_weigh(struct sampler *s, uint64_t size);

/* A block of 0 bytes is as likely to be met as one of 1 byte. */
static inline uint64_t sampler_extent(uint64_t size)
{
    return size + !size;
}

/* Does a point fall into the next block? If so, weigh it, then draw. */
static inline bool sampler_meets(struct sampler *s, uint64_t size)
{
    uint64_t extent = sampler_extent(size);
    if (__builtin_expect(extent > s->distance, 0))
        return true;
    s->distance -= extent;
    return false;
}

#endif
