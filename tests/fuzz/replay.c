/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays a corpus without libFuzzer: replay MUTATIONS FILE..: each file, and so
 * many mutations of each, the same ones each time. replay --seed FILE makes an
 * input of a real file.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_MOST (1u << 20)

static uint64_t state = 88172645463325252u;

static uint64_t random_number(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Some bytes changed, a piece moved, or the end cut off. */
static size_t mutate(uint8_t *data, size_t n)
{
    static const uint8_t favourites[] = { 0, 1, 0x7f, 0x80, 0xff };
    if (n < 2)
        return n;
    for (uint64_t i = 1 + random_number() % 4; i; i--) {
        size_t at = random_number() % n, from = random_number() % n;
        size_t length = random_number() % 16;
        switch (random_number() % 4) {
        case 0: data[at] ^= (uint8_t)(1u << random_number() % 8); break;
        case 1: data[at] = favourites[random_number() % sizeof favourites]; break;
        case 2:
            if (at + length < n && from + length < n)
                memmove(data + at, data + from, length);
            break;
        default:
            if (random_number() % 8 == 0)
                n = 1 + at;
        }
    }
    return n;
}

static int replay(const char *path, long mutations)
{
    static uint8_t input[INPUT_MOST];
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(input, 1, sizeof input, f) : 0;
    if (!f) {
        perror(path);
        return 1;
    }
    fclose(f);
    LLVMFuzzerTestOneInput(input, n);
    for (long i = 0; i < mutations; i++) {
        uint8_t *copy = malloc(n ? n : 1); /* of its own, for the sanitizer */
        memcpy(copy, input, n);
        LLVMFuzzerTestOneInput(copy, mutate(copy, n));
        free(copy);
    }
    return 0;
}

int main(int argc, char **argv)
{
    int failed = 0;
    if (argc == 3 && strcmp(argv[1], "--seed") == 0)
        return fuzz_make_seed(argv[2]);
    if (argc < 3) {
        fprintf(stderr, "usage: %s MUTATIONS FILE.. | --seed FILE\n", argv[0]);
        return 2;
    }
    for (int i = 2; i < argc; i++)
        failed |= replay(argv[i], atol(argv[1]));
    return failed;
}
