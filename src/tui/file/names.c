/* SPDX-License-Identifier: Apache-2.0 */
/* Names to sections and back; names.h. */
#include "tui/file/names.h"

#include <stdlib.h>
#include <string.h>

#include "tui/file/section.h"
#include "tui/model/printable.h"

#define ID_TEXTS   SECTION_ID('T', 'E', 'X', 'T')
#define ID_SYMBOLS SECTION_ID('S', 'Y', 'M', 'B')
#define ID_NAMES   SECTION_ID('N', 'A', 'M', 'E')
/* Where symbols were compiled: a section of its own, which older readers pass over. */
#define ID_DIRECTORIES SECTION_ID('D', 'I', 'R', 'S')

#define TEXT_MOST   16384u /* bytes of one that are kept */
#define FRAMES_MOST 256u   /* of one symbol */
#define NUMBER_MOST 10     /* bytes of a number */
/* Of a whole file, so that a hostile one cannot take all memory. */
#define TEXTS_MOST   (1u << 22)
#define SYMBOLS_MOST (1u << 22)
#define BYTES_MOST   (UINT64_C(256) << 20)

/* ---- writing ------------------------------------------------------------------- */

void names_out_fini(struct names_out *n)
{
    intern_fini(&n->texts);
    intern_fini(&n->symbols);
    free(n->seen);
    free(n->numbers);
    *n = (struct names_out){ .n_nodes = 0 };
}

static bool more_nodes(struct names_out *n, size_t wanted)
{
    if (wanted <= n->n_nodes)
        return true;
    const struct symbol **seen = realloc(n->seen, wanted * sizeof *seen);
    if (seen)
        n->seen = seen;
    uint32_t *numbers = seen ? realloc(n->numbers, wanted * sizeof *numbers) : NULL;
    if (!numbers)
        return false;
    n->numbers = numbers;
    memset(seen + n->n_nodes, 0, (wanted - n->n_nodes) * sizeof *seen);
    memset(numbers + n->n_nodes, 0, (wanted - n->n_nodes) * sizeof *numbers);
    n->n_nodes = wanted;
    return true;
}

/* A symbol as it is written, with its length before it and, after it, 1 + the text of
 * its directory, which is written elsewhere. */
static uint32_t number_of(struct names_out *n, const struct symbol *symbol, struct bytes *scratch)
{
    scratch->n = 0;
    size_t frames = symbol->n < FRAMES_MOST ? symbol->n : FRAMES_MOST;
    bytes_number(scratch, intern_text(&n->texts, symbol->module));
    bytes_number(scratch, frames);
    for (size_t i = 0; i < frames; i++) {
        const struct symbol_frame *f = &symbol->frames[i];
        bytes_number(scratch, intern_text(&n->texts, f->function));
        bytes_number(scratch, f->file ? 1 + (uint64_t)intern_text(&n->texts, f->file) : 0);
        bytes_number(scratch, f->line);
    }
    struct bytes whole = { .data = NULL };
    bytes_number(&whole, scratch->n);
    bytes_put(&whole, scratch->data, scratch->n);
    bytes_number(&whole, symbol->directory
                             ? 1 + (uint64_t)intern_text(&n->texts, symbol->directory) : 0);
    uint32_t number = whole.failed ? 0 : intern_put(&n->symbols, whole.data, whole.n);
    n->symbols.failed |= whole.failed || scratch->failed;
    bytes_fini(&whole);
    return number;
}

/* What does not fit stays without a name. */
static bool is_full(const struct names_out *n)
{
    return n->texts.count >= TEXTS_MOST - 3 * FRAMES_MOST || n->symbols.count >= SYMBOLS_MOST ||
           n->texts.used >= BYTES_MOST - 3 * FRAMES_MOST * (uint64_t)TEXT_MOST;
}

/* Pairs of node and symbol where something is new. Returns how many. */
static uint64_t put_pairs(struct names_out *n, const struct snapshot *s, struct symbols *sy,
                          struct bytes *pairs)
{
    struct bytes scratch = { .data = NULL };
    uint64_t count = 0;
    uint32_t last_node = 0, last_number = 0;
    for (uint32_t node = 1; node < s->n_nodes; node++) {
        const struct symbol *symbol = symbols_lookup(sy, s, node);
        if (!symbol || symbol == n->seen[node] || is_full(n))
            continue;
        n->seen[node] = symbol;
        uint32_t number = number_of(n, symbol, &scratch);
        if (n->numbers[node] == number + 1)
            continue;
        n->numbers[node] = number + 1;
        bytes_number(pairs, node - last_node);
        bytes_signed(pairs, (int64_t)number - last_number);
        last_node = node;
        last_number = number;
        count++;
    }
    bytes_fini(&scratch);
    return count;
}

static void put_section(struct bytes *out, uint32_t id, uint64_t count, const struct bytes *rest)
{
    struct bytes payload = { .data = NULL };
    bytes_number(&payload, count);
    bytes_put(&payload, rest->data, rest->n);
    payload.failed |= rest->failed;
    if (count)
        section_put(out, id, 0, &payload);
    bytes_fini(&payload);
}

static void put_texts(struct names_out *n, struct bytes *out)
{
    struct bytes b = { .data = NULL };
    for (uint32_t i = n->texts_written; i < n->texts.count; i++) {
        const char *text = intern_get(&n->texts, i);
        size_t length = strnlen(text, TEXT_MOST);
        bytes_number(&b, length);
        bytes_put(&b, text, length);
    }
    put_section(out, ID_TEXTS, n->texts.count - n->texts_written, &b);
    n->texts_written = n->texts.count;
    bytes_fini(&b);
}

static void put_symbols(struct names_out *n, struct bytes *out)
{
    struct bytes b = { .data = NULL }, directories = { .data = NULL };
    uint64_t count = 0;
    uint32_t last = 0;
    for (uint32_t i = n->symbols_written; i < n->symbols.count; i++) {
        struct cursor c = cursor_of(intern_get(&n->symbols, i), NUMBER_MOST);
        uint64_t length = cursor_number(&c);
        bytes_put(&b, c.at, (size_t)length);
        c = cursor_of(c.at + length, NUMBER_MOST);
        uint64_t directory = cursor_number(&c);
        if (!directory)
            continue;
        bytes_number(&directories, i - last);
        bytes_number(&directories, directory - 1);
        last = i;
        count++;
    }
    put_section(out, ID_SYMBOLS, n->symbols.count - n->symbols_written, &b);
    put_section(out, ID_DIRECTORIES, count, &directories);
    n->symbols_written = n->symbols.count;
    bytes_fini(&b);
    bytes_fini(&directories);
}

bool names_out_put(struct names_out *n, const struct snapshot *s, struct symbols *sy,
                   struct bytes *out)
{
    struct bytes pairs = { .data = NULL };
    size_t known = n->n_nodes;
    unsigned generation = symbols_generation(sy);
    if (!sy || (generation == n->generation && s->n_nodes <= known))
        return true;
    n->generation = generation;
    if (!more_nodes(n, s->n_nodes))
        return false;
    uint64_t count = put_pairs(n, s, sy, &pairs);
    put_texts(n, out);
    put_symbols(n, out);
    put_section(out, ID_NAMES, count, &pairs);
    bool failed = pairs.failed || n->texts.failed || n->symbols.failed;
    bytes_fini(&pairs);
    return !failed && !out->failed;
}

/* ---- reading ------------------------------------------------------------------- */

void names_in_fini(struct names_in *n)
{
    symbols_free(n->door);
    for (size_t i = 0; i < n->n_texts; i++)
        free(n->texts[i]);
    for (size_t i = 0; i < n->n_symbols; i++)
        free(n->symbols[i]);
    free(n->texts);
    free(n->symbols);
    free(n->of_node);
    *n = (struct names_in){ .n_nodes = 0 };
}

bool names_in_section(uint32_t id)
{
    return id == ID_TEXTS || id == ID_SYMBOLS || id == ID_DIRECTORIES || id == ID_NAMES;
}

/* Room for one more pointer. */
static bool one_more(void ***array, size_t n, size_t *capacity)
{
    if (n < *capacity)
        return true;
    size_t room = *capacity ? *capacity * 2 : 256;
    void **grown = realloc(*array, room * sizeof *grown);
    if (!grown)
        return false;
    *array = grown;
    *capacity = room;
    return true;
}

static bool take_texts(struct names_in *n, struct cursor *c)
{
    for (uint64_t left = cursor_number(c); left && !c->bad; left--) {
        uint64_t length = cursor_number(c);
        const char *text = cursor_take(c, length);
        n->bytes += length;
        if (!text || length > TEXT_MOST || n->bytes > BYTES_MOST || n->n_texts == TEXTS_MOST ||
            !one_more((void ***)&n->texts, n->n_texts, &n->cap_texts))
            return false;
        char *copy = printable_dup(text, (size_t)length, TEXT_MOST);
        if (!copy)
            return false;
        n->texts[n->n_texts++] = copy;
    }
    return !c->bad;
}

static const char *text_at(const struct names_in *n, struct cursor *c, uint64_t number)
{
    if (number >= n->n_texts)
        c->bad = true;
    return c->bad ? NULL : n->texts[number];
}

/* NULL: damaged, or no memory. */
static struct symbol *take_symbol(const struct names_in *n, struct cursor *c)
{
    const char *module = text_at(n, c, cursor_number(c));
    uint64_t frames = cursor_number(c);
    if (c->bad || frames < 1 || frames > FRAMES_MOST)
        return NULL;
    struct symbol *symbol = malloc(sizeof *symbol + (size_t)frames * sizeof *symbol->frames);
    if (!symbol)
        return NULL;
    symbol->module = module;
    symbol->directory = NULL; /* it may come later */
    symbol->n = (size_t)frames;
    for (size_t i = 0; i < symbol->n; i++) {
        struct symbol_frame *f = &symbol->frames[i];
        f->function = text_at(n, c, cursor_number(c));
        f->raw = NULL;
        uint64_t file = cursor_number(c);
        f->file = file ? text_at(n, c, file - 1) : NULL;
        f->line = (unsigned)cursor_number(c);
        f->inlined = i + 1 < symbol->n;
    }
    if (c->bad) {
        free(symbol);
        return NULL;
    }
    return symbol;
}

static bool take_symbols(struct names_in *n, struct cursor *c)
{
    for (uint64_t left = cursor_number(c); left && !c->bad; left--) {
        if (n->n_symbols == SYMBOLS_MOST ||
            !one_more((void ***)&n->symbols, n->n_symbols, &n->cap_symbols))
            return false;
        struct symbol *symbol = take_symbol(n, c);
        if (!symbol)
            return false;
        n->symbols[n->n_symbols++] = symbol;
    }
    return !c->bad;
}

static bool take_directories(struct names_in *n, struct cursor *c)
{
    uint64_t number = 0;
    for (uint64_t left = cursor_number(c); left && !c->bad; left--) {
        number += cursor_number(c);
        const char *directory = text_at(n, c, cursor_number(c));
        if (c->bad || number >= n->n_symbols)
            return false;
        n->symbols[number]->directory = directory;
    }
    return !c->bad;
}

static bool take_names(struct names_in *n, struct cursor *c, size_t n_nodes)
{
    if (n_nodes > n->n_nodes) {
        const struct symbol **grown = realloc(n->of_node, n_nodes * sizeof *grown);
        if (!grown)
            return false;
        memset(grown + n->n_nodes, 0, (n_nodes - n->n_nodes) * sizeof *grown);
        n->of_node = grown;
        n->n_nodes = n_nodes;
    }
    uint64_t node = 0, number = 0;
    for (uint64_t left = cursor_number(c); left && !c->bad; left--) {
        node += cursor_number(c);
        number += (uint64_t)cursor_signed(c);
        if (c->bad || node >= n->n_nodes || number >= n->n_symbols)
            return false;
        n->of_node[node] = n->symbols[number];
    }
    return !c->bad;
}

bool names_in_take(struct names_in *n, uint32_t id, struct cursor payload, size_t n_nodes)
{
    switch (id) {
    case ID_TEXTS: return take_texts(n, &payload);
    case ID_SYMBOLS: return take_symbols(n, &payload);
    case ID_DIRECTORIES: return take_directories(n, &payload);
    default: return take_names(n, &payload, n_nodes);
    }
}

struct symbols *names_in_symbols(struct names_in *n)
{
    if (!n->door)
        n->door = symbols_new_known(n->of_node, n->n_nodes);
    return n->door;
}
