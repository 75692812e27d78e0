/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of call sites under a name, such as those below a row of the call tree.
 * Made by one view, shown by others. One thread.
 */
#ifndef MEMTOP_TUI_VIEW_SITE_SET_H
#define MEMTOP_TUI_VIEW_SITE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct site_set {
    bool *in;        /* by site */
    size_t n;        /* how many `in` has */
    size_t count;    /* how many of them are in it */
    uint32_t largest; /* one of them, for its name */
    char name[160];
};

/* Of n sites, none. False without memory. An empty one is all zeros. */
bool site_set_reset(struct site_set *s, size_t n);
bool site_set_copy(struct site_set *to, const struct site_set *from);
void site_set_fini(struct site_set *s);

static inline bool site_set_has(const struct site_set *s, uint32_t site)
{
    return site < s->n && s->in[site];
}

#endif
