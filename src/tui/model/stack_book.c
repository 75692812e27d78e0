/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks as text. Called by marks that go to files or come from there. Asks
 * symbols for names and takes up again where an answer was not there yet.
 */
#include "tui/model/stack_book.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AT_ONCE 64 /* sites between looks at the clock */

void stack_book_init(struct stack_book *b)
{
    *b = (struct stack_book){ .n = 0 };
}

void stack_book_fini(struct stack_book *b)
{
    for (size_t i = 0; i < b->n; i++)
        free(b->texts[i]);
    free(b->texts);
    free(b->table);
    free(b->sites);
    stack_book_init(b);
}

void stack_book_forget_sites(struct stack_book *b)
{
    b->n_sites = b->named = 0;
}

/* ---- texts ------------------------------------------------------------------ */

static uint64_t hash_of(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return h ^ h >> 29;
}

static uint32_t *place_of(const struct stack_book *b, const char *text)
{
    size_t at = hash_of(text) & (b->slots - 1);
    while (b->table[at] && strcmp(b->texts[b->table[at] - 1], text) != 0)
        at = (at + 1) & (b->slots - 1);
    return &b->table[at];
}

static bool grow_table(struct stack_book *b)
{
    size_t slots = b->slots ? b->slots * 2 : 1024;
    uint32_t *table = calloc(slots, sizeof *table);
    if (!table)
        return false;
    free(b->table);
    b->table = table;
    b->slots = slots;
    for (size_t i = 0; i < b->n; i++)
        *place_of(b, b->texts[i]) = (uint32_t)i + 1;
    return true;
}

static bool make_room(struct stack_book *b)
{
    if (b->n == b->capacity) {
        size_t capacity = b->capacity ? b->capacity * 2 : 256;
        char **texts = realloc(b->texts, capacity * sizeof *texts);
        if (!texts)
            return false;
        b->texts = texts;
        b->capacity = capacity;
    }
    return b->n * 2 < b->slots || grow_table(b);
}

uint32_t stack_book_add(struct stack_book *b, const char *text)
{
    if (!make_room(b))
        return STACK_BOOK_NONE;
    uint32_t *place = place_of(b, text);
    if (!*place) {
        char *copy = strdup(text);
        if (!copy)
            return STACK_BOOK_NONE;
        b->texts[b->n++] = copy;
        *place = (uint32_t)b->n;
    }
    return *place - 1;
}

/* ---- sites -------------------------------------------------------------------- */

struct writer {
    char text[STACK_BOOK_BYTES];
    size_t used;
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void add_line(struct writer *w, const char *line)
{
    size_t n = strlen(line), room = sizeof w->text - 1 - w->used;
    if (n + 1 > room)
        return;
    if (w->used)
        w->text[w->used++] = '\n';
    for (size_t i = 0; i < n; i++) /* a line of its own, whatever it says */
        w->text[w->used++] = line[i] == '\n' ? ' ' : line[i];
    w->text[w->used] = '\0';
}

/* Where no function is known: its place in the module, or nothing. */
static void add_offset(struct writer *w, const struct snapshot *s, uint32_t node,
                       const char *module)
{
    char line[600];
    uint16_t m = s->nodes[node].module;
    if (m && m < s->n_modules)
        snprintf(line, sizeof line, "%s!+0x%" PRIx64, base_name(s->modules[m].path),
                 s->nodes[node].pc - s->modules[m].bias);
    else
        snprintf(line, sizeof line, "%s!?", module);
    add_line(w, line);
}

static void add_frame(struct writer *w, const struct symbol *symbol,
                      const struct symbol_frame *f)
{
    char line[2048];
    if (f->file && f->line)
        snprintf(line, sizeof line, "%s!%s %s:%u", symbol->module, f->function,
                 base_name(f->file), f->line);
    else
        snprintf(line, sizeof line, "%s!%s", symbol->module, f->function);
    add_line(w, line);
}

static bool add_node(struct writer *w, struct symbols *sy, const struct snapshot *s,
                     uint32_t node)
{
    if (!sy) {
        add_offset(w, s, node, "?");
        return true;
    }
    const struct symbol *symbol = symbols_lookup(sy, s, node);
    if (!symbol)
        return false;
    for (size_t i = 0; i < symbol->n; i++) {
        if (strncmp(symbol->frames[i].function, "0x", 2) == 0)
            add_offset(w, s, node, symbol->module);
        else
            add_frame(w, symbol, &symbol->frames[i]);
    }
    return true;
}

/* All frames are asked for even if the first is not known yet. */
static bool write_site(struct writer *w, struct symbols *sy, const struct snapshot *s,
                       uint32_t site)
{
    uint32_t nodes[SEG_DEPTH_MAX];
    size_t n = snapshot_stack(s, site, nodes);
    bool known = true;
    w->used = 0;
    w->text[0] = '\0';
    for (size_t i = 0; i < n; i++)
        known &= add_node(w, sy, s, nodes[i]);
    return known;
}

static bool reserve_sites(struct stack_book *b, size_t n)
{
    if (n > b->cap_sites) {
        uint32_t *sites = realloc(b->sites, (n + n / 4) * sizeof *sites);
        if (!sites)
            return false;
        b->sites = sites;
        b->cap_sites = n + n / 4;
    }
    for (; b->n_sites < n; b->n_sites++)
        b->sites[b->n_sites] = STACK_BOOK_NONE;
    return true;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

bool stack_book_name_sites(struct stack_book *b, struct symbols *sy, const struct snapshot *s,
                           unsigned budget_ms)
{
    uint64_t until = now_ms() + budget_ms;
    bool gap = false; /* some are not answered yet */
    struct writer *w = malloc(sizeof *w);
    if (!w || !reserve_sites(b, s->n_sites)) {
        free(w);
        return false;
    }
    size_t i = b->named;
    for (; i < s->n_sites && (i % AT_ONCE || now_ms() < until); i++) {
        if (b->sites[i] == STACK_BOOK_NONE && write_site(w, sy, s, (uint32_t)i))
            b->sites[i] = stack_book_add(b, w->text);
        gap |= b->sites[i] == STACK_BOOK_NONE;
        b->named = gap ? b->named : i + 1;
    }
    free(w);
    return !gap && i >= s->n_sites;
}
