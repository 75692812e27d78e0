/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading archives: first a pass over all sections that checks sums, finds the
 * snapshots that are whole and takes over what is written once for the file;
 * then snapshots on demand, from the last one before that needs no other.
 */
#include "tui/file/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tui/file/archive_parts.h"
#include "tui/file/names.h"
#include "tui/file/section.h"

#define STORED_MOST (SECTION_RAW_MOST + (1u << 20)) /* of a section */

struct entry {
    uint64_t at, end; /* its sections in the file */
    struct moment moment;
    size_t n_seconds;
};

struct archive {
    int fd;
    uint64_t bytes; /* of the file */
    enum file_kind kind;
    struct entry *entries;
    size_t n, capacity;
    struct image all;     /* nodes, seconds and modules of the whole file */
    struct names_in names;
    struct image *now;    /* the one that was loaded last */
    size_t loaded;        /* its index, SIZE_MAX none */
    struct bytes stored, payload;
    char damage[ARCHIVE_ERROR];
};

/* ---- sections in the file -------------------------------------------------------- */

static bool read_at(const struct archive *a, uint64_t at, void *to, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(a->fd, (char *)to + done, n - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

/* The section at *at, its bytes in a->stored; *at moves behind it. False: there
 * is none that is whole. */
static bool next_section(struct archive *a, uint64_t *at, struct section_head *h)
{
    unsigned char head[SECTION_HEAD];
    if (a->bytes - *at < SECTION_HEAD || !read_at(a, *at, head, sizeof head) ||
        !section_head_get(head, h) || h->stored > a->bytes - *at - SECTION_HEAD ||
        h->stored > STORED_MOST)
        return false;
    a->stored.n = 0;
    unsigned char *to = bytes_reserve(&a->stored, (size_t)h->stored + 1);
    if (!to || !read_at(a, *at + SECTION_HEAD, to, (size_t)h->stored) || !section_whole(h, to))
        return false;
    *at += SECTION_HEAD + h->stored;
    return true;
}

static bool payload_of(struct archive *a, const struct section_head *h, struct cursor *out)
{
    if (!section_payload(h, a->stored.data, &a->payload))
        return false;
    *out = cursor_of(a->payload.data, a->payload.n);
    return true;
}

/* ---- the first pass --------------------------------------------------------------- */

/* The end of the snapshot whose first section is at `at`. False: it is not whole. */
static bool find_end(struct archive *a, uint64_t at, uint64_t *end)
{
    struct section_head h;
    struct cursor c;
    uint64_t sections = 0;
    while (next_section(a, &at, &h)) {
        if ((h.id == ID_SNAPSHOT) != (sections == 0))
            return false;
        if (h.id == ID_END) {
            *end = at;
            return payload_of(a, &h, &c) && cursor_number(&c) == sections && !c.bad;
        }
        sections++;
    }
    return false;
}

/* What is written once for the file, the modules, and the moment. */
static bool take_section(struct archive *a, const struct section_head *h, struct entry *e)
{
    const struct part *p = part_of(h->id);
    struct cursor c;
    bool ours = names_in_section(h->id) || h->id == ID_SNAPSHOT || h->id == ID_MODULES ||
                (p && p->appended);
    if (!ours)
        return true;
    if (!payload_of(a, h, &c))
        return false;
    if (!p)
        return names_in_take(&a->names, h->id, c, a->all.s.n_nodes);
    if (!part_decode(p, &a->all, c, p->appended || (h->flags & SECTION_DELTA) != 0))
        return false;
    e->moment = a->all.moment;
    return true;
}

static bool take_snapshot(struct archive *a, uint64_t at, uint64_t end)
{
    if (a->n == a->capacity) {
        size_t capacity = a->capacity ? 2 * a->capacity : 64;
        struct entry *grown = realloc(a->entries, capacity * sizeof *grown);
        if (!grown)
            return false;
        a->entries = grown;
        a->capacity = capacity;
    }
    struct entry e = { .at = at, .end = end };
    struct section_head h;
    while (at < end)
        if (!next_section(a, &at, &h) || !take_section(a, &h, &e))
            return false;
    e.n_seconds = a->all.s.n_seconds;
    if (a->n == 0 && !e.moment.whole)
        return false;
    a->entries[a->n++] = e;
    return true;
}

static void look_through(struct archive *a)
{
    uint64_t at = FILE_HEAD, end;
    while (at < a->bytes) {
        if (!find_end(a, at, &end) || !take_snapshot(a, at, end)) {
            snprintf(a->damage, sizeof a->damage,
                     "cut off or damaged at byte %llu of %llu: what comes before it, %zu %s, "
                     "can be read", (unsigned long long)at, (unsigned long long)a->bytes, a->n,
                     a->n == 1 ? "snapshot" : "snapshots");
            return;
        }
        at = end;
    }
}

/* ---- opening --------------------------------------------------------------------- */

static enum archive_status refuse(enum archive_status status, char *why, const char *text)
{
    snprintf(why, ARCHIVE_ERROR, "%s", text);
    return status;
}

/* A file's own head tells what it is. */
static enum archive_status read_head(struct archive *a, char why[ARCHIVE_ERROR])
{
    unsigned char head[FILE_HEAD];
    struct stat st;
    if (fstat(a->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return refuse(ARCHIVE_FOREIGN, why, "not a regular file");
    a->bytes = (uint64_t)st.st_size;
    if (a->bytes < FILE_HEAD || !read_at(a, 0, head, sizeof head))
        return refuse(ARCHIVE_FOREIGN, why, "too short for a snapshot or a recording");
    switch (file_head_get(head, &a->kind)) {
    case FILE_HEAD_GOOD: return ARCHIVE_GOOD;
    case FILE_HEAD_FOREIGN:
        return refuse(ARCHIVE_FOREIGN, why, "neither a snapshot nor a recording of memtop");
    case FILE_HEAD_VERSION:
        return refuse(ARCHIVE_BAD, why, "written by a later version of memtop: use that one");
    case FILE_HEAD_DAMAGED: break;
    }
    return refuse(ARCHIVE_BAD, why, "damaged: its first bytes do not have their checksum");
}

static enum archive_status read_all(struct archive *a, char why[ARCHIVE_ERROR])
{
    enum archive_status status = read_head(a, why);
    if (status != ARCHIVE_GOOD)
        return status;
    look_through(a);
    if (a->n == 0)
        return refuse(ARCHIVE_BAD, why,
                      "cut off or damaged: there is no whole snapshot in it");
    if (a->kind == FILE_SNAPSHOT && a->damage[0])
        return refuse(ARCHIVE_BAD, why, a->damage);
    return ARCHIVE_GOOD;
}

enum archive_status archive_open(const char *path, struct archive **out,
                                 char why[ARCHIVE_ERROR])
{
    *out = NULL;
    struct archive *a = calloc(1, sizeof *a);
    struct image *now = a ? calloc(1, sizeof *now) : NULL;
    if (!now) {
        free(a);
        return refuse(ARCHIVE_BAD, why, "not enough memory");
    }
    a->now = now;
    a->loaded = SIZE_MAX;
    a->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    enum archive_status status = a->fd < 0 ? refuse(ARCHIVE_BAD, why, strerror(errno))
                                           : read_all(a, why);
    if (status == ARCHIVE_GOOD)
        *out = a;
    else
        archive_close(a);
    return status;
}

void archive_close(struct archive *a)
{
    if (!a)
        return;
    if (a->fd >= 0)
        close(a->fd);
    names_in_fini(&a->names);
    image_fini(&a->all);
    image_fini(a->now);
    free(a->now);
    free(a->entries);
    bytes_fini(&a->stored);
    bytes_fini(&a->payload);
    free(a);
}

/* ---- what is in it ---------------------------------------------------------------- */

bool archive_is_recording(const struct archive *a)
{
    return a->kind == FILE_RECORDING;
}

const char *archive_damage(const struct archive *a)
{
    return a->damage[0] ? a->damage : NULL;
}

size_t archive_count(const struct archive *a)
{
    return a->n;
}

const struct moment *archive_moment(const struct archive *a, size_t i)
{
    return &a->entries[i].moment;
}

size_t archive_peak(const struct archive *a)
{
    size_t best = 0;
    for (size_t i = 1; i < a->n; i++)
        if (a->entries[i].moment.live_bytes > a->entries[best].moment.live_bytes)
            best = i;
    return best;
}

size_t archive_at(const struct archive *a, uint64_t wall_ns)
{
    size_t at = 0;
    for (size_t i = 1; i < a->n; i++)
        if (a->entries[i].moment.wall_ns <= wall_ns)
            at = i;
    return at;
}

struct symbols *archive_symbols(struct archive *a)
{
    return names_in_symbols(&a->names);
}

/* ---- loading ---------------------------------------------------------------------- */

/* Bring a->now from the entry before to this one, or from nothing to one that is
 * whole. */
static bool advance(struct archive *a, const struct entry *e)
{
    struct section_head h;
    struct cursor c;
    if (e->moment.whole)
        image_clear(a->now);
    for (uint64_t at = e->at; at < e->end;) {
        if (!next_section(a, &at, &h))
            return false;
        const struct part *p = part_of(h.id);
        if (!p || p->appended)
            continue;
        if (!payload_of(a, &h, &c) ||
            !part_decode(p, a->now, c, (h.flags & SECTION_DELTA) != 0))
            return false;
    }
    return true;
}

static bool load(struct archive *a, size_t i)
{
    size_t first = i;
    while (first > 0 && !a->entries[first].moment.whole)
        first--;
    if (a->loaded < i && a->loaded + 1 > first)
        first = a->loaded + 1;
    else if (a->loaded == i)
        first = i + 1;
    a->loaded = SIZE_MAX;
    for (; first <= i; first++)
        if (!advance(a, &a->entries[first]))
            return false;
    a->loaded = i;
    return true;
}

/* The snapshot's own modules, and behind them those that came later. */
static bool copy_modules(struct archive *a, const struct part *p, struct image *to)
{
    size_t own = part_count(p, a->now), all = part_count(p, &a->all);
    if (own >= all)
        return part_copy(p, to, a->now, own);
    if (!part_copy(p, to, &a->all, all))
        return false;
    if (own)
        memcpy(part_rows(p, to), part_rows(p, a->now), own * p->row_bytes);
    return true;
}

/* Copy the image into the caller's snapshot, with all nodes that the file has, and
 * their modules: a node has one number in all its snapshots, and so has a module. */
static bool hand_out(struct archive *a, const struct entry *e, struct image *to)
{
    size_t n;
    const struct part *parts = part_table(&n);
    for (size_t i = 0; i < n; i++) {
        const struct part *p = &parts[i];
        const struct image *from = p->appended ? &a->all : a->now;
        bool seconds = p->appended && part_rows(p, from) == a->all.s.seconds;
        size_t rows = seconds ? e->n_seconds : part_count(p, from);
        if (p->id == ID_MODULES ? !copy_modules(a, p, to) : !part_copy(p, to, from, rows))
            return false;
    }
    return image_check(to) && image_unwind(to);
}

bool archive_load(struct archive *a, size_t i, struct snapshot *s)
{
    struct image *to = malloc(sizeof *to);
    bool good = to && i < a->n && load(a, i);
    if (to) {
        to->s = *s;
        good = good && hand_out(a, &a->entries[i], to);
        *s = to->s;
        s->cached_reader = 0;
        s->cached_nodes = s->cached_modules = 0;
    }
    if (!good) {
        snapshot_fini(s);
        snapshot_init(s);
    }
    free(to);
    return good;
}

/* ---- blocks ----------------------------------------------------------------------- */

int archive_blocks_next(struct archive *a, size_t i, uint64_t *at, archive_each_block *each,
                        void *data)
{
    struct section_head h = { .id = 0 };
    struct cursor c;
    if (i >= a->n)
        return -1;
    *at = *at ? *at : a->entries[i].at;
    while (*at < a->entries[i].end && h.id != ID_BLOCKS)
        if (!next_section(a, at, &h))
            return -1;
    if (h.id != ID_BLOCKS)
        return 0;
    struct archive_block *blocks = malloc(ARCHIVE_BLOCKS * sizeof *blocks);
    size_t n = blocks && payload_of(a, &h, &c) ? archive_get_blocks(blocks, c) : 0;
    for (size_t k = 0; k < n; k++)
        each(data, &blocks[k]);
    free(blocks);
    return n ? 1 : -1;
}

bool archive_blocks(struct archive *a, size_t i, archive_each_block *each, void *data)
{
    uint64_t at = 0;
    int more;
    while ((more = archive_blocks_next(a, i, &at, each, data)) > 0)
        continue;
    return more == 0;
}
