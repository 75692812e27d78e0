/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call sites of an export one by one, by falling live bytes, each with its
 * stack in names: inlined functions are frames of their own, and what is not
 * in the stack says so by a frame in brackets.
 *
 *     struct walk w;
 *     if (walk_init(&w, e) != 0) return -1;
 *     for (const struct site_row *site; (site = walk_next(&w));)
 *         print(site, w.frames, w.depth);
 *     return walk_fini(&w);
 */
#ifndef MEMTOP_TUI_EXPORT_WALK_H
#define MEMTOP_TUI_EXPORT_WALK_H

#include "tui/export/export.h"
#include "tui/report/batch.h"

struct walk_frame {
    const char *function; /* never NULL; any bytes that a compiler may emit */
    const char *file;     /* NULL unknown */
    unsigned line;        /* 0 unknown */
    bool inlined;         /* into the next frame, whose address it has */
    const char *module;   /* without its folder; "" unknown */
    uint16_t module_index; /* in the snapshot; 0 unknown */
    uint64_t pc;          /* 0: not a place in the program */
    char unnamed[80];     /* the function, where it has no name */
};

struct walk {
    const struct export *export;
    struct report report;
    struct batch batch;
    struct walk_frame *frames; /* of the site just yielded, leaf first */
    size_t depth;              /* at least 1 */
    size_t room;
    bool failed;
};

/* 0, or -1 without memory. walk_fini is due only after 0. */
int walk_init(struct walk *w, const struct export *e);

/* The next site; NULL after the last, or when memory ran out. */
const struct site_row *walk_next(struct walk *w);

/* Free. 0, or -1 if memory ran out on the way. */
int walk_fini(struct walk *w);

#endif
