/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the sites of a report in order, with their symbols at hand: asks for
 * a batch of names, waits once, then yields the batch's sites one by one.
 *
 *     struct batch b;
 *     if (batch_init(&b, r) != 0) return -1;
 *     for (const struct site_row *site; (site = batch_next(&b));)
 *         print(site, b.nodes, b.depth, batch_symbol(&b, b.nodes[0]));
 *     batch_fini(&b);
 */
#ifndef MEMTOP_TUI_REPORT_BATCH_H
#define MEMTOP_TUI_REPORT_BATCH_H

#include "tui/model/site_watch.h"
#include "tui/report/report.h"

struct batch {
    const struct report *report;
    uint32_t *order; /* sites by falling live bytes */
    size_t count;    /* how many will be yielded */
    size_t next;
    size_t named;    /* sites before this one have been asked for */
    size_t depth;    /* frames of the site just yielded, leaf first */
    uint32_t nodes[SEG_DEPTH_MAX];
    struct site_watch watch; /* verdicts, as far as the target's records go */
};

/* 0, or -1 without memory. batch_fini is due only after 0. */
int batch_init(struct batch *b, const struct report *r);
void batch_fini(struct batch *b);

/* The next site with its stack in b->nodes, NULL after the last. */
const struct site_row *batch_next(struct batch *b);

/* The name of one of b->nodes; NULL when there are no symbols. */
const struct symbol *batch_symbol(const struct batch *b, uint32_t node);

#endif
