/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader: the viewer's only door to segments. Finds them, copies them out
 * with pread, checks everything, and yields snapshots.
 *
 *     struct reader *r;
 *     enum reader_status st = reader_open_pid(pid, &r);
 *     if (st != READER_OK) fail(reader_message(st));
 *     struct snapshot s;
 *     snapshot_init(&s);
 *     while (reader_refresh(r, &s, READER_ALL) == READER_OK) draw(&s);
 *     snapshot_fini(&s);
 *     reader_close(r);
 *
 * The segment is never mapped: a truncation yields a short read and not a
 * SIGBUS, and each value is read once. While a reader is open it holds a
 * shared flock on the segment, which asks an exiting target to leave the file;
 * the last reader of a target that has exited removes it, unless it is to be
 * kept. All functions print nothing. Not thread safe per reader.
 */
#ifndef MEMTOP_TUI_READER_READER_H
#define MEMTOP_TUI_READER_READER_H

#include "tui/model/snapshot.h"

struct reader;

enum reader_status {
    READER_OK = 0,
    READER_NO_PROCESS,  /* no such process, and no segment of a dead one */
    READER_NO_SEGMENT,  /* lives, but has no agent */
    READER_PERMISSION,
    READER_NOT_READY,   /* the agent is still setting it up: try again */
    READER_FOREIGN,     /* not a segment */
    READER_VERSION,     /* of another version of memtop */
    READER_CORRUPT,     /* its own description contradicts itself */
    READER_NO_MEMORY,
    READER_SYSTEM,      /* errno says */
};

/* A sentence for people, without a full stop. Static. */
const char *reader_message(enum reader_status status);

/* Open the segment of a process, living or dead (the newest one if several
 * bore that pid), looking through /proc/PID/root in containers. On READER_OK
 * *out is the caller's to reader_close. */
enum reader_status reader_open_pid(int pid, struct reader **out);
enum reader_status reader_open_path(const char *path, struct reader **out);
void reader_close(struct reader *r); /* NULL is fine */

/* What to copy. Totals, sizes, lifetimes, threads and the target are always
 * copied. Nodes and modules are cached: only new ones are read. */
enum reader_parts {
    READER_SITES   = 1 << 0, /* sites, nodes, modules */
    READER_DENSITY = 1 << 1,
    READER_SECONDS = 1 << 2,
    READER_ALL     = READER_SITES | READER_DENSITY | READER_SECONDS,
    READER_STACKS  = 1 << 3, /* nodes and modules alone: sites then take less */
};

/* Copy the present state into *s. READER_OK also for dead targets (see
 * s->target.state). When exec has replaced the target, the state says so once
 * and the next reader_open_pid finds the successor. */
enum reader_status reader_refresh(struct reader *r, struct snapshot *s,
                                  unsigned parts);

/* Ask the target for a tier; sample: mean bytes between samples up to
 * SEG_SAMPLE_MAX, 0: as it is. It is looked at when the target next allocates,
 * which a snapshot's tier_pending tells. READER_NO_PROCESS when it has ended,
 * READER_NO_SEGMENT when it was detached,
 * READER_PERMISSION, READER_VERSION when its agent knows no tiers. */
enum reader_status reader_set_tier(struct reader *r, enum seg_tier tier, uint64_t sample);

/* Ask the target for a mark, under a name of which SEG_MARK_NAME - 1 bytes are
 * kept. It is set when the target next allocates, with the time of now, which
 * a snapshot's mark_pending tells; another request before that replaces it.
 * Fails as reader_set_tier does. */
enum reader_status reader_mark(struct reader *r, const char *name);

/* ---- live blocks, one by one ----------------------------------------------- */

/* A live block. While the tier is, or was, sampled, some stand for many: `blocks`
 * and `bytes` say for how much; else they are 1 and its size. Where the snapshot has
 * no births, birth, birth_ns and tid are 0. */
struct block_row {
    uint64_t address, size;
    uint64_t birth;    /* stamp: born since a mark when >= its stamp */
    uint64_t birth_ns; /* the same in nanoseconds after set-up */
    uint32_t site;     /* below SEG_SITES_MAX; may be newer than a snapshot's */
    int tid;           /* of the thread that allocated it; 0 when that has ended */
    uint64_t blocks, bytes;
};

/* Called for each block, in the order of the segment. */
typedef void reader_block(void *data, const struct block_row *row);

/* A pass over all live blocks: blocks that come or go meanwhile may be in it or
 * not, and one that changes while it is read may be wrong. The reader must stay
 * open until it is freed. NULL without memory, or before a refresh. */
struct block_pass *reader_blocks_new(struct reader *r);
void reader_blocks_free(struct block_pass *p); /* NULL is fine */

/* Go on for about so many milliseconds. READER_NOT_READY: there are more;
 * READER_OK: that was all. */
enum reader_status reader_blocks_step(struct block_pass *p, unsigned budget_ms,
                                      reader_block *each, void *data);

/* The block that is at this address now. False: there is none. */
bool reader_block_find(const struct reader *r, uint64_t address, struct block_row *out);

/* Copy bytes out of the living target's memory. Returns how many, from the
 * start; -1 with errno: ESRCH when it has ended, EFAULT when nothing is there. */
long reader_peek(const struct reader *r, uint64_t address, void *to, size_t n);

/* The path it was opened by. Valid until reader_close. */
const char *reader_path(const struct reader *r);

/* ---- discovery ----------------------------------------------------------- */
struct found {
    int pid;        /* in our namespace; of dead ones the inner pid */
    bool alive;
    bool readable;  /* may be opened by us */
    bool bare;      /* has no agent and no segment: see reader_find_bare */
    unsigned uid;
    enum target_state state;
    uint64_t start_realtime_ns;
    uint64_t segment_bytes;
    bool keep;
    int root_pid;   /* MEMTOP_ROOT of the run it belongs to, or 0 */
    int64_t live_bytes;
    char command[256];
    char path[512];
};

/* All segments on this machine (in $MEMTOP_DIR alone, where that is set), ours
 * and other users' where readable, living and dead, sorted by pid. *out is the
 * caller's to free(). */
enum reader_status reader_find_all(struct found **out, size_t *n);

/* The processes that are not in a list of reader_find_all, or are there as detached
 * or replaced only: ours, or of everybody for root, sorted by pid, without this one. They have no
 * live_bytes, segment_bytes and path. *out is the caller's to free(), whatever the
 * status. */
enum reader_status reader_find_bare(const struct found *known, size_t n_known,
                                    struct found **out, size_t *n);

/* Remove the segment of a dead process. READER_OK, READER_PERMISSION, or
 * READER_NOT_READY when its process lives. */
enum reader_status reader_remove(const struct found *f);

#endif
