/* SPDX-License-Identifier: Apache-2.0 */
/* A program with a malloc of its own, which no preloaded library gets before. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

static uint64_t pool[1 << 17];
static size_t used;

void *malloc(size_t size)
{
    void *p = pool + used;
    used += (size + 15) / 16 * 2;
    return used <= sizeof pool / sizeof *pool ? p : NULL;
}

void free(void *p)
{
    (void)p;
}

int main(void)
{
    void *volatile p = malloc(100);
    free(p);
    return p == NULL;
}
