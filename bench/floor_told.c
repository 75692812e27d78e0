/* SPDX-License-Identifier: Apache-2.0 */
/* The first of two runs, which learns stacks. See floor_told.h. */
#include "bench/floor_told.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unwind.h>

#define ALLOCATIONS_MAX (UINT64_C(1) << 24)
#define ENTRIES         (UINT64_C(1) << 22)
#define OWN_FRAMES      2 /* told_learn's and that of the hook that calls it */
#define FRAMES_MAX      256

struct told told;

/* A hash, what belongs to it, and what was last known of that. */
struct entry {
    uint64_t hash; /* 0: none */
    uint32_t number;
    uint32_t known;
};

struct stack {
    size_t n; /* leaf first */
    uintptr_t pcs[FRAMES_MAX], cfas[FRAMES_MAX];
};

static struct told_file *learned; /* NULL: not learning */
static struct entry *prefixes;    /* outermost frames; number: of the stack that ends there */
static struct entry *froms;       /* a leaf's place and caller; known: the hash of its places */
static uint32_t sites, n_froms;
static struct stack last;

static void *map(size_t bytes, int protection, int flags, int fd)
{
    void *at = mmap(NULL, bytes, protection, flags | MAP_NORESERVE, fd, 0);
    if (at == MAP_FAILED)
        perror("floor: mmap");
    return at == MAP_FAILED ? NULL : at;
}

static void *map_memory(size_t bytes)
{
    return map(bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static _Unwind_Reason_Code collect(struct _Unwind_Context *context, void *to)
{
    struct stack *s = to;
    if (s->n == FRAMES_MAX)
        return _URC_END_OF_STACK;
    s->pcs[s->n] = _Unwind_GetIP(context);
    s->cfas[s->n++] = _Unwind_GetCFA(context);
    return _URC_NO_REASON;
}

static bool open_learning(const char *path)
{
    size_t bytes = sizeof *learned + ALLOCATIONS_MAX * sizeof *learned->allocations;
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0) {
        perror(path);
        return false;
    }
    prefixes = map_memory(ENTRIES * sizeof *prefixes);
    froms = map_memory(ENTRIES * sizeof *froms);
    learned = map(bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    close(fd);
    return prefixes && froms && learned;
}

static bool open_told(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        perror(path);
        return false;
    }
    told.tables = map_memory(sizeof *told.tables);
    told.file = map((size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd);
    close(fd);
    return told.tables && told.file;
}

bool told_begin(void)
{
    const char *learn = getenv("FLOOR_LEARN"), *told_by = getenv("FLOOR_TOLD");
    return learn ? open_learning(learn) : !told_by || open_told(told_by);
}

bool told_is_learning(void)
{
    return learned != NULL;
}

/* The one of this hash, which is put in if it is not there. */
static struct entry *find(struct entry *entries, uint64_t hash, bool *fresh)
{
    uint64_t i = hash;
    while (entries[i % ENTRIES].hash != 0 && entries[i % ENTRIES].hash != hash)
        i++;
    *fresh = entries[i % ENTRIES].hash == 0;
    entries[i % ENTRIES].hash = hash;
    return &entries[i % ENTRIES];
}

static uint32_t site_of(const struct stack *s, uint32_t *nodes)
{
    uint64_t hash = 1;
    struct entry *end = NULL;
    for (size_t i = s->n; i-- > 0;) {
        bool fresh;
        hash = told_mix(hash ^ s->pcs[i]) | 1;
        end = find(prefixes, hash, &fresh);
        *nodes += fresh;
    }
    if (end && end->number == 0)
        end->number = ++sites;
    return end ? end->number - 1 : 0;
}

/* Where it is called from, and whether its return addresses lie where they lay last time. */
static uint32_t from_of(const struct stack *s, bool *same)
{
    uint32_t places = 1;
    bool fresh;
    for (size_t i = 0; i < s->n; i++)
        places = (uint32_t)(told_mix(places ^ s->cfas[i]) >> 32);
    uint64_t leaf = s->n ? s->cfas[0] : 0, caller = s->n > 1 ? s->pcs[1] : 0;
    struct entry *from = find(froms, told_mix(caller ^ leaf << 16) | 1, &fresh);
    if (fresh)
        from->number = n_froms++;
    *same = !fresh && from->known == places;
    from->known = places;
    return from->number;
}

/* Frames that the last stack did not have. */
static size_t new_frames(const struct stack *s)
{
    size_t common = 0;
    while (common < s->n && common < last.n &&
           s->pcs[s->n - 1 - common] == last.pcs[last.n - 1 - common] &&
           s->cfas[s->n - 1 - common] == last.cfas[last.n - 1 - common])
        common++;
    return s->n - common;
}

static uint32_t at_most(size_t n, unsigned bits)
{
    return (uint32_t)(n < (size_t)1 << bits ? n : ((size_t)1 << bits) - 1);
}

void told_learn(void)
{
    static struct stack all, now; /* for one thread, and too large for its stack */
    uint32_t nodes = 0;
    bool same;
    all.n = 0;
    _Unwind_Backtrace(collect, &all);
    now.n = all.n > OWN_FRAMES ? all.n - OWN_FRAMES : 0;
    memcpy(now.pcs, all.pcs + OWN_FRAMES, now.n * sizeof *now.pcs);
    memcpy(now.cfas, all.cfas + OWN_FRAMES, now.n * sizeof *now.cfas);
    if (learned->n == ALLOCATIONS_MAX)
        return;
    uint32_t site = site_of(&now, &nodes), from = from_of(&now, &same);
    size_t walk = same ? 0 : new_frames(&now);
    learned->allocations[learned->n++] = (struct told_allocation){
        .site = at_most(site, TOLD_SITES_BITS),
        .nodes = at_most(nodes, 32 - TOLD_SITES_BITS),
        .from = at_most(from, TOLD_PLACES_BITS),
        .walk = at_most(walk, 32 - TOLD_PLACES_BITS),
    };
    last = now;
}
