/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order: which rows come first, or where the screen is. Finds some rows of a hundred
 * thousand without sorting the rest. Called by views. One thread.
 */
#ifndef MEMTOP_TUI_VIEW_ORDER_H
#define MEMTOP_TUI_VIEW_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct order_item {
    double key;
    uint32_t row;
};

struct order {
    size_t n, capacity;
    size_t from, to;    /* these are in their places */
    struct order_item *items;
};

/* Room for n new items; sets n. 0, or -1 without memory (n is then 0). */
int order_reserve(struct order *o, size_t n);
void order_fini(struct order *o);

/* Put the `want` items with the highest keys first, sorted; ties by row. The
 * rest follows in any order. */
void order_first(struct order *o, size_t want);

/* The same of the places from..to (not included). What is there already stays. */
void order_window(struct order *o, size_t from, size_t to);

/* The place that `row` has in the order, sorted or not; n if it is not there. */
size_t order_rank(const struct order *o, uint32_t row);

/* The place of the item that matches and comes next behind the one at `at`, or before
 * it; where there is none, from the other end (*wrapped), and that one itself comes last.
 * n if none matches. Goes over all of them, and sorts nothing. */
typedef bool order_matches(const void *data, uint32_t row);
size_t order_find(struct order *o, size_t at, bool forward, order_matches *matches,
                  const void *data, bool *wrapped);

#endif
