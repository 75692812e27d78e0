/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the call tree is made from: figures of the sites now, at the peak, since a
 * mark, or of their live blocks by thread and size; and when it is made anew. All
 * that takes long is done in slices between other events.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tui/view/block_filter.h"
#include "tui/view/block_sums.h"
#include "tui/view/growth.h"
#include "tui/view/view_tree.h"

#define SLICE_MS 15
#define CATCH_UP_NS UINT64_C(20000000)
#define SHARE 20 /* a tree may cost one part in so many of the time to the next */
#define NAMES_NS UINT64_C(250000000)
#define NAMES_SHARE 10

/* ---- figures --------------------------------------------------------------------- */

static bool reserve(struct tree_view *v, size_t n)
{
    if (n <= v->capacity)
        return true;
    size_t capacity = n + n / 2 + 64;
    struct site_figures *figures = realloc(v->figures, capacity * sizeof *figures);
    if (figures)
        v->figures = figures;
    struct tree_part *parts = figures ? realloc(v->parts, capacity * sizeof *parts) : NULL;
    if (!parts)
        return false;
    v->parts = parts;
    v->capacity = capacity;
    return true;
}

const struct mark *view_tree_mark(const struct view_context *x)
{
    const struct growth *g = x->growth;
    for (size_t i = g ? g->n_marks : 0; i-- > 0;)
        if (g->marks[i]->counted && !g->marks[i]->foreign)
            return g->marks[i];
    return NULL;
}

bool view_tree_selects(const struct view_context *x)
{
    return block_filter_on(x->filter);
}

enum tree_about view_tree_about(const struct tree_view *v, const struct view_context *x)
{
    if (block_filter_short(x->filter))
        return ABOUT_SHORT;
    if (view_tree_selects(x) || v->grouping == GROUP_THREAD || v->grouping == GROUP_SIZE)
        return ABOUT_BLOCKS;
    if (x->growth && x->growth->mode != GROWTH_OFF)
        return ABOUT_GROWTH;
    return x->then ? ABOUT_THEN : v->peak ? ABOUT_PEAK : ABOUT_LIVE;
}

static void fill_since(struct tree_view *v, const struct mark *m, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int64_t *f = v->figures[i].v;
        const struct mark_figures *then = i < m->n_sites ? &m->sites[i] : NULL;
        f[TREE_GROWTH_BYTES] = f[TREE_LIVE_BYTES] - (then ? mark_live_bytes(then) : 0);
    }
}

static void fill_ages(struct tree_view *v, const struct block_sums *sums, size_t n)
{
    if (!sums || !sums->known || sums->last.by != SUMS_BY_SITE || !sums->last.births)
        return;
    for (size_t i = 0; i < sums->last.n; i++) {
        const struct block_sum *sum = &sums->last.sums[i];
        if (sum->site >= n)
            continue;
        v->figures[sum->site].v[TREE_AGE] = (int64_t)sum->age_ms;
        v->figures[sum->site].v[TREE_AGED] = (int64_t)sum->blocks;
    }
}

static void fill_live(struct tree_view *v, const struct view_context *x)
{
    const struct snapshot *s = x->snapshot;
    const struct mark *m = view_tree_mark(x);
    tree_figures(s, false, v->figures);
    for (size_t i = 0; i < s->n_sites; i++)
        v->figures[i].v[TREE_RATE] = (int64_t)(rate_table_get(x->site_rates, i) * 1000);
    if (m)
        fill_since(v, m, s->n_sites);
    fill_ages(v, x->sums, s->n_sites);
}

/* The end of the comparison is now, or a mark. */
static void fill_end(struct tree_view *v, const struct growth *g, const struct snapshot *s)
{
    tree_figures(s, false, v->figures);
    for (size_t i = 0; g->to && i < s->n_sites; i++) {
        const struct mark_figures none = { .allocations = 0 };
        const struct mark_figures *end =
            !g->to->foreign && i < g->to->n_sites ? &g->to->sites[i] : &none;
        v->figures[i] = (struct site_figures){ .v = {
            [TREE_LIVE_BYTES] = mark_live_bytes(end), [TREE_LIVE_BLOCKS] = mark_live_blocks(end),
            [TREE_ALLOCATIONS] = (int64_t)end->allocations,
        } };
    }
}

static void fill_growth(struct tree_view *v, const struct view_context *x)
{
    const struct growth *g = x->growth;
    size_t n = x->snapshot->n_sites;
    fill_end(v, g, x->snapshot);
    v->elsewhere = 0;
    for (size_t i = 0; g->figures && i < g->diff.n; i++) {
        const struct mark_growth *r = &g->diff.rows[i];
        if (r->site >= n) {
            v->elsewhere += r->live_bytes;
            continue;
        }
        int64_t *f = v->figures[r->site].v;
        f[TREE_GROWTH_BYTES] += r->live_bytes;
        f[TREE_GROWTH_BLOCKS] += r->live_blocks;
        f[TREE_SINCE_ALLOCATIONS] += r->allocations;
        f[TREE_SINCE_FREES] += r->frees;
    }
    for (size_t i = 0; g->alive_known && i < n && i < g->n_alive; i++)
        v->figures[i].v[TREE_ALIVE_BYTES] = (int64_t)g->alive[i].bytes;
}

static bool fill_blocks(struct tree_view *v, const struct block_sums *sums)
{
    size_t n = sums && sums->known ? sums->last.n : 0;
    if (!reserve(v, n))
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct block_sum *sum = &sums->last.sums[i];
        v->parts[i] = (struct tree_part){ .site = sum->site, .group = sum->group };
        v->figures[i] = (struct site_figures){ .v = {
            [TREE_LIVE_BYTES] = (int64_t)sum->bytes, [TREE_LIVE_BLOCKS] = (int64_t)sum->blocks,
            [TREE_AGE] = (int64_t)sum->age_ms,
            [TREE_AGED] = sums->last.births ? (int64_t)sum->blocks : 0,
        } };
    }
    v->from.parts = v->parts;
    v->from.n = n;
    return true;
}

/* The tree copies the names while the step goes on, so they must stay. */
static bool keep_names(struct tree_view *v, const struct block_sums *sums)
{
    size_t n = sums && sums->known ? sums->last.n_groups : 0;
    char(*names)[48] = realloc(v->group_names, (n + 1) * sizeof *names);
    if (names)
        v->group_names = names;
    const char **groups = realloc((void *)v->groups, (n + 1) * sizeof *groups);
    if (groups)
        v->groups = groups;
    if (!names || !groups)
        return false;
    for (size_t i = 0; i < n; i++) {
        memcpy(names[i], sums->last.names[i], sizeof *names);
        groups[i] = names[i];
    }
    v->from.groups = groups;
    v->from.n_groups = n;
    return true;
}

static bool fill_selected(struct tree_view *v, const struct view_context *x)
{
    v->from.n = x->snapshot->n_sites;
    if (!reserve(v, v->from.n))
        return false;
    block_filter_figures(x->filter, v->figures, v->from.n);
    return true;
}

/* All figures of the sites that have such blocks. */
static void fill_short(struct tree_view *v, const struct view_context *x)
{
    fill_live(v, x);
    for (size_t i = 0; i < x->snapshot->n_sites; i++)
        if (!block_filter_short_site(x->filter, &x->snapshot->sites[i]))
            memset(&v->figures[i], 0, sizeof v->figures[i]);
}

/* What is recorded of a second: its largest sites. */
static void fill_then(struct tree_view *v, const struct view_context *x)
{
    const struct snapshot *s = x->snapshot;
    memset(v->figures, 0, s->n_sites * sizeof *v->figures);
    for (unsigned i = 0; x->then && i < x->then->n_top; i++) {
        const struct seg_second_site *top = &x->then->top[i];
        if (top->site >= s->n_sites)
            continue;
        int64_t *f = v->figures[top->site].v;
        f[TREE_LIVE_BYTES] = top->live_bytes;
        f[TREE_LIVE_BLOCKS] = top->live_blocks;
        f[TREE_GROWTH_BYTES] = s->sites[top->site].live_bytes - top->live_bytes;
        f[TREE_SAMPLES] = x->then->tier == SEG_TIER_SAMPLED;
    }
}

static bool fill(struct tree_view *v, const struct view_context *x)
{
    if (view_tree_selects(x) && v->about != ABOUT_SHORT)
        return fill_selected(v, x);
    if (v->about == ABOUT_BLOCKS)
        return fill_blocks(v, x->sums) && keep_names(v, x->sums);
    if (!reserve(v, x->snapshot->n_sites))
        return false;
    v->from.n = x->snapshot->n_sites;
    if (v->about == ABOUT_GROWTH)
        fill_growth(v, x);
    else if (v->about == ABOUT_THEN)
        fill_then(v, x);
    else if (v->about == ABOUT_SHORT)
        fill_short(v, x);
    else
        fill_live(v, x);
    return true;
}

/* ---- when ------------------------------------------------------------------------ */

static unsigned sums_version(const struct view_context *x)
{
    return view_tree_selects(x) ? x->filter->version : x->sums ? x->sums->version : 0;
}

static uint64_t then_of(const struct view_context *x)
{
    return x->then ? x->then->second : UINT64_MAX;
}

static bool has_news(const struct tree_view *v, const struct view_context *x)
{
    if (v->about == ABOUT_BLOCKS)
        return v->sums_version != sums_version(x);
    if (v->about == ABOUT_GROWTH)
        return v->growth_version != x->growth->version;
    if (v->about == ABOUT_SHORT && v->sums_version != sums_version(x))
        return true;
    return v->version != x->sites_version || v->then != then_of(x);
}

static bool has_names(const struct tree_view *v, const struct view_context *x)
{
    return v->names != x->names_version;
}

/* Which sums over the live blocks are wanted for what is shown. */
static void want_sums(const struct tree_view *v, const struct view_context *x)
{
    if (x->sums)
        block_sums_want(x->sums, view_tree_selects(x) ? SUMS_NONE
                                 : v->grouping == GROUP_THREAD ? SUMS_BY_THREAD
                                 : v->grouping == GROUP_SIZE ? SUMS_BY_SIZE
                                 : v->shows_age && view_tree_about(v, x) == ABOUT_LIVE
                                       ? SUMS_BY_SITE : SUMS_NONE);
}

uint64_t view_tree_due(const void *state, const struct view_context *x)
{
    const struct tree_view *v = state;
    if (!v->tree)
        return UINT64_MAX;
    if (v->busy || v->stale || view_tree_about(v, x) != v->about ||
        view_tree_selects(x) != v->selects)
        return 0;
    uint64_t news = has_news(v, x) ? v->next_ns : UINT64_MAX;
    uint64_t names = has_names(v, x) ? v->next_names_ns : UINT64_MAX;
    return news < names ? news : names;
}

/* ---- making it ------------------------------------------------------------------- */

/* Each thing that figures are about is sorted in its own way. */
static void change_about(struct tree_view *v, enum tree_about about)
{
    v->orders[v->about].sort = v->table.sort;
    v->orders[v->about].reverse = v->table.reverse;
    v->about = about;
    v->table.sort = v->orders[about].sort;
    v->table.reverse = v->orders[about].reverse;
    if (about == ABOUT_GROWTH) { /* who asks what grew wants to see the way there */
        v->touched = v->chosen = false;
        v->table.cursor = v->table.top = 0;
    }
}

static void begin(struct tree_view *v, const struct view_context *x, uint64_t now)
{
    struct tree_options *o = tree_options(v->tree);
    if (view_tree_about(v, x) != v->about)
        change_about(v, view_tree_about(v, x));
    v->renames = has_names(v, x) && now >= v->next_names_ns;
    if (v->renames)
        v->names = x->names_version;
    v->from = (struct tree_source){ .snapshot = x->snapshot, .symbols = x->symbols,
                                    .names_version = v->names };
    v->failed = !fill(v, x);
    v->from.figures = v->figures;
    o->by_module = v->grouping == GROUP_MODULE;
    o->changed = v->about == ABOUT_GROWTH;
    if (!v->touched) /* the first thing to see is the way to the largest */
        tree_open_hottest(v->tree, TREE_FIRST_ROW);
    o->sort = view_tree_sort(v);
    o->reverse = v->table.reverse;
    v->version = x->sites_version;
    v->growth_version = x->growth ? x->growth->version : 0;
    v->sums_version = sums_version(x);
    v->then = then_of(x);
    v->reader = x->snapshot->cached_reader;
    v->selects = view_tree_selects(x);
    v->unsorted |= v->stale; /* until the end of what begins here */
    v->stale = false;
    v->busy = !v->failed;
    v->spent_ns = 0;
}

/* The cursor stays with its row; where that is gone, with its place. */
static void follow_chosen(struct tree_view *v)
{
    uint64_t renamed = v->node ? tree_key_of_node(v->tree, v->node) : 0;
    size_t i = 0, n = v->table.n_rows = tree_count(v->tree);
    if (!v->chosen)
        return;
    while (i < n && tree_row(v->tree, i)->key != v->key)
        i++;
    for (size_t k = 0; i == n && renamed && k < n; k++)
        if (tree_row(v->tree, k)->key == renamed)
            i = k;
    if (i < n)
        v->table.cursor = i;
}

static void end(struct tree_view *v, int result)
{
    uint64_t now = target_now();
    v->busy = false;
    v->failed = result < 0;
    v->unsorted = false;
    if (v->next_ns < now + v->spent_ns * SHARE)
        v->next_ns = now + v->spent_ns * SHARE;
    if (v->renames) /* it cost the most */
        v->next_names_ns = now + (v->spent_ns * NAMES_SHARE > NAMES_NS
                                      ? v->spent_ns * NAMES_SHARE : NAMES_NS);
    follow_chosen(v);
}

/* What it costs is its own time, however busy the machine is. */
static uint64_t cpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

bool view_tree_work(void *state, const struct view_context *x, uint64_t now)
{
    struct tree_view *v = state;
    if (!v->tree)
        return false;
    want_sums(v, x);
    if (v->busy && v->reader != x->snapshot->cached_reader) {
        tree_stop(v->tree);
        v->busy = false;
        v->stale = true;
    }
    if (!v->busy && view_tree_due(v, x) > now)
        return false;
    uint64_t began = cpu_now();
    if (!v->busy)
        begin(v, x, now);
    unsigned before = tree_progress(v->tree);
    int result = v->failed ? -1 : tree_step(v->tree, &v->from, SLICE_MS);
    v->spent_ns += cpu_now() - began;
    if (result != 1)
        end(v, result);
    return result != 1 || tree_progress(v->tree) != before;
}

void view_tree_sort_rows(struct tree_view *v)
{
    struct tree_options *o = tree_options(v->tree);
    if (!v->unsorted)
        return;
    o->sort = view_tree_sort(v);
    o->reverse = v->table.reverse;
    if (v->busy || v->stale)
        return; /* they come with what is under way */
    uint64_t began = cpu_now();
    int result = tree_show(v->tree, SLICE_MS);
    v->busy = true;
    v->renames = false;
    v->spent_ns = cpu_now() - began;
    if (result != 1)
        end(v, result);
}

bool view_tree_catch_up(struct tree_view *v, const struct view_context *x)
{
    uint64_t now = target_now(), until = now + CATCH_UP_NS;
    view_tree_sort_rows(v);
    while ((v->stale || (v->busy && v->unsorted)) && !v->failed && now < until) {
        view_tree_work(v, x, now);
        view_tree_sort_rows(v);
        now = target_now();
    }
    return !v->stale && !v->unsorted;
}
