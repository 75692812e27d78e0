/* SPDX-License-Identifier: Apache-2.0 */
/* Deltas: two heaps whose addresses, orders and lines differ, put side by side by
 * names; against sums made here, and with marks out of files. */
#include "tests/tap.h"

#include <stdlib.h>
#include <unistd.h>

#include "tui/model/delta.h"

#define FUNCTIONS 9
#define SITES     300
#define DEPTH     6

static char texts[FUNCTIONS][8];
static const struct symbol *symbols_of[2][SITES * DEPTH + 1];

/* Stacks of numbers below FUNCTIONS, root first; [n] is 0 behind the last. */
struct heap {
    struct snapshot s;
    struct symbols *symbols;
    struct site_figures figures[SITES];
    int stacks[SITES][DEPTH + 1];
};

static uint64_t seed = 5;

static unsigned any(unsigned below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

static const struct symbol *name(int function, unsigned line)
{
    struct symbol *s = calloc(1, sizeof *s + sizeof s->frames[0]);
    snprintf(texts[function], sizeof texts[function], "f%d", function);
    s->module = function % 4 ? "program" : "lib.so";
    s->n = 1;
    s->frames[0] = (struct symbol_frame){ .function = texts[function], .file = "a.c",
                                          .line = line };
    return s;
}

/* Each stack has nodes of its own, as if addresses were never the same. */
static void fill(struct heap *h, int which, int64_t bytes)
{
    snapshot_init(&h->s);
    h->s.nodes = calloc(SITES * DEPTH + 1, sizeof *h->s.nodes);
    h->s.sites = calloc(SITES, sizeof *h->s.sites);
    h->s.n_nodes = 1;
    h->s.n_sites = SITES;
    for (uint32_t i = 0; i < SITES; i++) {
        uint32_t node = 0;
        unsigned depth = i ? 1 + any(DEPTH) : 0;
        for (unsigned k = 0; k < depth; k++) {
            int function = 1 + (int)any(k ? FUNCTIONS - 1 : 3);
            h->stacks[i][k] = function;
            h->s.nodes[h->s.n_nodes] = (struct node_row){ .pc = 7 + any(10000), .parent = node };
            symbols_of[which][h->s.n_nodes] = name(function, any(50));
            node = (uint32_t)h->s.n_nodes++;
        }
        h->s.sites[i] = (struct site_row){ .id = i, .node = node };
        h->figures[i].v[TREE_LIVE_BYTES] = bytes + any(1000);
        h->figures[i].v[TREE_ALLOCATIONS] = 1 + any(10);
        h->figures[i].v[TREE_LIVE_BLOCKS] = 1;
    }
    h->symbols = symbols_new_known(symbols_of[which], h->s.n_nodes);
}

static bool same_stack(const int *a, const int *b)
{
    int i = 0;
    while (a[i] && a[i] == b[i])
        i++;
    return a[i] == b[i];
}

static int64_t sum(const struct heap *h, const int *stack, int figure)
{
    int64_t sum = 0;
    for (int i = 0; i < SITES; i++)
        if (same_stack(h->stacks[i], stack))
            sum += h->figures[i].v[figure];
    return sum;
}

static void stack_of(const struct delta *d, uint32_t site, int stack[DEPTH + 1])
{
    uint32_t nodes[SEG_DEPTH_MAX];
    size_t n = snapshot_stack(&d->merged, site, nodes);
    memset(stack, 0, (DEPTH + 1) * sizeof *stack);
    for (size_t i = 0; i < n && i < DEPTH; i++)
        stack[i] = atoi(symbols_lookup(d->symbols, &d->merged, nodes[n - 1 - i])
                            ->frames[0].function + 1);
}

static void test_snapshots(const struct heap *a, const struct heap *b)
{
    struct delta d;
    delta_init(&d);
    delta_add(&d, DELTA_A, &a->s, a->symbols, a->figures);
    delta_add(&d, DELTA_B, &b->s, b->symbols, b->figures);
    tap_ok(delta_finish(&d) && !d.partial, "two snapshots");
    size_t right = 0, changes = 0;
    int64_t growth = 0, wanted = 0;
    for (uint32_t i = 0; i < d.merged.n_sites; i++) {
        int stack[DEPTH + 1];
        stack_of(&d, i, stack);
        int64_t x = sum(a, stack, TREE_LIVE_BYTES), y = sum(b, stack, TREE_LIVE_BYTES);
        int64_t p = sum(a, stack, TREE_ALLOCATIONS), q = sum(b, stack, TREE_ALLOCATIONS);
        right += d.figures[DELTA_A][i].v[TREE_LIVE_BYTES] == x &&
                 d.figures[DELTA_B][i].v[TREE_LIVE_BYTES] == y &&
                 d.growth[i].v[TREE_LIVE_BYTES] == y - x &&
                 d.growth[i].v[TREE_ALLOCATIONS] == q - p;
        changes += delta_change(&d, i) == (!p ? MARK_NEW : !q ? MARK_VANISHED : MARK_SAME);
        growth += d.growth[i].v[TREE_LIVE_BYTES];
    }
    for (int i = 0; i < SITES; i++)
        wanted += b->figures[i].v[TREE_LIVE_BYTES] - a->figures[i].v[TREE_LIVE_BYTES];
    tap_ok(right == d.merged.n_sites && right > SITES / 2, "each stack has its sums");
    tap_is_u64(changes, d.merged.n_sites, "new, vanished and same ones");
    tap_is_u64((uint64_t)growth, (uint64_t)wanted, "growth is that of the totals");
    delta_fini(&d);
}

static void test_same(const struct heap *a)
{
    struct delta d;
    delta_init(&d);
    delta_add(&d, DELTA_A, &a->s, a->symbols, a->figures);
    delta_add(&d, DELTA_B, &a->s, a->symbols, a->figures);
    delta_finish(&d);
    size_t still = 0;
    for (uint32_t i = 0; i < d.merged.n_sites; i++)
        still += !d.growth[i].v[TREE_LIVE_BYTES] && delta_change(&d, i) == MARK_SAME;
    tap_is_u64(still, d.merged.n_sites, "a heap does not differ from itself");
    delta_fini(&d);
}

/* ---- marks ----------------------------------------------------------------------- */

static struct symbol *one(const char *module, const char *function, const char *file,
                          unsigned line)
{
    struct symbol *s = calloc(1, sizeof *s + sizeof s->frames[0]);
    s->module = module;
    s->n = 1;
    s->frames[0] = (struct symbol_frame){ .function = function, .file = file, .line = line };
    return s;
}

static void test_mark(void)
{
    struct mark_file_site sites[] = {
        { .stack = (char *)"prog!work a.c:10\nprog!main a.c:99",
          .figures = { .allocations = 5, .bytes_allocated = 500 } },
        { .stack = (char *)"libx.so!+0x1f0\nprog!main",
          .figures = { .allocations = 2, .frees = 1, .bytes_allocated = 20, .bytes_freed = 10 } },
        { .stack = (char *)"prog!operator new(unsigned long) new_op.cc:50",
          .figures = { .allocations = 1, .frees = 1, .bytes_allocated = 8, .bytes_freed = 8 } },
    };
    struct mark_file file = { .sites = sites, .n_sites = 3 };
    struct module_row modules[2] = { { .start = 0 }, { .path = "/lib/libx.so", .bias = 0x1000 } };
    struct node_row nodes[4] = {
        { .pc = 0 }, { .pc = 1 }, { .pc = 2, .parent = 1 },
        { .pc = 0x11f0, .parent = 1, .module = 1 },
    };
    struct site_row rows[2] = { { .id = 0, .node = 2 }, { .id = 1, .node = 3 } };
    const struct symbol *names[4] = { NULL, one("prog", "main", "a.c", 120),
                                      one("prog", "work", "a.c", 30), NULL };
    struct snapshot s = { .nodes = nodes, .n_nodes = 4, .sites = rows, .n_sites = 2,
                          .modules = modules, .n_modules = 2 };
    struct site_figures figures[2] = { { .v = { [TREE_LIVE_BYTES] = 700,
                                                [TREE_LIVE_BLOCKS] = 7,
                                                [TREE_ALLOCATIONS] = 7 } },
                                       { .v = { [TREE_LIVE_BYTES] = 10,
                                                [TREE_LIVE_BLOCKS] = 1,
                                                [TREE_ALLOCATIONS] = 2 } } };
    struct symbols *sy = symbols_new_known(names, 4);
    struct delta d;
    delta_init(&d);
    delta_add_mark(&d, DELTA_A, &file);
    delta_add(&d, DELTA_B, &s, sy, figures);
    tap_ok(delta_finish(&d) && d.partial, "a mark and a snapshot");
    tap_is_u64(d.merged.n_sites, 3, "stacks are matched, though lines have moved");
    tap_ok(d.growth[0].v[TREE_LIVE_BYTES] == 200 && delta_change(&d, 0) == MARK_SAME,
           "growth of a function");
    tap_ok(d.growth[1].v[TREE_LIVE_BYTES] == 0 && delta_change(&d, 1) == MARK_SAME,
           "a place without a name is matched by its offset");
    const struct symbol *new = symbols_lookup(d.symbols, &d.merged, d.merged.sites[2].node);
    tap_is_str(new->frames[0].function, "operator new(unsigned long)", "a name with blanks");
    tap_ok(new->frames[0].line == 50 && strcmp(new->frames[0].file, "new_op.cc") == 0,
           "and its line");
    const struct symbol *work = symbols_lookup(d.symbols, &d.merged, d.merged.sites[0].node);
    tap_is_u64(work->frames[0].line, 0, "a line that differs is not shown");
    delta_fini(&d);
    symbols_free(sy);
    free((void *)names[1]);
    free((void *)names[2]);
}

static void release(struct heap *h, int which)
{
    for (size_t i = 1; i < h->s.n_nodes; i++)
        free((void *)symbols_of[which][i]);
    symbols_free(h->symbols);
    snapshot_fini(&h->s);
}

int main(void)
{
    static struct heap a, b;
    fill(&a, 0, 0);
    fill(&b, 1, 500);
    test_snapshots(&a, &b);
    test_same(&a);
    test_mark();
    release(&a, 0);
    release(&b, 1);
    return tap_done();
}
