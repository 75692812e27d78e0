/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stack book: stacks as text, each once, by number. With it call sites of
 * different runs are compared: a stack is its frames' lines, leaf first, each
 * "module!function file:line", without addresses. One thread.
 */
#ifndef MEMTOP_TUI_MODEL_STACK_BOOK_H
#define MEMTOP_TUI_MODEL_STACK_BOOK_H

#include "tui/model/snapshot.h"
#include "tui/model/symbols.h"

#define STACK_BOOK_NONE  UINT32_MAX
#define STACK_BOOK_BYTES 65536 /* a stack's text is cut at this */

struct stack_book {
    char **texts;
    size_t n, capacity;
    uint32_t *table; /* hash table of 1 + number; 0 free */
    size_t slots;    /* a power of two, or 0 */
    uint32_t *sites; /* numbers of this run's sites, STACK_BOOK_NONE unknown */
    size_t n_sites, cap_sites;
    size_t named;    /* sites before this one are known */
};

void stack_book_init(struct stack_book *b);
void stack_book_fini(struct stack_book *b);

/* The number of a text, which is copied. STACK_BOOK_NONE without memory. */
uint32_t stack_book_add(struct stack_book *b, const char *text);

/* Forget this run's sites, for another run. */
void stack_book_forget_sites(struct stack_book *b);

/* Name the sites of a snapshot, for so many milliseconds. True: all are known.
 * sy may be NULL: modules and offsets only. */
bool stack_book_name_sites(struct stack_book *b, struct symbols *sy, const struct snapshot *s,
                           unsigned budget_ms);

/* The number of a site of this run. STACK_BOOK_NONE: not known (yet). */
static inline uint32_t stack_book_site(const struct stack_book *b, size_t site)
{
    return site < b->n_sites ? b->sites[site] : STACK_BOOK_NONE;
}

#endif
