/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sampled blocks; see copy.h. Each stands for as many blocks as its weight says,
 * so that the estimate's variance is the sum of weight * (weight - 1) over them
 * (Horvitz and Thompson), and of weight * (weight - size) for the bytes.
 */
#include <math.h>
#include <string.h>

#include "tui/reader/copy.h"

#define BEING_WRITTEN 2u /* addresses up to this are no block's */
#define PIECE_BYTES (1u << 17)

/* ---- reading --------------------------------------------------------------- */

static bool is_sane(const struct seg_sample *s)
{
    return s->address > BEING_WRITTEN && s->blocks != 0 && s->bytes >= s->size;
}

bool copy_samples_read(struct copy *c)
{
    struct section at = file_section(&c->file, SEG_SAMPLES);
    size_t n = (size_t)at.count, element = (size_t)at.element;
    c->n_samples = 0;
    char *raw = buffer_reserve(&c->samples, n * element);
    if (!raw)
        return false;
    file_read(&c->file, at.offset, raw, n * element);
    for (size_t i = 0; i < n; i++) {
        struct seg_sample s;
        memcpy(&s, raw + i * element, sizeof s);
        if (is_sane(&s))
            memcpy(raw + c->n_samples++ * sizeof s, &s, sizeof s);
    }
    return true;
}

static const struct seg_sample *sample_at(const struct copy *c, size_t i)
{
    return (const struct seg_sample *)c->samples.data + i;
}

/* ---- errors ---------------------------------------------------------------- */

static double blocks_variance(const struct seg_sample *s)
{
    return (double)s->blocks * ((double)s->blocks - 1);
}

static double bytes_variance(const struct seg_sample *s)
{
    return (double)s->bytes * (double)(s->bytes - s->size);
}

static uint64_t error_of(double variance)
{
    return clock_round(sqrt(variance));
}

void copy_samples_totals(const struct copy *c, struct snapshot *s)
{
    double blocks[SEG_SIZE_CLASSES] = { 0 }, bytes[SEG_SIZE_CLASSES] = { 0 };
    double all_blocks = 0, all_bytes = 0;
    s->totals.live_samples = c->n_samples;
    for (size_t i = 0; i < c->n_samples; i++) {
        const struct seg_sample *sample = sample_at(c, i);
        unsigned class = seg_size_class(sample->size);
        s->sizes[class].live_blocks += sample->blocks;
        s->sizes[class].live_bytes =
            (int64_t)((uint64_t)s->sizes[class].live_bytes + sample->bytes);
        blocks[class] += blocks_variance(sample);
        bytes[class] += bytes_variance(sample);
    }
    for (unsigned i = 0; i < SEG_SIZE_CLASSES; i++) {
        s->sizes[i].live_blocks_error = error_of(blocks[i]);
        s->sizes[i].live_bytes_error = error_of(bytes[i]);
        all_blocks += blocks[i];
        all_bytes += bytes[i];
    }
    s->totals.live_blocks_error = error_of(all_blocks);
    s->totals.live_bytes_error = error_of(all_bytes);
}

/* ---- sites ----------------------------------------------------------------- */

static void fill_errors(struct site_row *row, const struct seg_site_error *e)
{
    if (!e->samples && !e->blocks_variance && !e->bytes_variance)
        return;
    row->samples = e->samples;
    row->allocations_error = error_of((double)e->blocks_variance);
    row->bytes_allocated_error =
        error_of(ldexp((double)e->bytes_variance, SEG_VARIANCE_SHIFT));
}

/* Of all that a site ever allocated. */
static bool read_errors(struct copy *c, struct snapshot *s)
{
    struct section at = file_section(&c->file, SEG_SITE_ERRORS);
    size_t n = (size_t)at.count < s->n_sites ? (size_t)at.count : s->n_sites;
    size_t element = (size_t)at.element, at_once = PIECE_BYTES / element;
    const char *piece = buffer_reserve(&c->scratch, at_once * element);
    if (!piece)
        return false;
    for (size_t first = 0; first < n; first += at_once) {
        size_t m = n - first < at_once ? n - first : at_once;
        file_read(&c->file, at.offset + first * element, c->scratch.data, m * element);
        for (size_t i = 0; i < m; i++)
            fill_errors(&s->sites[first + i], (const void *)(piece + i * element));
    }
    return true;
}

bool copy_samples_sites(struct copy *c, struct snapshot *s)
{
    if (!read_errors(c, s))
        return false;
    double *sums = c->n_samples ? buffer_reserve(&c->scratch, 2 * s->n_sites * sizeof *sums)
                                : NULL;
    if (!sums)
        return c->n_samples == 0;
    memset(sums, 0, 2 * s->n_sites * sizeof *sums);
    for (size_t i = 0; i < c->n_samples; i++) {
        const struct seg_sample *sample = sample_at(c, i);
        if (sample->site >= s->n_sites)
            continue;
        sums[2 * (size_t)sample->site] += blocks_variance(sample);
        sums[2 * (size_t)sample->site + 1] += bytes_variance(sample);
    }
    for (size_t i = 0; i < s->n_sites; i++) {
        s->sites[i].live_blocks_error = error_of(sums[2 * i]);
        s->sites[i].live_bytes_error = error_of(sums[2 * i + 1]);
    }
    return true;
}
