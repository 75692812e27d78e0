/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live blocks out of the shadow heap, the overflow table and the table of
 * samples; see copy.h and shared/segment.h for how they lie there.
 *
 * A pass goes through the regions that the first-level table names, in pieces,
 * and can stop after each. No region and no second-level table is read twice,
 * whatever the tables say, so that a pass costs no more than the file holds.
 * What was never committed is a hole and is skipped.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tui/reader/copy.h"

#define PART_BLOCKS (SEG_REGION_BLOCKS / SEG_REGION_PARTS)
#define PIECE_BYTES (PART_BLOCKS * sizeof(struct seg_block))
#define SIZE_MASK   ((UINT64_C(1) << SEG_BLOCK_SIZE_BITS) - 1)
#define BIRTH_MASK  ((UINT64_C(1) << SEG_BLOCK_BIRTH_BITS) - 1)
#define THREAD_MASK ((1u << SEG_BLOCK_THREAD_BITS) - 1)
#define SUB_SHIFT   (SEG_BLOCK_BIRTH_BITS + SEG_BLOCK_THREAD_BITS)
#define COMPACT_SIZE_MASK ((UINT64_C(1) << SEG_COMPACT_SIZE_BITS) - 1)
#define COMPACT_SITE_MASK ((UINT64_C(1) << SEG_COMPACT_SITE_BITS) - 1)
#define USED_BEFORE 1u
#define BEING_WRITTEN 2u /* of samples: addresses up to this are no block's */

enum phase { PHASE_SHADOW, PHASE_OVERFLOW, PHASE_SAMPLES, PHASE_DONE };

struct block_pass {
    const struct copy *c;
    enum phase phase;
    struct section l1, l2, blocks, overflow, samples;
    uint32_t *l1_table;
    size_t l1_at;                 /* next entry of it */
    struct seg_region *regions;   /* the second-level table under way */
    size_t region_at;             /* next of it; SEG_L2_ENTRIES: none under way */
    unsigned part;                /* next of that region */
    size_t record_bytes;
    uint8_t *l2_seen, *blocks_seen; /* one bit each */
    uint64_t slot;                /* of the overflow table or of the samples */
    uint64_t bytes_read;
    reader_block *each;
    void *data;
    _Alignas(uint64_t) char piece[PIECE_BYTES];
};

/* ---- records ---------------------------------------------------------------- */

/* The thread may have ended and its page have been taken over. */
static int tid_of(const struct copy *c, uint32_t row, uint64_t birth)
{
    if (row >= c->n_rows)
        return 0;
    const struct seg_thread *page = copy_page(c, row);
    return page->state == SEG_THREAD_USED && copy_stamp(c, page->first_ticks) <= birth ? page->tid
                                                                                       : 0;
}

/* With compact records, nobody knows when, and by whom. */
static bool is_compact(const struct copy *c)
{
    return c->file.header.flags & SEG_FLAG_COMPACT;
}

static size_t record_bytes(const struct copy *c)
{
    return is_compact(c) ? sizeof(uint64_t) : sizeof(struct seg_block);
}

static struct block_row make_row(const struct copy *c, uint64_t address, uint64_t size,
                                 uint64_t when, uint64_t site)
{
    uint32_t shift = c->file.header.clock_shift_birth;
    uint64_t birth = when & BIRTH_MASK;
    struct block_row row = {
        .address = address,
        .size = size,
        .site = site < SEG_SITES_MAX ? (uint32_t)site : 0,
        .blocks = 1,
        .bytes = size,
    };
    if (is_compact(c))
        return row;
    row.birth = birth;
    row.birth_ns = clock_ns(&c->clock, shift < 64 ? birth << shift : 0);
    row.tid = tid_of(c, (uint32_t)(when >> SEG_BLOCK_BIRTH_BITS) & THREAD_MASK, birth);
    return row;
}

static uint64_t address_of(const struct copy *c, uint64_t granule, uint64_t sub)
{
    unsigned shift = c->file.header.granule_shift;
    return granule << shift | ((sub & 7) << 2 & ((UINT64_C(1) << shift) - 1));
}

/* `words` is a record in the form that is in use. */
static bool unpack_shadow(const struct copy *c, uint64_t granule, const uint64_t *words,
                          struct block_row *out)
{
    if (is_compact(c)) {
        uint64_t size = *words & COMPACT_SIZE_MASK;
        *out = make_row(c, address_of(c, granule, *words >> SEG_COMPACT_SUB_SHIFT), size - 1, 0,
                        *words >> SEG_COMPACT_SIZE_BITS & COMPACT_SITE_MASK);
        return size != 0;
    }
    const struct seg_block *b = (const void *)words;
    if ((b->what & SIZE_MASK) == 0)
        return false;
    *out = make_row(c, address_of(c, granule, b->when >> SUB_SHIFT), (b->what & SIZE_MASK) - 1,
                    b->when, b->what >> SEG_BLOCK_SIZE_BITS);
    return true;
}

static bool unpack_overflow(const struct copy *c, const struct seg_overflow *o,
                            struct block_row *out)
{
    if (o->address <= USED_BEFORE)
        return false;
    *out = make_row(c, o->address, o->size, o->when, o->site);
    return true;
}

static bool unpack_sample(const struct copy *c, const struct seg_sample *s,
                          struct block_row *out)
{
    if (s->address <= BEING_WRITTEN || s->blocks == 0 || s->bytes < s->size)
        return false;
    *out = make_row(c, s->address, s->size, s->when, s->site);
    out->blocks = s->blocks;
    out->bytes = s->bytes;
    return true;
}

/* ---- a pass ------------------------------------------------------------------- */

/* False: seen before, or beyond `count`. */
static bool first_time(uint8_t *seen, uint64_t index, uint64_t count)
{
    if (index >= count || seen[index / 8] >> index % 8 & 1)
        return false;
    seen[index / 8] |= (uint8_t)(1u << index % 8);
    return true;
}

static bool prepare(struct block_pass *p)
{
    const struct segment_file *f = &p->c->file;
    p->l1 = file_section(f, SEG_REGION_L1);
    p->l2 = file_section(f, SEG_REGION_L2);
    p->blocks = file_section(f, SEG_BLOCKS);
    p->overflow = file_section(f, SEG_OVERFLOW);
    p->samples = file_section(f, SEG_SAMPLES);
    p->l1_table = calloc(p->l1.count + 1, sizeof *p->l1_table);
    p->regions = malloc(SEG_L2_ENTRIES * sizeof *p->regions);
    p->l2_seen = calloc(1, p->l2.count / 8 + 1);
    p->blocks_seen = calloc(1, p->blocks.count / 8 + 1);
    p->region_at = SEG_L2_ENTRIES;
    p->record_bytes = record_bytes(p->c);
    if (!p->l1_table || !p->regions || !p->l2_seen || !p->blocks_seen)
        return false;
    file_read(f, p->l1.offset, p->l1_table, p->l1.count * sizeof *p->l1_table);
    if (f->header.granule_shift > 12) /* nonsense, which nothing is found under */
        p->l1.count = 0;
    return true;
}

struct block_pass *copy_blocks_new(const struct copy *c)
{
    struct block_pass *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->c = c;
    if (!prepare(p)) {
        copy_blocks_free(p);
        return NULL;
    }
    return p;
}

void copy_blocks_free(struct block_pass *p)
{
    if (!p)
        return;
    free(p->l1_table);
    free(p->regions);
    free(p->l2_seen);
    free(p->blocks_seen);
    free(p);
}

/* Where the next data is at or after `offset`; `end` when there is none before. */
static uint64_t next_data(const struct copy *c, uint64_t offset, uint64_t end)
{
    off_t at = lseek(c->file.fd, (off_t)offset, SEEK_DATA);
    if (at < 0)
        return offset < c->file.bytes ? offset : end; /* cannot tell, or no more */
    return (uint64_t)at < end ? (uint64_t)at : end;
}

static bool is_hole(const struct copy *c, uint64_t offset, uint64_t bytes)
{
    return next_data(c, offset, offset + bytes) == offset + bytes;
}

static void visit_part(struct block_pass *p, const struct seg_region *r, uint64_t region)
{
    size_t bytes = PART_BLOCKS * p->record_bytes;
    uint64_t offset = p->blocks.offset + (uint64_t)(r->blocks - 1) * p->blocks.element +
                      p->part * bytes;
    uint64_t granule = region << SEG_REGION_SHIFT | p->part * PART_BLOCKS;
    struct block_row row;
    if (!(r->committed >> p->part & 1) && is_hole(p->c, offset, bytes))
        return;
    file_read(&p->c->file, offset, p->piece, bytes);
    p->bytes_read += bytes;
    for (unsigned i = 0; i < PART_BLOCKS; i++) {
        const uint64_t *words = (const void *)(p->piece + i * p->record_bytes);
        if (*words && unpack_shadow(p->c, granule + i, words, &row))
            p->each(p->data, &row);
    }
}

/* The next second-level table. False: there are no more. */
static bool next_table(struct block_pass *p)
{
    while (p->l1_at < p->l1.count) {
        uint32_t entry = p->l1_table[p->l1_at++];
        if (!entry || !first_time(p->l2_seen, entry - 1, p->l2.count))
            continue;
        file_read(&p->c->file, p->l2.offset + (uint64_t)(entry - 1) * p->l2.element, p->regions,
                  SEG_L2_ENTRIES * sizeof *p->regions);
        p->region_at = 0;
        p->part = 0;
        return true;
    }
    return false;
}

/* One part of a region, or on to the next region. */
static void step_shadow(struct block_pass *p)
{
    while (p->region_at < SEG_L2_ENTRIES) {
        const struct seg_region *r = &p->regions[p->region_at];
        bool begun = p->part > 0;
        if (r->blocks && (begun || first_time(p->blocks_seen, r->blocks - 1, p->blocks.count))) {
            visit_part(p, r, (uint64_t)(p->l1_at - 1) << SEG_L2_SHIFT | p->region_at);
            if (++p->part < SEG_REGION_PARTS)
                return;
        }
        p->part = 0;
        p->region_at++;
    }
    if (!next_table(p)) {
        p->phase = PHASE_OVERFLOW;
        p->slot = 0;
    }
}

/* A piece of a table of single records; returns the number of them. */
static size_t read_slots(struct block_pass *p, const struct section *at)
{
    uint64_t offset = at->offset + p->slot * at->element, end = at->offset +
                                                                at->count * at->element;
    uint64_t data = next_data(p->c, offset, end);
    p->slot += (data - offset) / at->element;
    if (p->slot >= at->count)
        return 0;
    uint64_t n = PIECE_BYTES / at->element;
    if (n > at->count - p->slot)
        n = at->count - p->slot;
    file_read(&p->c->file, at->offset + p->slot * at->element, p->piece, n * at->element);
    p->bytes_read += n * at->element;
    p->slot += n;
    return n;
}

static void step_slots(struct block_pass *p, const struct section *at, bool samples)
{
    size_t n = read_slots(p, at);
    for (size_t i = 0; i < n; i++) {
        const void *record = p->piece + i * at->element;
        struct block_row row;
        if (samples ? unpack_sample(p->c, record, &row) : unpack_overflow(p->c, record, &row))
            p->each(p->data, &row);
    }
    if (p->slot >= at->count) {
        p->phase++;
        p->slot = 0;
    }
}

static uint64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

enum reader_status copy_blocks_step(struct block_pass *p, unsigned budget_ms,
                                    reader_block *each, void *data)
{
    uint64_t until = monotonic_ns() + (uint64_t)budget_ms * 1000000u;
    p->each = each;
    p->data = data;
    while (p->phase != PHASE_DONE) {
        if (p->phase == PHASE_SHADOW)
            step_shadow(p);
        else
            step_slots(p, p->phase == PHASE_SAMPLES ? &p->samples : &p->overflow,
                       p->phase == PHASE_SAMPLES);
        if (p->phase != PHASE_DONE && monotonic_ns() >= until)
            return READER_NOT_READY;
    }
    return READER_OK;
}

/* ---- one block ---------------------------------------------------------------- */

static bool find_in_shadow(const struct copy *c, uint64_t address, struct block_row *out)
{
    const struct segment_file *f = &c->file;
    struct section l1 = file_section(f, SEG_REGION_L1), l2 = file_section(f, SEG_REGION_L2);
    struct section blocks = file_section(f, SEG_BLOCKS);
    unsigned shift = f->header.granule_shift;
    uint64_t granule = shift <= 12 ? address >> shift : 0, region = granule >> SEG_REGION_SHIFT;
    uint32_t table = 0;
    struct seg_region r = { .blocks = 0 };
    uint64_t words[sizeof(struct seg_block) / sizeof(uint64_t)] = { 0 };
    if (region >> SEG_L2_SHIFT < l1.count)
        file_read(f, l1.offset + (region >> SEG_L2_SHIFT) * sizeof table, &table, sizeof table);
    if (table && table <= l2.count)
        file_read(f, l2.offset + (table - 1) * l2.element + region % SEG_L2_ENTRIES * sizeof r,
                  &r, sizeof r);
    if (r.blocks && r.blocks <= blocks.count)
        file_read(f, blocks.offset + (r.blocks - 1) * blocks.element +
                         granule % SEG_REGION_BLOCKS * record_bytes(c), words, record_bytes(c));
    return unpack_shadow(c, granule, words, out) && out->address == address;
}

static bool find_in_overflow(const struct copy *c, uint64_t address, struct block_row *out)
{
    struct section at = file_section(&c->file, SEG_OVERFLOW);
    uint32_t start = seg_overflow_hash(address);
    for (uint32_t i = 0; i < SEG_OVERFLOW_PROBES; i++) {
        struct seg_overflow o;
        uint32_t slot = (start + i) % SEG_OVERFLOW_SLOTS;
        if (slot >= at.count)
            continue;
        file_read(&c->file, at.offset + slot * at.element, &o, sizeof o);
        if (o.address == 0)
            return false;
        if (o.address == address)
            return unpack_overflow(c, &o, out);
    }
    return false;
}

static bool find_in_samples(const struct copy *c, uint64_t address, struct block_row *out)
{
    struct section at = file_section(&c->file, SEG_SAMPLES);
    struct seg_sample piece[128];
    for (uint64_t slot = 0; at.element == sizeof *piece && slot < at.count; slot += 128) {
        uint64_t n = at.count - slot < 128 ? at.count - slot : 128;
        file_read(&c->file, at.offset + slot * at.element, piece, n * sizeof *piece);
        for (uint64_t i = 0; i < n; i++)
            if (piece[i].address == address)
                return unpack_sample(c, &piece[i], out);
    }
    return false;
}

bool copy_blocks_find(const struct copy *c, uint64_t address, struct block_row *out)
{
    return find_in_shadow(c, address, out) || find_in_overflow(c, address, out) ||
           find_in_samples(c, address, out);
}
