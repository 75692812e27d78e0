/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks and frames in text reports: a line each, cut to the width, with names of
 * foreign origin made safe. Called by all that print stacks.
 */
#ifndef MEMTOP_TUI_REPORT_TEXT_STACK_H
#define MEMTOP_TUI_REPORT_TEXT_STACK_H

#include "tui/report/batch.h"

#define TEXT_STACK_FRAMES 12 /* printed for each site */

/* "function (file.c:12, module)" in at most `room` columns, which are at least
 * 20; a long function loses its end, so that the place stays in view. file and
 * module may be NULL. Returns out, of `size` bytes. */
char *text_frame(char *out, size_t size, size_t room, const struct symbol_frame *f,
                 const char *module);

/* The stack of the site that the batch yielded last, leaf first, without the
 * plumbing between the code that wants memory and malloc. */
void text_stack(FILE *out, const struct batch *b);

/* How wide the text of a report may be. */
static inline unsigned text_columns(const struct report *r)
{
    return r->columns ? r->columns : REPORT_COLUMNS;
}

#endif
