/* SPDX-License-Identifier: Apache-2.0 */
/* The perf map of a JIT compiler. Called by the namer for addresses outside of
 * all modules. The file is hostile until shown otherwise: it is never mapped
 * (it may shrink), never followed, and bounded in size. */
#include "tui/model/perfmap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tui/model/modulefile.h"

#define SECOND UINT64_C(1000000000)

struct range {
    uint64_t start, end;
    uint64_t highest;      /* end of all ranges up to this one */
    uint32_t name, name_n; /* in text; later lines have later names */
};

struct perfmap {
    char *text;
    struct range *ranges; /* by start */
    size_t n;
    struct stat seen;     /* the file as it was read */
    uint64_t looked_ns;   /* CLOCK_MONOTONIC of the last refresh, 0 never */
};

struct perfmap *perfmap_new(void)
{
    return calloc(1, sizeof(struct perfmap));
}

static void clear(struct perfmap *map)
{
    free(map->text);
    free(map->ranges);
    map->text = NULL;
    map->ranges = NULL;
    map->n = 0;
}

void perfmap_free(struct perfmap *map)
{
    if (map)
        clear(map);
    free(map);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A hex number and one blank behind it. NULL if it is none, or too large. */
static const char *number(const char *at, const char *end, uint64_t *value)
{
    *value = 0;
    if (end - at > 2 && at[0] == '0' && (at[1] | 0x20) == 'x')
        at += 2;
    const char *first = at;
    for (int digit; at < end && (digit = hex_digit(*at)) >= 0; at++) {
        if (*value >> 60)
            return NULL;
        *value = *value << 4 | (uint64_t)digit;
    }
    return at == first || at == end || *at != ' ' ? NULL : at + 1;
}

static bool parse_line(const char *text, const char *at, const char *end, struct range *out)
{
    uint64_t size;
    at = number(at, end, &out->start);
    if (!at || !(at = number(at, end, &size)))
        return false;
    while (at < end && *at == ' ')
        at++;
    while (end > at && (end[-1] == '\r' || end[-1] == ' '))
        end--;
    if (at == end || size == 0 || __builtin_add_overflow(out->start, size, &out->end))
        return false;
    out->name = (uint32_t)(at - text);
    out->name_n = (uint32_t)(end - at);
    return true;
}

static int by_start(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return (x->name > y->name) - (x->name < y->name);
}

static void sort(struct perfmap *map)
{
    if (map->n)
        qsort(map->ranges, map->n, sizeof *map->ranges, by_start);
    uint64_t highest = 0;
    for (size_t i = 0; i < map->n; i++) {
        if (map->ranges[i].end > highest)
            highest = map->ranges[i].end;
        map->ranges[i].highest = highest;
    }
}

/* Room for one more range. */
static bool grow(struct perfmap *map, size_t *cap)
{
    if (map->n < *cap)
        return true;
    size_t wanted = *cap ? *cap * 2 : 256;
    struct range *more = realloc(map->ranges, wanted * sizeof *more);
    if (!more)
        return false;
    map->ranges = more;
    *cap = wanted;
    return true;
}

/* Take over `text`, which was allocated. */
static bool adopt(struct perfmap *map, char *text, size_t n)
{
    clear(map);
    map->text = text;
    size_t cap = 0;
    const char *end = text + n;
    for (const char *line = text; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        const char *stop = next ? next : end;
        if (!grow(map, &cap)) {
            clear(map);
            return false;
        }
        map->n += parse_line(text, line, stop, &map->ranges[map->n]);
        line = stop + 1;
    }
    sort(map);
    return true;
}

bool perfmap_parse(struct perfmap *map, const char *text, size_t n)
{
    char *copy = malloc(n + 1);
    if (!copy) {
        clear(map);
        return false;
    }
    memcpy(copy, text, n);
    return adopt(map, copy, n);
}

static uint64_t nanoseconds(struct timespec t)
{
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static bool believable(const struct stat *st, unsigned uid, uint64_t start_realtime_ns)
{
    /* File times are those of the last tick, so allow a second. */
    return S_ISREG(st->st_mode) && (st->st_uid == uid || st->st_uid == 0) &&
           nanoseconds(st->st_mtim) + SECOND >= start_realtime_ns;
}

static bool unchanged(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           nanoseconds(a->st_mtim) == nanoseconds(b->st_mtim);
}

static size_t read_whole(int fd, char *text, size_t n)
{
    size_t got = 0;
    while (got < n) {
        ssize_t r = pread(fd, text + got, n - got, (off_t)got);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            break;
        got += (size_t)r;
    }
    return got;
}

bool perfmap_load(struct perfmap *map, int fd, unsigned uid, uint64_t start_realtime_ns)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !believable(&st, uid, start_realtime_ns) ||
        unchanged(&st, &map->seen))
        return false;
    size_t n = (uint64_t)st.st_size < PERFMAP_BYTES_MAX ? (size_t)st.st_size
                                                        : PERFMAP_BYTES_MAX;
    char *text = malloc(n + 1);
    if (!text)
        return false;
    map->seen = st;
    return adopt(map, text, read_whole(fd, text, n));
}

bool perfmap_refresh(struct perfmap *map, int pid, int inner_pid, unsigned uid,
                     uint64_t start_realtime_ns)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t now = nanoseconds(t);
    if (map->looked_ns && now - map->looked_ns < SECOND)
        return false;
    map->looked_ns = now;
    char path[64];
    snprintf(path, sizeof path, "/tmp/perf-%d.map", inner_pid);
    int fd = modulefile_open_in(pid, path, true);
    if (fd < 0)
        return false;
    bool changed = perfmap_load(map, fd, uid, start_realtime_ns);
    close(fd);
    return changed;
}

const char *perfmap_find(const struct perfmap *map, uint64_t address, size_t *n)
{
    size_t low = 0, high = map->n; /* ranges[0..low) start at or below it */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (map->ranges[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    const struct range *best = NULL;
    for (size_t i = low; i-- > 0 && map->ranges[i].highest > address;)
        if (map->ranges[i].end > address && (!best || map->ranges[i].name > best->name))
            best = &map->ranges[i];
    if (!best)
        return NULL;
    *n = best->name_n;
    return map->text + best->name;
}
