/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that uses all of what malloc_usable_size promises. The sizes are
 * the allocator's own, so they are the same with and without an agent.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "victim.h"

int main(void)
{
    size_t sum = 0;
    for (size_t size = 0; size < 70000; size = size * 3 / 2 + 1) {
        char *p = keep(malloc(size));
        size_t usable = malloc_usable_size(p);
        memset(p, 0x5a, usable);
        p = keep(realloc(p, usable));
        if (usable < size || malloc_usable_size(p) < usable || (usable && p[usable - 1] != 0x5a))
            victim_failures++;
        sum += usable;
        free(p);
    }
    printf("%zu bytes usable, %d failures\n", sum, victim_failures);
    return victim_failures != 0;
}
