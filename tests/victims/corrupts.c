/* SPDX-License-Identifier: Apache-2.0 */
/* corrupts: writes beyond the end of a block. Under a debugging allocator that is its end. */
#include <stdlib.h>

#include "victim.h"

int main(void)
{
    char *p = keep(malloc(100)), *q = keep(malloc(100));
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < 1000; i++)
        free(keep(malloc((size_t)i)));
    puts("so far");
    *(volatile char *)(p + hidden(100)) = 7; /* beyond its end: nothing else notices */
    free(p);
    free(q);
    puts("done");
    return 0;
}
