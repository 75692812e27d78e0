/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live blocks of one site; see block_list.h.
 */
#include "tui/view/block_list.h"

#include <errno.h>
#include <stdlib.h>

#define MS UINT64_C(1000000)
#define SLICE_MS 15
#define PERIOD_NS (1000 * MS)
#define SHARE 20 /* and after so many times what it took */

void block_list_forget(struct block_list *b)
{
    block_walk_free(b->pass);
    b->pass = NULL;
    b->reader = NULL;
    b->wanted = b->known = b->final = false;
    b->rows.n = 0;
    b->version++;
}

void block_list_fini(struct block_list *b)
{
    block_list_forget(b);
    free(b->rows.rows);
    free(b->next.rows);
    site_set_fini(&b->set);
    *b = (struct block_list){ .site = 0 };
}

static void begin_anew(struct block_list *b, uint64_t since, uint64_t until)
{
    const struct reader *reader = b->reader;
    block_list_forget(b);
    b->reader = reader;
    b->since = since;
    b->until = until;
    b->wanted = true;
    b->next_ns = 0;
}

void block_list_choose(struct block_list *b, uint32_t site, uint64_t since, uint64_t until)
{
    if (b->wanted && !b->set.count && b->site == site && b->since == since && b->until == until)
        return;
    site_set_fini(&b->set);
    b->site = site;
    begin_anew(b, since, until);
}

void block_list_choose_set(struct block_list *b, const struct site_set *set, uint64_t since,
                           uint64_t until)
{
    if (!site_set_copy(&b->set, set))
        return;
    b->site = set->largest;
    begin_anew(b, since, until);
}

void block_list_births(struct block_list *b, uint64_t since, uint64_t until)
{
    if (b->wanted && (b->since != since || b->until != until))
        begin_anew(b, since, until);
}

void block_list_only(struct block_list *b, const struct choice *what)
{
    if (choice_equal(&b->what, what))
        return;
    b->what = *what;
    if (b->wanted)
        begin_anew(b, b->since, b->until);
}

static bool is_meant(const struct block_list *b, const struct block_row *row)
{
    bool chosen = b->set.count ? site_set_has(&b->set, row->site) : row->site == b->site;
    struct choice_block block = {
        .size = row->size, .tid = row->tid,
        .age_ns = b->now_ns > row->birth_ns ? b->now_ns - row->birth_ns : 0,
    };
    return chosen && row->birth >= b->since && row->birth < b->until &&
           choice_takes(&b->what, &block);
}

static void take(void *data, const struct block_row *row)
{
    struct block_list *b = data;
    struct block_rows *r = &b->next;
    if (!is_meant(b, row))
        return;
    r->blocks += row->blocks;
    r->bytes += row->bytes;
    if (r->n == r->capacity && r->n < BLOCK_LIST_MOST) {
        size_t capacity = r->capacity ? r->capacity * 2 : 256;
        struct block_row *rows = realloc(r->rows, capacity * sizeof *rows);
        if (!rows)
            return;
        r->rows = rows;
        r->capacity = capacity;
    }
    if (r->n < r->capacity)
        r->rows[r->n++] = *row;
}

static bool begin(struct block_list *b, struct target *t, uint64_t now)
{
    b->next.n = 0;
    b->next.blocks = b->next.bytes = 0;
    b->begin_ns = now;
    b->begun_final = t->ended;
    b->next_ns = now + PERIOD_NS;
    b->pass = block_walk_new(t);
    return b->pass != NULL;
}

static void finish(struct block_list *b)
{
    struct block_rows old = b->rows;
    uint64_t now = target_now(), rest = (now - b->begin_ns) * SHARE;
    b->rows = b->next;
    b->next = old;
    block_walk_free(b->pass);
    b->pass = NULL;
    b->known = true;
    b->final = b->begun_final;
    b->version++;
    b->next_ns = now + (rest > PERIOD_NS ? rest : PERIOD_NS);
}

/* After the end one pass more is made, and that is the last. */
static bool is_over(const struct block_list *b, const struct target *t)
{
    return t->ended && b->known && b->final;
}

bool block_list_follow(struct block_list *b, struct target *t, uint64_t now)
{
    b->reader = t->reader;
    if (t->ended && !b->ended)
        b->next_ns = now; /* nothing to spare it for any more */
    b->ended = t->ended;
    b->from_file = t->archive != NULL;
    b->absent = !block_walk_possible(t);
    if (!b->wanted || b->absent || !t->filled || is_over(b, t) ||
        (!b->pass && now < b->next_ns))
        return false;
    if (!b->pass && !begin(b, t, now))
        return false;
    b->now_ns = t->snapshot.target.wall_ns + (t->ended ? 0 : now - t->snapshot.taken_ns);
    if (block_walk_step(b->pass, SLICE_MS, take, b) != READER_OK)
        return false;
    finish(b);
    return true;
}

uint64_t block_list_due(const struct block_list *b, const struct target *t)
{
    if (!b->wanted || !block_walk_possible(t) || !t->filled || is_over(b, t))
        return UINT64_MAX;
    return b->pass ? 0 : b->next_ns;
}

/* Asked again after it was read: a block that was freed and handed out anew has
 * another's contents. */
static bool is_there(const struct block_list *b, const struct block_row *row)
{
    struct block_row now;
    return b->reader && !b->ended && reader_block_find(b->reader, row->address, &now) &&
           now.birth == row->birth && now.size == row->size && now.site == row->site;
}

long block_list_peek(const struct block_list *b, const struct block_row *row, uint64_t offset,
                     void *to, size_t n)
{
    if (!is_there(b, row))
        return -1;
    if (offset >= row->size)
        return 0;
    if (n > row->size - offset)
        n = (size_t)(row->size - offset);
    long got = reader_peek(b->reader, row->address + offset, to, n);
    if (got < 0)
        return errno == ESRCH ? -1 : -2;
    return is_there(b, row) ? got : -1;
}
