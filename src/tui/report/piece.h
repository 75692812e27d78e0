/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pieces that the JSON of reports, diffs and budgets is made of, with jansson.
 * Each is built, written and let go, so that memory does not grow with the sites.
 */
#ifndef MEMTOP_TUI_REPORT_PIECE_H
#define MEMTOP_TUI_REPORT_PIECE_H

#include <jansson.h>

#include "tui/model/tree.h"
#include "tui/report/batch.h"

/* Text of any origin; null for NULL or without memory. */
json_t *piece_text(const char *s);
json_t *piece_number(uint64_t n); /* at most INT64_MAX */
json_t *piece_seconds(uint64_t ns);
void piece_set_number(json_t *object, const char *key, uint64_t n);
void piece_set_signed(json_t *object, const char *key, int64_t n);

/* All figures of a vector that have a name, under it; but for short-lived frees, which
 * not every snapshot knows: those of one with such totals. */
void piece_set_figures(json_t *object, const int64_t v[TREE_FIGURES]);
void piece_set_short(json_t *object, const struct totals *t, uint64_t n);

/* Write a piece and let it go. -1: it could not be built or printed. */
int piece_put(FILE *out, json_t *piece);

/* The frames of the site that the batch yielded last, leaf first. */
json_t *piece_stack(const struct batch *b);

/* The rows of a tree as an object, a row a line. totals: of its snapshot; NULL where
 * rows are of two. 0, or -1. */
int piece_tree(FILE *out, const struct tree *t, enum tree_mode mode, size_t top, int sort,
              bool one_line, bool cut, const struct totals *totals);

/* "standard", "inverted", "flat". */
const char *piece_tree_mode(enum tree_mode mode);

#endif
