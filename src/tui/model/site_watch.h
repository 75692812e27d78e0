/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watching call sites: the series of readings behind the verdicts, of the sites
 * that matter. Up to SITE_WATCH_MOST sites are watched, so that memory stays below
 * 3 MiB, and 12 bytes for each site there is: those with the most live bytes, or bytes
 * allocated since the last reading, whichever is more. With more sites than that,
 * one that falls behind makes way for one that comes up, and its series is lost;
 * a site that is not watched has no verdict.
 *
 * A series begins with what the target itself recorded before anybody looked: the
 * top sites of each second. Where a site is missing from more than a fourth of the
 * records since it first was in one, that would be a selection of its high moments:
 * then nothing is taken from there.
 *
 *     struct site_watch w = { .n = 0 };
 *     ... after each refresh with READER_SITES: site_watch_add(&w, &snapshot);
 *     const struct verdict *v = site_watch_verdict(&w, site);
 *     site_watch_fini(&w);
 *
 * One thread.
 */
#ifndef MEMTOP_TUI_MODEL_SITE_WATCH_H
#define MEMTOP_TUI_MODEL_SITE_WATCH_H

#include "tui/model/snapshot.h"
#include "tui/model/verdict.h"

#define SITE_WATCH_MOST 512u

struct watched_site;

/* An empty one is all zeros. */
struct site_watch {
    unsigned n;
    struct watched_site *watched; /* SITE_WATCH_MOST, once there are some */
    uint16_t *slots;              /* by site: 1 + index into watched; 0: none */
    uint16_t *ranks;              /* by site, at the last reading */
    uint64_t *allocated;          /* by site: bytes at the last reading */
    size_t n_sites, capacity;
    bool begun;                   /* a reading was added */
};

/* Take another reading into account, and judge anew what it changes. */
void site_watch_add(struct site_watch *w, const struct snapshot *s);

/* The verdict on a site; NULL: it is not watched. Valid until the next reading. */
const struct verdict *site_watch_verdict(const struct site_watch *w, uint32_t site);

/* Its readings; NULL likewise. */
const struct series *site_watch_series(const struct site_watch *w, uint32_t site);

void site_watch_fini(struct site_watch *w); /* it may be used again */

#endif
