/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time cursor of a recording: which of its snapshots is shown.
 */
#include "tui/view/app_state.h"

static size_t index_after(const struct app *a, enum action action)
{
    const struct archive *f = a->target.archive;
    size_t now = a->target.index, last = archive_count(f) - 1;
    switch (action) {
    case ACTION_SNAPSHOT_BEFORE: return now ? now - 1 : 0;
    case ACTION_SNAPSHOT_AFTER: return now < last ? now + 1 : last;
    case ACTION_SNAPSHOT_FIRST: return 0;
    case ACTION_SNAPSHOT_PEAK: return archive_peak(f);
    default: return last;
    }
}

void app_step(struct app *a, enum action action)
{
    if (!a->target.archive)
        return;
    size_t before = a->target.index, index = index_after(a, action);
    if (index == before)
        app_notice(a, "that is the one which is shown");
    else if (!target_step(&a->target, index) && !target_step(&a->target, before))
        a->leaving = true;
    else if (a->target.index == before)
        app_notice(a, "snapshot %zu cannot be read", index + 1);
    a->blocks.known = a->filter.known = a->filter.final = a->growth.alive_known = false;
    block_sums_forget(&a->sums);
    a->dirty = true;
}
