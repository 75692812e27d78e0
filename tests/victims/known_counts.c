/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does an exactly known number of everything and prints what a report must
 * say about it, key=value, in the report's names. It uses no stdio and ends
 * with _exit, so that nobody else allocates.
 *
 * The C library may lack free_sized and others: then it says that they were
 * called 0 times.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "victim.h"

static struct {
    uint64_t allocations, frees, reallocations, bytes_allocated, bytes_freed;
    uint64_t live_blocks, live_bytes, peak_bytes, peak_blocks, temporary, foreign_frees;
} total;

static void allocated(size_t size)
{
    total.allocations++;
    total.bytes_allocated += size;
    total.live_blocks++;
    total.live_bytes += size;
    if (total.live_bytes > total.peak_bytes)
        total.peak_bytes = total.live_bytes;
    if (total.live_blocks > total.peak_blocks)
        total.peak_blocks = total.live_blocks;
}

static void freed(size_t size)
{
    total.frees++;
    total.bytes_freed += size;
    total.live_blocks--;
    total.live_bytes -= size;
}

static void print(const char *key, const char *more, uint64_t value)
{
    char line[128], *end = line + sizeof line, *p = end;
    *--p = '\n';
    do
        *--p = (char)('0' + value % 10);
    while (value /= 10);
    *--p = '=';
    size_t m = strlen(more), k = strlen(key);
    p = memcpy(p - m, more, m);
    p = memcpy(p - k, key, k);
    if (write(STDOUT_FILENO, p, (size_t)(end - p)) < 0)
        _exit(1);
}

/* Each of these allocates 100 blocks, then frees them in the same order. */
enum { N = 100 };
static void *blocks[N];

#define ALLOCATE(call, size)                \
    for (size_t i = 0; i < N; i++) {        \
        blocks[i] = keep(call);             \
        allocated(size);                    \
    }
#define RELEASE(call, size)                 \
    for (size_t i = 0; i < N; i++) {        \
        void *p = blocks[i];                \
        call;                               \
        freed(size);                        \
    }

static void *aligned_by_posix(size_t size)
{
    void *p = NULL;
    return posix_memalign(&p, 128, size) == 0 ? p : NULL;
}

static void allocators(void)
{
    ALLOCATE(malloc(i), i)
    RELEASE(free(p), i)
    ALLOCATE(calloc(i, 3), 3 * i)
    RELEASE(free(p), 3 * i)
    ALLOCATE(memalign(64, 200), 200)
    RELEASE(free(p), 200)
    ALLOCATE(aligned_alloc(32, 320), 320)
    RELEASE(free(p), 320)
    ALLOCATE(aligned_by_posix(33), 33)
    RELEASE(free(p), 33)
    ALLOCATE(valloc(500), 500)
    RELEASE(free(p), 500)
    ALLOCATE(pvalloc(5000), 5000)
    RELEASE(free(p), 5000)
}

static void reallocations(void)
{
    ALLOCATE(realloc(keep(NULL), 10), 10)
    for (size_t i = 0; i < N; i++) {
        size_t size = i % 2 ? 7 : 5000;
        blocks[i] = keep(realloc(blocks[i], size));
        freed(10);
        allocated(size);
        total.reallocations++;
        if (keep(realloc(blocks[i], hidden(PTRDIFF_MAX))) != NULL) /* must fail */
            _exit(2);
    }
    for (size_t i = 0; i < N; i++) {
        blocks[i] = keep(reallocarray(blocks[i], 4, 11));
        freed(i % 2 ? 7 : 5000);
        allocated(44);
        total.reallocations++;
    }
    RELEASE(if (keep(realloc(p, hidden(0)))) _exit(3), 44)
}

static void temporaries(void)
{
    for (size_t i = 0; i < 3 * N; i++) {
        void *p = keep(malloc(77));
        allocated(77);
        free(p);
        freed(77);
        total.temporary++;
    }
}

/* These three are not in every C library, but in the agent. */
static unsigned extras(void)
{
    void (*old_free)(void *) = (void (*)(void *))dlsym(RTLD_DEFAULT, "cfree");
    void (*sized)(void *, size_t) = (void (*)(void *, size_t))dlsym(RTLD_DEFAULT, "free_sized");
    void (*aligned)(void *, size_t, size_t) =
        (void (*)(void *, size_t, size_t))dlsym(RTLD_DEFAULT, "free_aligned_sized");
    if (!old_free || !sized || !aligned)
        return 0;
    ALLOCATE(malloc(40), 40)
    RELEASE(old_free(p), 40)
    ALLOCATE(malloc(41), 41)
    RELEASE(sized(p, 41), 41)
    ALLOCATE(aligned_alloc(64, 64), 64)
    RELEASE(aligned(p, 64, 64), 64)
    return N;
}

static void leaks(void)
{
    ALLOCATE(malloc(1000), 1000)
}

#define TOTAL(name) print(#name, "", total.name)

int main(void)
{
    unsigned extra = extras(); /* first: dlsym may allocate when it fails */
    allocators();
    reallocations();
    temporaries();
    leaks();
    TOTAL(allocations);
    TOTAL(frees);
    TOTAL(reallocations);
    TOTAL(bytes_allocated);
    TOTAL(bytes_freed);
    TOTAL(live_blocks);
    TOTAL(live_bytes);
    TOTAL(peak_bytes);
    TOTAL(peak_blocks);
    TOTAL(temporary);
    TOTAL(foreign_frees);
    print("functions.", "malloc", N + 3 * N + N + 2 * extra);
    print("functions.", "calloc", N);
    print("functions.", "realloc", 3 * N);
    print("functions.", "reallocarray", N);
    print("functions.", "free", 7 * N + 3 * N);
    print("functions.", "cfree", extra);
    print("functions.", "memalign", N);
    print("functions.", "aligned_alloc", N + extra);
    print("functions.", "posix_memalign", N);
    print("functions.", "valloc", N);
    print("functions.", "pvalloc", N);
    print("functions.", "free_sized", extra);
    print("functions.", "free_aligned_sized", extra);
    _exit(0);
}
