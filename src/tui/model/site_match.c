/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes and the pattern; see site_match.h. Parents precede their children, so that one
 * pass in order does for all.
 */
#include "tui/model/site_match.h"

#include <stdlib.h>
#include <time.h>

#define SLICE_NS UINT64_C(15000000)
#define LOOK_EVERY 64               /* nodes from look to look at the clock */
#define NAMES_NS UINT64_C(200000000) /* from pass to pass while names arrive, at least */
#define SHARE 5                     /* and so many times as long as one took */

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void site_match_forget(struct site_match *m)
{
    m->n = m->unnamed = m->at = 0;
    m->busy = m->changed = m->known = m->failed = false;
    m->version++;
    m->next_ns = m->spent_ns = 0;
}

void site_match_fini(struct site_match *m)
{
    free(m->nodes);
    *m = (struct site_match){ .n = 0 };
}

/* Another program, another reader, or modules that have gone: start afresh. */
static bool is_other(const struct site_match *m, const struct snapshot *s, struct symbols *sy)
{
    return m->reader != s->cached_reader || m->unloads != s->cached_unloads ||
           m->symbols != sy || m->n > s->n_nodes;
}

static bool reserve(struct site_match *m, size_t n)
{
    size_t capacity = n + n / 2 + 64;
    if (n <= m->capacity)
        return true;
    struct matched_node *nodes = realloc(m->nodes, capacity * sizeof *nodes);
    if (!nodes)
        return false;
    m->nodes = nodes;
    m->capacity = capacity;
    return true;
}

/* ---- one node -------------------------------------------------------------------- */

static bool matches(const struct pattern *p, const struct snapshot *s, uint32_t node,
                    const struct symbol *symbol)
{
    uint16_t module = s->nodes[node].module;
    for (size_t i = 0; symbol && i < symbol->n; i++)
        if (pattern_matches(p, symbol->frames[i].function, symbol->module,
                            symbol->frames[i].file))
            return true;
    return !symbol && module && module < s->n_modules &&
           pattern_matches(p, NULL, s->modules[module].path, NULL);
}

static void match_node(struct site_match *m, const struct pattern *p, const struct snapshot *s,
                       struct symbols *sy, uint32_t node)
{
    struct matched_node *of = &m->nodes[node];
    const struct symbol *symbol = sy ? symbols_lookup(sy, s, node) : NULL;
    bool is_new = node >= m->n, before = !is_new && of->any;
    if (is_new || symbol != of->symbol)
        of->own = matches(p, s, node, symbol);
    if (is_new)
        m->unnamed += sy && !symbol;
    else if (symbol && !of->symbol)
        m->unnamed--;
    of->symbol = symbol;
    of->any = of->own || m->nodes[s->nodes[node].parent].any;
    m->changed |= of->any != before;
}

/* ---- passes ---------------------------------------------------------------------- */

static bool wants_pass(const struct site_match *m, const struct snapshot *s, unsigned names,
                       bool *all)
{
    *all = !m->n || m->names != names;
    return *all || m->n < s->n_nodes;
}

uint64_t site_match_due(const struct site_match *m, const struct snapshot *s,
                        struct symbols *sy, unsigned names)
{
    bool all;
    if (m->failed)
        return UINT64_MAX;
    if (m->busy || is_other(m, s, sy))
        return 0;
    if (!wants_pass(m, s, names, &all))
        return UINT64_MAX;
    return all && m->n >= s->n_nodes ? m->next_ns : 0;
}

static void begin(struct site_match *m, const struct snapshot *s, unsigned names,
                  uint64_t now_ns)
{
    wants_pass(m, s, names, &m->all);
    m->busy = true;
    m->spent_ns = 0;
    /* New stacks come often; they are no reason to go over all the old ones. */
    m->all = m->all && (!m->n || now_ns >= m->next_ns);
    m->at = m->all ? 1 : m->n;
    if (m->all)
        m->names = names;
    if (!m->n) {
        m->nodes[0] = (struct matched_node){ .symbol = NULL };
        m->n = 1;
    }
}

static void end(struct site_match *m)
{
    m->busy = false;
    if (m->all)
        m->next_ns = clock_ns(CLOCK_MONOTONIC) +
                     (m->spent_ns * SHARE > NAMES_NS ? m->spent_ns * SHARE : NAMES_NS);
    if (!m->known || m->changed)
        m->version++;
    m->known = true;
    m->changed = false;
}

bool site_match_step(struct site_match *m, const struct pattern *p, const struct snapshot *s,
                     struct symbols *sy, unsigned names, uint64_t now_ns)
{
    if (is_other(m, s, sy)) {
        site_match_forget(m);
        m->reader = s->cached_reader;
        m->unloads = s->cached_unloads;
        m->symbols = sy;
    }
    if (site_match_due(m, s, sy, names) > now_ns)
        return false;
    if (!reserve(m, s->n_nodes + 1)) {
        m->failed = true;
        return true;
    }
    if (!m->busy)
        begin(m, s, names, now_ns);
    uint64_t until = clock_ns(CLOCK_MONOTONIC) + SLICE_NS;
    uint64_t began = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    unsigned before = site_match_progress(m, s), version = m->version;
    bool over = false;
    for (; m->at < s->n_nodes && !over; m->at++) {
        match_node(m, p, s, sy, (uint32_t)m->at);
        if (m->at >= m->n)
            m->n = m->at + 1;
        over = m->at % LOOK_EVERY == 0 && clock_ns(CLOCK_MONOTONIC) >= until;
    }
    m->spent_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - began;
    if (m->at >= s->n_nodes)
        end(m);
    return m->version != version || site_match_progress(m, s) != before;
}

unsigned site_match_progress(const struct site_match *m, const struct snapshot *s)
{
    return m->known || !s->n_nodes ? 100 : (unsigned)(m->at * 100 / (s->n_nodes + 1));
}
