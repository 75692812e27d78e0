/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order: quickselect, then a sort of what was selected.
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

void order_first(struct order *o, size_t want)
{
    size_t low = 0, high = o->n;
    if (want > o->n)
        want = o->n;
    while (want < o->n && high - low > 16) {
        size_t at = split(o->items, low, high - 1);
        if (at >= want)
            high = at;
        else
            low = at + 1;
    }
    /* Nothing from high on belongs to the first `want`. */
    if (high)
        qsort(o->items, high, sizeof *o->items, compare_void);
}

size_t order_rank(const struct order *o, uint32_t row)
{
    size_t rank = 0, at = 0;
    while (at < o->n && o->items[at].row != row)
        at++;
    for (size_t i = 0; i < o->n && at < o->n; i++)
        rank += compare(&o->items[i], &o->items[at]) < 0;
    return at < o->n ? rank : o->n;
}
