/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The target as the viewer follows it: its segment, the newest snapshot, names,
 * rates and the trend, and when to read what. Part of the event loop, which
 * calls it; it uses no terminal. One thread.
 *
 * Reading has a budget: each period stretches with what a refresh has cost, so
 * that a viewer stays below a twentieth of a core whatever the target holds.
 */
#ifndef MEMTOP_TUI_VIEW_TARGET_H
#define MEMTOP_TUI_VIEW_TARGET_H

#include "tui/model/site_watch.h"
#include "tui/file/archive.h"
#include "tui/model/snapshot.h"
#include "tui/model/sources.h"
#include "tui/model/symbols.h"
#include "tui/reader/reader.h"
#include "tui/view/rates.h"
#include "tui/view/trend.h"

struct target {
    int pid;
    struct reader *reader;    /* NULL: not open, or a file */
    struct archive *archive;  /* borrowed; NULL: it is no file */
    size_t index;             /* of the snapshot in the archive */
    size_t most_sites;        /* of all its snapshots */
    struct snapshot snapshot; /* filled while `filled` */
    bool filled;
    bool ended;               /* nothing will change any more */
    char state[64];           /* for the title line */
    bool replaced;            /* exec: to be opened again */
    bool stacked;             /* their stacks were read */
    bool underived;           /* sites were read, their rates and verdicts are due */
    const char *const *folders; /* of sources, the owner's; NULL terminated, or NULL */
    struct sources *sources;  /* NULL without memory */
    struct symbols *symbols;
    unsigned symbols_seen;    /* generation that was drawn */
    struct rates rates;
    struct rate_table site_rates, thread_rates;
    struct trend trend;
    struct site_watch watch;
    unsigned sites_version;
    int64_t rss, rss_peak;
    uint64_t next_ns, next_sites_ns, next_seconds_ns; /* when to read again */
    uint64_t cost_ns, sites_cost_ns;                  /* of reading, smoothed */
    uint64_t draw_cost_ns;                            /* set by the loop */
};

/* In the caller's storage. folders: NULL terminated, to look for sources in; or NULL. */
void target_init(struct target *t, const char *const *folders);
void target_fini(struct target *t);

/* Open a process's segment; whatever was open before is closed. */
enum reader_status target_open(struct target *t, int pid);

/* Look at a file, at one of its snapshots. The archive stays the caller's, and open.
 * False: it cannot be read. */
bool target_open_archive(struct target *t, struct archive *a, size_t index);

/* Go to another of its snapshots. False: it cannot be read; then nothing changes. */
bool target_step(struct target *t, size_t index);

/* Read what is due at now_ns (CLOCK_MONOTONIC). `sites`: somebody looks at
 * them; else they are read less often, for their verdicts. Returns whether there
 * is something new to draw. */
bool target_refresh(struct target *t, uint64_t now_ns, bool sites);

/* When target_refresh has something to do next; UINT64_MAX never. */
uint64_t target_due(const struct target *t, bool sites);

/* Take over what was read at once, and not with the next refresh: nothing is to change
 * any more. */
void target_derive(struct target *t);

/* Read everything at once, whatever the time: for a mark. */
void target_read_now(struct target *t);

/* Its process is gone: read everything once more, whatever the time. */
void target_finish(struct target *t);

/* What waitpid said, which is better known than what the segment says. */
void target_set_wait_status(struct target *t, int wait_status);

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t target_now(void);

#endif
