/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passes over all live blocks for the shared selection.
 */
#include "tui/view/block_filter.h"

#include <stdio.h>
#include <string.h>

#include "tui/view/format.h"
#include "tui/view/histogram.h"

#define MS UINT64_C(1000000)
#define SLICE_MS 15
#define PERIOD_NS (1000 * MS)
#define SHARE 20            /* and after so many times what a pass took */
#define CLOCK_BLOCKS 1024u  /* ages are as of a clock that is read so often */

static void end_pass(struct block_filter *f)
{
    block_walk_free(f->pass);
    f->pass = NULL;
}

void block_filter_rest(struct block_filter *f)
{
    end_pass(f);
    f->next_ns = 0;
}

void block_filter_forget(struct block_filter *f)
{
    block_filter_rest(f);
    f->what = (struct choice){ .by_size = false };
    f->known = f->final = false;
    f->version++;
}

void block_filter_fini(struct block_filter *f)
{
    end_pass(f);
    chosen_fini(&f->sums);
    chosen_fini(&f->next);
    *f = (struct block_filter){ .known = false };
}

void block_filter_choose(struct block_filter *f, const struct choice *what)
{
    if (choice_equal(&f->what, what))
        return;
    block_filter_rest(f);
    f->what = *what;
    f->version++;
}

bool block_filter_on(const struct block_filter *f)
{
    return f && choice_any(&f->what);
}

bool block_filter_ready(const struct block_filter *f)
{
    return f->known && choice_equal(&f->what, &f->sums.what);
}

struct choice_sum block_filter_site(const struct block_filter *f, uint32_t site)
{
    return block_filter_ready(f) && site < f->sums.n_sites ? f->sums.sites[site]
                                                           : (struct choice_sum){ .blocks = 0 };
}

void block_filter_figures(const struct block_filter *f, struct site_figures *figures, size_t n)
{
    memset(figures, 0, n * sizeof *figures);
    for (size_t i = 0; i < n; i++) {
        struct choice_sum sum = block_filter_site(f, (uint32_t)i);
        figures[i].v[TREE_LIVE_BYTES] = (int64_t)sum.bytes;
        figures[i].v[TREE_LIVE_BLOCKS] = (int64_t)sum.blocks;
        figures[i].v[TREE_SAMPLES] = f->sums.estimated && sum.blocks;
    }
}

bool block_filter_short(const struct block_filter *f)
{
    return f && f->what.short_lived;
}

bool block_filter_short_site(const struct block_filter *f, const struct site_row *site)
{
    const struct choice *w = &f->what;
    if (!site->short_lived || !site->allocations)
        return false;
    uint64_t average = site->bytes_allocated / site->allocations;
    return !w->by_size || (average >= w->size_min && average <= w->size_max) ||
           block_filter_site(f, site->id).blocks;
}

/* ---- passes --------------------------------------------------------------------- */

/* The target's own time, which stands still when it has ended. */
static void read_clock(struct block_filter *f)
{
    uint64_t since = f->running ? target_now() - f->taken_ns : 0;
    f->now_ns = f->wall_ns + since;
    f->until_clock = CLOCK_BLOCKS;
}

static void take(void *data, const struct block_row *row)
{
    struct block_filter *f = data;
    if (f->until_clock-- == 0)
        read_clock(f);
    chosen_add(&f->next, &(struct choice_block){
                               .size = row->size, .site = row->site, .tid = row->tid,
                               .age_ns = f->now_ns > row->birth_ns ? f->now_ns - row->birth_ns : 0,
                               .blocks = row->blocks, .bytes = row->bytes });
}

static bool begin(struct block_filter *f, struct target *t, uint64_t now)
{
    f->begin_ns = now;
    f->begun_final = t->ended;
    f->next_ns = now + PERIOD_NS;
    if (chosen_begin(&f->next, &f->what, &t->snapshot))
        f->pass = block_walk_new(t);
    return f->pass != NULL;
}

static void finish(struct block_filter *f)
{
    struct chosen old = f->sums;
    uint64_t now = target_now(), rest = (now - f->begin_ns) * SHARE;
    f->sums = f->next;
    f->next = old;
    end_pass(f);
    f->known = true;
    f->final = f->begun_final;
    f->version++;
    f->next_ns = now + (rest > PERIOD_NS ? rest : PERIOD_NS);
}

static bool is_wanted(const struct block_filter *f, const struct target *t, bool shown)
{
    return shown && block_walk_possible(t) && t->filled &&
           !(t->ended && f->final && block_filter_ready(f));
}

bool block_filter_follow(struct block_filter *f, struct target *t, uint64_t now, bool shown)
{
    if (t->ended && f->running)
        f->next_ns = now; /* nothing to spare it for any more */
    if (!is_wanted(f, t, shown) || (!f->pass && (now < f->next_ns || !begin(f, t, now))))
        return false;
    f->wall_ns = t->snapshot.target.wall_ns;
    f->taken_ns = t->snapshot.taken_ns;
    f->running = !t->ended;
    read_clock(f);
    if (block_walk_step(f->pass, SLICE_MS, take, f) != READER_OK)
        return false;
    finish(f);
    return true;
}

uint64_t block_filter_due(const struct block_filter *f, const struct target *t, bool shown)
{
    return !is_wanted(f, t, shown) ? UINT64_MAX : f->pass ? 0 : f->next_ns;
}

/* ---- words ---------------------------------------------------------------------- */

static const char *thread_name(const struct snapshot *s, int tid)
{
    for (size_t i = 0; tid && i < s->n_threads; i++)
        if (s->threads[i].tid == tid)
            return s->threads[i].name;
    return "(ended)";
}

static void describe_age(const struct choice *w, char *out, size_t n)
{
    char from[24], below[24];
    format_duration(from, sizeof from, w->age_min_ns);
    format_duration(below, sizeof below, w->age_below_ns);
    if (w->age_below_ns == UINT64_MAX)
        snprintf(out, n, "older than %s", from);
    else if (w->age_min_ns == 0)
        snprintf(out, n, "younger than %s", below);
    else
        snprintf(out, n, "%s to %s old", from, below);
}

char *block_filter_describe(const struct block_filter *f, const struct snapshot *s, char *out,
                            size_t n)
{
    const struct choice *w = &f->what;
    struct histogram_group group = { .min = w->size_min, .max = w->size_max };
    char size[48] = "", age[64] = "", thread[64] = "", label[40];
    if (w->by_size)
        snprintf(size, sizeof size, "%s bytes", histogram_label(label, sizeof label, &group));
    if (w->by_age)
        describe_age(w, age, sizeof age);
    if (w->by_thread)
        snprintf(thread, sizeof thread, "thread %.32s", thread_name(s, w->tid));
    if (w->short_lived) {
        snprintf(out, n, "short-lived frees%s%s", *size ? " at sites of " : "", size);
        return out;
    }
    snprintf(out, n, "%s%s%s%s%s", size, *size && (*age || *thread) ? ", " : "", age,
             *age && *thread ? ", " : "", thread);
    return out;
}
