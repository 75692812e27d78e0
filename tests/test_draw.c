/* SPDX-License-Identifier: Apache-2.0 */
/* Golden screens: the views, drawn from a made-up snapshot, as text. What is
 * expected is in tests/golden/draw-*.txt; with UPDATE_GOLDEN=1 in the
 * environment it is written anew, to be looked at before it is committed. */
#include "tests/tap.h"

#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "tui/model/site_watch.h"
#include "tui/model/sources.h"
#include "tui/view/block_filter.h"
#include "tui/view/block_list.h"
#include "tui/view/dialog.h"
#include "tui/view/growth.h"
#include "tui/view/format.h"
#include "tui/view/header.h"
#include "tui/view/view.h"

#define SECOND UINT64_C(1000000000)
#define SITES  40
#define TICKS  8192

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
    } answers[SITES + 8];
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

static struct node_row nodes[SITES + 8];
static struct site_row sites[SITES];
static struct module_row modules[2] = {
    { .start = 0 },
    { .start = 0x1000, .end = 0x90000, .path = "/bin/program" },
};
static struct thread_row threads[] = {
    { .tid = 4321, .name = "program", .alive = true, .allocations = 1234567, .frees = 1200000,
      .reallocations = 321, .bytes_allocated = 987654321, .bytes_freed = 900000000,
      .temporary = 400000, .last_ns = 83 * SECOND },
    { .tid = 4322, .name = "worker", .alive = true, .allocations = 4567, .frees = 38000,
      .bytes_allocated = 7654321, .bytes_freed = 80000000, .last_ns = 82 * SECOND },
    { .tid = 4323, .name = "loader", .allocations = 12, .frees = 12, .bytes_allocated = 999,
      .bytes_freed = 999, .temporary = 1, .last_ns = 2 * SECOND },
    { .tid = 0, .name = "(ended)", .allocations = 77, .frees = 70, .bytes_allocated = 7700 },
};
static uint32_t density[TICKS];
static struct second_row seconds[80];

static void fill_sites(struct snapshot *s)
{
    for (uint32_t i = 1; i < SITES + 8; i++)
        nodes[i] = (struct node_row){ .pc = 0x1000 + 16 * i, .parent = i < 4 ? i - 1 : 1 + i % 3,
                                      .module = 1, .depth = 1 };
    for (uint32_t i = 1; i < SITES; i++)
        sites[i] = (struct site_row){ .id = i, .node = i + 4, .allocations = 100000 / i,
                                      .frees = 90000 / i, .bytes_allocated = 64000000 / i,
                                      .bytes_freed = 60000000 / i, .temporary = 1000 * (i % 7),
                                      .short_lived = 1000 * (i % 7) + 20000 / i,
                                      .live_blocks = 10000 / i, .live_bytes = 4000000 / i,
                                      .peak_blocks = 12000 / i, .peak_bytes = 5000000 / i };
    s->sites = sites, s->n_sites = SITES;
    s->nodes = nodes, s->n_nodes = SITES + 8;
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
        seconds[i] = (struct second_row){ .second = i + 1, .threads = 3, .sites = SITES,
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

static void fill(struct snapshot *s)
{
    *s = (struct snapshot){
        .taken_ns = 100 * SECOND,
        .target = { .pid = 4321, .state = TARGET_RUNNING, .wall_ns = 83 * SECOND,
                    .command = "/usr/local/bin/program --input data/big file.xml",
                    .allocator = "/lib/x86_64-linux-gnu/libc.so.6", .exit_status = -1,
                    .segment_bytes = 3 << 20 },
        .totals = { .allocations = 1239223, .frees = 1238082, .reallocations = 321,
                    .bytes_allocated = 995317341, .bytes_freed = 980001000,
                    .live_blocks = 1141, .live_bytes = 15316341, .peak_bytes = 23456789,
                    .peak_blocks = 4000, .peak_ns = 42 * SECOND, .temporary = 400001,
                    .short_ns = UINT64_C(419) << 11, .short_lived = 433057,
                    .foreign_frees = 17 },
        .threads = threads, .n_threads = sizeof threads / sizeof *threads,
    };
    fill_sites(s);
    fill_sizes(s);
    fill_history(s);
}

/* ---- the screen -------------------------------------------------------------- */
static struct snapshot snapshot;
static struct rates rates = { .known = true, .allocations = 14870, .frees = 14790,
                              .reallocations = 3.8, .bytes_allocated = 11.9e6,
                              .bytes_freed = 11.7e6 };
static struct rate_table site_rates, thread_rates;
static struct trend trend;

static struct view_context context = {
    .snapshot = &snapshot, .sites_version = 1, .symbols = (struct symbols *)&snapshot,
    .rates = &rates, .site_rates = &site_rates, .thread_rates = &thread_rates,
    .trend = &trend, .rss = 41943040, .rss_peak = 45000000, .state = "running",
};

/* The whole screen, put together as the event loop does. */
static void draw_view(struct canvas *c, int view, void *state)
{
    int spans[VIEW_COUNT][2];
    char status[160] = "";
    const struct view_ops *ops = view_table[view];
    context.selected = context.filter && block_filter_on(context.filter) &&
                       ops->reads & (VIEW_READS_FILTER | VIEW_READS_SELECTED);
    while (ops->due && ops->due(state, &context) == 0)
        ops->work(state, &context, target_now());
    header_title(&context, c, 0);
    header_figures(&context, c, (struct rect){ .row = 1, .rows = 3, .cols = c->cols });
    header_tabs(&context, view, c, 4, spans);
    ops->draw(state, &context, c,
              (struct rect){ .row = 5, .rows = c->rows - 7, .cols = c->cols });
    if (ops->status)
        ops->status(state, &context, status, sizeof status);
    header_status(&context, c, c->rows - 2, status);
    header_keys(c, c->rows - 1, ops->where);
}

static char *srcdir; /* whatever the working directory */

static char *text_of(const struct canvas *c)
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

static void compare(const struct canvas *c, const char *name)
{
    char path[4096];
    char *got = text_of(c);
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
    tap_ok(same, "the screen is that of %s", path);
    for (char *line = got; !same && line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        printf("# %.*s\n", (int)strcspn(line, "\n"), line);
    free(got);
    free(want);
}

struct scene {
    const char *name;
    const struct view_ops *view; /* NULL: the overview */
    int rows, cols;
    enum canvas_glyphs glyphs;
    enum action actions[4];
};

static void *new_state(int view)
{
    void *state = calloc(1, view_table[view]->state_bytes);
    if (state && view_table[view]->init)
        view_table[view]->init(state);
    return state;
}

static void free_state(int view, void *state)
{
    if (view_table[view]->fini)
        view_table[view]->fini(state);
    free(state);
}

static void test_scene(const struct scene *scene)
{
    struct canvas c;
    int view = scene->view ? view_index(scene->view) : 0;
    void *state = new_state(view);
    canvas_init(&c, scene->glyphs);
    canvas_resize(&c, scene->rows, scene->cols);
    draw_view(&c, view, state);
    for (int i = 0; i < 4 && scene->actions[i]; i++) {
        view_table[view]->action(state, &context, scene->actions[i]);
        canvas_clear(&c);
        draw_view(&c, view, state);
    }
    compare(&c, scene->name);
    free_state(view, state);
    canvas_fini(&c);
}

static const struct scene scenes[] = {
    { .name = "overview-80x24", .rows = 24, .cols = 80, .glyphs = GLYPHS_BRAILLE },
    { .name = "overview-80x24-ascii", .rows = 24, .cols = 80, .glyphs = GLYPHS_ASCII },
    { .name = "overview-80x24-blocks", .rows = 24, .cols = 80, .glyphs = GLYPHS_BLOCKS,
      .actions = { ACTION_UNITS, ACTION_ZOOM_IN } },
    { .name = "overview-132x43", .rows = 43, .cols = 132, .glyphs = GLYPHS_BRAILLE },
    { .name = "overview-200x60", .rows = 60, .cols = 200, .glyphs = GLYPHS_BRAILLE },
    { .name = "overview-200x60-ascii", .rows = 60, .cols = 200, .glyphs = GLYPHS_ASCII },
    { .name = "overview-250x70", .rows = 70, .cols = 250, .glyphs = GLYPHS_BRAILLE },
    { .name = "sites-80x24", .view = &view_sites, .rows = 24, .cols = 80,
      .glyphs = GLYPHS_BRAILLE },
    { .name = "sites-80x24-moved", .view = &view_sites, .rows = 24, .cols = 80,
      .glyphs = GLYPHS_BRAILLE,
      .actions = { ACTION_SORT_RIGHT, ACTION_SORT_RIGHT, ACTION_REVERSE, ACTION_LAST } },
    { .name = "sites-80x24-details", .view = &view_sites, .rows = 24, .cols = 80,
      .glyphs = GLYPHS_BRAILLE, .actions = { ACTION_DOWN, ACTION_DETAILS } },
    { .name = "sites-200x60", .view = &view_sites, .rows = 60, .cols = 200,
      .glyphs = GLYPHS_BRAILLE },
    { .name = "tree-80x24", .view = &view_tree, .rows = 24, .cols = 80,
      .glyphs = GLYPHS_BRAILLE, .actions = { ACTION_TREE_ALL, ACTION_DOWN } },
    { .name = "tree-80x24-ascii", .view = &view_tree, .rows = 24, .cols = 80,
      .glyphs = GLYPHS_ASCII, .actions = { ACTION_TREE_MODE, ACTION_TREE_ALL } },
    { .name = "tree-200x60", .view = &view_tree, .rows = 60, .cols = 200,
      .glyphs = GLYPHS_BRAILLE, .actions = { ACTION_TREE_ALL, ACTION_SORT_RIGHT } },
    { .name = "tree-200x60-ascii", .view = &view_tree, .rows = 60, .cols = 200,
      .glyphs = GLYPHS_ASCII, .actions = { ACTION_TREE_MODE, ACTION_TREE_MODE } },
    { .name = "threads-80x24", .view = &view_threads, .rows = 24, .cols = 80,
      .glyphs = GLYPHS_BRAILLE,
      .actions = { ACTION_SORT_RIGHT } },
    { .name = "threads-132x43", .view = &view_threads, .rows = 43, .cols = 132,
      .glyphs = GLYPHS_ASCII },
    { .name = "output-none-80x24", .view = &view_output, .rows = 24, .cols = 80,
      .glyphs = GLYPHS_BRAILLE },
};

static void test_lost(void)
{
    struct canvas c;
    snapshot.totals.lost = 12;
    snapshot.target.peak_slack = 131072;
    snapshot.target.flags = SEG_FLAG_MEMORY_CAP;
    canvas_init(&c, GLYPHS_BRAILLE);
    canvas_resize(&c, 1, 100);
    header_status(&context, &c, 0, "40 call sites");
    compare(&c, "status-lost");
    canvas_fini(&c);
    fill(&snapshot);
}

/* Estimates are marked, with their error in the title; a site that is certain
 * is not. */
static void test_sampled(void)
{
    struct canvas c;
    char text[64];
    void *state = new_state(view_index(&view_sites));
    snapshot.target.tier = SEG_TIER_SAMPLED;
    snapshot.target.sample_bytes = 512 << 10;
    snapshot.totals.estimated = snapshot.totals.peak_estimated = true;
    snapshot.totals.live_bytes_error = 1200000;
    for (size_t i = 1; i < snapshot.n_sites; i++) {
        struct site_row *r = &snapshot.sites[i];
        r->samples = i == 2 ? 0 : 3;
        r->live_bytes_error = r->samples ? (uint64_t)r->live_bytes / 10 : 0;
        r->live_blocks_error = r->samples ? (uint64_t)r->live_blocks / 9 : 0;
    }
    canvas_init(&c, GLYPHS_BRAILLE);
    canvas_resize(&c, 30, 100);
    draw_view(&c, view_index(&view_sites), state);
    compare(&c, "sites-100x30-sampled");
    tap_is_str(format_tier(text, sizeof text, &snapshot, true), "sampled 512K +-7.8%",
               "the tier in ASCII");
    snapshot.target.tier = SEG_TIER_EXACT;
    tap_is_str(format_tier(text, sizeof text, &snapshot, true), "exact, estimates +-7.8%",
               "exact again, with what is left");
    snapshot.target.tier = SEG_TIER_COUNTERS;
    snapshot.totals.estimated = false;
    tap_is_str(format_tier(text, sizeof text, &snapshot, true), "counters only", "no stacks");
    canvas_resize(&c, 11, 60);
    canvas_clear(&c);
    dialog_draw(DIALOG_TIER, &c);
    compare(&c, "dialog-tier-60x11");
    canvas_fini(&c);
    free_state(view_index(&view_sites), state);
    fill(&snapshot);
}

/* The agent came late: what was there before is named apart, as an estimate. */
static void test_attached(void)
{
    struct canvas c;
    int rows[] = { 24, 60 }, cols[] = { 80, 200 };
    const char *const names[] = { "overview-80x24-attached", "overview-200x60-attached" };
    snapshot.target.flags = SEG_FLAG_ATTACHED;
    snapshot.target.attach = (struct attach_info){ .late = true, .before = SEG_BEFORE_MALLINFO,
                                                   .before_bytes = 123456789 };
    canvas_init(&c, GLYPHS_BRAILLE);
    for (int i = 0; i < 2; i++) {
        void *state = new_state(0);
        canvas_resize(&c, rows[i], cols[i]);
        canvas_clear(&c);
        draw_view(&c, 0, state);
        compare(&c, names[i]);
        free_state(0, state);
    }
    snapshot.target.attach.before = SEG_BEFORE_UNKNOWN;
    canvas_resize(&c, 1, 80);
    canvas_clear(&c);
    header_status(&context, &c, 0, "there is little room beside such a text");
    compare(&c, "status-attached");
    canvas_fini(&c);
    fill(&snapshot);
}

static enum canvas_glyphs scene_glyphs = GLYPHS_BRAILLE;

static void draw_scene(const char *name, const struct view_ops *view, int rows, int cols,
                       enum action action)
{
    struct scene scene = { .name = name, .view = view, .rows = rows, .cols = cols,
                           .glyphs = scene_glyphs, .actions = { action } };
    test_scene(&scene);
}

static void draw_scene_after(const char *name, const struct view_ops *view, int rows, int cols,
                             const enum action actions[3])
{
    struct scene scene = { .name = name, .view = view, .rows = rows, .cols = cols,
                           .glyphs = scene_glyphs };
    memcpy(scene.actions, actions, 3 * sizeof *actions);
    test_scene(&scene);
}

/* The lines that a scene shows have been read. */
static void await_source(const struct view_ops *view, int rows, int cols, enum action action)
{
    struct canvas c;
    bool waiting;
    int at = view_index(view);
    canvas_init(&c, scene_glyphs);
    canvas_resize(&c, rows, cols);
    do {
        struct pollfd fd = { .fd = sources_fd(context.sources), .events = POLLIN };
        void *state = new_state(at);
        draw_view(&c, at, state);
        view_table[at]->action(state, &context, action);
        canvas_clear(&c);
        draw_view(&c, at, state);
        free_state(at, state);
        char *text = text_of(&c);
        waiting = strstr(text, "being read...") != NULL;
        free(text);
        if (waiting && poll(&fd, 1, 20000) > 0)
            sources_drain(context.sources);
    } while (waiting);
    canvas_fini(&c);
}

static void draw_source(const char *name, const struct view_ops *view, int rows, int cols,
                        enum action action)
{
    await_source(view, rows, cols, action);
    draw_scene(name, view, rows, cols, action);
}

static void write_source(void)
{
    FILE *f = fopen("program.cc", "w");
    for (int i = 1; i <= 300; i++)
        fprintf(f, i % 10 ? "\tif (buffer[%d])\n" : "\t\tlist.push(new Item(%d));\n", i);
    fclose(f);
}

/* Files that are found below the working directory. */
static void test_source(void)
{
    static const char *const folders[] = { ".", NULL };
    char directory[] = "/tmp/test_draw.XXXXXX";
    int before = open(".", O_DIRECTORY | O_CLOEXEC);
    if (!mkdtemp(directory) || chdir(directory) != 0)
        return;
    write_source();
    context.sources = sources_new(0, folders);
    draw_source("source-80x24", &view_sites, 24, 80, ACTION_DETAILS);
    draw_source("source-200x60", &view_sites, 60, 200, ACTION_DOWN);
    draw_source("source-tree-200x60", &view_tree, 60, 200, ACTION_DOWN);
    scene_glyphs = GLYPHS_ASCII;
    draw_source("source-80x24-ascii", &view_sites, 24, 80, ACTION_DETAILS);
    scene_glyphs = GLYPHS_BRAILLE;
    unlink("program.cc");
    sources_free(context.sources);
    context.sources = sources_new(0, folders);
    draw_source("source-gone-80x24", &view_sites, 24, 80, ACTION_DETAILS);
    sources_free(context.sources);
    context.sources = NULL;
    if (fchdir(before) == 0)
        rmdir(directory);
    close(before);
}

static struct growth growth;
static struct growth_alive alive[SITES];

/* Two marks of this run, one of a file, one from before the viewer. */
static void make_marks(void)
{
    static const struct mark_event event = { .number = 3, .ns = 2 * SECOND, .name = "loaded" };
    static const struct mark_figures gone = { .allocations = 500, .bytes_allocated = 64000 };
    growth_init(&growth);
    snapshot.target.wall_ns = 10 * SECOND;
    struct mark *first = mark_take(&snapshot, "before the load");
    for (size_t i = 1; i < SITES; i++) {
        first->sites[i].allocations = i % 9 ? sites[i].allocations / 3 : 0;
        first->sites[i].frees = sites[i].frees / 3;
        first->sites[i].bytes_allocated = sites[i].bytes_allocated / (i % 4 + 1);
        first->sites[i].bytes_freed = sites[i].bytes_freed / (i % 4 + 1);
    }
    first->totals = (struct mark_figures){ .allocations = 700000, .frees = 690000,
                                           .bytes_allocated = 4000000, .bytes_freed = 1000000 };
    growth.marks[0] = mark_of_event(&snapshot, &event);
    growth.marks[1] = first;
    snapshot.target.wall_ns = 84 * SECOND;
    growth.marks[2] = mark_take(&snapshot, "after");
    struct mark *old = mark_take(&snapshot, "baseline");
    old->foreign = true;
    snprintf(old->command, sizeof old->command, "program --old");
    old->n_sites = 1;
    old->sites[0] = gone;
    old->keys = calloc(1, sizeof *old->keys);
    old->keys[0] = stack_book_add(&growth.book, "program!vanished old.c:7\nprogram!main old.c:99");
    growth.marks[3] = old;
    growth.n_marks = 4;
}

/* Sites of all kinds, watched for a minute. */
static void test_trends(void)
{
    struct site_watch watch = { .n = 0 };
    int64_t live[SITES];
    snapshot.n_seconds = 0;
    for (size_t i = 0; i < SITES; i++)
        live[i] = sites[i].live_bytes;
    for (int t = 0; t < 60; t++) {
        snapshot.target.wall_ns = (uint64_t)(23 + t) * SECOND;
        for (size_t i = 1; i < SITES; i++) {
            sites[i].live_bytes = i % 5 == 1 ? live[i] / 120 * (60 + t)
                                : i % 5 == 2 ? live[i] - (int64_t)((double)live[i] * exp(-t / 9.))
                                : i % 5 == 3 ? live[i] / 60 * (119 - t) : live[i];
            sites[i].allocations += i % 5 == 4 ? 1000 : 0;
            sites[i].bytes_allocated += i % 5 == 4 ? 1000000 : 0;
        }
        site_watch_add(&watch, &snapshot);
    }
    context.watch = &watch;
    context.sites_version++;
    draw_scene("trends-80x24", &view_sites, 24, 80, ACTION_NONE);
    draw_scene("trends-80x24-details", &view_sites, 24, 80, ACTION_DETAILS);
    draw_scene("trends-200x60", &view_sites, 60, 200, ACTION_DOWN);
    scene_glyphs = GLYPHS_ASCII;
    draw_scene("trends-200x60-ascii", &view_sites, 60, 200, ACTION_DOWN);
    draw_scene("trends-80x24-ascii", &view_sites, 24, 80, ACTION_DETAILS);
    scene_glyphs = GLYPHS_BRAILLE;
    context.watch = NULL;
    site_watch_fini(&watch);
    fill(&snapshot);
}

static void test_marks(void)
{
    make_marks();
    context.growth = NULL;
    draw_scene("marks-none-80x24", &view_marks, 24, 80, ACTION_NONE);
    context.growth = &growth;
    growth_tag(&growth, 2);
    growth_tag(&growth, 1);
    draw_scene("marks-80x24", &view_marks, 24, 80, ACTION_DOWN);
    draw_scene("marks-200x60", &view_marks, 60, 200, ACTION_SAVE);
    growth_since(&growth, 1);
    growth.figures = mark_diff(growth.from, NULL, &snapshot, &growth.book, &growth.diff);
    draw_scene("growth-80x24", &view_sites, 24, 80, ACTION_NONE);
    draw_scene("tree-growth-80x24", &view_tree, 24, 80, ACTION_NONE);
    for (size_t i = 0; i < SITES; i++)
        alive[i] = (struct growth_alive){ .blocks = 10 * i, .bytes = 1000 * i };
    growth.alive = alive;
    growth.n_alive = SITES;
    growth.alive_known = true;
    growth.version++;
    draw_scene("growth-200x60", &view_sites, 60, 200, ACTION_DOWN);
    draw_scene("tree-growth-200x60", &view_tree, 60, 200, ACTION_DOWN);
    growth_since(&growth, 3);
    stack_book_name_sites(&growth.book, context.symbols, &snapshot, 1000);
    growth.figures = mark_diff(growth.from, NULL, &snapshot, &growth.book, &growth.diff);
    growth.version++;
    draw_scene("growth-foreign-80x24", &view_sites, 24, 80, ACTION_REVERSE);
    growth.alive = NULL;
    growth_fini(&growth);
    context.growth = NULL;
    fill(&snapshot);
}

/* Marks at 2, 10 and 84 s; the last is beyond the present. */
static void test_time(void)
{
    static const enum action back[] = { ACTION_FAR_EARLIER, ACTION_EARLIER, ACTION_DOWN };
    static const enum action mark[] = { ACTION_ZOOM_OUT, ACTION_MARK_BEFORE, ACTION_ZOOM_IN };
    static const enum action fine[] = { ACTION_ZOOM_IN, ACTION_ZOOM_IN, ACTION_EARLIER };
    make_marks();
    context.growth = &growth;
    snapshot.target.wall_ns = 83 * SECOND;
    draw_scene("time-80x24", &view_time, 24, 80, ACTION_NONE);
    draw_scene_after("time-80x24-back", &view_time, 24, 80, back);
    draw_scene_after("time-200x60", &view_time, 60, 200, mark);
    draw_scene_after("time-200x60-fine", &view_time, 60, 200, fine);
    scene_glyphs = GLYPHS_ASCII;
    draw_scene_after("time-80x24-ascii", &view_time, 24, 80, back);
    draw_scene_after("time-200x60-ascii", &view_time, 60, 200, mark);
    scene_glyphs = GLYPHS_BRAILLE;
    context.then = &seconds[39];
    context.growth = NULL;
    draw_scene("tree-80x24-then", &view_tree, 24, 80, ACTION_DOWN);
    context.then = NULL;
    context.growth = &growth;
    snapshot.n_seconds = 0;
    snapshot.density.counts = NULL;
    draw_scene("time-none-80x24", &view_time, 24, 80, ACTION_OLDEST);
    growth_fini(&growth);
    context.growth = NULL;
    fill(&snapshot);
}

/* Live blocks of all sizes and ages by all sites. */
static void sum_blocks(struct block_filter *f)
{
    chosen_begin(&f->sums, &f->what, &snapshot);
    for (uint32_t i = 1; i < 3000; i++) {
        uint64_t size = 1 + i * i % 977 * (i % 3);
        chosen_add(&f->sums, &(struct choice_block){
                                 .size = size, .site = 1 + i % 37, .tid = 4321 + (int)(i % 2),
                                 .age_ns = UINT64_C(300) << i % 29, .blocks = 1, .bytes = size });
    }
    f->known = true;
    f->version++;
}

/* All live blocks are as old as can be, a moment after they were young. */
static void test_ages_follow(struct block_filter *f)
{
    struct canvas c;
    int view = view_index(&view_sizes);
    void *state = new_state(view);
    canvas_init(&c, GLYPHS_ASCII);
    canvas_resize(&c, 24, 80);
    memset(f->sums.ages, 0, sizeof f->sums.ages);
    f->sums.ages[2] = (struct choice_sum){ .blocks = 77, .bytes = 7777 };
    draw_view(&c, view, state);
    char *young = text_of(&c);
    f->sums.ages[40] = f->sums.ages[2];
    f->sums.ages[2] = (struct choice_sum){ .blocks = 0 };
    canvas_clear(&c);
    draw_view(&c, view, state);
    char *old = text_of(&c);
    tap_ok(strstr(young, " 7.59K    77 ") && strstr(old, " 7.59K    77 "),
           "the ages of most blocks are in sight");
    free(young);
    free(old);
    free_state(view, state);
    canvas_fini(&c);
}

static void test_sizes_view(void)
{
    static const enum action other[] = { ACTION_OTHER_PANE, ACTION_UNITS, ACTION_LAST };
    static struct block_filter f;
    for (unsigned i = 0; i < SEG_LIFE_CLASSES; i++)
        snapshot.lifetimes[i] = (struct lifetime_row){
            .below_ns = i < SEG_LIFE_CLASSES - 1 ? UINT64_C(419) << i : UINT64_MAX,
            .frees = i < 30 ? 5000 / (i + 1) : 0 };
    context.filter = &f;
    draw_scene("sizes-none-80x24", &view_sizes, 24, 80, ACTION_NONE);
    sum_blocks(&f);
    draw_scene("sizes-80x24", &view_sizes, 24, 80, ACTION_DOWN);
    test_ages_follow(&f);
    sum_blocks(&f);
    draw_scene_after("sizes-200x60", &view_sizes, 60, 200, other);
    f.what = (struct choice){ .by_size = true, .size_min = 17, .size_max = 64, .by_age = true,
                              .age_below_ns = 419 << 12, .by_thread = true, .tid = 4322 };
    sum_blocks(&f);
    draw_scene("sizes-80x24-selected", &view_sizes, 24, 80, ACTION_DOWN);
    draw_scene("sites-80x24-selected", &view_sites, 24, 80, ACTION_DOWN);
    draw_scene("threads-80x24-selected", &view_threads, 24, 80, ACTION_NONE);
    scene_glyphs = GLYPHS_ASCII;
    draw_scene("sizes-80x24-ascii", &view_sizes, 24, 80, ACTION_DOWN);
    draw_scene("sizes-200x60-ascii", &view_sizes, 60, 200, ACTION_OTHER_PANE);
    scene_glyphs = GLYPHS_BRAILLE;
    f.what.tid = 1;
    draw_scene("sites-80x24-summing", &view_sites, 24, 80, ACTION_NONE);
    f.what = (struct choice){ .by_size = true, .size_min = 513, .size_max = 640,
                              .short_lived = true };
    sum_blocks(&f);
    draw_scene("sizes-80x24-short", &view_sizes, 24, 80, ACTION_OTHER_PANE);
    draw_scene("sites-80x24-short", &view_sites, 24, 80, ACTION_DOWN);
    draw_scene("tree-80x24-short", &view_tree, 24, 80, ACTION_DOWN);
    draw_scene("sizes-200x60-short", &view_sizes, 60, 200, ACTION_OTHER_PANE);
    block_filter_fini(&f);
    context.filter = NULL;
    context.selected = false;
    fill(&snapshot);
}

/* A target whose records are compact: what needs birth stamps says that there are none,
 * and short lives are not counted. */
static void test_compact(void)
{
    static struct block_filter f;
    struct block_row rows[12];
    struct block_list list = { .wanted = true, .known = true, .site = 3, .version = 1,
                               .rows = { .rows = rows, .n = 12, .blocks = 12, .bytes = 9300 } };
    for (unsigned i = 0; i < 12; i++)
        rows[i] = (struct block_row){ .address = 0x7f0000001000 + 0x1230 * i, .size = 100 * i,
                                      .site = 3 };
    snapshot.target.flags |= SEG_FLAG_COMPACT;
    snapshot.totals.short_ns = snapshot.totals.short_lived = 0;
    for (size_t i = 0; i < SITES; i++)
        sites[i].short_lived = 0;
    context.filter = &f;
    sum_blocks(&f);
    draw_scene("overview-80x24-compact", &view_overview, 24, 80, ACTION_NONE);
    draw_scene("sizes-80x24-compact", &view_sizes, 24, 80, ACTION_DOWN);
    draw_scene("threads-80x24-compact", &view_threads, 24, 80, ACTION_NONE);
    draw_scene("sites-132x43-compact", &view_sites, 43, 132, ACTION_DOWN);
    draw_scene("tree-200x60-compact", &view_tree, 60, 200, ACTION_DOWN);
    context.blocks = &list;
    draw_scene("blocks-80x24-compact", &view_blocks, 24, 80, ACTION_DOWN);
    context.blocks = NULL;
    make_marks();
    context.growth = &growth;
    growth_since(&growth, 1);
    growth.no_births = true;
    growth.figures = mark_diff(growth.from, NULL, &snapshot, &growth.book, &growth.diff);
    draw_scene("growth-132x43-compact", &view_sites, 43, 132, ACTION_DOWN);
    growth_fini(&growth);
    context.growth = NULL;
    block_filter_fini(&f);
    context.filter = NULL;
    fill(&snapshot);
}

static void test_blocks(void)
{
    struct block_row rows[30];
    struct block_list list = { .wanted = true, .known = true, .site = 3, .version = 1,
                               .rows = { .rows = rows, .n = 30, .blocks = 30, .bytes = 123456 } };
    for (unsigned i = 0; i < 30; i++)
        rows[i] = (struct block_row){ .address = 0x7f0000001000 + 0x1230 * i,
                                      .size = 17 * i * i, .site = 3, .birth_ns = i * SECOND,
                                      .tid = i % 3 ? 4321 + (int)(i % 3) : 0 };
    draw_scene("blocks-none-80x24", &view_blocks, 24, 80, ACTION_NONE);
    context.blocks = &list;
    draw_scene("blocks-80x24", &view_blocks, 24, 80, ACTION_SORT_LEFT);
    draw_scene("blocks-gone-80x24", &view_blocks, 24, 80, ACTION_CONTENTS);
    draw_scene("blocks-132x43", &view_blocks, 43, 132, ACTION_SORT_RIGHT);
    draw_scene("blocks-200x60", &view_blocks, 60, 200, ACTION_DOWN);
    context.blocks = NULL;
}

/* Keys that are typed, and what the view then looks like. */
static void draw_typed_in(const struct view_ops *ops, const char *name,
                          enum canvas_glyphs glyphs, enum action action, const char *keys)
{
    struct canvas c;
    int view = view_index(ops);
    void *state = new_state(view);
    canvas_init(&c, glyphs);
    canvas_resize(&c, 24, 80);
    draw_view(&c, view, state);
    ops->action(state, &context, action);
    for (; *keys; keys++)
        ops->key(state, &context, (unsigned char)*keys);
    canvas_clear(&c);
    draw_view(&c, view, state);
    compare(&c, name);
    free_state(view, state);
    canvas_fini(&c);
}

static void draw_typed(const char *name, enum canvas_glyphs glyphs, enum action action,
                       const char *keys)
{
    draw_typed_in(&view_tree, name, glyphs, action, keys);
}

static void test_sites_found(void)
{
    const struct view_ops *in = &view_sites;
    draw_typed_in(in, "sites-search-80x24", GLYPHS_BRAILLE, ACTION_SEARCH, "index\r");
    draw_typed_in(in, "sites-filter-80x24", GLYPHS_BRAILLE, ACTION_FILTER, "cache");
    draw_typed_in(in, "sites-filtered-80x24", GLYPHS_BRAILLE, ACTION_FILTER, "cache\r");
    draw_typed_in(in, "sites-wrong-80x24", GLYPHS_ASCII, ACTION_FILTER, "/[/\r");
    draw_typed_in(in, "sites-menu-80x24", GLYPHS_BRAILLE, ACTION_SORT, "j");
}

static void test_tree(void)
{
    draw_typed("tree-filter-80x24", GLYPHS_BRAILLE, ACTION_FILTER, "cache");
    draw_typed("tree-filtered-80x24", GLYPHS_BRAILLE, ACTION_FILTER, "cache\r");
    draw_typed("tree-wrong-80x24", GLYPHS_ASCII, ACTION_FILTER, "/[/\r");
    draw_typed("tree-modules-80x24", GLYPHS_BRAILLE, ACTION_TREE_GROUP, "j\r");
    draw_typed("tree-menu-80x24", GLYPHS_BRAILLE, ACTION_TREE_GROUP, "j");
    draw_typed("tree-columns-80x24-ascii", GLYPHS_ASCII, ACTION_TREE_COLUMNS, "jj ");
    draw_scene("tree-peak-80x24", &view_tree, 24, 80, ACTION_TREE_PEAK);
}

static void test_pages(void)
{
    struct canvas c;
    int scroll = 0;
    canvas_init(&c, GLYPHS_ASCII);
    canvas_resize(&c, 50, 80);
    view_help_draw(&c, (struct rect){ .rows = 50, .cols = 80 }, view_tree.where, &scroll);
    compare(&c, "help-80x50-ascii");
    canvas_resize(&c, 56, 200);
    view_help_draw(&c, (struct rect){ .rows = 56, .cols = 200 }, view_marks.where, &scroll);
    compare(&c, "help-200x56-ascii");
    canvas_resize(&c, 11, 50);
    dialog_draw(DIALOG_QUIT, &c);
    compare(&c, "dialog-50x11-ascii");
    canvas_fini(&c);
}

/* Whatever the size, and with nothing in the snapshot: no view crashes. */
static void test_sizes(void)
{
    static const int rows[] = { 1, 2, 5, 8, 9, 13, 30 };
    static struct snapshot empty = { .taken_ns = 1 };
    int drawn = 0;
    for (int view = 0; view < VIEW_COUNT; view++) {
        void *state = new_state(view);
        for (int k = 0; k < 14; k++)
            for (int cols = 1; cols < 260; cols += 1 + cols / 9) {
                struct canvas c;
                int scroll = 3;
                context.snapshot = k % 2 ? &empty : &snapshot;
                context.sites_version++;
                canvas_init(&c, (enum canvas_glyphs)(k % 3));
                canvas_resize(&c, rows[k / 2], cols);
                draw_view(&c, view, state);
                view_help_draw(&c, (struct rect){ .rows = c.rows, .cols = cols },
                               WHERE_PICKER, &scroll);
                dialog_draw(DIALOG_WAITING, &c);
                canvas_fini(&c);
                drawn++;
            }
        free_state(view, state);
    }
    context.snapshot = &snapshot;
    tap_ok(drawn > 1000, "%d screens of all sizes", drawn);
}

int main(void)
{
    if (!setlocale(LC_ALL, "C.UTF-8")) {
        tap_skip("no locale C.UTF-8 for widths");
        return tap_done();
    }
    srcdir = realpath(getenv("srcdir") ? getenv("srcdir") : ".", NULL);
    if (!srcdir)
        return 1;
    fill(&snapshot);
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++)
        test_scene(&scenes[i]);
    test_lost();
    test_sampled();
    test_attached();
    test_trends();
    test_marks();
    test_time();
    test_sizes_view();
    test_compact();
    test_blocks();
    test_sites_found();
    test_tree();
    test_source();
    test_pages();
    test_sizes();
    free(srcdir);
    return tap_done();
}
