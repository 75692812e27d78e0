/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which sites, and in which order; see selection.h. Called by reports.
 */
#include "tui/model/selection.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int figure;
    bool bytes;
} names[] = {
    { "live_bytes", TREE_LIVE_BYTES, true },
    { "live_blocks", TREE_LIVE_BLOCKS, false },
    { "allocations", TREE_ALLOCATIONS, false },
    { "frees", TREE_FREES, false },
    { "bytes_allocated", TREE_BYTES_ALLOCATED, true },
    { "temporary", TREE_TEMPORARY, false },
    { "short_lived", TREE_SHORT_LIVED, false },
    { "peak_bytes", TREE_PEAK_BYTES, true },
    { "peak_blocks", TREE_PEAK_BLOCKS, false },
    { "self", TREE_BY_SELF, true },
};
#define N_NAMES (sizeof names / sizeof *names)

const char *selection_figure_name(int figure)
{
    for (size_t i = 0; i < N_NAMES; i++)
        if (names[i].figure == figure)
            return names[i].name;
    return NULL;
}

int selection_figure_parse(const char *name)
{
    for (size_t i = 0; i < N_NAMES; i++)
        if (strcmp(names[i].name, name) == 0)
            return names[i].figure;
    return -1;
}

bool selection_figure_is_bytes(int figure)
{
    for (size_t i = 0; i < N_NAMES; i++)
        if (names[i].figure == figure)
            return names[i].bytes;
    return false;
}

/* ---- who matches ------------------------------------------------------------- */
void selection_name_all(const struct snapshot *s, struct symbols *sy)
{
    for (size_t i = 1; sy && i < s->n_nodes; i++)
        symbols_lookup(sy, s, (uint32_t)i);
    symbols_wait(sy);
}

static const char *module_of(const struct snapshot *s, const struct node_row *node)
{
    return node->module && node->module < s->n_modules ? s->modules[node->module].path : NULL;
}

static bool node_matches(const struct pattern *p, const struct snapshot *s, struct symbols *sy,
                         uint32_t node)
{
    const struct symbol *symbol = symbols_lookup(sy, s, node);
    const char *module = symbol ? symbol->module : module_of(s, &s->nodes[node]);
    for (size_t i = 0; symbol && i < symbol->n; i++)
        if (pattern_matches(p, symbol->frames[i].function, module, symbol->frames[i].file))
            return true;
    return !symbol && pattern_matches(p, NULL, module, NULL);
}

bool selection_matches(const struct pattern *p, const struct snapshot *s, struct symbols *sy,
                       uint32_t site)
{
    uint32_t nodes[SEG_DEPTH_MAX];
    size_t n = snapshot_stack(s, site, nodes);
    for (size_t i = 0; i < n; i++)
        if (node_matches(p, s, sy, nodes[i]))
            return true;
    return !p->places && !p->error[0];
}

/* Whether any frame from the root to each node matches. NULL without memory. */
static bool *match_nodes(const struct pattern *p, const struct snapshot *s, struct symbols *sy)
{
    bool *match = calloc(s->n_nodes + 1, sizeof *match);
    if (!match)
        return NULL;
    selection_name_all(s, sy);
    for (size_t i = 1; i < s->n_nodes; i++)
        match[i] = match[s->nodes[i].parent] || node_matches(p, s, sy, (uint32_t)i);
    return match;
}

/* ---- order ------------------------------------------------------------------- */
struct sorting {
    const struct site_figures *figures;
    int sort;
};

static uint64_t magnitude(int64_t v)
{
    return v < 0 ? -(uint64_t)v : (uint64_t)v;
}

static int compare(const void *a, const void *b, void *data)
{
    const struct sorting *by = data;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    const int keys[] = { by->sort, TREE_LIVE_BYTES, TREE_BYTES_ALLOCATED };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        uint64_t p = magnitude(by->figures[x].v[keys[i]]);
        uint64_t q = magnitude(by->figures[y].v[keys[i]]);
        if (p != q)
            return p > q ? -1 : 1;
    }
    return (x > y) - (x < y);
}

static bool has_part(const struct site_figures *f)
{
    for (int k = 0; k < TREE_FIGURES; k++)
        if (f->v[k])
            return true;
    return false;
}

static void add(struct site_figures *to, const struct site_figures *from)
{
    for (int k = 0; k < TREE_FIGURES; k++)
        to->v[k] = (int64_t)((uint64_t)to->v[k] + (uint64_t)from->v[k]);
}

int selection_init(struct selection *sel, const struct snapshot *s, struct symbols *sy,
                   const struct site_figures *figures, const struct pattern *filter, int sort)
{
    *sel = (struct selection){ .figures = figures,
                               .order = calloc(s->n_sites + 1, sizeof *sel->order) };
    bool *match = filter->places ? match_nodes(filter, s, sy) : NULL;
    if (!sel->order || (filter->places && !match)) {
        free(sel->order);
        free(match);
        return -1;
    }
    for (uint32_t i = 0; i < s->n_sites; i++) {
        if (!has_part(&figures[i]))
            continue;
        add(&sel->all, &figures[i]);
        uint32_t node = s->sites[i].node < s->n_nodes ? s->sites[i].node : 0;
        if (match && !match[node])
            continue;
        add(&sel->passing, &figures[i]);
        sel->order[sel->n++] = i;
    }
    struct sorting by = { .figures = figures, .sort = sort < TREE_FIGURES ? sort : 0 };
    qsort_r(sel->order, sel->n, sizeof *sel->order, compare, &by);
    free(match);
    return 0;
}

void selection_fini(struct selection *sel)
{
    free(sel->order);
    sel->order = NULL;
}
