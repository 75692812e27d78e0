/* SPDX-License-Identifier: Apache-2.0 */
/*
 * massif's output, for ms_print and massif-visualizer: the course of live bytes
 * from the history, with the tree of callers at the peak and at the end. A tree
 * begins at the allocation functions; what is below the threshold is summed up.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tui/export/export.h"
#include "tui/report/safe_text.h"

#define THRESHOLD 100 /* a row is shown from 1/100 of all bytes */
#define SNAPSHOTS 100 /* of the history, at most; massif has as many */
#define DEPTH 90      /* callers, at most; ms_print's interpreter complains of 100 */
#define NS_PER_MS 1000000

/* A site's part in the tree, and its frame at the present depth. */
struct part {
    uint64_t bytes;
    uint32_t node; /* 0: the stack has ended */
};

/* Parts of a common frame. */
struct group {
    uint64_t pc, bytes;
    struct part *parts;
    size_t n;
};

struct massif {
    FILE *out;
    const struct export *export;
    uint64_t least; /* bytes of a row of its own */
    unsigned number; /* of the next snapshot */
    bool failed;
};

/* ---- groups -------------------------------------------------------------- */
static const struct node_row *row_of(const struct massif *m, uint32_t node)
{
    return &m->export->snapshot->nodes[node];
}

static int by_pc(const void *a, const void *b, void *m)
{
    uint64_t x = row_of(m, ((const struct part *)a)->node)->pc;
    uint64_t y = row_of(m, ((const struct part *)b)->node)->pc;
    return (x > y) - (x < y);
}

static int by_bytes(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return (x->pc > y->pc) - (x->pc < y->pc);
}

/* Parts by frame, the largest group first; those that have ended are left out.
 * The caller frees. NULL: there are none, or no memory. */
static struct group *make_groups(struct massif *m, struct part *parts, size_t n, size_t *n_groups)
{
    struct group *groups = calloc(n ? n : 1, sizeof *groups);
    *n_groups = 0;
    m->failed |= groups == NULL;
    if (!groups)
        return NULL;
    qsort_r(parts, n, sizeof *parts, by_pc, m);
    for (size_t i = 0; i < n; i++) {
        uint64_t pc = row_of(m, parts[i].node)->pc;
        if (!parts[i].node)
            continue;
        if (*n_groups == 0 || groups[*n_groups - 1].pc != pc)
            groups[(*n_groups)++] = (struct group){ .pc = pc, .parts = &parts[i] };
        groups[*n_groups - 1].bytes += parts[i].bytes;
        groups[*n_groups - 1].n++;
    }
    qsort(groups, *n_groups, sizeof *groups, by_bytes);
    return groups;
}

/* ---- rows ---------------------------------------------------------------- */
static void begin_row(const struct massif *m, unsigned depth, size_t children, uint64_t bytes)
{
    fprintf(m->out, "%*sn%zu: %" PRIu64, (int)depth, "", children, bytes);
}

static const struct symbol *name_of(const struct massif *m, uint32_t node)
{
    const struct export *e = m->export;
    if (e->symbols && !symbols_lookup(e->symbols, e->snapshot, node))
        symbols_wait(e->symbols);
    return e->symbols ? symbols_lookup(e->symbols, e->snapshot, node) : NULL;
}

/* "0x401136: main (main.c:12)" */
static void put_frame(const struct massif *m, uint32_t node, const struct symbol_frame *f)
{
    const struct node_row *row = row_of(m, node);
    char function[1024] = "???", place[512];
    bool known = f && strncmp(f->function, "0x", 2) != 0;
    if (known)
        safe_text_line(function, sizeof function, f->function);
    fprintf(m->out, " 0x%" PRIX64 ": %s", row->pc, function);
    const char *module = row->module ? m->export->snapshot->modules[row->module].path : "unknown";
    if (f && f->file && f->line)
        fprintf(m->out, " (%s:%u)\n", safe_text_line(place, sizeof place, f->file), f->line);
    else
        fprintf(m->out, " (in %s)\n", safe_text_line(place, sizeof place, module));
}

static void put_small(const struct massif *m, unsigned depth, uint64_t bytes, size_t places)
{
    begin_row(m, depth, 0, bytes);
    if (places == 1)
        fprintf(m->out, " in 1 place, below massif's threshold (%d.00%%)\n", 100 / THRESHOLD);
    else
        fprintf(m->out, " in %zu places, all below massif's threshold (%d.00%%)\n", places,
                100 / THRESHOLD);
}

static void put_group(struct massif *m, const struct group *g, unsigned depth);

/* How many rows the groups will be: the large ones, and one for all others. */
static size_t count_rows(const struct massif *m, const struct group *groups, size_t n)
{
    size_t large = 0;
    while (large < n && groups[large].bytes >= m->least)
        large++;
    return large + (large < n);
}

static void put_groups(struct massif *m, const struct group *groups, size_t n, unsigned depth)
{
    size_t i = 0;
    uint64_t small = 0;
    for (; i < n && groups[i].bytes >= m->least; i++)
        put_group(m, &groups[i], depth);
    for (size_t k = i; k < n; k++)
        small += groups[k].bytes;
    if (i < n)
        put_small(m, depth, small, n - i);
}

/* A frame, with the functions that were inlined into it before it, and then
 * its callers. The parts move on to their callers. */
static void put_group(struct massif *m, const struct group *g, unsigned depth)
{
    uint32_t node = g->parts->node;
    const struct symbol *symbol = name_of(m, node);
    size_t n_frames = symbol && symbol->n ? symbol->n : 1, n_groups;
    for (size_t i = 0; i < g->n; i++)
        g->parts[i].node = row_of(m, g->parts[i].node)->parent;
    struct group *callers = make_groups(m, g->parts, g->n, &n_groups);
    if (depth + n_frames > DEPTH)
        n_groups = 0;
    for (size_t i = 0; i < n_frames; i++, depth++) {
        bool last = i + 1 == n_frames;
        begin_row(m, depth, last ? count_rows(m, callers, n_groups) : 1, g->bytes);
        put_frame(m, node, symbol ? &symbol->frames[i] : NULL);
    }
    put_groups(m, callers, n_groups, depth);
    free(callers);
}

static uint64_t without_stack(const struct part *parts, size_t n)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += parts[i].node ? 0 : parts[i].bytes;
    return bytes;
}

static void put_tree(struct massif *m, struct part *parts, size_t n, uint64_t total)
{
    size_t n_groups;
    uint64_t unknown = without_stack(parts, n);
    m->least = total / THRESHOLD + (total % THRESHOLD != 0);
    struct group *groups = make_groups(m, parts, n, &n_groups);
    begin_row(m, 0, count_rows(m, groups, n_groups) + (unknown != 0), total);
    fputs(" (heap allocation functions) malloc/new/new[], --alloc-fns, etc.\n", m->out);
    put_groups(m, groups, n_groups, 1);
    if (unknown)
        fprintf(m->out, " n0: %" PRIu64 " 0x0: ??? (without a stack)\n", unknown);
    free(groups);
}

/* ---- snapshots ----------------------------------------------------------- */
static void begin_snapshot(struct massif *m, uint64_t ms, uint64_t bytes, const char *tree)
{
    fprintf(m->out, "#-----------\nsnapshot=%u\n#-----------\ntime=%" PRIu64 "\n"
            "mem_heap_B=%" PRIu64 "\nmem_heap_extra_B=0\nmem_stacks_B=0\nheap_tree=%s\n",
            m->number++, ms, bytes, tree);
}

static void put_detailed(struct massif *m, uint64_t ms, enum export_value value, const char *tree)
{
    const struct snapshot *s = m->export->snapshot;
    struct part *parts = calloc(s->n_sites + 1, sizeof *parts);
    size_t n = 0;
    uint64_t total = 0;
    m->failed |= parts == NULL;
    for (size_t i = 0; parts && i < s->n_sites; i++) {
        uint64_t bytes = export_value_of(&s->sites[i], value);
        if (bytes)
            parts[n++] = (struct part){ .bytes = bytes, .node = s->sites[i].node };
        total += bytes;
    }
    begin_snapshot(m, ms, total, tree);
    if (parts)
        put_tree(m, parts, n, total);
    free(parts);
}

/* The history in steps, with the peak at its place, and the end. */
static void put_snapshots(struct massif *m)
{
    const struct snapshot *s = m->export->snapshot;
    uint64_t end = s->target.wall_ns / NS_PER_MS, peak = s->totals.peak_ns / NS_PER_MS;
    size_t step = s->n_seconds / SNAPSHOTS + 1;
    bool peak_done = false;
    peak = peak < end ? peak : end;
    begin_snapshot(m, 0, 0, "empty");
    for (size_t i = step - 1; i < s->n_seconds; i += step) {
        uint64_t ms = (s->seconds[i].second + 1) * 1000;
        if (ms >= end)
            break;
        if (!peak_done && ms >= peak) {
            put_detailed(m, peak, EXPORT_PEAK_BYTES, "peak");
            peak_done = true;
        }
        begin_snapshot(m, ms, s->seconds[i].live_bytes > 0 ? (uint64_t)s->seconds[i].live_bytes
                                                           : 0, "empty");
    }
    if (!peak_done)
        put_detailed(m, peak, EXPORT_PEAK_BYTES, "peak");
    put_detailed(m, end, EXPORT_LIVE_BYTES, "detailed");
}

int export_massif(FILE *out, const struct export *e)
{
    struct massif m = { .out = out, .export = e };
    char command[sizeof e->snapshot->target.command];
    safe_text_line(command, sizeof command, e->snapshot->target.command);
    fprintf(out, "desc: memtop export --format massif%s\ncmd: %s\ntime_unit: ms\n",
            e->snapshot->totals.estimated ? " (estimates from samples)" : "", command);
    put_snapshots(&m);
    return m.failed ? -1 : 0;
}
