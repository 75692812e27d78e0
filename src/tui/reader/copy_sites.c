/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sites and their counters; see copy.h. The threads' directories are turned
 * round into one list that says for each chunk which sites it counts; then
 * the chunks are read in pieces, in the order of the file. So the time goes with
 * the chunks that exist, and memory stays small.
 */
#include <string.h>

#include "tui/reader/copy.h"

#define PIECE_BYTES (1u << 17) /* what was read is still in the cache when it is summed */
#define DIR_PIECE 4096u /* directory entries read at once */

/* ---- which sites a chunk counts ------------------------------------------------ */

/* Read one thread's directory; owners[chunk] = 1 + place. A chunk belongs to
 * one place: whoever names it again is lying. */
static void add_directory(const struct copy *c, uint64_t offset, size_t entries,
                          uint32_t *owners, size_t n_chunks)
{
    uint32_t piece[DIR_PIECE];
    for (size_t at = 0; at < entries; at += DIR_PIECE) {
        size_t n = entries - at < DIR_PIECE ? entries - at : DIR_PIECE;
        file_read(&c->file, offset + at * sizeof *piece, piece, n * sizeof *piece);
        for (size_t i = 0; i < n; i++)
            if (piece[i] && piece[i] <= n_chunks && !owners[piece[i] - 1])
                owners[piece[i] - 1] = (uint32_t)(at + i) + 1;
    }
}

static uint32_t *find_owners(struct copy *c, size_t n_sites, size_t n_chunks)
{
    struct section dirs = file_section(&c->file, SEG_SITE_DIRS);
    uint64_t per_thread = dirs.count / SEG_THREADS_MAX;
    size_t entries = (n_sites + SEG_CHUNK_SITES - 1) / SEG_CHUNK_SITES;
    if (entries > per_thread)
        entries = (size_t)per_thread;
    uint32_t *owners = buffer_reserve(&c->owners, n_chunks * sizeof *owners);
    if (!owners)
        return NULL;
    memset(owners, 0, n_chunks * sizeof *owners);
    /* Pages that are not in use just now may have counted before. */
    for (size_t row = 0; row < c->n_rows; row++)
        add_directory(c, dirs.offset + row * per_thread * sizeof *owners, entries, owners,
                      n_chunks);
    return owners;
}

/* ---- sums ---------------------------------------------------------------------- */

typedef void add_site(struct site_row *row, const struct seg_site_counters *k,
                      const struct seg_globals *g);

static void add_peak(struct site_row *row, const struct seg_site_counters *k,
                     const struct seg_globals *g)
{
    int64_t blocks = (int64_t)(k->allocations - k->frees);
    int64_t bytes = (int64_t)(k->bytes_allocated - k->bytes_freed);
    bool live_is_peak = g->at_peak || k->epoch != g->epoch;
    /* Unsigned, because a hostile sum may overflow. */
    row->peak_bytes = (int64_t)((uint64_t)row->peak_bytes +
                                (uint64_t)(live_is_peak ? bytes : k->bytes_at_peak));
    row->peak_blocks = (int64_t)((uint64_t)row->peak_blocks +
                                 (uint64_t)(live_is_peak ? blocks : k->blocks_at_peak));
}

static void add_counters(struct site_row *row, const struct seg_site_counters *k,
                         const struct seg_globals *g)
{
    row->allocations += k->allocations;
    row->frees += k->frees;
    row->bytes_allocated += k->bytes_allocated;
    row->bytes_freed += k->bytes_freed;
    row->temporary += k->temporary;
    row->short_lived += k->temporary + k->short_lived;
    row->live_blocks = (int64_t)(row->allocations - row->frees);
    row->live_bytes = (int64_t)(row->bytes_allocated - row->bytes_freed);
    add_peak(row, k, g);
}

static void add_chunk(struct snapshot *s, const char *chunk, size_t stride, uint32_t place,
                      const struct seg_globals *g, add_site *add)
{
    size_t first = (size_t)place * SEG_CHUNK_SITES;
    for (size_t i = 0; i < SEG_CHUNK_SITES && first + i < s->n_sites; i++)
        add(&s->sites[first + i], (const void *)(chunk + i * stride), g);
}

static bool add_chunks(struct copy *c, struct snapshot *s, const struct section *chunks,
                       const uint32_t *owners, add_site *add)
{
    size_t element = (size_t)chunks->element, n = (size_t)chunks->count;
    size_t at_once = PIECE_BYTES / element ? PIECE_BYTES / element : 1;
    char *piece = buffer_reserve(&c->scratch, at_once * element);
    if (!piece)
        return false;
    for (size_t at = 0; at < n; at += at_once) {
        size_t m = n - at < at_once ? n - at : at_once;
        file_read(&c->file, chunks->offset + at * element, piece, m * element);
        for (size_t i = 0; i < m; i++)
            if (owners[at + i])
                add_chunk(s, piece + i * element, element / SEG_CHUNK_SITES,
                          owners[at + i] - 1, &c->globals, add);
    }
    return true;
}

/* ---- rows ---------------------------------------------------------------------- */

static void fill_row(struct copy *c, struct site_row *row, size_t i, const struct seg_site *site)
{
    *row = (struct site_row){
        .id = (uint32_t)i,
        .node = i ? site->node : 0,
        .flags = site->flags,
        .first_ns = clock_ns(&c->clock, site->first_ticks),
    };
    if (row->node > c->leaf_max)
        c->leaf_max = row->node;
}

static bool fill_rows(struct copy *c, struct snapshot *s)
{
    struct section at = file_section(&c->file, SEG_SITES);
    size_t n = (size_t)at.count, element = (size_t)at.element;
    size_t at_once = PIECE_BYTES / element;
    s->n_sites = 0;
    c->leaf_max = 0;
    const char *piece = buffer_reserve(&c->scratch, at_once * element);
    if (!piece || !array_reserve((void **)&s->sites, &s->cap_sites, n, sizeof *s->sites))
        return false;
    for (size_t first = 0; first < n; first += at_once) {
        size_t m = n - first < at_once ? n - first : at_once;
        file_read(&c->file, at.offset + first * element, c->scratch.data, m * element);
        for (size_t i = 0; i < m; i++)
            fill_row(c, &s->sites[first + i], first + i, (const void *)(piece + i * element));
    }
    s->n_sites = n;
    return true;
}

/* Has the meaning of the counters' peak fields changed? */
static bool peak_has_moved(struct copy *c)
{
    struct section at = file_section(&c->file, SEG_GLOBALS);
    struct seg_globals was = c->globals;
    if (at.count)
        file_read(&c->file, at.offset, &c->globals, sizeof c->globals);
    return was.epoch != c->globals.epoch || was.at_peak != c->globals.at_peak;
}

/* The heap can come to a new peak while the counters are read: its parts are read once
 * more then. */
static bool add_all(struct copy *c, struct snapshot *s)
{
    struct section chunks = file_section(&c->file, SEG_SITE_CHUNKS);
    const uint32_t *owners = find_owners(c, s->n_sites, (size_t)chunks.count);
    if (!owners)
        return false;
    peak_has_moved(c);
    if (!add_chunks(c, s, &chunks, owners, add_counters))
        return false;
    for (size_t i = 0; i < s->n_sites && !s->totals.short_ns; i++)
        s->sites[i].short_lived = 0;
    if (!peak_has_moved(c))
        return true;
    for (size_t i = 0; i < s->n_sites; i++)
        s->sites[i].peak_bytes = s->sites[i].peak_blocks = 0;
    return add_chunks(c, s, &chunks, owners, add_peak);
}

enum reader_status copy_sites(struct copy *c, struct snapshot *s)
{
    return fill_rows(c, s) && add_all(c, s) && copy_samples_sites(c, s) ? READER_OK
                                                                        : READER_NO_MEMORY;
}
