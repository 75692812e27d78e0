/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking marks and comparing them. Called by the event loop.
 */
#include "tui/model/mark.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tui/model/printable.h"


/* ---- marks -------------------------------------------------------------------- */

static uint64_t realtime_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void mark_rename(struct mark *m, const char *name)
{
    printable_copy(m->name, sizeof m->name, name, strlen(name));
}

static struct mark_figures figures_of(const struct site_row *r)
{
    return (struct mark_figures){ .allocations = r->allocations, .frees = r->frees,
                                  .bytes_allocated = r->bytes_allocated,
                                  .bytes_freed = r->bytes_freed };
}

static struct mark_figures totals_of(const struct snapshot *s)
{
    const struct totals *t = &s->totals;
    return (struct mark_figures){ .allocations = t->allocations,
                                  .frees = t->allocations - (uint64_t)t->live_blocks,
                                  .bytes_allocated = t->bytes_allocated,
                                  .bytes_freed = t->bytes_allocated - (uint64_t)t->live_bytes };
}

struct mark *mark_take(const struct snapshot *s, const char *name)
{
    struct mark *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    *m = (struct mark){
        .realtime_ns = realtime_ns(), .wall_ns = s->target.wall_ns, .stamp = s->stamp,
        .counted = true, .estimated = s->totals.estimated, .tier = s->target.tier,
        .totals = totals_of(s), .n_sites = s->n_sites,
        .sites = malloc((s->n_sites + 1) * sizeof *m->sites),
    };
    if (!m->sites) {
        free(m);
        return NULL;
    }
    for (size_t i = 0; i < s->n_sites; i++)
        m->sites[i] = figures_of(&s->sites[i]);
    mark_rename(m, name);
    return m;
}

struct mark *mark_of_event(const struct snapshot *s, const struct mark_event *e)
{
    struct mark *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    *m = (struct mark){ .number = e->number, .wall_ns = e->ns, .stamp = e->stamp,
                        .realtime_ns = s->target.start_realtime_ns + e->ns,
                        .tier = s->target.tier };
    mark_rename(m, e->name);
    return m;
}

void mark_free(struct mark *m)
{
    if (!m)
        return;
    free(m->sites);
    free(m->keys);
    free(m);
}

/* ---- differences ---------------------------------------------------------------- */

static struct mark_growth subtract(const struct mark_figures *a, const struct mark_figures *b)
{
    bool was = a->allocations != 0, is = b->allocations != 0;
    /* Unsigned, because what a file or a target says may overflow. */
    return (struct mark_growth){
        .site = MARK_NO_SITE,
        .key = STACK_BOOK_NONE,
        .change = !was && is ? MARK_NEW
                : (was && !is) || (mark_live_blocks(a) > 0 && mark_live_blocks(b) == 0)
                    ? MARK_VANISHED : MARK_SAME,
        .allocations = (int64_t)(b->allocations - a->allocations),
        .frees = (int64_t)(b->frees - a->frees),
        .bytes_allocated = (int64_t)(b->bytes_allocated - a->bytes_allocated),
        .live_bytes = (int64_t)((uint64_t)mark_live_bytes(b) - (uint64_t)mark_live_bytes(a)),
        .live_blocks = (int64_t)((uint64_t)mark_live_blocks(b) - (uint64_t)mark_live_blocks(a)),
    };
}

static bool reserve(struct mark_diff *d, size_t n)
{
    if (n > d->capacity) {
        struct mark_growth *rows = realloc(d->rows, (n + n / 4 + 16) * sizeof *rows);
        if (!rows)
            return false;
        d->rows = rows;
        d->capacity = n + n / 4 + 16;
    }
    d->n = n;
    return true;
}

void mark_diff_fini(struct mark_diff *d)
{
    free(d->rows);
    *d = (struct mark_diff){ .n = 0 };
}

/* A side of a comparison. */
static size_t side_sites(const struct mark *m, const struct snapshot *s)
{
    return m ? m->n_sites : s->n_sites;
}

static struct mark_figures side_figures(const struct mark *m, const struct snapshot *s,
                                        size_t site)
{
    if (site >= side_sites(m, s))
        return (struct mark_figures){ .allocations = 0 };
    return m ? m->sites[site] : figures_of(&s->sites[site]);
}

static bool diff_sites(const struct mark *from, const struct mark *to, const struct snapshot *s,
                       struct mark_diff *out)
{
    size_t a = side_sites(from, s), b = side_sites(to, s);
    if (!reserve(out, a > b ? a : b))
        return false;
    for (size_t i = 0; i < out->n; i++) {
        struct mark_figures x = side_figures(from, s, i), y = side_figures(to, s, i);
        out->rows[i] = subtract(&x, &y);
        out->rows[i].site = (uint32_t)i;
    }
    return true;
}

/* ---- by the text of stacks -------------------------------------------------------- */

static void add_side(const struct mark *m, const struct snapshot *s,
                     const struct stack_book *book, struct mark_figures *sums)
{
    for (size_t i = 0; i < side_sites(m, s); i++) {
        struct mark_figures f = side_figures(m, s, i);
        uint32_t key = m && m->foreign ? m->keys[i] : stack_book_site(book, i);
        if (key >= book->n)
            continue; /* not named yet */
        sums[key].allocations += f.allocations;
        sums[key].frees += f.frees;
        sums[key].bytes_allocated += f.bytes_allocated;
        sums[key].bytes_freed += f.bytes_freed;
    }
}

/* The first site of this run that reads like this. */
static void find_sites(const struct snapshot *s, const struct stack_book *book,
                       struct mark_diff *out)
{
    for (size_t i = s->n_sites; i-- > 0;) {
        uint32_t key = stack_book_site(book, i);
        if (key < out->n)
            out->rows[key].site = (uint32_t)i;
    }
}

static bool diff_keys(const struct mark *from, const struct mark *to, const struct snapshot *s,
                      const struct stack_book *book, struct mark_diff *out)
{
    struct mark_figures *sums = calloc(2 * book->n + 1, sizeof *sums);
    if (!sums || !reserve(out, book->n)) {
        free(sums);
        return false;
    }
    add_side(from, s, book, sums);
    add_side(to, s, book, sums + book->n);
    for (size_t i = 0; i < out->n; i++) {
        out->rows[i] = subtract(&sums[i], &sums[book->n + i]);
        out->rows[i].key = (uint32_t)i;
    }
    find_sites(s, book, out);
    free(sums);
    return true;
}

bool mark_diff(const struct mark *from, const struct mark *to, const struct snapshot *s,
               const struct stack_book *book, struct mark_diff *out)
{
    struct mark_figures now = totals_of(s);
    out->by_key = from->foreign || (to && to->foreign);
    out->n = 0;
    out->totals = subtract(&from->totals, to ? &to->totals : &now);
    return out->by_key ? diff_keys(from, to, s, book, out) : diff_sites(from, to, s, out);
}
