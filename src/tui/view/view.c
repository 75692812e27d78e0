/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of views: a new view is a file and a line here.
 */
#include "tui/view/view.h"

const struct view_ops *const view_table[VIEW_COUNT] = {
    &view_overview,
    &view_tree,
    &view_sites,
    &view_blocks,
    &view_sizes,
    &view_threads,
    &view_time,
    &view_marks,
    &view_output,
};

const char *view_waits(const struct view_context *x, const char *otherwise)
{
    return x->paused ? "held, so that no blocks are read: p lets it go on" : otherwise;
}

int view_index(const struct view_ops *view)
{
    int i = 0;
    while (i < VIEW_COUNT - 1 && view_table[i] != view)
        i++;
    return i;
}
