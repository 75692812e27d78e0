/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to the reader: an open segment and what copying it needs. One
 * struct copy belongs to one reader; its functions fill a snapshot's parts.
 *
 * Nothing in the file is believed. Sections are checked against the file's
 * length each time they are looked at, counts are cut to what the file really
 * holds, so that memory and time are bounded by data and not by claims. What
 * cannot be read is zero, and zero means "nothing here".
 *
 *   copy_file.c     bounded reads, the header, sections
 *   copy_clock.c    ticks to nanoseconds
 *   copy_text.c     strings for people
 *   copy_attach.c   attaching late, and detaching
 *   copy_threads.c  threads, totals, sizes, lifetimes
 *   copy_names.c    which threads live, and their names
 *   copy_sites.c    sites and their counters
 *   copy_samples.c  sampled blocks: what is uncertain, and how much
 *   copy_stacks.c   nodes and modules
 *   copy_history.c  density and seconds
 *   copy_verify.c   stacks that were found wrong
 *   copy_marks.c    moments that the target gave names to
 *   copy_blocks.c   live blocks, one by one
 */
#ifndef MEMTOP_TUI_READER_COPY_H
#define MEMTOP_TUI_READER_COPY_H

#include "tui/model/snapshot.h"
#include "tui/reader/reader.h"

/* ---- copy_file.c --------------------------------------------------------- */

struct segment_file {
    int fd;
    uint64_t bytes;      /* its length */
    uint64_t plausible;  /* no section may be said to hold more than this */
    struct seg_header header;
};

/* A section as far as it may be read. */
struct section {
    uint64_t offset;
    uint64_t element;
    uint64_t count;    /* elements that are worth reading */
    uint64_t capacity; /* elements that the section has room for */
};

/* Look at the file anew: its length, the header, the table of sections.
 * READER_NOT_READY, _FOREIGN, _VERSION, _CORRUPT, _SYSTEM. */
enum reader_status file_load(struct segment_file *f);

/* Read n bytes at an offset; what is missing becomes zeros. */
void file_read(const struct segment_file *f, uint64_t offset, void *to, size_t n);

/* The section as it stands now. A contradictory one is empty. */
struct section file_section(const struct segment_file *f, enum seg_section_id id);

/* Scratch memory that grows. NULL without memory; contents are then kept. */
struct buffer {
    void *data;
    size_t size;
};
void *buffer_reserve(struct buffer *b, size_t size);
void buffer_fini(struct buffer *b);

/* Let an array of a snapshot hold n elements. False without memory. */
bool array_reserve(void **array, size_t *capacity, size_t n, size_t element);

/* ---- copy_clock.c -------------------------------------------------------- */

struct copy_clock {
    double ns_per_tick;
    uint64_t first_ticks; /* at set-up */
    uint64_t now_ticks;   /* now, or the last that is known of a dead one */
};

/* From the header; `alive` says whether the clock still runs. */
void clock_set(struct copy_clock *c, const struct seg_header *h, bool alive);

/* A dead target was still there at `ticks`. */
void clock_seen(struct copy_clock *c, uint64_t ticks);

/* Nanoseconds after set-up. Ticks before it are 0. */
uint64_t clock_ns(const struct copy_clock *c, uint64_t ticks);

/* The length of 2^shift ticks. */
double clock_unit_ns(const struct copy_clock *c, unsigned shift);

/* The nearest uint64_t. */
uint64_t clock_round(double ns);

/* ---- copy_text.c --------------------------------------------------------- */

/* Copy up to n bytes of `from` into to[size], ended by a NUL: valid UTF-8 is
 * kept, all that could move the cursor or is not text becomes '?'. Stops at a
 * NUL. Returns the length. */
size_t text_copy(char *to, size_t size, const char *from, size_t n);

/* The same for arguments that are each NUL terminated: joined by blanks. */
size_t text_copy_command(char *to, size_t size, const char *from, size_t n);

/* ---- copy_attach.c ------------------------------------------------------- */

/* How the agent came to the process. */
struct attach_info copy_attach(const struct seg_header *h);

/* What SEG_EXITED means: TARGET_EXITED or TARGET_DETACHED. */
enum target_state copy_end(const struct seg_header *h);

/* ---- the copier ---------------------------------------------------------- */

struct live_thread {
    int inner;
    char name[16];
};

struct copy {
    struct segment_file file;
    struct copy_clock clock;
    uint64_t serial; /* tells the snapshots of readers apart */
    int pid;         /* in our namespace; 0 where the target is dead */
    bool inner_tids; /* its thread ids are those of another namespace */
    struct seg_globals globals;
    struct buffer threads; /* pages as read */
    size_t n_rows, row_bytes;
    struct buffer scratch;
    struct buffer owners;  /* chunk -> 1 + its place in a site directory */
    uint32_t leaf_max;     /* the largest node that the sites were said to have */
    struct buffer samples; /* struct seg_sample, live ones only */
    size_t n_samples;
    struct buffer live;    /* struct live_thread, by falling tid */
    size_t n_live;
    uint64_t live_key, live_ns;
};

void copy_fini(struct copy *c);

static inline const struct seg_thread *copy_page(const struct copy *c, size_t row)
{
    return (const void *)((const char *)c->threads.data + row * c->row_bytes);
}

/* Reads globals and thread pages and fills totals, functions, sizes,
 * lifetimes and threads. Comes before the others. */
enum reader_status copy_threads(struct copy *c, struct snapshot *s);
enum reader_status copy_sites(struct copy *c, struct snapshot *s);
/* Sampled blocks as they are now. False without memory. */
bool copy_samples_read(struct copy *c);
/* Their part in sizes and in errors; in those of sites. */
void copy_samples_totals(const struct copy *c, struct snapshot *s);
bool copy_samples_sites(struct copy *c, struct snapshot *s);
/* After copy_sites, whose leaves it clamps. */
enum reader_status copy_stacks(struct copy *c, struct snapshot *s);
enum reader_status copy_density(struct copy *c, struct snapshot *s);
/* with_sites: top sites are cut to those in the snapshot. */
enum reader_status copy_seconds(struct copy *c, struct snapshot *s, bool with_sites);
/* After copy_threads. */
enum reader_status copy_verify(struct copy *c, struct snapshot *s);

/* After clock_set: marks, and the birth stamp of the moment. */
enum reader_status copy_marks(struct copy *c, struct snapshot *s);
bool copy_marks_known(const struct seg_header *h);
uint64_t copy_stamp(const struct copy *c, uint64_t ticks);

/* A pass over all live blocks, see reader_blocks_step. c stays where it is. */
struct block_pass *copy_blocks_new(const struct copy *c);
void copy_blocks_free(struct block_pass *p);
enum reader_status copy_blocks_step(struct block_pass *p, unsigned budget_ms,
                                    reader_block *each, void *data);
bool copy_blocks_find(const struct copy *c, uint64_t address, struct block_row *out);

/* The living threads, asked for again after a second or when the rows name
 * others. Finds one, NULL when it has ended. */
void copy_names_update(struct copy *c, uint64_t now_ns);
const struct live_thread *copy_names_find(const struct copy *c, int inner);

#endif
