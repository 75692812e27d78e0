/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor of a table: what no profiler of live blocks can do without. To be
 * preloaded. Calls are forwarded to the C library; each allocation reads the clock
 * once and writes the one record, of 16 bytes for each 32 of heap, that says what
 * lives there; each free reads the record and clears it. No stacks, no counters, no
 * gate, and the records of two blocks may be one.
 *
 * FLOOR_FRAMES=N: what one with exact stacks and lifetimes cannot do without, either.
 * Each allocation also reads N words of the stack, one a cache line, takes their hash,
 * compares it with the one of the call site, and adds to the site's counters; each
 * free, but of the block that the thread's last event handed out, reads the clock, too,
 * and adds to the counters of the site that the record names. Where return addresses lie
 * and which site a stack belongs to are given to it for nothing: it reads words at even
 * distances, and tells sites by the caller alone.
 *
 * FLOOR_COUNTS=1: what memtop's screens show besides, and no more than that. A gate
 * against its own signal handlers, calls of each function, allocations and frees of each
 * size class, lifetimes, the live bytes, their peak, and what each site held at the peak.
 * Without stacks, each thread has one site.
 *
 * FLOOR_TOLD=FILE, with the former: what one cannot do without that does not know in advance
 * which stacks there are, see floor_told.h. FLOOR_LEARN=FILE, in a run before, writes the file.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/floor.h"
#include "bench/floor_told.h"
#include "shared/segment.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

#define SITES_BITS TOLD_SITES_BITS
#define CALLERS_BITS 16
#define SIZE_BITS (64 - SITES_BITS)
#define K UINT64_C(0x9fb21c651e98df25)

struct site {
    _Alignas(64) uint64_t hash;
    uint64_t allocations, bytes_allocated, frees, bytes_freed, ticks;
    int64_t bytes_at_peak;
    uint32_t epoch, changes;
};

enum function { MALLOC, CALLOC, REALLOC, FREE, FUNCTIONS };

#define OWN static __thread __attribute__((tls_model("initial-exec")))

OWN struct {
    uint64_t calls[FUNCTIONS];
    struct {
        uint64_t allocations, bytes_allocated, frees, bytes_freed;
    } classes[SEG_SIZE_CLASSES];
    uint64_t lifetimes[64];
    int64_t pending; /* live bytes that are not in heap.live */
} total;

static struct {
    int64_t live, peak;
    uint32_t epoch;
    bool rising; /* no free since the peak */
} heap;

extern void *__libc_stack_end;

static struct record first[1], *records = first;
static uint64_t mask; /* one record until there are all of them */
OWN volatile uint64_t sink;
static struct site *sites;
static size_t frames; /* 0: no stacks; else a multiple of 4 */
static bool counts, learns;
OWN bool inside;
OWN const void *last; /* handed out by the thread's last event */

static void *shared_memory(size_t bytes)
{
    void *all = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return all == MAP_FAILED ? NULL : all;
}

__attribute__((constructor)) static void reserve(void)
{
    struct record *all = shared_memory(RECORDS * sizeof *records);
    const char *wanted = getenv("FLOOR_FRAMES");
    if (all) {
        records = all;
        mask = RECORDS - 1;
    }
    sites = shared_memory(sizeof *sites << SITES_BITS);
    if (sites && wanted)
        frames = (strtoul(wanted, NULL, 10) + 3) / 4 * 4;
    counts = sites && getenv("FLOOR_COUNTS");
    inside = true;
    if (!told_begin())
        _exit(1);
    inside = false;
    learns = told_is_learning();
}

/* ---- what is shown ------------------------------------------------------------------ */

static inline void keep_peak(struct site *site)
{
    if (site->epoch != heap.epoch) {
        site->bytes_at_peak = (int64_t)(site->bytes_allocated - site->bytes_freed);
        site->epoch = heap.epoch;
    }
}

/* In steps that no two threads take all the time. */
static inline void live(int64_t bytes)
{
    total.pending += bytes;
    if (total.pending < SEG_BATCH_BYTES && total.pending > -SEG_BATCH_BYTES)
        return;
    heap.live += total.pending;
    total.pending = 0;
    if (heap.live > heap.peak) {
        heap.peak = heap.live;
        heap.rising = true;
    }
}

static inline void show_allocation(struct site *site, enum function function, size_t size)
{
    unsigned class = seg_size_class(size);
    total.calls[function]++;
    total.classes[class].allocations++;
    total.classes[class].bytes_allocated += size;
    keep_peak(site);
    live((int64_t)size);
}

static inline void show_free(struct site *site, enum function function, uint64_t size,
                             uint64_t age)
{
    unsigned class = seg_size_class(size);
    total.calls[function]++;
    total.classes[class].frees++;
    total.classes[class].bytes_freed += size;
    total.lifetimes[age ? 63 - __builtin_clzll(age) : 0]++;
    if (heap.rising) {
        heap.rising = false;
        heap.epoch++;
    }
    keep_peak(site);
    live(-(int64_t)size);
}

/* ---- with stacks ------------------------------------------------------------------ */

struct lanes {
    uint64_t a, b, c, d;
};

static inline struct lanes take(struct lanes h, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return (struct lanes){ (h.a ^ a) * K, (h.b ^ b) * K, (h.c ^ c) * K, (h.d ^ d) * K };
}

static inline uint64_t fold(struct lanes h)
{
    return (h.a ^ h.a >> 32) * K ^ h.b ^ (h.c ^ h.c >> 32) * K ^ h.d;
}

static inline uint64_t hash_of_stack(const uint64_t *words)
{
    struct lanes h = { K, K, K, K };
    const uint64_t *end = words + frames * WORDS_APART;
    if (end > (const uint64_t *)__libc_stack_end)
        end = __libc_stack_end;
    for (; words < end; words += 4 * WORDS_APART)
        h = take(h, words[0], words[WORDS_APART], words[2 * WORDS_APART], words[3 * WORDS_APART]);
    return fold(h);
}

/* Its words lie where they are said to lie. */
static inline uint64_t hash_of_told_stack(const uint64_t *words)
{
    struct lanes h = { K, K, K, K };
    const uint16_t *at = told_places();
    size_t end = (size_t)((const uint64_t *)__libc_stack_end - words);
    for (size_t i = 0; i < frames && i < TOLD_WORDS && at[i + 3] < end; i += 4)
        h = take(h, words[at[i]], words[at[i + 1]], words[at[i + 2]], words[at[i + 3]]);
    return fold(h);
}

/* The site's number. `frame` is the hook's: its return address is frame[1]. */
static inline uint64_t find_site(const uint64_t *frame)
{
    bool is_told = told.file && told.next < told.file->n;
    uint64_t hash = is_told ? hash_of_told_stack(frame) : hash_of_stack(frame);
    uint64_t number = is_told ? told_site()
                              : (frame[1] ^ (uintptr_t)frame << 16) * K >> (64 - CALLERS_BITS);
    struct site *site = &sites[number];
    if (site->hash != hash) {
        site->hash = hash;
        site->changes++;
    }
    return number;
}

/* Returns the site's number; without stacks it is one of the thread's own. */
static inline uint64_t count_allocation(const uint64_t *frame, enum function function, size_t size)
{
    uint64_t number = frames ? find_site(frame) : (uintptr_t)&total * K >> (64 - CALLERS_BITS);
    struct site *site = &sites[number];
    if (counts)
        show_allocation(site, function, size);
    site->allocations++;
    site->bytes_allocated += size;
    return number;
}

/* A block that is the thread's last one has no age. */
static inline void count_free(struct record r, enum function function, bool temporary)
{
    struct site *site = &sites[r.what >> SIZE_BITS];
    uint64_t size = (r.what & (UINT64_MAX >> SITES_BITS)) - 1;
    uint64_t age = temporary ? 0 : clock_now() - r.when;
    if (counts)
        show_free(site, function, size, age);
    site->frees++;
    site->bytes_freed += size;
    site->ticks += age;
}

/* ---- both -------------------------------------------------------------------------- */

static inline struct record *record_of(const void *p)
{
    return &records[(uintptr_t)p >> 5 & mask];
}

static inline bool enter(void)
{
    if (!counts && !learns)
        return true;
    bool entered = !inside;
    inside = true;
    return entered;
}

/* What will be needed comes while the next allocator is at work. */
static inline bool enter_for_more(void)
{
    told_fetch();
    return enter();
}

static inline void leave(void)
{
    __asm__ volatile("" ::: "memory");
    if (counts || learns)
        inside = false;
}

static inline void *handed_out(enum function function, void *p, size_t size,
                               const uint64_t *frame)
{
    if (!p)
        return p;
    if (learns)
        told_learn();
    __builtin_prefetch(record_of(p), 1);
    last = p;
    uint64_t site = frames || counts ? count_allocation(frame, function, size) : 0;
    *record_of(p) = (struct record){ .what = (size + 1) | site << SIZE_BITS, .when = clock_now() };
    return p;
}

static inline void released(enum function function, void *p)
{
    struct record *r = record_of(p);
    sink = r->what;
    if (frames || counts)
        count_free(*r, function, p == last);
    last = NULL;
    r->what = 0;
}

#define FRAME() ((const uint64_t *)__builtin_frame_address(0))

void *malloc(size_t size)
{
    if (!enter_for_more())
        return __libc_malloc(size);
    void *p = handed_out(MALLOC, __libc_malloc(size), size, FRAME());
    leave();
    return p;
}

void *calloc(size_t count, size_t size)
{
    if (!enter_for_more())
        return __libc_calloc(count, size);
    void *p = handed_out(CALLOC, __libc_calloc(count, size), count * size, FRAME());
    leave();
    return p;
}

void *realloc(void *p, size_t size)
{
    if (!enter_for_more())
        return __libc_realloc(p, size);
    if (p)
        released(REALLOC, p);
    void *q = handed_out(REALLOC, __libc_realloc(p, size), size, FRAME());
    leave();
    return q;
}

void free(void *p)
{
    bool entered = p && enter();
    if (entered)
        released(FREE, p);
    __libc_free(p);
    if (entered)
        leave();
    __asm__ volatile("" ::: "memory"); /* no jump: there would be something to do */
}
