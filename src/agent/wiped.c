/* SPDX-License-Identifier: Apache-2.0 */
/* A short list of mappings that fork wipes. Runs inside malloc at set-up. */
#include "agent/wiped.h"

#include <sys/mman.h>

#include "agent/reserve.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

#define MAPS_MAX 8u

static struct {
    void *start;
    size_t bytes;
} maps[MAPS_MAX];
static unsigned n_maps;

void *wiped_map(size_t bytes)
{
    if (n_maps == MAPS_MAX)
        return NULL;
    void *start = reserve_map(bytes, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    if (!start)
        return NULL;
    if (madvise(start, bytes, MADV_WIPEONFORK) != 0) {
        reserve_unmap(start, bytes);
        return NULL;
    }
    maps[n_maps].start = start;
    maps[n_maps++].bytes = bytes;
    return start;
}

void wiped_unmap(void *start)
{
    for (unsigned i = 0; i < n_maps; i++)
        if (maps[i].start == start) {
            reserve_unmap(start, maps[i].bytes);
            maps[i] = maps[--n_maps];
            return;
        }
}

void wiped_clear(void)
{
    for (unsigned i = 0; i < n_maps; i++)
        madvise(maps[i].start, maps[i].bytes, MADV_DONTNEED);
}
