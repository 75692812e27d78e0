/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A great heap for the viewer to look at: crowd SITES BLOCKS. So many call sites, each
 * with a stack of its own through sixteen functions, hold so many blocks of different
 * sizes together; then it says "ready", and goes on at a hundred blocks a millisecond,
 * replacing old ones and adding one in a hundred, until its input ends.
 */
#include "bench/workload.h"

#include <poll.h>
#include <unistd.h>

#define DEPTH 8

static void **blocks;
static size_t n_blocks;
static size_t size;
static void *got;

typedef void step(unsigned depth, uint64_t path);
static step *const steps[16];

#define STEP(n) \
    static NOINLINE void step_##n(unsigned depth, uint64_t path) \
    { \
        if (depth == 0) \
            got = malloc(size); \
        else \
            steps[path & 15](depth - 1, path >> 4); \
        __asm__ volatile("# " #n ::: "memory"); \
    }
STEP(0) STEP(1) STEP(2) STEP(3) STEP(4) STEP(5) STEP(6) STEP(7)
STEP(8) STEP(9) STEP(10) STEP(11) STEP(12) STEP(13) STEP(14) STEP(15)

static step *const steps[16] = {
    step_0, step_1, step_2, step_3, step_4, step_5, step_6, step_7,
    step_8, step_9, step_10, step_11, step_12, step_13, step_14, step_15,
};

/* A block of the site, of one of its sizes. */
static void *take(size_t site, size_t i)
{
    size = 8 + (site % 31) * 4 + (i % 3) * 16;
    steps[site & 15](DEPTH, site >> 4);
    return got;
}

int main(int argc, char **argv)
{
    size_t sites = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    n_blocks = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    blocks = n_blocks ? calloc(n_blocks, sizeof *blocks) : NULL;
    if (!sites || !blocks) {
        fputs("usage: crowd SITES BLOCKS\n", stderr);
        return 2;
    }
    for (size_t i = 0; i < n_blocks; i++)
        blocks[i] = take(i % sites, i);
    puts("ready");
    fflush(stdout);
    uint64_t random = 1;
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
    while (poll(&input, 1, 1) == 0)
        for (size_t i = 0; i < 100; i++) {
            size_t at = workload_random(&random) % n_blocks;
            if (i) /* the first of a hundred adds one */
                free(blocks[at]);
            blocks[at] = take(at % sites, at);
        }
    return 0;
}
