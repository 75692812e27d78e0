/* SPDX-License-Identifier: Apache-2.0 */
/* Live blocks of both kinds of targets; block_walk.h. */
#include "tui/view/block_walk.h"

#include <stdlib.h>

struct block_walk {
    struct block_pass *pass;  /* of a segment */
    struct archive *archive;  /* or a file */
    size_t index;
    uint64_t at;              /* where it goes on in the file */
};

bool block_walk_possible(const struct target *t)
{
    return t->archive ? archive_moment(t->archive, t->index)->blocks : t->reader != NULL;
}

struct block_walk *block_walk_new(struct target *t)
{
    struct block_walk *w = block_walk_possible(t) ? calloc(1, sizeof *w) : NULL;
    if (!w)
        return NULL;
    w->archive = t->archive;
    w->index = t->index;
    w->pass = t->archive ? NULL : reader_blocks_new(t->reader);
    if (w->archive || w->pass)
        return w;
    free(w);
    return NULL;
}

void block_walk_free(struct block_walk *w)
{
    if (w)
        reader_blocks_free(w->pass);
    free(w);
}

struct call {
    reader_block *each;
    void *data;
};

static void pass_on(void *data, const struct archive_block *b)
{
    const struct call *call = data;
    call->each(call->data, &(struct block_row){
                               .address = b->address, .size = b->size, .birth = b->birth,
                               .birth_ns = b->birth_ns, .site = b->site, .tid = b->tid,
                               .blocks = b->blocks, .bytes = b->bytes });
}

enum reader_status block_walk_step(struct block_walk *w, unsigned budget_ms, reader_block *each,
                                   void *data)
{
    struct call call = { .each = each, .data = data };
    if (w->pass)
        return reader_blocks_step(w->pass, budget_ms, each, data);
    uint64_t until = target_now() + (uint64_t)budget_ms * 1000000;
    int more;
    do
        more = archive_blocks_next(w->archive, w->index, &w->at, pass_on, &call);
    while (more > 0 && target_now() < until);
    return more > 0 ? READER_NOT_READY : READER_OK; /* of a damaged one, what can be read */
}
