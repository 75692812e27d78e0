/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks that grow and shrink for a long time, in place and by moving, into
 * mapped ones and back.
 */
#include <stdlib.h>
#include <string.h>

#include "victim.h"

enum { BLOCKS = 64, ROUNDS = 20000 };

int main(void)
{
    static unsigned char *blocks[BLOCKS];
    static size_t sizes[BLOCKS];
    unsigned random = 1;
    for (int round = 0; round < ROUNDS; round++) {
        random = random * 1103515245u + 12345u;
        unsigned i = random >> 16 & (BLOCKS - 1);
        size_t size = 1 + (random >> 8) % (round % 64 == 0 ? 400000 : 4000);
        unsigned char *p = keep(realloc(blocks[i], size));
        if (!p || (sizes[i] && p[0] != (unsigned char)(sizes[i] & 0xff)))
            victim_failures++;
        p[0] = (unsigned char)(size & 0xff);
        blocks[i] = p;
        sizes[i] = size;
    }
    size_t sum = 0;
    for (unsigned i = 0; i < BLOCKS; i++) {
        sum += sizes[i];
        free(blocks[i]);
    }
    printf("%zu bytes at the end, %d failures\n", sum, victim_failures);
    return victim_failures != 0;
}
