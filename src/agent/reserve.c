/* SPDX-License-Identifier: Apache-2.0 */
/* See reserve.h. */
#include "agent/reserve.h"

#include <sys/mman.h>
#include <sys/resource.h>

#define PAGE ((uintptr_t)4096)
#define RANGES_MAX 16u
#define TABLES_BYTES (UINT64_C(512) << 20) /* those that wiped.h makes, rounded up */
#define HALVINGS_MAX 3u

static struct reserve_range ranges[RANGES_MAX]; /* atomic; end 0: free, written last */

/* Where the linker put this library. */
extern const char library_start[] __asm__("__ehdr_start") __attribute__((visibility("hidden")));
extern const char library_end[] __asm__("_end") __attribute__((visibility("hidden")));

static bool enlist(uintptr_t start, uintptr_t end)
{
    for (unsigned i = 0; i < RANGES_MAX; i++) {
        if (ranges[i].end)
            continue;
        __atomic_store_n(&ranges[i].start, start, __ATOMIC_RELAXED);
        __atomic_store_n(&ranges[i].end, end, __ATOMIC_RELEASE);
        return true;
    }
    return false;
}

/* A locked page cannot be dropped, and saying so costs no system call that a program
 * may have forbidden. */
static bool is_locked(void *page)
{
    return madvise(page, PAGE, MADV_DONTNEED) != 0;
}

/* While nothing can be accessed there, a lock fills nothing. */
void *reserve_map(size_t bytes, int flags, int fd)
{
    void *start = mmap(NULL, bytes, PROT_NONE, flags, fd, 0);
    if (start == MAP_FAILED)
        return NULL;
    if ((is_locked(start) && munlock(start, bytes) != 0) ||
        mprotect(start, bytes, PROT_READ | PROT_WRITE) != 0 ||
        !enlist((uintptr_t)start, (uintptr_t)start + bytes)) {
        munmap(start, bytes);
        return NULL;
    }
    return start;
}

void reserve_unmap(void *start, size_t bytes)
{
    munmap(start, bytes);
    for (unsigned i = 0; i < RANGES_MAX; i++)
        if (ranges[i].start == (uintptr_t)start)
            __atomic_store_n(&ranges[i].end, 0, __ATOMIC_RELEASE);
}

uint64_t reserve_total(void)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < RANGES_MAX; i++) {
        uintptr_t end = __atomic_load_n(&ranges[i].end, __ATOMIC_ACQUIRE);
        if (end)
            sum += end - __atomic_load_n(&ranges[i].start, __ATOMIC_RELAXED);
    }
    return sum;
}

unsigned reserve_halvings(void)
{
    struct rlimit limit;
    unsigned n = 0;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return 0;
    while (n < HALVINGS_MAX && TABLES_BYTES >> n > limit.rlim_cur / RESERVE_SHARE / 2)
        n++;
    return n;
}

static void take_lower(uintptr_t at, uintptr_t start, uintptr_t end, struct reserve_range *lowest)
{
    end = (end + PAGE - 1) & ~(PAGE - 1);
    if (end > at && start < lowest->start)
        *lowest = (struct reserve_range){ start, end };
}

bool reserve_next(uintptr_t at, struct reserve_range *range)
{
    *range = (struct reserve_range){ UINTPTR_MAX, UINTPTR_MAX };
    for (unsigned i = 0; i < RANGES_MAX; i++) {
        uintptr_t end = __atomic_load_n(&ranges[i].end, __ATOMIC_ACQUIRE);
        if (end)
            take_lower(at, __atomic_load_n(&ranges[i].start, __ATOMIC_RELAXED), end, range);
    }
    take_lower(at, (uintptr_t)library_start, (uintptr_t)library_end, range);
    return range->start != UINTPTR_MAX;
}
