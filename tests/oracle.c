/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The oracle: a second interposer that only counts, to be loaded behind the
 * agent: LD_PRELOAD="libmemtop.so liboracle.so". One lock around one table of
 * live blocks, no stacks, no speed.
 *
 * $ORACLE_OUT names the file it counts in (%p: the pid; see oracle.h). The file
 * is made anew, or nothing is counted, and mapped shared: it is right to the
 * last event whatever ends the process. Both the agent and the oracle count
 * until then, so their final figures compare as they are. A forked child
 * counts nothing; a program that it executes counts if its file is new.
 *
 * What need not agree: the peaks of threads that run at the same time.
 */
#include "oracle.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOTS (UINT64_C(1) << 26) /* 1 GiB of addresses, little of it touched */

struct slot {
    uintptr_t address; /* 0: empty */
    uint64_t size;
};

static struct {
    void *(*malloc)(size_t);
    void (*free)(void *);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void *(*memalign)(size_t, size_t);
    void *(*aligned_alloc)(size_t, size_t);
    int (*posix_memalign)(void **, size_t, size_t);
    void *(*valloc)(size_t);
    void *(*pvalloc)(size_t);
    size_t (*malloc_usable_size)(void *);
} real;

static struct oracle_counts *counts; /* NULL: do not count */
static struct slot *live;
static int *is_ours;  /* a page that a forked child finds wiped */
static int lock;
static _Thread_local void *last; /* block of this thread's last event */

static _Alignas(16) char early[65536]; /* for those who allocate while we look */
static size_t early_used;
static bool ready, busy;

void cfree(void *p);
void free_sized(void *p, size_t size);
void free_aligned_sized(void *p, size_t align, size_t size);

/* ---- set-up ------------------------------------------------------------------ */

static void *map(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static bool out_path(char *path, size_t bytes)
{
    const char *name = getenv("ORACLE_OUT");
    if (!name || strlen(name) > bytes - 20)
        return false;
    const char *pid = strstr(name, "%p");
    if (pid)
        snprintf(path, bytes, "%.*s%d%s", (int)(pid - name), name, getpid(), pid + 2);
    else
        snprintf(path, bytes, "%s", name);
    return true;
}

static void open_counts(void)
{
    char path[4096];
    if (!out_path(path, sizeof path))
        return;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || ftruncate(fd, sizeof *counts) != 0)
        return;
    void *p = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    live = map(SLOTS * sizeof *live);
    is_ours = map(4096);
    if (p == MAP_FAILED || !live || !is_ours || madvise(is_ours, 4096, MADV_WIPEONFORK))
        return;
    *is_ours = 1;
    counts = p;
    counts->pid = (uint64_t)getpid();
}

#define FIND(name) (real.name = (__typeof__(real.name))dlsym(RTLD_NEXT, #name))

static bool get_ready(void)
{
    if (ready)
        return true;
    if (busy)
        return false;
    busy = true;
    int saved = errno;
    FIND(malloc);
    FIND(free);
    FIND(calloc);
    FIND(realloc);
    FIND(memalign);
    FIND(aligned_alloc);
    FIND(posix_memalign);
    FIND(valloc);
    FIND(pvalloc);
    FIND(malloc_usable_size);
    open_counts();
    errno = saved;
    return ready = true;
}

static void *early_alloc(size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (size > sizeof early - early_used)
        return NULL;
    early_used += size;
    return early + early_used - size;
}

static bool is_early(void *p)
{
    return (char *)p >= early && (char *)p < early + sizeof early;
}

/* ---- the table of live blocks ------------------------------------------------- */

static uint64_t home(uintptr_t address)
{
    return (address >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> 38;
}

static struct slot *find(uintptr_t address)
{
    uint64_t i = home(address);
    while (live[i].address && live[i].address != address)
        i = (i + 1) % SLOTS;
    return &live[i];
}

/* Close the gap, so that whatever was pushed on by it is found again. */
static void erase(struct slot *gap)
{
    uint64_t hole = (uint64_t)(gap - live);
    for (uint64_t i = (hole + 1) % SLOTS; live[i].address; i = (i + 1) % SLOTS) {
        if ((i - home(live[i].address)) % SLOTS < (i - hole) % SLOTS)
            continue;
        live[hole] = live[i];
        hole = i;
    }
    live[hole].address = 0;
}

/* ---- counting -------------------------------------------------------------------- */

/* False: this process does not count. */
static bool begin(void)
{
    if (!counts || !*is_ours)
        return false;
    while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
        sched_yield();
    return true;
}

static void end(void)
{
    __atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
}

static void count_alloc(void *p, size_t size)
{
    struct slot *slot = find((uintptr_t)p);
    if (slot->address)
        counts->totals.lost++; /* handed out twice: somebody went past us */
    *slot = (struct slot){ .address = (uintptr_t)p, .size = size };
    counts->totals.allocations++;
    counts->totals.bytes_allocated += size;
    counts->totals.live_blocks++;
    counts->totals.live_bytes += size;
    if (counts->totals.live_blocks > counts->totals.peak_blocks)
        counts->totals.peak_blocks = counts->totals.live_blocks;
    if (counts->totals.live_bytes > counts->totals.peak_bytes)
        counts->totals.peak_bytes = counts->totals.live_bytes;
    last = p;
}

static void count_free(void *p, const struct slot *old)
{
    if (old->address) {
        counts->totals.frees++;
        counts->totals.bytes_freed += old->size;
        counts->totals.temporary += last == p;
    } else {
        counts->totals.foreign_frees++;
    }
    last = NULL;
}

/* Take p out of the table, before it is released. */
static struct slot take(void *p)
{
    struct slot *slot = find((uintptr_t)p), old = *slot;
    if (old.address) {
        counts->totals.live_blocks--;
        counts->totals.live_bytes -= old.size;
        erase(slot);
    }
    return old;
}

#define ALLOCATED(fn, p, size)          \
    do {                                \
        if ((p) && begin()) {           \
            counts->functions.fn++;     \
            count_alloc((p), (size));   \
            end();                      \
        }                               \
    } while (0)

#define RELEASE(fn, p)                  \
    do {                                \
        if (!(p) || is_early(p))        \
            return;                     \
        if (begin()) {                  \
            counts->functions.fn++;     \
            struct slot old = take(p);  \
            count_free((p), &old);      \
            end();                      \
        }                               \
        real.free(p);                   \
    } while (0)

/* ---- the family ----------------------------------------------------------------- */

void *malloc(size_t size)
{
    if (!get_ready())
        return early_alloc(size);
    void *p = real.malloc(size);
    ALLOCATED(malloc, p, size);
    return p;
}

void *calloc(size_t count, size_t size)
{
    if (!get_ready())
        return early_alloc(count * size);
    void *p = real.calloc(count, size);
    ALLOCATED(calloc, p, count * size);
    return p;
}

void *memalign(size_t align, size_t size)
{
    void *p = get_ready() ? real.memalign(align, size) : NULL;
    ALLOCATED(memalign, p, size);
    return p;
}

void *aligned_alloc(size_t align, size_t size)
{
    void *p = get_ready() ? real.aligned_alloc(align, size) : NULL;
    ALLOCATED(aligned_alloc, p, size);
    return p;
}

int posix_memalign(void **out, size_t align, size_t size)
{
    if (!get_ready())
        return ENOMEM;
    int error = real.posix_memalign(out, align, size);
    if (!error)
        ALLOCATED(posix_memalign, *out, size);
    return error;
}

void *valloc(size_t size)
{
    void *p = get_ready() ? real.valloc(size) : NULL;
    ALLOCATED(valloc, p, size);
    return p;
}

void *pvalloc(size_t size)
{
    void *p = get_ready() ? real.pvalloc(size) : NULL;
    ALLOCATED(pvalloc, p, size);
    return p;
}

static void resized(void *p, const struct slot *old, void *q, size_t size)
{
    if (q || size == 0) {
        count_free(p, old);
        if (q) {
            counts->totals.reallocations++;
            count_alloc(q, size);
        }
        return;
    }
    if (old->address) { /* refused: it stays as it was */
        *find((uintptr_t)p) = *old;
        counts->totals.live_blocks++;
        counts->totals.live_bytes += old->size;
    }
}

static void *resize(void *p, size_t size, uint64_t *function)
{
    struct slot old = { 0 };
    bool counted = begin();
    if (counted) {
        old = take(p);
        end();
    }
    void *q = real.realloc(p, size);
    if (counted) {
        begin();
        *function += q || size == 0;
        resized(p, &old, q, size);
        end();
    }
    return q;
}

/* The agent never hands its own early blocks on, so p is real or NULL. */
void *realloc(void *p, size_t size)
{
    if (!get_ready())
        return early_alloc(size);
    if (p)
        return resize(p, size, counts ? &counts->functions.realloc : NULL);
    void *q = real.realloc(NULL, size);
    ALLOCATED(realloc, q, size);
    return q;
}

void *reallocarray(void *p, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    if (!get_ready())
        return early_alloc(bytes);
    if (p)
        return resize(p, bytes, counts ? &counts->functions.reallocarray : NULL);
    void *q = real.realloc(NULL, bytes);
    ALLOCATED(reallocarray, q, bytes);
    return q;
}

void free(void *p)
{
    RELEASE(free, p);
}

void cfree(void *p)
{
    RELEASE(cfree, p);
}

void free_sized(void *p, size_t size)
{
    (void)size;
    RELEASE(free_sized, p);
}

void free_aligned_sized(void *p, size_t align, size_t size)
{
    (void)align;
    (void)size;
    RELEASE(free_aligned_sized, p);
}

size_t malloc_usable_size(void *p)
{
    return p && get_ready() && !is_early(p) ? real.malloc_usable_size(p) : 0;
}
