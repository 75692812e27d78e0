/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which sites are watched, and their readings. Sites are ranked by classes of
 * their bytes, four to each doubling, which takes one pass over them and no sort.
 */
#include "tui/model/site_watch.h"

#include <stdlib.h>
#include <string.h>

#define CLASSES 256u

struct watched_site {
    uint32_t site;
    unsigned recorded; /* readings out of the target's own records */
    bool recording;    /* the first of them was met in this record or before */
    uint64_t since;    /* records from then on */
    struct series series;
    struct verdict verdict;
};

/* ---- rank ---------------------------------------------------------------------- */

static unsigned class_of(uint64_t bytes)
{
    if (bytes < 8)
        return 0;
    unsigned top = 63u - (unsigned)__builtin_clzll(bytes);
    return 4 * top + (unsigned)(bytes >> (top - 2) & 3);
}

static uint64_t weight_of(const struct site_watch *w, const struct site_row *r)
{
    uint64_t live = r->live_bytes > 0 ? (uint64_t)r->live_bytes : 0;
    uint64_t before = r->id < w->n_sites ? w->allocated[r->id] : 0;
    uint64_t recent = r->bytes_allocated > before ? r->bytes_allocated - before : 0;
    return live > recent ? live : recent;
}

/* The classes of all sites, and the one from which on all of them find room; those of
 * the class below it find what is left. */
static unsigned rank(struct site_watch *w, const struct snapshot *s)
{
    uint32_t counts[CLASSES] = { 0 };
    unsigned class = CLASSES;
    size_t sum = 0;
    for (size_t i = 0; i < s->n_sites; i++) {
        const struct site_row *r = &s->sites[i];
        unsigned its = class_of(weight_of(w, r));
        w->ranks[i] = r->allocations ? (uint16_t)(its + 1) : 0;
        counts[its] += r->allocations != 0;
        w->allocated[i] = r->bytes_allocated;
    }
    while (class > 0 && sum + counts[class - 1] <= SITE_WATCH_MOST)
        sum += counts[--class];
    return class;
}

/* ---- slots --------------------------------------------------------------------- */

static bool reserve(struct site_watch *w, size_t n)
{
    if (!w->watched)
        w->watched = malloc(SITE_WATCH_MOST * sizeof *w->watched);
    if (n > w->capacity) {
        size_t capacity = n + n / 2 + 64;
        uint16_t *slots = realloc(w->slots, capacity * sizeof *slots);
        if (slots)
            w->slots = slots;
        uint16_t *ranks = slots ? realloc(w->ranks, capacity * sizeof *ranks) : NULL;
        if (ranks)
            w->ranks = ranks;
        uint64_t *allocated = ranks ? realloc(w->allocated, capacity * sizeof *allocated) : NULL;
        if (!allocated)
            return false;
        w->allocated = allocated;
        memset(w->slots + w->capacity, 0, (capacity - w->capacity) * sizeof *slots);
        w->capacity = capacity;
    }
    return w->watched != NULL;
}

static void watch(struct site_watch *w, uint32_t site, uint64_t born_ns)
{
    struct watched_site *to = &w->watched[w->n++];
    memset(to, 0, sizeof *to);
    to->site = site;
    to->series.born_ns = born_ns;
    w->slots[site] = (uint16_t)w->n;
}

static void drop(struct site_watch *w, unsigned slot)
{
    w->slots[w->watched[slot].site] = 0;
    if (slot != --w->n) {
        w->watched[slot] = w->watched[w->n];
        w->slots[w->watched[slot].site] = (uint16_t)(slot + 1);
    }
}

static struct watched_site *find(const struct site_watch *w, uint32_t site)
{
    return site < w->n_sites && w->slots[site] ? &w->watched[w->slots[site] - 1] : NULL;
}

/* Those that have fallen behind make way, and as many of the class on the edge as
 * those above it need. */
static void choose(struct site_watch *w, const struct snapshot *s)
{
    unsigned least = rank(w, s) + 1, needed = 0; /* ranks are classes from 1 on */
    for (uint32_t i = 0; i < s->n_sites; i++)
        needed += w->ranks[i] >= least && !w->slots[i];
    for (unsigned i = w->n; i-- > 0;) {
        unsigned its = w->ranks[w->watched[i].site];
        if (its + 1 < least || (its < least && w->n + needed > SITE_WATCH_MOST))
            drop(w, i);
    }
    for (unsigned pass = 0; pass < 2; pass++) /* the class on the edge comes last */
        for (uint32_t i = 0; i < s->n_sites && w->n < SITE_WATCH_MOST; i++)
            if (w->ranks[i] && !w->slots[i] && w->ranks[i] + pass >= least)
                watch(w, i, s->sites[i].first_ns);
}

/* ---- what was recorded before --------------------------------------------------- */

static void add_record(struct site_watch *w, const struct second_row *second)
{
    for (unsigned k = 0; k < second->n_top; k++) {
        const struct seg_second_site *top = &second->top[k];
        struct watched_site *to = find(w, top->site);
        struct series_point p = { .at_ns = second->second * 1000000000,
                                  .live_bytes = top->live_bytes,
                                  .allocations = SERIES_UNKNOWN,
                                  .bytes_allocated = SERIES_UNKNOWN };
        if (!to)
            continue;
        to->recording = true;
        to->recorded++;
        series_add(&to->series, &p);
    }
    for (unsigned i = 0; i < w->n; i++)
        w->watched[i].since += w->watched[i].recording;
}

static void add_records(struct site_watch *w, const struct snapshot *s)
{
    for (size_t i = 0; i < s->n_seconds; i++)
        if (s->seconds[i].second * 1000000000 < s->target.wall_ns)
            add_record(w, &s->seconds[i]);
    for (unsigned i = 0; i < w->n; i++) {
        struct watched_site *site = &w->watched[i];
        if ((uint64_t)site->recorded * 4 < site->since * 3)
            site->series = (struct series){ .born_ns = site->series.born_ns };
    }
}

/* ---- readings ------------------------------------------------------------------- */

static void add_reading(const struct site_watch *w, struct watched_site *to,
                        const struct snapshot *s)
{
    const struct site_row *r = &s->sites[to->site];
    struct series_point p = { .at_ns = s->target.wall_ns, .live_bytes = r->live_bytes,
                              .allocations = r->allocations,
                              .bytes_allocated = r->bytes_allocated };
    if (series_add(&to->series, &p) || !w->begun)
        to->verdict = verdict_judge(&to->series);
}

void site_watch_add(struct site_watch *w, const struct snapshot *s)
{
    if (!s->n_sites)
        return;
    if (s->n_sites < w->n_sites || !reserve(w, s->n_sites)) {
        site_watch_fini(w);
        return;
    }
    choose(w, s);
    w->n_sites = s->n_sites;
    if (!w->begun)
        add_records(w, s);
    for (unsigned i = 0; i < w->n; i++)
        add_reading(w, &w->watched[i], s);
    w->begun = true;
}

const struct verdict *site_watch_verdict(const struct site_watch *w, uint32_t site)
{
    const struct watched_site *found = find(w, site);
    return found ? &found->verdict : NULL;
}

const struct series *site_watch_series(const struct site_watch *w, uint32_t site)
{
    const struct watched_site *found = find(w, site);
    return found ? &found->series : NULL;
}

void site_watch_fini(struct site_watch *w)
{
    free(w->watched);
    free(w->slots);
    free(w->ranks);
    free(w->allocated);
    *w = (struct site_watch){ .n = 0 };
}
