/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of call sites.
 */
#include "tui/view/site_set.h"

#include <stdlib.h>
#include <string.h>

bool site_set_reset(struct site_set *s, size_t n)
{
    bool *in = realloc(s->in, n + 1);
    if (!in)
        return false;
    memset(in, 0, n + 1);
    s->in = in;
    s->n = n;
    s->count = 0;
    s->largest = 0;
    s->name[0] = '\0';
    return true;
}

bool site_set_copy(struct site_set *to, const struct site_set *from)
{
    if (!site_set_reset(to, from->n))
        return false;
    memcpy(to->in, from->in, from->n);
    to->count = from->count;
    to->largest = from->largest;
    memcpy(to->name, from->name, sizeof to->name);
    return true;
}

void site_set_fini(struct site_set *s)
{
    free(s->in);
    *s = (struct site_set){ .n = 0 };
}
