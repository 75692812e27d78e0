/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes and modules; see copy.h. Both only ever grow, so that a snapshot keeps
 * what it was given before: s->cached_* say how much of that is final. They
 * are read in the order sites, nodes, modules: what an element refers to was
 * published before it.
 */
#include <string.h>

#include "tui/reader/copy.h"

#define PIECE_NODES 32768u

/* ---- modules ------------------------------------------------------------------ */

static void fill_module(struct module_row *row, const struct seg_module *m)
{
    *row = (struct module_row){
        .start = m->start,
        .end = m->end > m->start ? m->end : m->start,
        .bias = m->bias,
        .unloaded = m->state == SEG_MODULE_UNLOADED,
        .build_id_bytes = m->build_id_bytes,
    };
    if (row->build_id_bytes > sizeof row->build_id)
        row->build_id_bytes = 0;
    memcpy(row->build_id, m->build_id, row->build_id_bytes);
    text_copy(row->path, sizeof row->path, m->path, sizeof m->path);
}

static bool copy_modules(struct copy *c, struct snapshot *s)
{
    struct section at = file_section(&c->file, SEG_MODULES);
    size_t n = (size_t)at.count, first = s->cached_modules;
    if (n < first) /* only a liar takes back */
        first = s->cached_modules = 0;
    const char *raw = buffer_reserve(&c->scratch, (n - first) * (size_t)at.element);
    if (!raw || !array_reserve((void **)&s->modules, &s->cap_modules, n, sizeof *s->modules))
        return false;
    file_read(&c->file, at.offset + first * at.element, c->scratch.data,
              (n - first) * (size_t)at.element);
    bool final = true;
    for (size_t i = first; i < n; i++) {
        const struct seg_module *m = (const void *)(raw + (i - first) * at.element);
        fill_module(&s->modules[i], m);
        /* Module 0 is "unknown" and is never loaded. */
        final = final && (i == 0 || m->state != SEG_MODULE_PENDING);
        if (final)
            s->cached_modules = i + 1;
    }
    s->n_modules = n;
    return true;
}

/* ---- nodes -------------------------------------------------------------------- */

/* A parent that is not before its child, or a path longer than any stack:
 * such a node hangs on the root and keeps its pc. */
static void fill_node(struct snapshot *s, size_t i, const struct seg_node *raw)
{
    struct node_row *row = &s->nodes[i];
    *row = (struct node_row){
        .pc = raw->pc & SEG_PC_MASK,
        .parent = raw->pc && raw->parent < i ? raw->parent : 0,
        .module = raw->module,
        .exact = raw->pc & SEG_PC_EXACT,
    };
    if (i && s->nodes[row->parent].depth >= SEG_DEPTH_MAX)
        row->parent = 0;
    row->depth = i ? s->nodes[row->parent].depth + 1 : 0;
}

static bool copy_nodes(struct copy *c, struct snapshot *s)
{
    struct section at = file_section(&c->file, SEG_NODES);
    size_t n = (size_t)at.count, element = (size_t)at.element;
    if (n < s->cached_nodes)
        s->cached_nodes = 0;
    size_t first = s->cached_nodes;
    const char *raw = buffer_reserve(&c->scratch, PIECE_NODES * element);
    if (!raw || !array_reserve((void **)&s->nodes, &s->cap_nodes, n, sizeof *s->nodes))
        return false;
    bool final = true;
    for (size_t i = first; i < n;) {
        size_t m = n - i < PIECE_NODES ? n - i : PIECE_NODES;
        file_read(&c->file, at.offset + i * element, c->scratch.data, m * element);
        for (size_t k = 0; k < m; k++, i++) {
            const struct seg_node *node = (const void *)(raw + k * element);
            fill_node(s, i, node);
            /* The root has no pc. A node that is being set up is read again. */
            final = final && (i == 0 || node->pc != 0);
            if (final)
                s->cached_nodes = i + 1;
        }
    }
    s->n_nodes = n;
    return true;
}

static void clamp(const struct copy *c, struct snapshot *s, size_t first_node)
{
    for (size_t i = first_node; i < s->n_nodes; i++)
        if (s->nodes[i].module >= s->n_modules)
            s->nodes[i].module = 0;
    for (size_t i = 0; i < s->n_sites && c->leaf_max >= s->n_nodes; i++)
        if (s->sites[i].node >= s->n_nodes)
            s->sites[i].node = 0;
}

enum reader_status copy_stacks(struct copy *c, struct snapshot *s)
{
    uint32_t unloads = c->file.header.unloads;
    if (s->cached_reader != c->serial || s->cached_unloads != unloads) {
        s->cached_nodes = s->cached_modules = 0;
        s->cached_reader = c->serial;
        s->cached_unloads = unloads;
    }
    size_t first = s->cached_nodes, had_modules = s->n_modules;
    s->n_nodes = s->n_modules = 0;
    if (!copy_nodes(c, s) || !copy_modules(c, s)) {
        s->n_nodes = s->n_modules = s->n_sites = 0;
        s->cached_reader = 0;
        return READER_NO_MEMORY;
    }
    clamp(c, s, first <= s->n_nodes && had_modules <= s->n_modules ? first : 0);
    return READER_OK;
}
