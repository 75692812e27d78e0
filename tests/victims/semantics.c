/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that a program may rely on in the allocation family of the C
 * library: zero sizes, overflows, alignment, errno.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "victim.h"

#define HUGE_SIZE hidden((size_t)PTRDIFF_MAX + 1)
#define KEPT 77 /* what errno is before each call */

static int is_aligned(const void *p, size_t align)
{
    return p && (uintptr_t)p % align == 0;
}

/* Did the last call leave errno alone? Sets it for the next one. */
static int errno_kept(void)
{
    int kept = errno == KEPT;
    errno = KEPT;
    return kept;
}

static int no_memory(const void *p)
{
    int set = !p && errno == ENOMEM;
    errno = KEPT;
    return set;
}

static void mallocs(void)
{
    char *zero = keep(malloc(hidden(0)));
    CHECK(zero && errno_kept());
    char *p = keep(malloc(hidden(100)));
    CHECK(is_aligned(p, 16) && p != zero && errno_kept());
    free(zero);
    free(p);
    free(NULL);
    CHECK(errno_kept());
    CHECK(no_memory(keep(malloc(HUGE_SIZE))));
    void *big = keep(malloc(hidden(64 << 20)));
    free(big);
    CHECK(big && errno_kept());
}

static void callocs(void)
{
    static const char zeros[300];
    char *p = keep(calloc(3, hidden(100)));
    CHECK(p && memcmp(p, zeros, 300) == 0 && errno_kept());
    free(p);
    p = keep(calloc(hidden(0), 8));
    CHECK(p && errno_kept());
    free(p);
    CHECK(no_memory(keep(calloc(hidden(SIZE_MAX / 2), 3))));
    CHECK(no_memory(keep(calloc(hidden(SIZE_MAX), hidden(SIZE_MAX)))));
}

static void reallocs(void)
{
    char *p = keep(realloc(keep(NULL), hidden(10)));
    CHECK(p && errno_kept());
    memcpy(p, "contents", 9);
    p = keep(realloc(p, hidden(100000)));
    CHECK(p && strcmp(p, "contents") == 0 && errno_kept());
    CHECK(no_memory(keep(realloc(keep(p), HUGE_SIZE))));
    CHECK(strcmp(p, "contents") == 0);
    p = keep(realloc(p, hidden(9)));
    CHECK(p && strcmp(p, "contents") == 0 && errno_kept());
    p = keep(realloc(p, hidden(0)));
    CHECK(!p && errno_kept());
    p = keep(realloc(keep(NULL), hidden(0)));
    CHECK(p && errno_kept());
    free(p);
}

static void reallocarrays(void)
{
    char *p = keep(reallocarray(keep(NULL), hidden(5), 20));
    CHECK(p && errno_kept());
    memcpy(p, "contents", 9);
    CHECK(no_memory(keep(reallocarray(keep(p), hidden(SIZE_MAX / 2), 3))));
    CHECK(no_memory(keep(reallocarray(keep(p), hidden(SIZE_MAX / 2 + 1), 2))));
    CHECK(strcmp(p, "contents") == 0);
    p = keep(reallocarray(p, hidden(1000), 20));
    CHECK(p && strcmp(p, "contents") == 0 && errno_kept());
    p = keep(reallocarray(p, hidden(0), 20));
    CHECK(!p && errno_kept());
}

static void posix_memaligns(void)
{
    void *p = &victim_failures;
    CHECK(posix_memalign(&p, hidden(3), 10) == EINVAL && errno_kept());
    CHECK(posix_memalign(&p, hidden(4), 10) == EINVAL && errno_kept());
    CHECK(posix_memalign(&p, hidden(0), 10) == EINVAL && errno_kept());
    CHECK(posix_memalign(&p, hidden(64), HUGE_SIZE) == ENOMEM);
    CHECK(p == &victim_failures);
    errno = KEPT;
    CHECK(posix_memalign(&p, hidden(4096), 10) == 0 && is_aligned(p, 4096) && errno_kept());
    free(p);
    CHECK(posix_memalign(&p, hidden(8), 0) == 0 && p && errno_kept());
    free(p);
}

static void aligned(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *p[] = {
        keep(aligned_alloc(hidden(64), 128)), keep(memalign(hidden(256), 100)),
        keep(memalign(hidden(48), 100)),      keep(valloc(hidden(10))),
        keep(pvalloc(hidden(page + 1))),
    };
    CHECK(errno_kept());
    CHECK(is_aligned(p[0], 64) && is_aligned(p[1], 256) && is_aligned(p[2], 64));
    CHECK(is_aligned(p[3], page) && is_aligned(p[4], page));
    CHECK(malloc_usable_size(p[4]) >= 2 * page);
    for (size_t i = 0; i < sizeof p / sizeof *p; i++)
        free(p[i]);
    CHECK(errno_kept());
    CHECK(no_memory(keep(aligned_alloc(hidden(64), HUGE_SIZE))));
    CHECK(no_memory(keep(memalign(hidden(64), HUGE_SIZE))));
    CHECK(no_memory(keep(valloc(HUGE_SIZE))));
    CHECK(no_memory(keep(pvalloc(hidden(SIZE_MAX - 10)))));
}

int main(void)
{
    errno = KEPT;
    mallocs();
    callocs();
    reallocs();
    reallocarrays();
    posix_memaligns();
    aligned();
    CHECK(malloc_usable_size(NULL) == 0);
    return victim_failures != 0;
}
