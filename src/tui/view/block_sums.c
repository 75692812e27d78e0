/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums over the live blocks; see block_sums.h.
 */
#include "tui/view/block_sums.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/view/format.h"

#define MS UINT64_C(1000000)
#define SLICE_MS 15
#define PERIOD_NS (1000 * MS)
#define SHARE 20 /* and after so many times what it took */

/* ---- lists ----------------------------------------------------------------------- */

static void list_fini(struct block_sum_list *l)
{
    free(l->sums);
    free(l->slots);
    free(l->names);
    free(l->tids);
    *l = (struct block_sum_list){ .n = 0 };
}

static void list_clear(struct block_sum_list *l, enum block_sums_by by, bool births)
{
    if (l->n_slots)
        memset(l->slots, 0, l->n_slots * sizeof *l->slots);
    l->n = l->n_groups = 0;
    l->failed = false;
    l->by = by;
    l->births = births;
}

static size_t slot_of(const struct block_sum_list *l, uint32_t site, uint32_t group)
{
    uint64_t key = ((uint64_t)group << 32 | site) * UINT64_C(0x9e3779b97f4a7c15);
    size_t i = (size_t)(key >> 24) & (l->n_slots - 1);
    while (l->slots[i] && (l->sums[l->slots[i] - 1].site != site ||
                           l->sums[l->slots[i] - 1].group != group))
        i = (i + 1) & (l->n_slots - 1);
    return i;
}

static bool grow(struct block_sum_list *l)
{
    size_t n = l->n_slots ? l->n_slots * 2 : 1024;
    struct block_sum *sums = realloc(l->sums, n / 2 * sizeof *sums);
    if (!sums)
        return false;
    l->sums = sums;
    l->capacity = n / 2;
    uint32_t *slots = calloc(n, sizeof *slots);
    if (!slots)
        return false;
    free(l->slots);
    l->slots = slots;
    l->n_slots = n;
    for (size_t i = 0; i < l->n; i++)
        l->slots[slot_of(l, l->sums[i].site, l->sums[i].group)] = (uint32_t)i + 1;
    return true;
}

/* NULL without memory. */
static struct block_sum *sum_of(struct block_sum_list *l, uint32_t site, uint32_t group)
{
    if (2 * l->n >= l->n_slots && !grow(l))
        return NULL;
    size_t slot = slot_of(l, site, group);
    if (!l->slots[slot]) {
        l->sums[l->n] = (struct block_sum){ .site = site, .group = group };
        l->slots[slot] = (uint32_t)++l->n;
    }
    return &l->sums[l->slots[slot] - 1];
}

/* ---- groups ---------------------------------------------------------------------- */

static bool reserve_groups(struct block_sum_list *l, size_t n)
{
    if (n <= l->cap_groups)
        return true;
    void *names = realloc(l->names, (n + 64) * sizeof *l->names);
    if (names)
        l->names = names;
    int *tids = realloc(l->tids, (n + 64) * sizeof *tids);
    if (tids)
        l->tids = tids;
    if (!names || !tids)
        return false;
    l->cap_groups = n + 64;
    return true;
}

static uint32_t group_of_thread(struct block_sum_list *l, int tid)
{
    /* Blocks of one thread come in runs. */
    if (l->last_group < l->n_groups && l->tids[l->last_group] == tid)
        return l->last_group;
    for (uint32_t i = 0; i < l->n_groups; i++)
        if (l->tids[i] == tid)
            return l->last_group = i;
    if (!reserve_groups(l, l->n_groups + 1))
        return 0;
    l->tids[l->n_groups] = tid;
    return l->last_group = (uint32_t)l->n_groups++;
}

static void name_threads(struct block_sum_list *l, const struct snapshot *s)
{
    for (size_t i = 0; i < l->n_groups; i++) {
        const char *name = "";
        for (size_t k = 0; k < s->n_threads; k++)
            if (s->threads[k].tid == l->tids[i])
                name = s->threads[k].name;
        if (!l->births)
            snprintf(l->names[i], sizeof l->names[i], "no threads of blocks in compact mode");
        else if (l->tids[i])
            snprintf(l->names[i], sizeof l->names[i], "thread %d %s", l->tids[i], name);
        else
            snprintf(l->names[i], sizeof l->names[i], "threads that ended");
    }
}

static void name_sizes(struct block_sum_list *l)
{
    char from[16], to[16];
    if (!reserve_groups(l, SEG_SIZE_CLASSES))
        return;
    for (l->n_groups = 0; l->n_groups < SEG_SIZE_CLASSES; l->n_groups++) {
        unsigned class = (unsigned)l->n_groups;
        uint64_t most = seg_class_max(class);
        format_grouped(from, sizeof from, (int64_t)seg_class_min(class));
        if (most == UINT64_MAX)
            snprintf(to, sizeof to, "more");
        else
            format_grouped(to, sizeof to, (int64_t)most);
        snprintf(l->names[class], sizeof l->names[class], "%s to %s bytes", from, to);
    }
}

/* ---- passes ---------------------------------------------------------------------- */

static void take(void *data, const struct block_row *row)
{
    struct block_sums *b = data;
    struct block_sum_list *l = &b->next;
    uint32_t group = l->by == SUMS_BY_THREAD ? group_of_thread(l, row->tid)
                   : l->by == SUMS_BY_SIZE ? seg_size_class(row->size) : 0;
    struct block_sum *sum = sum_of(l, row->site, group);
    if (!sum) {
        l->failed = true; /* a part is no sum */
        return;
    }
    sum->blocks += row->blocks;
    sum->bytes += row->bytes;
    if (l->births && b->now_ns > row->birth_ns)
        sum->age_ms += (b->now_ns - row->birth_ns) / MS * row->blocks;
}

static void end_pass(struct block_sums *b)
{
    block_walk_free(b->pass);
    b->pass = NULL;
}

void block_sums_forget(struct block_sums *b)
{
    end_pass(b);
    b->known = b->final = false;
    b->next_ns = 0;
    b->last.n = 0;
    b->version++;
}

void block_sums_fini(struct block_sums *b)
{
    end_pass(b);
    list_fini(&b->last);
    list_fini(&b->next);
    *b = (struct block_sums){ .known = false };
}

void block_sums_want(struct block_sums *b, enum block_sums_by by)
{
    if (b->wanted == by)
        return;
    block_sums_forget(b);
    b->wanted = by;
}

static void finish(struct block_sums *b, const struct snapshot *s)
{
    struct block_sum_list old = b->last;
    uint64_t now = target_now(), rest = (now - b->begin_ns) * SHARE;
    end_pass(b);
    if (b->next.by == SUMS_BY_THREAD)
        name_threads(&b->next, s);
    else if (b->next.by == SUMS_BY_SIZE)
        name_sizes(&b->next);
    b->last = b->next;
    b->next = old;
    b->known = !b->last.failed;
    b->final = b->begun_final;
    b->version++;
    b->next_ns = now + (rest > PERIOD_NS ? rest : PERIOD_NS);
}

static bool is_wanted(const struct block_sums *b, const struct target *t)
{
    return b->wanted != SUMS_NONE && block_walk_possible(t) && t->filled &&
           !(t->ended && b->known && b->final);
}

bool block_sums_follow(struct block_sums *b, struct target *t, uint64_t now)
{
    if (t->ended && !b->ended)
        b->next_ns = now; /* nothing to spare it for any more */
    b->ended = t->ended;
    if (!is_wanted(b, t) || (!b->pass && now < b->next_ns))
        return false;
    if (!b->pass) {
        list_clear(&b->next, b->wanted, snapshot_has_births(&t->snapshot));
        b->begin_ns = now;
        b->begun_final = t->ended;
        b->next_ns = now + PERIOD_NS;
        b->now_ns = t->snapshot.target.wall_ns;
        b->pass = block_walk_new(t);
    }
    if (!b->pass || block_walk_step(b->pass, SLICE_MS, take, b) != READER_OK)
        return false;
    finish(b, &t->snapshot);
    return true;
}

uint64_t block_sums_due(const struct block_sums *b, const struct target *t)
{
    return !is_wanted(b, t) ? UINT64_MAX : b->pass ? 0 : b->next_ns;
}
