/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choices of live blocks. Each block is summed three times: by call site when
 * it is meant, by size when all but its size fits, and by age likewise, so that the
 * one distribution can be looked at within the other.
 */
#include "tui/model/choice.h"

#include <stdlib.h>
#include <string.h>

#define SPARE_SITES 4096u /* that may come while blocks are read */

bool choice_any(const struct choice *s)
{
    return s->short_lived || choice_of_live(s);
}

bool choice_of_live(const struct choice *s)
{
    return s->by_size || s->by_age || s->by_thread;
}

bool choice_equal(const struct choice *a, const struct choice *b)
{
    return a->short_lived == b->short_lived && a->by_size == b->by_size &&
           a->by_age == b->by_age && a->by_thread == b->by_thread &&
           (!a->by_size || (a->size_min == b->size_min && a->size_max == b->size_max)) &&
           (!a->by_age ||
            (a->age_min_ns == b->age_min_ns && a->age_below_ns == b->age_below_ns)) &&
           (!a->by_thread || a->tid == b->tid);
}

static bool fits_size(const struct choice *s, const struct choice_block *b)
{
    return !s->by_size || (b->size >= s->size_min && b->size <= s->size_max);
}

static bool fits_age(const struct choice *s, const struct choice_block *b)
{
    return !s->by_age || (b->age_ns >= s->age_min_ns && b->age_ns < s->age_below_ns);
}

static bool fits_thread(const struct choice *s, const struct choice_block *b)
{
    return !s->by_thread || b->tid == s->tid;
}

bool choice_takes(const struct choice *s, const struct choice_block *b)
{
    return fits_size(s, b) && fits_age(s, b) && fits_thread(s, b);
}

bool chosen_begin(struct chosen *s, const struct choice *what,
                    const struct snapshot *snapshot)
{
    size_t n = snapshot->n_sites + SPARE_SITES;
    if (n > s->capacity) {
        struct choice_sum *sites = realloc(s->sites, n * sizeof *sites);
        if (!sites)
            return false;
        s->sites = sites;
        s->capacity = n;
    }
    *s = (struct chosen){ .what = *what, .sites = s->sites, .n_sites = n,
                            .capacity = s->capacity };
    memset(s->sites, 0, n * sizeof *s->sites);
    for (unsigned i = 0; i < SEG_LIFE_CLASSES; i++)
        s->age_bounds[i] = snapshot->lifetimes[i].below_ns;
    return true;
}

unsigned chosen_age_class(const struct chosen *s, uint64_t age_ns)
{
    unsigned low = 0, high = SEG_LIFE_CLASSES - 1;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (age_ns < s->age_bounds[middle])
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void add(struct choice_sum *sum, const struct choice_block *b)
{
    sum->blocks += b->blocks;
    sum->bytes += b->bytes;
}

void chosen_add(struct chosen *s, const struct choice_block *b)
{
    bool size = fits_size(&s->what, b), age = fits_age(&s->what, b);
    add(&s->all, b);
    s->estimated |= b->blocks != 1;
    if (!fits_thread(&s->what, b))
        return;
    if (age)
        add(&s->sizes[seg_size_class(b->size)], b);
    if (size)
        add(&s->ages[chosen_age_class(s, b->age_ns)], b);
    if (!age || !size)
        return;
    add(&s->taken, b);
    if (b->site < s->n_sites)
        add(&s->sites[b->site], b);
}

void chosen_fini(struct chosen *s)
{
    free(s->sites);
    *s = (struct chosen){ .n_sites = 0 };
}
