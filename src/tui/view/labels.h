/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels: what a call site is called in one line. The innermost frame that
 * says something about the program is chosen: allocator wrappers, the C and
 * C++ libraries and the loader are passed over. Called by views; asks
 * symbols.h, and shows module+offset until an answer has arrived. One thread.
 */
#ifndef MEMTOP_TUI_VIEW_LABELS_H
#define MEMTOP_TUI_VIEW_LABELS_H

#include "tui/model/snapshot.h"
#include "tui/model/symbols.h"

struct label {
    char function[512]; /* without arguments and return type */
    char place[256];    /* "file.c:12" (no folders), or the module */
    bool pending;       /* better names are on their way */
    bool inlined;
    uint32_t node;      /* that it is about; 0 none */
    size_t frame;       /* of the symbol of its node */
};

/* sy may be NULL: addresses only. */
void labels_site(struct symbols *sy, const struct snapshot *s, uint32_t site,
                 struct label *out);

/* Who called the labelled frame: " < f < g < h", as many as n bytes and the
 * look-ups that are answered allow. out is "" if nothing is known. */
void labels_callers(struct symbols *sy, const struct snapshot *s, const struct label *of,
                    char *out, size_t n);

/* All frames of a site, leaf first, inlined ones included. Returns how many
 * were written, at most `max`. */
size_t labels_stack(struct symbols *sy, const struct snapshot *s, uint32_t site,
                    struct label *out, size_t max);

/* "void ns::f<int>(char) const" -> "ns::f<int>". */
void labels_short_name(char *out, size_t n, const char *function);

/* Whether a function of this name, in this file (NULL unknown), only passes on
 * what others asked for. */
bool labels_is_wrapper(const char *short_name, const char *file);

/* Columns that a place gets beside a name: all that it wants where both find room in
 * `width`, two blanks between them; else what the name leaves, and `least` at least. */
int labels_place_room(int width, int name, int place, int least);

#endif
