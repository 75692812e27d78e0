/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of the allocators that have some. Called while attaching. */
#include "agent/before.h"

#include <stddef.h>

#include "agent/redirect.h"

/* glibc's struct mallinfo2, from 2.33 on; the one before it overflows at 2 GiB. */
struct statistics {
    size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks,
        keepcost;
};

static bool ask_glibc(uint64_t *bytes)
{
    struct statistics (*mallinfo2)(void) =
        (struct statistics(*)(void))redirect_find("mallinfo2");
    if (!mallinfo2)
        return false;
    struct statistics s = mallinfo2();
    *bytes = (uint64_t)s.uordblks + s.hblkhd;
    return true;
}

/* Its figures are as of the last epoch: begin one. */
static bool ask_jemalloc(uint64_t *bytes)
{
    int (*mallctl)(const char *, void *, size_t *, void *, size_t) =
        (int (*)(const char *, void *, size_t *, void *, size_t))redirect_find("mallctl");
    uint64_t epoch = 1;
    size_t allocated = 0, epoch_size = sizeof epoch, size = sizeof allocated;
    if (!mallctl || mallctl("epoch", &epoch, &epoch_size, &epoch, sizeof epoch) != 0 ||
        mallctl("stats.allocated", &allocated, &size, NULL, 0) != 0)
        return false;
    *bytes = allocated;
    return true;
}

static bool ask_tcmalloc(uint64_t *bytes)
{
    int (*property)(const char *, size_t *) = (int (*)(const char *, size_t *))redirect_find(
        "MallocExtension_GetNumericProperty");
    size_t allocated = 0;
    if (!property || !property("generic.current_allocated_bytes", &allocated))
        return false;
    *bytes = allocated;
    return true;
}

enum seg_before before_ask(bool glibc, uint64_t *bytes)
{
    *bytes = 0;
    if (glibc)
        return ask_glibc(bytes) ? SEG_BEFORE_MALLINFO : SEG_BEFORE_UNKNOWN;
    if (ask_jemalloc(bytes))
        return SEG_BEFORE_MALLCTL;
    return ask_tcmalloc(bytes) ? SEG_BEFORE_TCMALLOC : SEG_BEFORE_UNKNOWN;
}
