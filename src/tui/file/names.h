/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of nodes in files: texts, symbols made of texts, and which node has
 * which symbol, each written once for a whole file and added to by each
 * snapshot, as names become known. One thread per object.
 */
#ifndef MEMTOP_TUI_FILE_NAMES_H
#define MEMTOP_TUI_FILE_NAMES_H

#include "tui/file/bytes.h"
#include "tui/model/intern.h"
#include "tui/model/symbols.h"

/* ---- writing: all zero to begin with ---------------------------------------------- */

struct names_out {
    struct intern texts, symbols;
    uint32_t texts_written, symbols_written;
    const struct symbol **seen; /* by node, as it was last written */
    uint32_t *numbers;          /* by node, 1 + number of its symbol; 0 none */
    size_t n_nodes;
    unsigned generation;        /* of the symbols, when it was last asked */
};

void names_out_fini(struct names_out *n);

/* Append the sections with what `sy` has come to know of the nodes of s since the
 * last call. Does not wait for names. False without memory. */
bool names_out_put(struct names_out *n, const struct snapshot *s, struct symbols *sy,
                   struct bytes *out);

/* ---- reading: all zero to begin with ------------------------------------------------ */

struct names_in {
    char **texts;
    size_t n_texts, cap_texts;
    uint64_t bytes; /* of all texts */
    struct symbol **symbols;
    size_t n_symbols, cap_symbols;
    const struct symbol **of_node; /* NULL: not named */
    size_t n_nodes;
    struct symbols *door;          /* for those who ask */
};

void names_in_fini(struct names_in *n);

/* Is this a section of names? */
bool names_in_section(uint32_t id);

/* Take one over. n_nodes: that there are in the file so far. False: damaged, or no
 * memory. */
bool names_in_take(struct names_in *n, uint32_t id, struct cursor payload, size_t n_nodes);

/* What to look names up in, from now on; belongs to *n. NULL without memory. */
struct symbols *names_in_symbols(struct names_in *n);

#endif
