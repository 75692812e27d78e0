/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The size histogram: for each range of sizes what is live (Net) and what ever
 * was (Overall). Called by the overview. One thread.
 */
#ifndef MEMTOP_TUI_VIEW_HISTOGRAM_H
#define MEMTOP_TUI_VIEW_HISTOGRAM_H

#include "tui/model/snapshot.h"
#include "tui/view/canvas.h"

#define HISTOGRAM_GROUPS SEG_SIZE_CLASSES

struct histogram {
    bool bytes; /* bytes instead of blocks */
};

/* Classes taken together, from `min` to `max` inclusive. */
struct histogram_group {
    uint64_t min, max;
    int64_t net, overall;
};

/* Group the classes that were ever used into at most `most` groups (>= 1): as
 * they are if they fit, else by powers of 2, 4, 16 and so on. Returns how
 * many. */
size_t histogram_group(const struct histogram *h, const struct snapshot *s, size_t most,
                       struct histogram_group out[HISTOGRAM_GROUPS]);

/* "257-512", "1K-2K", ">1G": the sizes of a group. Returns out. */
char *histogram_label(char *out, size_t n, const struct histogram_group *g);

void histogram_draw(const struct histogram *h, const struct snapshot *s, struct canvas *c,
                    struct rect area);

#endif
