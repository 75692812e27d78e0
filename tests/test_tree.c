/* SPDX-License-Identifier: Apache-2.0 */
/* Call trees against brute force: sums of random stacks with recursion, in all
 * modes, with filters and folding; and how long a large one takes. */
#include "tests/tap.h"

#include <stdlib.h>
#include <time.h>

#include "tui/model/pattern.h"
#include "tui/model/tree.h"
#include "tui/model/tree_parts.h"

#define FUNCTIONS 12
#define SITES     400

static char names[FUNCTIONS][8];
static const struct symbol *answers[FUNCTIONS];
static bool nameless;

/* In place of the real look-up: the program counter says which function. */
const struct symbol *symbols_lookup(struct symbols *sy, const struct snapshot *s, uint32_t node)
{
    (void)sy;
    return nameless ? NULL : answers[s->nodes[node].pc % FUNCTIONS];
}

static void make_names(void)
{
    for (int i = 0; i < FUNCTIONS; i++) {
        struct symbol *one = calloc(1, sizeof *one + sizeof one->frames[0]);
        snprintf(names[i], sizeof names[i], i == 11 ? "xmalloc" : "f%d", i);
        one->module = "program";
        one->n = 1;
        one->frames[0] = (struct symbol_frame){ .function = names[i], .file = "a.c" };
        answers[i] = one;
    }
}

/* Random stacks; several program counters in each function. */
static void fill(struct snapshot *s, size_t n_sites, unsigned depth, unsigned pcs)
{
    size_t n = 1;
    snapshot_init(s);
    s->nodes = calloc(n_sites * depth + 1, sizeof *s->nodes);
    s->sites = calloc(n_sites, sizeof *s->sites);
    s->n_sites = n_sites;
    for (uint32_t i = 1; i < n_sites; i++) {
        uint32_t node = i > 1 && rand() % 3 ? (uint32_t)(rand() % n) : 0;
        unsigned more = 1 + (unsigned)rand() % depth;
        for (unsigned k = 0; k < more && s->nodes[node].depth + 1u < depth * 2; k++) {
            s->nodes[n] = (struct node_row){ .pc = 1 + (unsigned)rand() % pcs, .parent = node,
                                             .depth = (uint16_t)(s->nodes[node].depth + 1) };
            node = (uint32_t)n++;
        }
        s->sites[i] = (struct site_row){ .id = i, .node = node, .allocations = 1 + i % 9,
                                         .live_bytes = rand() % 1000 - 100 };
    }
    s->n_nodes = n;
}

static int stack_of(const struct snapshot *s, uint32_t site, int out[64])
{
    int n = 0;
    for (uint32_t i = s->sites[site].node; i; i = s->nodes[i].parent)
        if (s->nodes[i].pc % FUNCTIONS != 11)
            out[n++] = (int)(s->nodes[i].pc % FUNCTIONS);
    return n;
}

static int number(const struct tree_row *r)
{
    return r->function[0] == 'f' ? atoi(r->function + 1) : -1;
}

static int64_t tops(const struct tree *t, bool self)
{
    int64_t sum = 0;
    for (size_t i = 0; i < tree_count(t); i++)
        if (tree_row(t, i)->depth == 0)
            sum += self ? tree_row(t, i)->self[0] : tree_row(t, i)->v[0];
    return sum;
}

/* The stack of a row, as the tree shows it, against all sites'. */
static bool row_is_right(const struct tree *t, const struct snapshot *s, size_t row, bool up)
{
    int chain[128], n = 0;
    unsigned depth = tree_row(t, row)->depth + 1;
    for (size_t i = row + 1; i-- > 0 && depth;)
        if (tree_row(t, i)->depth + 1 == depth) {
            chain[depth-- - 1] = number(tree_row(t, i));
            n++;
        }
    int64_t sum = 0;
    for (uint32_t site = 1; site < s->n_sites; site++) {
        int stack[64], have = stack_of(s, site, stack);
        bool same = have >= n;
        for (int k = 0; same && k < n; k++)
            same = chain[k] == stack[up ? k : have - 1 - k];
        sum += same ? s->sites[site].live_bytes : 0;
    }
    return sum == tree_row(t, row)->v[0];
}

static bool flat_is_right(const struct tree *t, const struct snapshot *s, size_t row)
{
    int f = number(tree_row(t, row));
    int64_t sum = 0, self = 0;
    for (uint32_t site = 1; site < s->n_sites; site++) {
        int stack[64], n = stack_of(s, site, stack);
        bool in = false;
        for (int k = 0; k < n; k++)
            in = in || stack[k] == f;
        sum += in ? s->sites[site].live_bytes : 0;
        self += n && stack[0] == f ? s->sites[site].live_bytes : 0;
    }
    return sum == tree_row(t, row)->v[0] && self == tree_row(t, row)->self[0];
}

/* The sites that a row says it has make its sum. */
static bool sites_are_right(const struct tree *t, const struct snapshot *s, size_t row)
{
    static bool in[SITES];
    int64_t sum = 0;
    memset(in, 0, sizeof in);
    size_t n = tree_row_sites(t, row, in, SITES), counted = 0;
    for (size_t i = 0; i < SITES; i++) {
        sum += in[i] ? s->sites[i].live_bytes : 0;
        counted += in[i];
    }
    return n == counted && sum == tree_row(t, row)->v[0];
}

static void test_modes(const struct snapshot *s, const struct site_figures *figures)
{
    struct tree *t = tree_new();
    int64_t total = 0;
    for (size_t i = 0; i < s->n_sites; i++)
        total += s->sites[i].live_bytes;
    for (int mode = 0; mode < TREE_MODES; mode++) {
        tree_options(t)->mode = (enum tree_mode)mode;
        tree_open_all(t, true);
        tap_ok(tree_update(t, s, NULL, figures, s->n_sites, 0) == 0, "mode %d", mode);
        tap_ok(tops(t, mode == TREE_FLAT) == total, "the top rows are the total");
        size_t right = 0, checked = 0, with_sites = 0;
        for (size_t i = 0; i < tree_count(t); i++) {
            if (number(tree_row(t, i)) < 0)
                continue;
            checked++;
            with_sites += sites_are_right(t, s, i);
            right += mode == TREE_FLAT ? flat_is_right(t, s, i)
                                       : row_is_right(t, s, i, mode == TREE_INVERTED);
        }
        tap_ok(checked > 5 && right == checked, "%zu rows are right", checked);
        tap_ok(with_sites == checked, "so are their sites");
    }
    tree_free(t);
}

static void test_filter(const struct snapshot *s, const struct site_figures *figures)
{
    struct tree *t = tree_new();
    int64_t want = 0;
    for (uint32_t site = 1; site < s->n_sites; site++) {
        int stack[64], n = stack_of(s, site, stack);
        bool in = false;
        for (int k = 0; k < n; k++)
            in = in || stack[k] == 3 || stack[k] == 4;
        want += in ? s->sites[site].live_bytes : 0;
    }
    snprintf(tree_options(t)->filter, 128, "/^f[34]$/");
    for (int mode = 0; mode < TREE_MODES; mode++) {
        tree_options(t)->mode = (enum tree_mode)mode;
        tree_update(t, s, NULL, figures, s->n_sites, 0);
        tap_ok(tree_passing(t)->v[0] == want && tops(t, mode == TREE_FLAT) == want,
               "what passes the filter, mode %d", mode);
    }
    snprintf(tree_options(t)->filter, 128, "/(/");
    tree_update(t, s, NULL, figures, s->n_sites, 0);
    tap_ok(tree_complaint(t) && tree_count(t) == 0, "a filter that is wrong says so");
    tree_options(t)->filter[0] = '\0';
    tree_options(t)->fold = true;
    tree_options(t)->mode = TREE_STANDARD;
    tree_open_all(t, true);
    tree_update(t, s, NULL, figures, s->n_sites, 0);
    tap_ok(tops(t, false) == tree_all(t)->v[0], "folded, the total is the same");
    size_t before = tree_count(t);
    tap_ok(tree_zoom(t, 0) && tree_update(t, s, NULL, figures, s->n_sites, 0) == 0 &&
           tree_count(t) < before && tops(t, false) == tree_row(t, 0)->v[0], "zoomed");
    tap_ok(tree_zoom_out(t) && !tree_zoom_out(t), "and back");
    tree_free(t);
}

/* ---- groups, slices, search --------------------------------------------------- */

static bool same_rows(const struct tree *a, size_t first, const struct tree *b)
{
    bool same = tree_count(b) > 0;
    for (size_t i = 0; i < tree_count(b) && same; i++) {
        const struct tree_row *x = tree_row(a, first + i), *y = tree_row(b, i);
        same = first + i < tree_count(a) && strcmp(x->function, y->function) == 0 &&
               x->depth == y->depth + 1 && memcmp(x->v, y->v, sizeof x->v) == 0 &&
               memcmp(x->self, y->self, sizeof x->self) == 0 && x->sites == y->sites;
    }
    return same;
}

/* Below a group is the tree that its parts alone would make. */
static void test_groups(const struct snapshot *s, const struct site_figures *figures)
{
    static const char *const group_names[] = { "one", "two", "xmalloc" };
    static struct site_figures split[3 * SITES], alone[3][SITES];
    static struct tree_part parts[3 * SITES];
    struct tree_source from = { .snapshot = s, .names_version = 1, .figures = split,
                                .n = 3 * SITES, .parts = parts, .groups = group_names,
                                .n_groups = 3 };
    for (uint32_t i = 0; i < 3 * SITES; i++) {
        uint32_t site = i / 3, group = i % 3;
        parts[i] = (struct tree_part){ .site = site, .group = group };
        for (int k = 0; k < TREE_FIGURES; k++)
            split[i].v[k] = site % 3 != group ? figures[site].v[k] / 3 : 0;
        alone[group][site] = split[i];
    }
    for (int mode = 0; mode < TREE_MODES; mode++) {
        struct tree *t = tree_new(), *one = tree_new();
        size_t groups = 0, right = 0;
        tree_options(t)->mode = tree_options(one)->mode = (enum tree_mode)mode;
        tree_open_all(t, true);
        tree_open_all(one, true);
        tap_ok(tree_step(t, &from, 60000) == 0, "grouped, mode %d", mode);
        for (size_t i = 0; i < tree_count(t); i++) {
            if (tree_row(t, i)->depth > 0)
                continue;
            int g = tree_row(t, i)->function[0] == 'o' ? 0
                  : tree_row(t, i)->function[0] == 't' ? 1 : 2;
            groups += tree_row(t, i)->group;
            tree_update(one, s, NULL, alone[g], SITES, 0);
            right += same_rows(t, i + 1, one) && tree_all(one)->v[0] == tree_row(t, i)->v[0];
        }
        tap_ok(groups == 3 && right == 3, "three groups with the trees of their parts");
        snprintf(tree_options(t)->filter, 128, "group:one");
        tree_step(t, &from, 60000);
        tree_update(one, s, NULL, alone[0], SITES, 0);
        tap_ok(tree_passing(t)->v[0] == tree_all(one)->v[0] && same_rows(t, 1, one),
               "one group alone");
        tree_free(t);
        tree_free(one);
    }
}

static void test_by_module(const struct snapshot *s, const struct site_figures *figures)
{
    struct tree *t = tree_new(), *plain = tree_new();
    for (int mode = 0; mode < TREE_MODES; mode++) {
        tree_options(t)->mode = tree_options(plain)->mode = (enum tree_mode)mode;
        tree_options(t)->by_module = true;
        tree_open_all(t, true);
        tree_open_all(plain, true);
        tree_update(t, s, NULL, figures, SITES, 0);
        tree_update(plain, s, NULL, figures, SITES, 0);
        /* xmalloc is hidden: stacks of nothing else are of no module. */
        size_t module = strcmp(tree_row(t, 0)->function, "program") == 0 ? 0 : 1;
        int64_t sum = 0;
        for (size_t i = 0; i < tree_count(t); i++)
            sum += tree_row(t, i)->depth == 0 ? tree_row(t, i)->v[0] : 0;
        tap_ok(strcmp(tree_row(t, module)->function, "program") == 0 &&
               tree_row(t, module)->group && tree_count(t) > tree_count(plain) &&
               sum == tree_all(plain)->v[0], "by module, mode %d", mode);
    }
    tree_free(t);
    tree_free(plain);
}

static bool equal_rows(const struct tree *a, const struct tree *b)
{
    bool same = tree_count(a) == tree_count(b);
    for (size_t i = 0; i < tree_count(a) && same; i++) {
        const struct tree_row *x = tree_row(a, i), *y = tree_row(b, i);
        same = x->key == y->key && x->depth == y->depth && x->expanded == y->expanded &&
               x->last == y->last && memcmp(x->v, y->v, sizeof x->v) == 0 &&
               memcmp(x->self, y->self, sizeof x->self) == 0;
    }
    return same;
}

/* A step that is over at once, again and again, and stopped now and then. */
static void test_slices(const struct snapshot *s, const struct site_figures *figures)
{
    struct tree *t = tree_new(), *whole = tree_new();
    struct tree_source from = { .snapshot = s, .names_version = 1, .figures = figures,
                                .n = s->n_sites };
    unsigned slices = 1;
    tree_open_all(t, true);
    tree_open_all(whole, true);
    tap_ok(tree_show(t, 60000) == 1, "there is nothing to show yet");
    for (int i = 0; i < 3 && tree_step(t, &from, 0) == 1; i++)
        if (i == 1)
            tree_stop(t);
    while (tree_step(t, &from, 0) == 1)
        slices++;
    tree_update(whole, s, NULL, figures, s->n_sites, 1);
    tap_ok(slices > 5 && equal_rows(t, whole) && tree_count(t) > 5,
           "%u slices make the same %zu rows", slices, tree_count(t));
    tap_ok(tree_progress(t) == 100, "all of it is done");
    tree_options(t)->mode = TREE_INVERTED;
    tree_options(whole)->mode = TREE_INVERTED;
    tree_update(whole, s, NULL, figures, s->n_sites, 1);
    tap_ok(tree_show(t, 60000) == 0 && equal_rows(t, whole), "another mode, at once");
    tree_free(t);
    tree_free(whole);
}

/* Rows that are made bit by bit, while what is asked for changes. */
static void test_sliced_rows(const struct snapshot *s, const struct site_figures *figures)
{
    struct tree *t = tree_new(), *whole = tree_new();
    struct tree_source from = { .snapshot = s, .names_version = 1, .figures = figures,
                                .n = s->n_sites };
    tree_step(t, &from, 60000);
    for (int mode = TREE_MODES; mode-- > 0;) {
        struct tree_options *o = tree_options(t), *p = tree_options(whole);
        size_t before = tree_count(t), slices = 1;
        tree_open_all(t, true);
        o->mode = (enum tree_mode)((mode + 1) % TREE_MODES);
        bool early = tree_show(t, 0) == 1 && tree_count(t) == before;
        o->mode = p->mode = (enum tree_mode)mode;
        early &= tree_step(t, &from, 0) == 1 && tree_count(t) == before;
        o->reverse = p->reverse = !o->reverse;
        o->sort = p->sort = TREE_ALLOCATIONS;
        early &= tree_step(t, &from, 0) == 1 && tree_count(t) == before;
        while (tree_step(t, &from, 0) == 1)
            slices++;
        tree_open_all(whole, true);
        tree_update(whole, s, NULL, figures, s->n_sites, 1);
        tap_ok(early && slices > 1 && equal_rows(t, whole),
               "mode %d: the old rows stay, then come %zu new ones", mode, tree_count(t));
    }
    size_t row = 0;
    while (!tree_row(t, row)->expanded)
        row++;
    bool early = tree_show(t, 0) == 1;
    tree_open(t, row, false); /* it is among the new ones already */
    while (tree_show(t, 0) == 1)
        continue;
    tap_ok(early && row < 10 && tree_row(t, row)->expandable && !tree_row(t, row)->expanded,
           "what is closed meanwhile is closed");
    tree_free(t);
    tree_free(whole);
}

/* Down from the first row, wherever it comes to be, to the end; and no further row. */
static void test_hottest(const struct snapshot *s, const struct site_figures *figures)
{
    for (int mode = 0; mode < TREE_FLAT; mode++) {
        struct tree *t = tree_new();
        size_t open = 0, i = 0;
        tree_options(t)->mode = (enum tree_mode)mode;
        tree_open_hottest(t, TREE_FIRST_ROW);
        tree_update(t, s, NULL, figures, SITES, 0);
        while (i < tree_count(t) && tree_row(t, i)->expanded)
            i++;
        bool ends = i < tree_count(t) && !tree_row(t, i)->expandable;
        for (size_t k = 0; k < tree_count(t); k++)
            open += tree_row(t, k)->expanded && tree_row(t, k)->sites > 1;
        tap_ok(i > 0 && ends && open <= i + 1, "mode %d: the first %zu rows lead to the hottest",
               mode, i);
        tree_free(t);
    }
}

static const struct tree_row *row_of_key(const struct tree *t, uint64_t key)
{
    for (size_t i = 0; i < tree_count(t); i++)
        if (tree_row(t, i)->key == key)
            return tree_row(t, i);
    return NULL;
}

static void test_reveal(const struct snapshot *s, const struct site_figures *figures)
{
    struct pattern p;
    pattern_init(&p, "f7");
    for (int mode = 0; mode < TREE_FLAT; mode++) {
        struct tree *t = tree_new();
        tree_options(t)->mode = (enum tree_mode)mode;
        tree_update(t, s, NULL, figures, SITES, 0);
        size_t shown = 0, all = 0, found = 0;
        for (size_t i = 0; i < tree_count(t); i++)
            shown += number(tree_row(t, i)) == 7;
        for (uint64_t key; (key = tree_reveal(t, &p)) && tree_show(t, 60000) == 0; found++) {
            const struct tree_row *r = row_of_key(t, key);
            if (!r || number(r) != 7)
                break;
        }
        tree_open_all(t, true);
        tree_show(t, 60000);
        for (size_t i = 0; i < tree_count(t); i++)
            all += number(tree_row(t, i)) == 7;
        tap_ok(found > 0 && found + shown <= all, "mode %d: %zu of %zu rows are brought to light",
               mode, found, all);
        tree_free(t);
    }
    pattern_fini(&p);
}

/* What was open before names came is open afterwards. */
static void test_names(const struct snapshot *s, const struct site_figures *figures)
{
    struct tree *t = tree_new();
    static uint32_t opened[100000];
    size_t n = 0, again = 0;
    nameless = true;
    tree_update(t, s, NULL, figures, SITES, 1);
    for (int i = 0; i < 40; i++) {
        size_t row = (size_t)rand() % tree_count(t);
        tree_open(t, row, true);
        tree_show(t, 60000);
    }
    for (size_t i = 0; i < tree_count(t); i++)
        if (tree_row(t, i)->expanded)
            opened[n++] = tree_row(t, i)->node;
    nameless = false;
    tree_update(t, s, NULL, figures, SITES, 2);
    for (size_t i = 0; i < n; i++) {
        uint64_t key = tree_key_of_node(t, opened[i]);
        const struct tree_row *r = key ? row_of_key(t, key) : NULL;
        again += !key || (r && (r->expanded || !r->expandable));
    }
    tap_ok(n > 5 && again == n, "of %zu open rows, %zu are after they were named", n, again);
    tree_free(t);
}

/* The row of each function that came last: once named, they go by the first one's node. */
static void open_last_ones(struct tree *t, const struct snapshot *s)
{
    const struct tree_row *last[FUNCTIONS] = { NULL };
    for (size_t i = 0; i < tree_count(t); i++) {
        const struct tree_row *r = tree_row(t, i);
        const struct tree_row **of = &last[s->nodes[r->node].pc % FUNCTIONS];
        if (r->expandable && (!*of || r->node > (*of)->node))
            *of = r;
    }
    for (int i = 0; i < FUNCTIONS; i++)
        if (last[i])
            tree_open(t, (size_t)(last[i] - tree_row(t, 0)), true);
}

/* Also where a filter let nothing through in that moment. */
static void test_names_unseen(const struct snapshot *s, const struct site_figures *figures)
{
    struct tree *t = tree_new();
    size_t open = 0, all = 0;
    nameless = true;
    tree_update(t, s, NULL, figures, SITES, 1);
    open_last_ones(t, s);
    snprintf(tree_options(t)->filter, 128, "nowhere");
    tree_update(t, s, NULL, figures, SITES, 1);
    tap_ok(tree_count(t) == 0, "nothing shows");
    nameless = false;
    tree_update(t, s, NULL, figures, SITES, 2);
    tree_options(t)->filter[0] = '\0';
    tree_update(t, s, NULL, figures, SITES, 2);
    for (size_t i = 0; i < tree_count(t); i++) {
        const struct tree_row *r = tree_row(t, i);
        all += r->depth == 0 && r->expandable;
        open += r->depth == 0 && r->expanded;
    }
    tap_ok(all > 5 && open == all, "named behind a filter: %zu of %zu are open", open, all);
    tree_free(t);
}

static size_t count_open(const struct tree *t)
{
    size_t n = 0;
    for (size_t i = 0; i < tree_count(t); i++)
        n += tree_row(t, i)->expanded;
    return n;
}

/* What is closed stays so, though it was open in the rows that names took away. */
static void test_closed(const struct snapshot *s, const struct site_figures *figures)
{
    struct tree *t = tree_new();
    struct tree_source from = { .snapshot = s, .names_version = 1, .figures = figures,
                                .n = SITES };
    nameless = true;
    tree_open_all(t, true);
    tree_step(t, &from, 60000);
    size_t all = count_open(t);
    nameless = false;
    from.names_version = 2;
    tree_open_all(t, false);
    tree_step(t, &from, 60000);
    tap_ok(all > 50 && count_open(t) < 5, "all closed, then named: %zu are open, of %zu",
           count_open(t), all);
    tree_open_all(t, true);
    tree_show(t, 60000);
    tree_options(t)->show_hidden = true;
    tree_open(t, 0, false);
    tree_step(t, &from, 60000);
    tap_ok(!tree_row(t, 0)->expanded && tree_row(t, 0)->expandable,
           "one is closed, then hidden frames are shown");
    tree_free(t);
}

/* Whether the tree now shows the one row that has the node, and what is below it. */
static bool shows_node(const struct tree *t, uint32_t node)
{
    if (!tree_count(t) || tree_row(t, 0)->depth || tree_row(t, 0)->key != tree_key_of_node(t, node))
        return false;
    for (size_t i = 1; i < tree_count(t); i++)
        if (!tree_row(t, i)->depth)
            return false;
    return true;
}

/* The first row so deep that is not hidden once it has a name, and has rows below it. */
static size_t row_at(const struct tree *t, const struct snapshot *s, unsigned depth)
{
    size_t i = 0;
    while (i < tree_count(t) && (tree_row(t, i)->depth != depth || !tree_row(t, i)->expandable ||
                                 s->nodes[tree_row(t, i)->node].pc % FUNCTIONS == 11))
        i++;
    return i;
}

/* What was zoomed into stays when names come and when hidden frames are shown. */
static void test_zoom_stays(const struct snapshot *s, const struct site_figures *figures)
{
    struct tree *t = tree_new();
    nameless = true;
    tree_open_all(t, true);
    tree_update(t, s, NULL, figures, SITES, 1);
    size_t row = row_at(t, s, 2);
    uint32_t outer = tree_row(t, row)->node;
    tap_ok(tree_zoom(t, row) && tree_show(t, 60000) == 0 && shows_node(t, outer),
           "zoomed, unnamed");
    row = row_at(t, s, 2);
    uint32_t inner = tree_row(t, row)->node;
    tap_ok(tree_zoom(t, row) && tree_show(t, 60000) == 0 && shows_node(t, inner),
           "and once more");
    nameless = false;
    tree_update(t, s, NULL, figures, SITES, 2);
    tap_ok(shows_node(t, inner), "with names it is still the same");
    tree_options(t)->show_hidden = true;
    tree_update(t, s, NULL, figures, SITES, 2);
    tap_ok(shows_node(t, inner), "and with all frames");
    tap_ok(tree_zoom_out(t) && tree_show(t, 60000) == 0 && shows_node(t, outer),
           "out goes to the outer");
    tap_ok(tree_zoom_out(t) && tree_show(t, 60000) == 0 &&
           tops(t, false) == tree_all(t)->v[0] &&
           !tree_zoom_out(t), "and to all");
    tree_free(t);
}

/* Upside down it cannot be followed: then all is shown rather than nothing. */
static void test_zoom_lost(const struct snapshot *s, const struct site_figures *figures)
{
    struct tree *t = tree_new();
    nameless = true;
    tree_options(t)->mode = TREE_INVERTED;
    tree_open_all(t, true);
    tree_update(t, s, NULL, figures, SITES, 1);
    tap_ok(tree_zoom(t, 1), "zoomed upside down");
    nameless = false;
    tree_update(t, s, NULL, figures, SITES, 2);
    tap_ok(tops(t, false) == tree_all(t)->v[0], "all is shown once names have come");
    tree_free(t);
}

static double milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Nothing is lost, and no put takes long, while a map grows. */
static void test_map(void)
{
    struct tree_map m = { .n = 0 };
    enum { KEYS = 1500000 };
    size_t wrong = 0, lost = 0, old = 0;
    for (uint32_t i = 1; i <= KEYS; i++) {
        uint32_t *value = tree_map_put(&m, tree_mix(i, 7));
        wrong += !value || *value;
        *value = i;
        old += m.old != NULL;
        if (i % 3 == 0) /* one of before, wherever it is just now */
            wrong += *tree_map_put(&m, tree_mix(i / 3, 7)) != i / 3;
        if (i % 5 == 0)
            wrong += tree_map_get(&m, tree_mix(i / 5, 7)) != i / 5;
    }
    tap_ok(!wrong && m.n == KEYS && old > KEYS / 50 && old < KEYS / 2,
           "%zu of %d keys came while the map grew", old, KEYS);
    tree_map_settle(&m);
    for (uint32_t i = 1; i <= KEYS; i++)
        lost += tree_map_get(&m, tree_mix(i, 7)) != i;
    tap_ok(!lost && !m.old && !tree_map_get(&m, 12345), "all are there in the end");
    tree_map_clear(&m);
    tap_ok(!m.n && !tree_map_get(&m, tree_mix(1, 7)), "and none when it is cleared");
    tree_map_fini(&m);
}

static void test_large(void)
{
    struct snapshot s;
    fill(&s, 100000, 20, 3000);
    s.cached_nodes = s.n_nodes;
    struct site_figures *figures = calloc(s.n_sites, sizeof *figures);
    struct tree *t = tree_new();
    tree_figures(&s, false, figures);
    double start = milliseconds();
    tree_update(t, &s, NULL, figures, s.n_sites, 0);
    double first = milliseconds() - start;
    for (int mode = 0; mode < TREE_MODES; mode++) {
        tree_options(t)->mode = (enum tree_mode)mode;
        start = milliseconds();
        tree_update(t, &s, NULL, figures, s.n_sites, 0);
        double again = milliseconds();
        tree_show(t, 60000);
        printf("# %zu nodes, mode %d: %.1f ms, the rows alone %.1f (first %.1f)\n", s.n_nodes,
               mode, again - start, milliseconds() - again, first);
    }
    tap_ok(tree_count(t) > 5, "a tree of 100,000 sites");
    tree_free(t);
    free(figures);
    snapshot_fini(&s);
}

int main(void)
{
    struct snapshot s;
    static struct site_figures figures[SITES];
    srand(11);
    make_names();
    fill(&s, SITES, 9, 60);
    tree_figures(&s, false, figures);
    test_modes(&s, figures);
    test_filter(&s, figures);
    test_groups(&s, figures);
    test_by_module(&s, figures);
    test_slices(&s, figures);
    test_sliced_rows(&s, figures);
    test_hottest(&s, figures);
    test_reveal(&s, figures);
    test_names(&s, figures);
    test_names_unseen(&s, figures);
    test_closed(&s, figures);
    test_zoom_stays(&s, figures);
    test_zoom_lost(&s, figures);
    snapshot_fini(&s);
    test_map();
    test_large();
    for (int i = 0; i < FUNCTIONS; i++)
        free((void *)(uintptr_t)answers[i]);
    return tap_done();
}
