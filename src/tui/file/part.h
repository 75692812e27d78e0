/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts: the tables that a snapshot consists of, as a file has them. A table of
 * parts says which field is which column; encoding and decoding, copying and
 * checking go by it, so that a field is told of in one place.
 *
 * A column is written as the differences from what is expected: from the same
 * row of the snapshot before, where there was one; else from the row above in
 * columns that rise; else from 0. Each column has its length before it: new
 * ones may be added at the end of a table at any time, and are passed over by
 * readers that do not know them.
 */
#ifndef MEMTOP_TUI_FILE_PART_H
#define MEMTOP_TUI_FILE_PART_H

#include "tui/file/bytes.h"
#include "tui/model/snapshot.h"

/* When a snapshot was taken, and what is not in struct snapshot. */
struct moment {
    uint64_t realtime_ns;  /* since the Epoch */
    uint64_t wall_ns;      /* after the target's set-up */
    uint64_t number;       /* of the snapshot in its recording, from 0; stays when
                              others are thinned out */
    int64_t live_bytes;
    int64_t rss, rss_peak; /* -1 unknown */
    uint64_t copy_ns;      /* copying took so long; the target went on */
    uint64_t meanwhile;    /* its allocations in that time */
    int exit_code;         /* as waitpid had it; -1 unknown */
    int signal;            /* that killed it; 0 none */
    bool blocks;           /* live blocks follow */
    bool whole;            /* no snapshot before is needed to decode it */
    bool mark_pending;     /* these three as in the snapshot */
    uint64_t taken_ns, stamp;
};

/* Of struct density, what is no array. */
struct tick {
    double tick_ns;
    uint64_t last_tick;
};

/* A snapshot as it is in a file. */
struct image {
    struct moment moment;
    struct snapshot s;
    struct tick tick;
    uint32_t ring[SEG_DENSITY_SLOTS]; /* density by tick % SEG_DENSITY_SLOTS */
};

struct part_column {
    uint32_t offset;   /* in the row */
    uint16_t bytes;    /* 1, 2, 4, 8; of text: the room for it */
    uint16_t count;    /* elements, `stride` bytes apart */
    uint16_t stride;
    bool text;         /* terminated */
    bool truth;        /* a bool */
    bool rising;
};

struct part {
    uint32_t id; /* of its section */
    const struct part_column *columns;
    size_t n_columns;
    size_t least;    /* columns of version 1: no file has fewer */
    size_t row_bytes;
    size_t rows_at;  /* in struct image: the rows or, with n_at, a pointer to them */
    size_t n_at;     /* of their number, a size_t; 0: there are always `rows` */
    size_t cap_at;   /* of the capacity, a size_t */
    size_t rows;     /* how many, or at most */
    bool appended;   /* rows stay as they are: those behind the ones before count */
    bool absolute;   /* never written as a difference */
};

/* All of them, in the order of the file. */
const struct part *part_table(size_t *n);
/* By id; NULL: there is none. */
const struct part *part_of(uint32_t id);

size_t part_count(const struct part *p, const struct image *im);
/* The rows; NULL where there are none. */
void *part_rows(const struct part *p, const struct image *im);

/* Append the payload of a part to the empty *out. before: NULL, or the snapshot
 * to tell the difference from. False: nothing has changed. */
bool part_encode(const struct part *p, const struct image *im, const struct image *before,
                 struct bytes *out);

/* Bring *im up to date by a payload. delta: its rows are those before; else
 * they are void. False: damaged, or no memory. */
bool part_decode(const struct part *p, struct image *im, struct cursor payload, bool delta);

/* Make the rows of one the first n of another. False without memory. */
bool part_copy(const struct part *p, struct image *to, const struct image *from, size_t n);

/* What is needed later to tell differences from: all rows, and of appended ones
 * only how many there are. False without memory. */
bool part_remember(const struct part *p, struct image *to, const struct image *from);

/* Rows of any kind, for what is in no image. */
void part_put_rows(const struct part_column *columns, size_t n_columns, size_t row_bytes,
                   const void *rows, size_t n, struct bytes *out);
/* How many there are, at most `most`; 0 where it is damaged. */
size_t part_get_rows(const struct part_column *columns, size_t n_columns, size_t row_bytes,
                     void *rows, size_t most, struct cursor payload);

/* ---- the image ------------------------------------------------------------------ */

/* Empty, in the caller's storage. */
void image_init(struct image *im);
void image_fini(struct image *im);

/* Nothing in it any more, as at the beginning; its arrays stay. */
void image_clear(struct image *im);

/* Between what a snapshot has and how it is written: density by tick and not by
 * age, single figures in the moment. image_unwind is false without memory. */
void image_wind(struct image *im);
bool image_unwind(struct image *im);

/* Bring what a file said within the bounds that a snapshot promises. False: it
 * contradicts itself. */
bool image_check(struct image *im);

#endif
