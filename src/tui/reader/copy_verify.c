/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first stacks that verification found wrong; see copy.h. There are none
 * in a segment of an earlier agent.
 */
#include "tui/reader/copy.h"

static void fill_example(struct verify_example *e, const struct seg_mismatch *m)
{
    e->tid = m->tid;
    e->site = m->site;
    for (unsigned who = 0; who < SEG_WITNESS_COUNT; who++) {
        e->depth[who] = m->depth[who] <= SEG_DEPTH_MAX ? m->depth[who] : 0;
        for (uint32_t i = 0; i < e->depth[who]; i++)
            e->pcs[who][i] = m->pcs[who][i] & SEG_PC_MASK;
    }
}

enum reader_status copy_verify(struct copy *c, struct snapshot *s)
{
    struct section at = file_section(&c->file, SEG_MISMATCHES);
    size_t n = s->verify.mismatches ? (size_t)at.count : 0, element = (size_t)at.element;
    s->n_examples = 0;
    if (n == 0)
        return READER_OK;
    const char *raw = buffer_reserve(&c->scratch, n * element);
    if (!raw || !array_reserve((void **)&s->examples, &s->cap_examples, n, sizeof *s->examples))
        return READER_NO_MEMORY;
    file_read(&c->file, at.offset, c->scratch.data, n * element);
    for (size_t i = 0; i < n; i++) {
        const struct seg_mismatch *m = (const void *)(raw + i * element);
        if (m->complete)
            fill_example(&s->examples[s->n_examples++], m);
    }
    return READER_OK;
}
