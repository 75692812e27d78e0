/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks that the target set; see copy.h. There are none in a segment of an
 * earlier agent. The ring is read twice: what changes meanwhile waits.
 */
#include <stdlib.h>
#include <string.h>

#include "tui/reader/copy.h"

bool copy_marks_known(const struct seg_header *h)
{
    return h->header_bytes >= offsetof(struct seg_header, mark_request) +
                                  sizeof h->mark_request;
}

uint64_t copy_stamp(const struct copy *c, uint64_t ticks)
{
    uint32_t shift = c->file.header.clock_shift_birth;
    return (shift < 64 ? ticks >> shift : 0) & ((UINT64_C(1) << SEG_BLOCK_BIRTH_BITS) - 1);
}

static int compare(const void *a, const void *b)
{
    const struct mark_event *x = a, *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static struct mark_event make_event(const struct copy *c, const struct seg_mark *m)
{
    struct mark_event e = {
        .number = m->number,
        .stamp = copy_stamp(c, m->ticks),
        .ns = clock_ns(&c->clock, m->ticks),
    };
    text_copy(e.name, sizeof e.name, m->name, sizeof m->name);
    return e;
}

static enum reader_status read_ring(struct copy *c, struct snapshot *s)
{
    struct section at = file_section(&c->file, SEG_MARKS);
    size_t n = (size_t)at.count, bytes = n * sizeof(struct seg_mark);
    struct seg_mark *ring = buffer_reserve(&c->scratch, 2 * bytes), *again = ring + n;
    if (!ring || !array_reserve((void **)&s->marks, &s->cap_marks, n, sizeof *s->marks))
        return READER_NO_MEMORY;
    file_read(&c->file, at.offset, ring, bytes);
    file_read(&c->file, at.offset, again, bytes);
    for (size_t i = 0; i < n; i++)
        if (ring[i].number && (ring[i].number - 1) % SEG_MARKS_SLOTS == i &&
            memcmp(&ring[i], &again[i], sizeof *ring) == 0)
            s->marks[s->n_marks++] = make_event(c, &ring[i]);
    qsort(s->marks, s->n_marks, sizeof *s->marks, compare);
    return READER_OK;
}

enum reader_status copy_marks(struct copy *c, struct snapshot *s)
{
    const struct seg_header *h = &c->file.header;
    bool known = copy_marks_known(h);
    s->n_marks = 0;
    s->stamp = copy_stamp(c, c->clock.now_ticks);
    s->mark_pending = known && h->mark_sequence != h->mark_request.sequence;
    return known && h->marks ? read_ring(c, s) : READER_OK;
}
