/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded access to a segment file; see copy.h. Called by all copy_*.c.
 * Uses pread only: a file that is cut while we read yields zeros.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tui/reader/copy.h"

#define HEADER_BYTES 4096u
/* File systems that compress report fewer blocks than there are data. */
#define COMPRESSION_MAX 16u
#define PLAUSIBLE_MIN (1u << 20)
/* Later versions may append fields to elements; no more than this. */
#define ELEMENT_GROWTH_MAX 16u

struct limits {
    uint64_t element; /* bytes that we know of */
    uint64_t count;
    bool dense;       /* `count` elements have been handed out */
    uint64_t step;    /* elements grow in steps of this; 0: never */
};

static const struct limits limits[SEG_SECTION_COUNT] = {
    [SEG_GLOBALS] = { sizeof(struct seg_globals), 1, false, 8 },
    [SEG_THREADS] = { sizeof(struct seg_thread), SEG_THREADS_MAX, true, 8 },
    [SEG_SITE_DIRS] = { sizeof(uint32_t),
                        (uint64_t)SEG_THREADS_MAX * (SEG_SITES_MAX / SEG_CHUNK_SITES), false,
                        0 },
    [SEG_SITE_CHUNKS] = { sizeof(struct seg_site_counters) * SEG_CHUNK_SITES,
                          SEG_CHUNKS_MAX, true, SEG_CHUNK_SITES * 8 },
    [SEG_SITES] = { sizeof(struct seg_site), SEG_SITES_MAX, true, 8 },
    [SEG_NODES] = { sizeof(struct seg_node), SEG_NODES_MAX, true, 8 },
    [SEG_MODULES] = { sizeof(struct seg_module), SEG_MODULES_MAX, true, 8 },
    [SEG_DENSITY] = { sizeof(uint64_t), SEG_DENSITY_SLOTS, false, 0 },
    [SEG_SECONDS] = { sizeof(struct seg_second), SEG_SECONDS_SLOTS, false, 8 },
    [SEG_SAMPLES] = { sizeof(struct seg_sample), SEG_SAMPLES_MAX, true, 8 },
    [SEG_SITE_ERRORS] = { sizeof(struct seg_site_error), SEG_SITES_MAX, true, 8 },
    [SEG_REGION_L1] = { sizeof(uint32_t), 1u << 15, false, 0 },
    [SEG_REGION_L2] = { sizeof(struct seg_region) * SEG_L2_ENTRIES, 16384, true, 0 },
    [SEG_BLOCKS] = { sizeof(struct seg_block) * SEG_REGION_BLOCKS, 32768, false, 0 },
    [SEG_OVERFLOW] = { sizeof(struct seg_overflow), SEG_OVERFLOW_SLOTS, false, 0 },
    [SEG_MARKS] = { sizeof(struct seg_mark), SEG_MARKS_SLOTS, false, 0 },
    [SEG_MISMATCHES] = { sizeof(struct seg_mismatch), SEG_MISMATCHES_MAX, true, 8 },
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void file_read(const struct segment_file *f, uint64_t offset, void *to, size_t n)
{
    char *out = to;
    size_t done = 0;
    while (done < n) {
        ssize_t got = pread(f->fd, out + done, n - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    memset(out + done, 0, n - done);
}

/* Compact records are of a word. */
static uint64_t known_element(const struct segment_file *f, enum seg_section_id id)
{
    return id == SEG_BLOCKS && f->header.flags & SEG_FLAG_COMPACT
               ? sizeof(uint64_t) * SEG_REGION_BLOCKS : limits[id].element;
}

/* Does it lie in the file, and are its elements at least those that we know? */
static bool section_is_sane(const struct segment_file *f, enum seg_section_id id,
                            const struct seg_section *s)
{
    uint64_t least = known_element(f, id), step = limits[id].step;
    return s->offset >= HEADER_BYTES && s->offset % sizeof(uint64_t) == 0 &&
           s->offset <= f->bytes && s->reserved <= f->bytes - s->offset &&
           (s->element == least || (step && s->element > least && s->element % step == 0 &&
                                    s->element <= least * ELEMENT_GROWTH_MAX));
}

struct section file_section(const struct segment_file *f, enum seg_section_id id)
{
    struct seg_section raw;
    file_read(f, offsetof(struct seg_header, sections) + id * sizeof raw, &raw, sizeof raw);
    if (!section_is_sane(f, id, &raw))
        return (struct section){ .element = limits[id].element };
    uint64_t capacity = min_u64(raw.reserved / raw.element, limits[id].count);
    uint64_t count = min_u64(raw.count, capacity);
    if (limits[id].dense || raw.committed)
        count = min_u64(count, raw.committed / raw.element);
    if (limits[id].dense)
        count = min_u64(count, f->plausible / raw.element);
    return (struct section){
        .offset = raw.offset,
        .element = raw.element,
        .count = count,
        .capacity = min_u64(raw.count ? raw.count : capacity, capacity),
    };
}

static enum reader_status check_header(const struct segment_file *f)
{
    const struct seg_header *h = &f->header;
    if (h->magic == 0)
        return READER_NOT_READY;
    if (h->magic != SEG_MAGIC)
        return READER_FOREIGN;
    if (h->version != SEG_VERSION)
        return READER_VERSION;
    if (h->state == SEG_STARTING)
        return READER_NOT_READY;
    if (h->state > SEG_EXITED || h->header_bytes > HEADER_BYTES ||
        h->header_bytes < offsetof(struct seg_header, sections) || h->pid <= 0 ||
        h->file_bytes > f->bytes)
        return READER_CORRUPT;
    for (unsigned id = 0; id < SEG_REGION_L1; id++) /* others may be missing */
        if (limits[id].element && !section_is_sane(f, id, &h->sections[id]))
            return READER_CORRUPT;
    return READER_OK;
}

enum reader_status file_load(struct segment_file *f)
{
    struct stat st;
    if (fstat(f->fd, &st) != 0)
        return READER_SYSTEM;
    f->bytes = (uint64_t)st.st_size;
    f->plausible = PLAUSIBLE_MIN + (uint64_t)st.st_blocks * 512 * COMPRESSION_MAX;
    file_read(f, 0, &f->header, sizeof f->header);
    return check_header(f);
}

void *buffer_reserve(struct buffer *b, size_t size)
{
    if (size <= b->size && b->data)
        return b->data;
    size_t want = size > b->size * 2 ? size : b->size * 2;
    void *grown = realloc(b->data, want ? want : 1);
    if (!grown)
        return NULL;
    b->data = grown;
    b->size = want;
    return grown;
}

void buffer_fini(struct buffer *b)
{
    free(b->data);
    *b = (struct buffer){ 0 };
}

bool array_reserve(void **array, size_t *capacity, size_t n, size_t element)
{
    if (n <= *capacity)
        return true;
    size_t want = n + n / 4 + 16;
    void *grown = realloc(*array, want * element);
    if (!grown)
        return false;
    *array = grown;
    *capacity = want;
    return true;
}

void copy_fini(struct copy *c)
{
    buffer_fini(&c->threads);
    buffer_fini(&c->scratch);
    buffer_fini(&c->owners);
    buffer_fini(&c->live);
    buffer_fini(&c->samples);
}
