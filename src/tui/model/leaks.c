/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which live blocks are leaks; see leaks.h. Called once a program has ended.
 */
#include "tui/model/leaks.h"

#include <stdlib.h>
#include <string.h>

#include "tui/model/selection.h"

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* ---- the runtime's ---------------------------------------------------------------- */

bool leaks_is_runtime(const char *function, const char *module, bool leaf)
{
    static const char *const libc[] = { "_IO_file_doallocate", "_IO_wfile_doallocate",
                                        "setlocale", "tzset", "__tz_convert", "mktime" };
    module = module ? base_name(module) : "";
    if (starts_with(module, "ld-linux") || starts_with(module, "ld-2"))
        return leaf;
    if (!starts_with(module, "libc.so") && !starts_with(module, "libc-2"))
        return false;
    if (starts_with(function, "__GI_")) /* the name within the library */
        function += strlen("__GI_");
    for (size_t i = 0; i < sizeof libc / sizeof *libc; i++)
        if (strcmp(function, libc[i]) == 0)
            return true;
    return starts_with(function, "getpw") || starts_with(function, "getgr");
}

/* libstdc++ sets memory aside for exceptions when it is loaded: the stack is its own
 * code, then the loader's. */
static bool is_reserve(const struct snapshot *s, const uint32_t *nodes, size_t n)
{
    bool own = false;
    for (size_t i = 0; i < n; i++) {
        const struct node_row *node = &s->nodes[nodes[i]];
        const char *path = node->module && node->module < s->n_modules
                               ? base_name(s->modules[node->module].path) : "";
        if (starts_with(path, "ld-linux") || starts_with(path, "ld-2"))
            return own;
        if (!starts_with(path, "libstdc++") && !starts_with(path, "libmemtop"))
            return false;
        own = own || starts_with(path, "libstdc++");
    }
    return false;
}

/* ---- a site ------------------------------------------------------------------------ */

enum verdict_of_leak { COUNTED, SUPPRESSED, RUNTIME };

static const char *module_of(const struct snapshot *s, uint32_t node)
{
    uint16_t m = s->nodes[node].module;
    return m && m < s->n_modules ? s->modules[m].path : NULL;
}

static bool is_runtime(const struct snapshot *s, struct symbols *sy, const uint32_t *nodes,
                       size_t n)
{
    bool leaf = true;
    for (size_t i = 0; i < n; i++) {
        const struct symbol *symbol = symbols_lookup(sy, s, nodes[i]);
        for (size_t k = 0; symbol && k < symbol->n; k++, leaf = false)
            if (leaks_is_runtime(symbol->frames[k].function, module_of(s, nodes[i]), leaf))
                return true;
        leaf = false;
    }
    return is_reserve(s, nodes, n);
}

static bool is_suppressed(const struct snapshot *s, struct symbols *sy, const uint32_t *nodes,
                          size_t n, const struct suppress *rules)
{
    for (size_t i = 0; i < n; i++) {
        const struct symbol *symbol = symbols_lookup(sy, s, nodes[i]);
        const char *module = module_of(s, nodes[i]);
        if (suppress_find(rules, NULL, NULL, module))
            return true;
        for (size_t k = 0; symbol && k < symbol->n; k++)
            if (suppress_find(rules, symbol->frames[k].function, symbol->frames[k].file, NULL))
                return true;
    }
    return false;
}

/* The sum that a site's blocks belong to. */
static struct leak_sum *sum_of(struct leaks *l, const struct snapshot *s, struct symbols *sy,
                               uint32_t site, const struct suppress *rules, bool all)
{
    uint32_t nodes[SEG_DEPTH_MAX];
    size_t n = snapshot_stack(s, site, nodes);
    return !all && is_runtime(s, sy, nodes, n) ? &l->runtime
         : is_suppressed(s, sy, nodes, n, rules) ? &l->suppressed : &l->counted;
}

/* ---- all --------------------------------------------------------------------------- */

static int by_bytes(const void *a, const void *b, void *snapshot)
{
    const struct snapshot *s = snapshot;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int64_t p = s->sites[x].live_bytes, q = s->sites[y].live_bytes;
    return p != q ? (p > q ? -1 : 1) : (x > y) - (x < y);
}

static void add(struct leak_sum *sum, const struct site_row *site)
{
    sum->blocks += site->live_blocks;
    sum->bytes += site->live_bytes;
}

static void name_sites(const struct snapshot *s, struct symbols *sy)
{
    uint32_t nodes[SEG_DEPTH_MAX];
    for (uint32_t i = 0; i < s->n_sites; i++) {
        size_t n = s->sites[i].live_blocks > 0 ? snapshot_stack(s, i, nodes) : 0;
        for (size_t k = 0; k < n; k++)
            symbols_lookup(sy, s, nodes[k]);
    }
    symbols_wait(sy);
}

int leaks_find(struct leaks *l, const struct snapshot *s, struct symbols *sy,
               const struct pattern *which, const struct suppress *rules, bool all)
{
    *l = (struct leaks){ .sites = calloc(s->n_sites + 1, sizeof *l->sites) };
    if (!l->sites)
        return -1;
    name_sites(s, sy);
    for (uint32_t i = 0; i < s->n_sites; i++) {
        if (s->sites[i].live_blocks <= 0 || !selection_matches(which, s, sy, i))
            continue;
        struct leak_sum *sum = sum_of(l, s, sy, i, rules, all);
        add(sum, &s->sites[i]);
        if (sum == &l->counted)
            l->sites[l->n++] = i;
    }
    qsort_r(l->sites, l->n, sizeof *l->sites, by_bytes, (void *)s);
    return 0;
}

void leaks_fini(struct leaks *l)
{
    free(l->sites);
    l->sites = NULL;
}
