/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call trees in text reports: a row a line, figures before names, names indented
 * by depth. Called by the text report and the text of diffs.
 */
#ifndef MEMTOP_TUI_REPORT_TEXT_TREE_H
#define MEMTOP_TUI_REPORT_TEXT_TREE_H

#include "tui/model/tree.h"
#include "tui/report/report.h"

/* The tree of r->forms. 0, or -1 without memory. */
int text_tree(FILE *out, const struct report *r);

/* How rows of a tree are printed. */
struct text_tree_how {
    int sort;         /* the figure of the first column */
    size_t top;       /* rows */
    unsigned columns; /* of the terminal */
    bool is_signed;   /* of growth: a + before what is more */
    bool cut;         /* the tree has rows that were never made */
};

/* The rows of any tree. 0, or -1 without memory. */
int text_tree_rows(FILE *out, const struct tree *t, const struct text_tree_how *how);

#endif
