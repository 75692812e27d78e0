/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order: quickselect at both ends, then a sort of what is between.
 */
#include "tui/view/order.h"

#include <stdlib.h>

int order_reserve(struct order *o, size_t n)
{
    if (n > o->capacity) {
        size_t capacity = n + n / 2 + 64;
        struct order_item *items = realloc(o->items, capacity * sizeof *items);
        if (!items) {
            o->n = 0;
            return -1;
        }
        o->items = items;
        o->capacity = capacity;
    }
    o->n = n;
    o->from = o->to = 0;
    return 0;
}

void order_fini(struct order *o)
{
    free(o->items);
    *o = (struct order){ .n = 0 };
}

static int compare(const struct order_item *a, const struct order_item *b)
{
    if (a->key != b->key)
        return a->key > b->key ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

static int compare_void(const void *a, const void *b)
{
    return compare(a, b);
}

static void swap(struct order_item *a, struct order_item *b)
{
    struct order_item t = *a;
    *a = *b;
    *b = t;
}

/* Split items[low..high] around one of them; returns where it ended. */
static size_t split(struct order_item *items, size_t low, size_t high)
{
    size_t at = low;
    swap(&items[low + (high - low) / 2], &items[high]);
    for (size_t i = low; i < high; i++)
        if (compare(&items[i], &items[high]) < 0)
            swap(&items[i], &items[at++]);
    swap(&items[at], &items[high]);
    return at;
}

/* Let the first `at` of them be on that side, in any order. */
static void divide(struct order_item *items, size_t n, size_t at)
{
    size_t low = 0, high = n;
    while (at > low && at < high && high - low > 16) {
        size_t middle = split(items, low, high - 1);
        if (middle >= at)
            high = middle;
        else
            low = middle + 1;
    }
    if (at > low && at < high)
        qsort(items + low, high - low, sizeof *items, compare_void);
}

void order_window(struct order *o, size_t from, size_t to)
{
    if (to > o->n)
        to = o->n;
    if (from >= to || (from >= o->from && to <= o->to))
        return;
    divide(o->items, o->n, to);
    divide(o->items, to, from);
    qsort(o->items + from, to - from, sizeof *o->items, compare_void);
    o->from = from;
    o->to = to;
}

void order_first(struct order *o, size_t want)
{
    o->from = o->to = 0;
    order_window(o, 0, want);
}

static size_t rank_of(const struct order *o, const struct order_item *item)
{
    size_t rank = 0;
    for (size_t i = 0; i < o->n; i++)
        rank += compare(&o->items[i], item) < 0;
    return rank;
}

size_t order_rank(const struct order *o, uint32_t row)
{
    size_t at = 0;
    while (at < o->n && o->items[at].row != row)
        at++;
    return at < o->n ? rank_of(o, &o->items[at]) : o->n;
}

size_t order_find(struct order *o, size_t at, bool forward, order_matches *matches,
                  const void *data, bool *wrapped)
{
    const struct order_item *next = NULL, *around = NULL;
    int sign = forward ? 1 : -1;
    order_window(o, at, at + 1);
    for (size_t i = 0; i < o->n; i++) {
        const struct order_item *item = &o->items[i];
        bool behind = at < o->n && sign * compare(item, &o->items[at]) > 0;
        const struct order_item **best = behind ? &next : &around;
        if ((!*best || sign * compare(item, *best) < 0) && matches(data, item->row))
            *best = item;
    }
    *wrapped = !next && around;
    return next ? rank_of(o, next) : around ? rank_of(o, around) : o->n;
}
