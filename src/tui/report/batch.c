/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order and the naming of a report's sites. Called by both reports.
 */
#include "tui/report/batch.h"

#include <stdlib.h>
#include <string.h>

#include "tui/report/forms.h"

/* Enough to keep the symbol worker busy, small against the answers' memory. */
#define BATCH_SITES 256

int batch_init(struct batch *b, const struct report *r)
{
    const struct snapshot *s = r->snapshot;
    *b = (struct batch){ .report = r };
    b->order = calloc(s->n_sites ? s->n_sites : 1, sizeof *b->order);
    if (!b->order)
        return -1;
    if (r->forms) {
        b->count = r->forms->selection.n;
        memcpy(b->order, r->forms->selection.order, b->count * sizeof *b->order);
    } else {
        b->count = snapshot_sites_by_live(s, b->order);
    }
    if (b->count > r->top)
        b->count = r->top;
    site_watch_add(&b->watch, s);
    return 0;
}

void batch_fini(struct batch *b)
{
    site_watch_fini(&b->watch);
    free(b->order);
    b->order = NULL;
}

/* Ask for all names of the next batch, then wait for them together. */
static void name_ahead(struct batch *b)
{
    const struct report *r = b->report;
    size_t end = b->named + BATCH_SITES < b->count ? b->named + BATCH_SITES : b->count;
    for (; b->named < end; b->named++) {
        size_t n = snapshot_stack(r->snapshot, b->order[b->named], b->nodes);
        for (size_t i = 0; i < n; i++)
            symbols_lookup(r->symbols, r->snapshot, b->nodes[i]);
    }
    symbols_wait(r->symbols);
}

const struct site_row *batch_next(struct batch *b)
{
    if (b->next >= b->count)
        return NULL;
    if (b->report->symbols && b->next == b->named)
        name_ahead(b);
    uint32_t site = b->order[b->next++];
    b->depth = snapshot_stack(b->report->snapshot, site, b->nodes);
    return &b->report->snapshot->sites[site];
}

const struct symbol *batch_symbol(const struct batch *b, uint32_t node)
{
    const struct report *r = b->report;
    return r->symbols ? symbols_lookup(r->symbols, r->snapshot, node) : NULL;
}
