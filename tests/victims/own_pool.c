/* SPDX-License-Identifier: Apache-2.0 */
/* A malloc to be linked into a program: it takes from a pool and gives nothing back. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

static uint64_t pool[(128u << 20) / sizeof(uint64_t)];
static size_t used;

void *malloc(size_t size)
{
    size_t at = __atomic_fetch_add(&used, (size + 15) / 16 * 2, __ATOMIC_RELAXED);
    return at + (size + 15) / 16 * 2 <= sizeof pool / sizeof *pool ? pool + at : NULL;
}

void free(void *p)
{
    (void)p;
}
