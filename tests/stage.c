/* SPDX-License-Identifier: Apache-2.0 */
/* See stage.h. */
#include "tests/stage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tui/view/block_filter.h"
#include "tui/view/header.h"

#define TICKS 8192

/* ---- the snapshot ------------------------------------------------------------ */
static const char *const functions[] = {
    NULL, "main", "parse_document", "Reader<std::pair<int, std::string> >::next(char const*)",
    "xmalloc", "index_insert", "cache_fill",
};

/* In place of the real look-up: nodes take turns with the names above. */
const struct symbol *symbols_lookup(struct symbols *sy, const struct snapshot *s, uint32_t node)
{
    static union {
        struct symbol symbol;
        char room[sizeof(struct symbol) + sizeof(struct symbol_frame)];
    } answers[STAGE_SITES + 8];
    struct symbol *answer = &answers[node].symbol;
    unsigned name = node <= 6 ? node : 2 + node % 5;
    (void)sy, (void)s;
    if (node == 9)
        return NULL; /* not known yet */
    answer->module = "program";
    answer->n = 1;
    answer->frames[0] = (struct symbol_frame){ .function = functions[name],
                                               .file = name == 4 ? NULL : "/src/program.cc",
                                               .line = name == 4 ? 0 : 10 * node };
    return answer;
}

/* Nobody opens a target here. */
unsigned symbols_generation(const struct symbols *sy)
{
    (void)sy;
    return 0;
}

struct symbols *symbols_new_known(const struct symbol *const *names, size_t n)
{
    (void)names;
    (void)n;
    return NULL;
}

struct symbols *symbols_new(int pid)
{
    (void)pid;
    return NULL;
}

void symbols_free(struct symbols *sy)
{
    (void)sy;
}

static struct node_row nodes[STAGE_SITES + 8];
static struct site_row sites[STAGE_SITES];
static struct module_row modules[2] = {
    { .start = 0 },
    { .start = 0x1000, .end = 0x90000, .path = "/bin/program" },
};
static struct thread_row threads[] = {
    { .tid = 4321, .name = "program", .alive = true, .allocations = 1234567, .frees = 1200000,
      .reallocations = 321, .bytes_allocated = 987654321, .bytes_freed = 900000000,
      .temporary = 400000, .last_ns = 83 * STAGE_SECOND },
    { .tid = 4322, .name = "worker", .alive = true, .allocations = 4567, .frees = 38000,
      .bytes_allocated = 7654321, .bytes_freed = 80000000, .last_ns = 82 * STAGE_SECOND },
    { .tid = 4323, .name = "loader", .allocations = 12, .frees = 12, .bytes_allocated = 999,
      .bytes_freed = 999, .temporary = 1, .last_ns = 2 * STAGE_SECOND },
    { .tid = 0, .name = "(ended)", .allocations = 77, .frees = 70, .bytes_allocated = 7700 },
};
static uint32_t density[TICKS];
static struct second_row seconds[80];

static void fill_sites(struct snapshot *s)
{
    for (uint32_t i = 1; i < STAGE_SITES + 8; i++)
        nodes[i] = (struct node_row){ .pc = 0x1000 + 16 * i, .parent = i < 4 ? i - 1 : 1 + i % 3,
                                      .module = 1, .depth = 1 };
    for (uint32_t i = 1; i < STAGE_SITES; i++)
        sites[i] = (struct site_row){ .id = i, .node = i + 4, .allocations = 100000 / i,
                                      .frees = 90000 / i, .bytes_allocated = 64000000 / i,
                                      .bytes_freed = 60000000 / i, .temporary = 1000 * (i % 7),
                                      .short_lived = 1000 * (i % 7) + 20000 / i,
                                      .live_blocks = 10000 / i, .live_bytes = 4000000 / i,
                                      .peak_blocks = 12000 / i, .peak_bytes = 5000000 / i };
    s->sites = sites, s->n_sites = STAGE_SITES;
    s->nodes = nodes, s->n_nodes = STAGE_SITES + 8;
    s->modules = modules, s->n_modules = 2;
}

static void fill_sizes(struct snapshot *s)
{
    for (unsigned i = 0; i < SEG_SIZE_CLASSES; i++) {
        struct size_row *row = &s->sizes[i];
        *row = (struct size_row){ .min = seg_class_min(i), .max = seg_class_max(i) };
        if (i == 0 || i > 42)
            continue;
        row->allocations = 200000 / (i * i) + 3;
        row->live_blocks = (int64_t)(row->allocations / (1 + i % 4));
        row->bytes_allocated = row->allocations * row->max;
        row->live_bytes = row->live_blocks * (int64_t)row->max;
    }
}

static void fill_history(struct snapshot *s)
{
    for (int i = 0; i < TICKS; i++)
        density[i] = (uint32_t)(400 + 350 * sin(i / 150.0) * sin(i / 37.0));
    s->density = (struct density){ .tick_ns = 953674.3, .last_tick = 90000, .ticks = TICKS,
                                   .counts = density };
    for (uint32_t i = 0; i < 80; i++) {
        seconds[i] = (struct second_row){ .second = i + 1, .threads = 3, .sites = STAGE_SITES,
                                          .allocations = 14000 * i + 90 * i * i / 2,
                                          .frees = 13980 * i, .bytes_freed = 11000000ull * i,
                                          .bytes_allocated = 11000000ull * i + 700000 * (i % 20),
                                          .live_bytes = 1000000 + 700000 * (i % 20),
                                          .live_blocks = 20 * i, .n_top = 6 };
        for (uint32_t k = 0; k < 6; k++)
            seconds[i].top[k] = (struct seg_second_site){
                .site = 1 + k * (1 + i / 40), .live_blocks = 300 - 30 * k + i,
                .live_bytes = seconds[i].live_bytes / (2 << k) };
    }
    s->seconds = seconds, s->n_seconds = 80;
}

void stage_fill(struct snapshot *s)
{
    *s = (struct snapshot){
        .taken_ns = 100 * STAGE_SECOND,
        .target = { .pid = 4321, .state = TARGET_RUNNING, .wall_ns = 83 * STAGE_SECOND,
                    .command = "/usr/local/bin/program --input data/big file.xml",
                    .allocator = "/lib/x86_64-linux-gnu/libc.so.6", .exit_status = -1,
                    .segment_bytes = 3 << 20 },
        .totals = { .allocations = 1239223, .frees = 1238082, .reallocations = 321,
                    .bytes_allocated = 995317341, .bytes_freed = 980001000,
                    .live_blocks = 1141, .live_bytes = 15316341, .peak_bytes = 23456789,
                    .peak_blocks = 4000, .peak_ns = 42 * STAGE_SECOND, .temporary = 400001,
                    .short_ns = UINT64_C(419) << 11, .short_lived = 433057,
                    .foreign_frees = 17 },
        .threads = threads, .n_threads = sizeof threads / sizeof *threads,
    };
    fill_sites(s);
    fill_sizes(s);
    fill_history(s);
}

/* ---- the screen -------------------------------------------------------------- */
struct snapshot stage_snapshot;
static struct rates rates = { .known = true, .allocations = 14870, .frees = 14790,
                              .reallocations = 3.8, .bytes_allocated = 11.9e6,
                              .bytes_freed = 11.7e6 };
static struct rate_table site_rates, thread_rates;
static struct trend trend;

struct view_context stage_context = {
    .snapshot = &stage_snapshot, .sites_version = 1, .symbols = (struct symbols *)&stage_snapshot,
    .rates = &rates, .site_rates = &site_rates, .thread_rates = &thread_rates,
    .trend = &trend, .rss = 41943040, .rss_peak = 45000000, .state = "running",
};

/* The whole screen, put together as the event loop does. */
void stage_draw(struct canvas *c, int view, void *state)
{
    int spans[VIEW_COUNT][2];
    char status[160] = "";
    const struct view_ops *ops = view_table[view];
    stage_context.selected = stage_context.filter && block_filter_on(stage_context.filter) &&
                             ops->reads & (VIEW_READS_FILTER | VIEW_READS_SELECTED);
    while (ops->due && ops->due(state, &stage_context) == 0)
        ops->work(state, &stage_context, target_now());
    header_title(&stage_context, c, 0);
    header_figures(&stage_context, c, (struct rect){ .row = 1, .rows = 3, .cols = c->cols });
    header_tabs(&stage_context, view, c, 4, spans);
    ops->draw(state, &stage_context, c,
              (struct rect){ .row = 5, .rows = c->rows - 7, .cols = c->cols });
    if (ops->status)
        ops->status(state, &stage_context, status, sizeof status);
    header_status(&stage_context, c, c->rows - 2, status);
    header_keys(c, c->rows - 1, ops->where);
}

static char *srcdir; /* whatever the working directory */

bool stage_begin(void)
{
    srcdir = realpath(getenv("srcdir") ? getenv("srcdir") : ".", NULL);
    stage_fill(&stage_snapshot);
    return srcdir != NULL;
}

void stage_end(void)
{
    free(srcdir);
}

char *stage_text(const struct canvas *c)
{
    char *text;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    canvas_dump(c, f);
    fclose(f);
    return text;
}

static char *expected(const char *path)
{
    char *text = NULL;
    size_t size;
    FILE *f = fopen(path, "r");
    if (f && getdelim(&text, &size, EOF, f) < 0) {
        free(text);
        text = NULL;
    }
    if (f)
        fclose(f);
    return text ? text : strdup("");
}

bool stage_is(const struct canvas *c, const char *name)
{
    char path[4096];
    char *got = stage_text(c);
    snprintf(path, sizeof path, "%s/tests/golden/draw-%s.txt", srcdir, name);
    if (getenv("UPDATE_GOLDEN")) {
        FILE *f = fopen(path, "w");
        if (f) {
            fputs(got, f);
            fclose(f);
        }
    }
    char *want = expected(path);
    bool same = strcmp(got, want) == 0;
    for (char *line = got; !same && line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        printf("# %.*s\n", (int)strcspn(line, "\n"), line);
    free(got);
    free(want);
    return same;
}

void *stage_new_state(int view)
{
    void *state = calloc(1, view_table[view]->state_bytes);
    if (state && view_table[view]->init)
        view_table[view]->init(state);
    return state;
}

void stage_free_state(int view, void *state)
{
    if (view_table[view]->fini)
        view_table[view]->fini(state);
    free(state);
}
