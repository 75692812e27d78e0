/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks of two heaps in one trie of names; see delta.h. A node's program counter is
 * the number of its frame. Source lines belong to nodes, as far as all that met there
 * agree on them.
 */
#include "tui/model/delta.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/model/selection.h"
#include "tui/model/tree_parts.h"

/* What a frame is called. One allocation with its strings. */
struct name {
    const char *module, *function, *file;
};

struct delta_frames {
    struct name **at; /* by number, from 1 */
    size_t n, capacity;
    struct symbol **of_node; /* by node of merged; NULL: the root */
    size_t cap_of_node;
    struct tree_map ids;      /* by name */
    struct tree_map children; /* by node and frame: nodes */
    struct tree_map sites;    /* by node plus 1: sites plus 1 */
    size_t cap_sites[DELTA_SIDES];
};

/* ---- life ---------------------------------------------------------------------- */

static bool add_node(struct delta *d, uint32_t parent, uint32_t frame, unsigned line)
{
    struct snapshot *m = &d->merged;
    struct delta_frames *f = d->frames;
    if (!tree_reserve((void **)&m->nodes, &m->cap_nodes, m->n_nodes + 1, sizeof *m->nodes) ||
        !tree_reserve((void **)&f->of_node, &f->cap_of_node, m->n_nodes + 1, sizeof *f->of_node))
        return false;
    struct symbol *symbol = frame ? malloc(sizeof *symbol + sizeof symbol->frames[0]) : NULL;
    if (frame && !symbol)
        return false;
    if (frame) {
        const struct name *name = f->at[frame];
        symbol->module = name->module;
        symbol->directory = NULL;
        symbol->n = 1;
        symbol->frames[0] = (struct symbol_frame){ .function = name->function,
                                                   .file = name->file, .line = line };
    }
    unsigned depth = m->n_nodes ? m->nodes[parent].depth + 1u : 0;
    m->nodes[m->n_nodes] = (struct node_row){ .pc = frame, .parent = parent, .exact = true,
                                              .depth = (uint16_t)(depth < 65535 ? depth : 65535) };
    f->of_node[m->n_nodes++] = symbol;
    return true;
}

void delta_init(struct delta *d)
{
    *d = (struct delta){ .frames = calloc(1, sizeof *d->frames) };
    snapshot_init(&d->merged);
    d->failed = !d->frames || !add_node(d, 0, 0, 0);
}

void delta_fini(struct delta *d)
{
    struct delta_frames *f = d->frames;
    size_t n_nodes = d->merged.n_nodes;
    symbols_free(d->symbols);
    snapshot_fini(&d->merged);
    for (int side = 0; side < DELTA_SIDES; side++)
        free(d->figures[side]);
    free(d->growth);
    if (f) {
        for (size_t i = 1; i <= f->n; i++)
            free(f->at[i]);
        for (size_t i = 1; i < n_nodes; i++)
            free(f->of_node[i]);
        free(f->at);
        free(f->of_node);
        tree_map_fini(&f->ids);
        tree_map_fini(&f->children);
        tree_map_fini(&f->sites);
    }
    free(f);
    *d = (struct delta){ .frames = NULL };
}

/* ---- frames -------------------------------------------------------------------- */

static const char *put(char **to, const char *text)
{
    char *at = *to;
    if (!text)
        return NULL;
    size_t n = strlen(text) + 1;
    memcpy(at, text, n);
    *to += n;
    return at;
}

static struct name *make_name(const char *module, const struct symbol_frame *frame)
{
    struct name *name = malloc(sizeof *name + strlen(module) + strlen(frame->function) +
                               (frame->file ? strlen(frame->file) : 0) + 3);
    if (!name)
        return NULL;
    char *text = (char *)(name + 1);
    name->module = put(&text, module);
    name->function = put(&text, frame->function);
    name->file = put(&text, frame->file);
    return name;
}

static uint64_t hash_text(uint64_t h, const char *text)
{
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return h;
}

/* The number of a frame; 0 without memory. */
static uint32_t frame_of(struct delta *d, const char *module, const struct symbol_frame *frame)
{
    struct delta_frames *f = d->frames;
    uint64_t h = hash_text(UINT64_C(0xcbf29ce484222325), module);
    uint32_t *id = tree_map_put(&f->ids, tree_mix(h, hash_text(h, frame->function)));
    if (!id || *id)
        return id ? *id : 0;
    if (!tree_reserve((void **)&f->at, &f->capacity, f->n + 2, sizeof *f->at))
        return 0;
    struct name *name = make_name(module, frame);
    if (!name)
        return 0;
    f->at[++f->n] = name;
    return *id = (uint32_t)f->n;
}

/* The node of a frame below another; 0 without memory. */
static uint32_t node_below(struct delta *d, uint32_t parent, const char *module,
                           const struct symbol_frame *named)
{
    uint32_t frame = frame_of(d, module, named);
    uint32_t *id = frame ? tree_map_put(&d->frames->children,
                                        ((uint64_t)parent << 32 | frame) + 1) : NULL;
    if (id && *id) {
        struct symbol_frame *old = d->frames->of_node[*id]->frames;
        old->line = old->line == named->line ? old->line : 0;
        return *id;
    }
    if (!id || !add_node(d, parent, frame, named->line)) {
        d->failed = true;
        return 0;
    }
    return *id = (uint32_t)d->merged.n_nodes - 1;
}

/* ---- sites --------------------------------------------------------------------- */

static bool reserve_site(struct delta *d)
{
    struct snapshot *m = &d->merged;
    bool good = tree_reserve((void **)&m->sites, &m->cap_sites, m->n_sites + 1, sizeof *m->sites);
    for (int side = 0; good && side < DELTA_SIDES; side++)
        good = tree_reserve((void **)&d->figures[side], &d->frames->cap_sites[side],
                            m->n_sites + 1, sizeof *d->figures[side]);
    return good;
}

static void add_figures(struct delta *d, enum delta_side side, uint32_t node,
                        const struct site_figures *figures)
{
    struct snapshot *m = &d->merged;
    uint32_t *id = tree_map_put(&d->frames->sites, (uint64_t)node + 1);
    if (!id || (!*id && !reserve_site(d))) {
        d->failed = true;
        return;
    }
    if (!*id) {
        m->sites[m->n_sites] = (struct site_row){ .id = (uint32_t)m->n_sites, .node = node };
        *id = (uint32_t)++m->n_sites;
    }
    int64_t *v = d->figures[side][*id - 1].v;
    for (int k = 0; k < TREE_FIGURES; k++) /* unsigned: a hostile target's may overflow */
        v[k] = (int64_t)((uint64_t)v[k] + (uint64_t)figures->v[k]);
}

/* ---- a snapshot ------------------------------------------------------------------ */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Where no function is known: the place in the module, which a rebuild moves. */
static uint32_t add_place(struct delta *d, uint32_t parent, const struct snapshot *s,
                          const struct node_row *node)
{
    char name[600];
    const struct module_row *m = node->module && node->module < s->n_modules
                                     ? &s->modules[node->module] : NULL;
    if (m)
        snprintf(name, sizeof name, "%s+0x%" PRIx64, base_name(m->path), node->pc - m->bias);
    else
        snprintf(name, sizeof name, "?");
    struct symbol_frame f = { .function = name };
    return node_below(d, parent, m ? base_name(m->path) : "?", &f);
}

static uint32_t follow(struct delta *d, uint32_t parent, const struct snapshot *s,
                       struct symbols *sy, uint32_t at)
{
    const struct symbol *symbol = symbols_lookup(sy, s, at);
    if (!symbol || strncmp(symbol->frames[0].function, "0x", 2) == 0)
        return add_place(d, parent, s, &s->nodes[at]);
    for (size_t i = symbol->n; i-- > 0 && !d->failed;)
        parent = node_below(d, parent, symbol->module, &symbol->frames[i]);
    return parent;
}

void delta_add(struct delta *d, enum delta_side side, const struct snapshot *s,
               struct symbols *sy, const struct site_figures *figures)
{
    uint32_t *to = calloc(s->n_nodes + 1, sizeof *to);
    d->failed |= !to;
    if (!d->failed)
        selection_name_all(s, sy);
    for (size_t i = 1; i < s->n_nodes && !d->failed; i++)
        to[i] = follow(d, to[s->nodes[i].parent], s, sy, (uint32_t)i);
    for (size_t i = 0; i < s->n_sites && !d->failed; i++)
        add_figures(d, side, s->sites[i].node < s->n_nodes ? to[s->sites[i].node] : 0,
                    &figures[i]);
    free(to);
}

/* ---- a mark ---------------------------------------------------------------------- */

/* "module!function file.c:12", changed in place. */
static uint32_t follow_line(struct delta *d, uint32_t parent, char *line)
{
    char *module = line, *function = strchr(line, '!'), name[600];
    struct symbol_frame f = { .file = NULL };
    if (!function) {
        module = (char *)"?";
        function = line;
    } else {
        *function++ = '\0';
    }
    char *space = strrchr(function, ' '), *colon = strrchr(function, ':');
    if (space && colon > space + 1 && colon[1] &&
        colon[1 + strspn(colon + 1, "0123456789")] == '\0') {
        *space = *colon = '\0';
        f.file = space + 1;
        f.line = (unsigned)strtoul(colon + 1, NULL, 10);
    }
    f.function = *function ? function : "?";
    if (strncmp(function, "+0x", 3) == 0) { /* a place, named as in snapshots */
        snprintf(name, sizeof name, "%.300s%.200s", module, function);
        f.function = name;
    }
    char *renamed = d->rules ? rename_apply(d->rules, f.function) : NULL;
    f.function = renamed ? renamed : f.function;
    uint32_t node = node_below(d, parent, module, &f);
    free(renamed);
    return node;
}

/* A stack's lines, leaf first, from the last to the first. */
static uint32_t follow_stack(struct delta *d, char *stack)
{
    uint32_t node = 0;
    while (*stack && !d->failed) {
        char *last = strrchr(stack, '\n');
        node = follow_line(d, node, last ? last + 1 : stack);
        if (!last)
            break;
        *last = '\0';
    }
    return node;
}

void delta_add_mark(struct delta *d, enum delta_side side, const struct mark_file *file)
{
    d->partial = true;
    for (size_t i = 0; i < file->n_sites && !d->failed; i++) {
        const struct mark_figures *m = &file->sites[i].figures;
        struct site_figures f = { .v = {
            [TREE_LIVE_BYTES] = mark_live_bytes(m),
            [TREE_LIVE_BLOCKS] = mark_live_blocks(m),
            [TREE_ALLOCATIONS] = (int64_t)m->allocations,
            [TREE_FREES] = (int64_t)m->frees,
            [TREE_BYTES_ALLOCATED] = (int64_t)m->bytes_allocated,
        } };
        char *stack = strdup(file->sites[i].stack ? file->sites[i].stack : "");
        d->failed |= !stack;
        if (stack)
            add_figures(d, side, follow_stack(d, stack), &f);
        free(stack);
    }
}

/* ---- the difference ---------------------------------------------------------------- */

bool delta_finish(struct delta *d)
{
    struct snapshot *m = &d->merged;
    d->growth = calloc(m->n_sites + 1, sizeof *d->growth);
    if (d->failed || !d->growth)
        return false;
    for (size_t i = 0; i < m->n_sites; i++)
        for (int k = 0; k < TREE_FIGURES; k++) {
            bool known = (!d->partial || k < TREE_TEMPORARY) &&
                         k != TREE_SHORT_LIVED; /* what that is may differ, or be unknown */
            d->growth[i].v[k] = known ? (int64_t)((uint64_t)d->figures[DELTA_B][i].v[k] -
                                                  (uint64_t)d->figures[DELTA_A][i].v[k]) : 0;
        }
    d->symbols = symbols_new_known((const struct symbol *const *)d->frames->of_node, m->n_nodes);
    return d->symbols != NULL;
}

enum mark_change delta_change(const struct delta *d, uint32_t site)
{
    const int64_t *a = d->figures[DELTA_A][site].v, *b = d->figures[DELTA_B][site].v;
    bool was = a[TREE_ALLOCATIONS] || a[TREE_LIVE_BLOCKS];
    bool is = b[TREE_ALLOCATIONS] || b[TREE_LIVE_BLOCKS];
    return !was && is ? MARK_NEW
         : (was && !is) || (a[TREE_LIVE_BLOCKS] > 0 && b[TREE_LIVE_BLOCKS] == 0) ? MARK_VANISHED
                                                                                 : MARK_SAME;
}
