/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of views: a new view is a file and a line here.
 */
#include "tui/view/view.h"

const struct view_ops *const view_table[VIEW_COUNT] = {
    &view_overview,
    &view_sites,
    &view_threads,
    &view_output,
    &view_marks,
    &view_blocks,
};
