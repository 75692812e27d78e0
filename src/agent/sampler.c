/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logarithm, exponential and weights in fixed point; see sampler.h. Each runs
 * once a sample, so that they are short rather than fast. Inside malloc.
 */
#include "agent/sampler.h"

#define LN2_Q63   UINT64_C(0x58b90bfbe8e7bcd5) /* ln 2 */
#define LOG2E_Q62 UINT64_C(0x5c551d94ae0bf85d) /* 1 / ln 2 */
#define LOG_BITS  44 /* of the logarithm's fraction */
#define CERTAIN   44 /* exp(-44) is less than one unit of a weight */

typedef unsigned __int128 wide;

static uint64_t next_random(struct sampler *s)
{
    uint64_t x = s->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    s->random = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}

/* -log2 of (u + 1/2) / 2^64, with LOG_BITS of fraction: squaring doubles the
 * logarithm, and each doubling shows its next bit. */
static uint64_t minus_log2(uint64_t u)
{
    u |= 1;
    unsigned zeros = (unsigned)__builtin_clzll(u);
    uint64_t m = u << zeros, fraction = 0; /* m / 2^63 is in [1, 2) */
    for (unsigned i = 0; i < LOG_BITS; i++) {
        wide square = (wide)m * m;
        bool bit = (square >> 127) != 0;
        m = (uint64_t)(square >> (bit ? 64 : 63));
        fraction = fraction << 1 | bit;
    }
    return ((uint64_t)(zeros + 1) << LOG_BITS) - fraction;
}

/* 2^(-1 / 2^k), k = 1 to 32, in units of 2^-64. */
static const uint64_t roots[32] = {
    UINT64_C(0xb504f333f9de6484), UINT64_C(0xd744fccad69d6af4),
    UINT64_C(0xeac0c6e7dd24392e), UINT64_C(0xf5257d152486cc2c),
    UINT64_C(0xfa83b2db722a033a), UINT64_C(0xfd3e0c0cf486c174),
    UINT64_C(0xfe9e115c7b8f884b), UINT64_C(0xff4ecb59511ec8a5),
    UINT64_C(0xffa756521c8daed1), UINT64_C(0xffd3a751c0f7e10b),
    UINT64_C(0xffe9d2b2f7db2755), UINT64_C(0xfff4e91bff1b8c3d),
    UINT64_C(0xfffa747ea0040664), UINT64_C(0xfffd3a3b7814eb53),
    UINT64_C(0xfffe9d1cc60ddab1), UINT64_C(0xffff4e8e25879bfa),
    UINT64_C(0xffffa7470363f451), UINT64_C(0xffffd3a37dda0313),
    UINT64_C(0xffffe9d1bdf703ae), UINT64_C(0xfffff4e8debe025e),
    UINT64_C(0xfffffa746f4fa150), UINT64_C(0xfffffd3a37a3f8b0),
    UINT64_C(0xfffffe9d1bd1065a), UINT64_C(0xffffff4e8de845ad),
    UINT64_C(0xffffffa746f41376), UINT64_C(0xffffffd3a37a05e3),
    UINT64_C(0xffffffe9d1bd01fb), UINT64_C(0xfffffff4e8de80c0),
    UINT64_C(0xfffffffa746f4050), UINT64_C(0xfffffffd3a37a024),
    UINT64_C(0xfffffffe9d1bd011), UINT64_C(0xffffffff4e8de808),
};

/* 2^-y for y in units of 2^-62, in units of 2^-64 (2^-0 is one unit less). */
static uint64_t exp2_minus(wide y)
{
    unsigned whole = (unsigned)(y >> 62);
    uint64_t fraction = (uint64_t)y << 2, result = UINT64_MAX;
    for (unsigned k = 0; k < 32; k++, fraction <<= 1)
        if (fraction >> 63)
            result = (uint64_t)((wide)result * roots[k] >> 64);
    /* What is left is below 2^-32, where 2^-f is 1 - f ln 2. */
    uint64_t rest = (uint64_t)((wide)(fraction >> 32) * LN2_Q63 >> 63);
    result -= (uint64_t)((wide)result * rest >> 64);
    return whole < 64 ? result >> whole : 0;
}

/* 1 - exp(-extent / mean) in units of 2^-64; extent < CERTAIN * mean. */
static uint64_t probability(uint64_t extent, uint64_t mean)
{
    return ~exp2_minus((wide)extent * LOG2E_Q62 / mean);
}

void sampler_draw(struct sampler *s)
{
    wide log2 = minus_log2(next_random(s));
    s->distance = (uint64_t)((log2 * (LN2_Q63 >> 31) >> (LOG_BITS - 12)) * s->mean >> 44);
}

void sampler_seed(struct sampler *s, uint64_t mean, uint64_t seed)
{
    seed = (seed ^ seed >> 32) * UINT64_C(0x9e3779b97f4a7c15);
    s->random = (seed ^ seed >> 29) | 1;
    s->mean = mean;
    for (unsigned i = 0; i < 4; i++) /* nearby seeds part */
        next_random(s);
    sampler_draw(s);
}

/* n * 2^64 / p, rounded up with the probability of what is cut off. */
static uint64_t divide(struct sampler *s, uint64_t n, uint64_t p)
{
    wide dividend = (wide)n << 64;
    uint64_t rest = (uint64_t)(dividend % p);
    bool up = (uint64_t)((wide)next_random(s) * p >> 64) < rest;
    return (uint64_t)(dividend / p) + up;
}

struct weight sampler_weigh(struct sampler *s, uint64_t size)
{
    uint64_t extent = sampler_extent(size);
    if (extent / CERTAIN >= s->mean)
        return (struct weight){ .bytes = size, .blocks = 1 };
    uint64_t p = probability(extent, s->mean);
    return (struct weight){
        .bytes = divide(s, size, p),
        .blocks = (uint32_t)divide(s, 1, p),
    };
}
