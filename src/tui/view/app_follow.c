/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes on between events: marks and their comparison, and what only the view
 * in front wants to be read, summed or worked at. All of it in slices.
 */
#include "tui/view/app_state.h"

#define TURN_NS UINT64_C(10000000) /* what takes longer has a turn of the loop to itself */
#define WRITER_NS UINT64_C(50000000) /* from look to look whether a file is written */

bool app_reads_sites(const struct app *a)
{
    return view_table[a->current]->reads & VIEW_READS_SITES;
}

/* While held, the picture is that of a moment. */
static bool reads(const struct app *a, enum view_reads what)
{
    return !a->paused && view_table[a->current]->reads & what;
}

static bool shows_filter(const struct app *a)
{
    return reads(a, VIEW_READS_SELECTED) ||
           (choice_of_live(&a->filter.what) && reads(a, VIEW_READS_FILTER));
}

static bool work(struct app *a, uint64_t now)
{
    const struct view_ops *ops = view_table[a->current];
    struct view_context x;
    if (!a->target.filled || !ops->work)
        return false;
    app_context(a, &x);
    return ops->work(a->states[a->current], &x, now);
}

static bool follow_growth(struct app *a, uint64_t now)
{
    return growth_follow(&a->growth, &a->target, now, reads(a, VIEW_READS_GROWTH));
}

static bool follow_blocks(struct app *a, uint64_t now)
{
    return reads(a, VIEW_READS_BLOCKS) && block_list_follow(&a->blocks, &a->target, now);
}

static bool follow_sums(struct app *a, uint64_t now)
{
    return reads(a, VIEW_READS_SUMS) && block_sums_follow(&a->sums, &a->target, now);
}

static bool follow_filter(struct app *a, uint64_t now)
{
    return block_filter_follow(&a->filter, &a->target, now, shows_filter(a));
}

/* One that has used up the turn lets the others go first the next time. */
void app_follow(struct app *a, uint64_t now)
{
    static bool (*const jobs[])(struct app *, uint64_t) = {
        follow_growth, follow_blocks, follow_sums, follow_filter, work,
    };
    const unsigned n_jobs = sizeof jobs / sizeof *jobs;
    const struct choice all = { .by_size = false }; /* freed ones cannot be listed */
    uint64_t until = target_now() + TURN_NS;
    app_follow_writer(a);
    block_list_only(&a->blocks, block_filter_short(&a->filter) ? &all : &a->filter.what);
    for (unsigned i = 0; i < n_jobs && target_now() < until; i++) {
        a->dirty |= jobs[a->job](a, now);
        a->job = (a->job + 1) % n_jobs;
    }
    if (a->growth.message[0])
        app_notice(a, "%s", a->growth.message);
    a->growth.message[0] = '\0';
    if (view_table[a->current] == &view_tree)
        app_act(a, view_tree_late(a->states[a->current]));
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t app_follow_due(struct app *a)
{
    const struct view_ops *ops = view_table[a->current];
    struct view_context x;
    if (a->picking)
        return UINT64_MAX;
    uint64_t when = growth_due(&a->growth, &a->target, reads(a, VIEW_READS_GROWTH));
    if (reads(a, VIEW_READS_BLOCKS))
        when = earlier(when, block_list_due(&a->blocks, &a->target));
    if (reads(a, VIEW_READS_SUMS))
        when = earlier(when, block_sums_due(&a->sums, &a->target));
    when = earlier(when, block_filter_due(&a->filter, &a->target, shows_filter(a)));
    if (a->writer)
        when = earlier(when, target_now() + WRITER_NS);
    app_context(a, &x);
    if (a->target.filled && ops->due)
        when = earlier(when, ops->due(a->states[a->current], &x));
    return when;
}
