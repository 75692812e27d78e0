/* SPDX-License-Identifier: Apache-2.0 */
/* Golden screens: the views, drawn from a made-up snapshot, as text. What is
 * expected is in tests/golden/draw-*.txt; with UPDATE_GOLDEN=1 in the
 * environment it is written anew, to be looked at before it is committed. */
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/stage.h"
#include "tests/tap.h"
#include "tui/model/site_watch.h"
#include "tui/model/sources.h"
#include "tui/view/block_filter.h"
#include "tui/view/block_list.h"
#include "tui/view/dialog.h"
#include "tui/view/growth.h"
#include "tui/view/format.h"
#include "tui/view/header.h"

struct scene {
    const char *name;
    const struct view_ops *view; /* NULL: the overview */
    int rows, cols;
    enum canvas_glyphs glyphs;
    enum action actions[4];
};

static void compare(const struct canvas *c, const char *name)
{
    tap_ok(stage_is(c, name), "the screen is that of draw-%s.txt", name);
}

static void test_scene(const struct scene *scene)
{
    struct canvas c;
    int view = scene->view ? view_index(scene->view) : 0;
    void *state = stage_new_state(view);
    canvas_init(&c, scene->glyphs);
    canvas_resize(&c, scene->rows, scene->cols);
    stage_draw(&c, view, state);
    for (int i = 0; i < 4 && scene->actions[i]; i++) {
        view_table[view]->action(state, &stage_context, scene->actions[i]);
        canvas_clear(&c);
        stage_draw(&c, view, state);
    }
    compare(&c, scene->name);
    stage_free_state(view, state);
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
    stage_snapshot.totals.lost = 12;
    stage_snapshot.target.peak_slack = 131072;
    stage_snapshot.target.flags = SEG_FLAG_MEMORY_CAP;
    canvas_init(&c, GLYPHS_BRAILLE);
    canvas_resize(&c, 1, 100);
    header_status(&stage_context, &c, 0, "40 call sites");
    compare(&c, "status-lost");
    canvas_fini(&c);
    stage_fill(&stage_snapshot);
}

/* Estimates are marked, with their error in the title; a site that is certain
 * is not. */
static void test_sampled(void)
{
    struct canvas c;
    char text[64];
    void *state = stage_new_state(view_index(&view_sites));
    stage_snapshot.target.tier = SEG_TIER_SAMPLED;
    stage_snapshot.target.sample_bytes = 512 << 10;
    stage_snapshot.totals.estimated = stage_snapshot.totals.peak_estimated = true;
    stage_snapshot.totals.live_bytes_error = 1200000;
    for (size_t i = 1; i < stage_snapshot.n_sites; i++) {
        struct site_row *r = &stage_snapshot.sites[i];
        r->samples = i == 2 ? 0 : 3;
        r->live_bytes_error = r->samples ? (uint64_t)r->live_bytes / 10 : 0;
        r->live_blocks_error = r->samples ? (uint64_t)r->live_blocks / 9 : 0;
    }
    canvas_init(&c, GLYPHS_BRAILLE);
    canvas_resize(&c, 30, 100);
    stage_draw(&c, view_index(&view_sites), state);
    compare(&c, "sites-100x30-sampled");
    tap_is_str(format_tier(text, sizeof text, &stage_snapshot, true), "sampled 512K +-7.8%",
               "the tier in ASCII");
    stage_snapshot.target.tier = SEG_TIER_EXACT;
    tap_is_str(format_tier(text, sizeof text, &stage_snapshot, true), "exact, estimates +-7.8%",
               "exact again, with what is left");
    stage_snapshot.target.tier = SEG_TIER_COUNTERS;
    stage_snapshot.totals.estimated = false;
    tap_is_str(format_tier(text, sizeof text, &stage_snapshot, true), "counters only", "no stacks");
    canvas_resize(&c, 11, 60);
    canvas_clear(&c);
    dialog_draw(DIALOG_TIER, &c);
    compare(&c, "dialog-tier-60x11");
    canvas_fini(&c);
    stage_free_state(view_index(&view_sites), state);
    stage_fill(&stage_snapshot);
}

/* The agent came late: what was there before is named apart, as an estimate. */
static void test_attached(void)
{
    struct canvas c;
    int rows[] = { 24, 60 }, cols[] = { 80, 200 };
    const char *const names[] = { "overview-80x24-attached", "overview-200x60-attached" };
    stage_snapshot.target.flags = SEG_FLAG_ATTACHED;
    stage_snapshot.target.attach = (struct attach_info){
        .late = true, .before = SEG_BEFORE_MALLINFO, .before_bytes = 123456789 };
    canvas_init(&c, GLYPHS_BRAILLE);
    for (int i = 0; i < 2; i++) {
        void *state = stage_new_state(0);
        canvas_resize(&c, rows[i], cols[i]);
        canvas_clear(&c);
        stage_draw(&c, 0, state);
        compare(&c, names[i]);
        stage_free_state(0, state);
    }
    stage_snapshot.target.attach.before = SEG_BEFORE_UNKNOWN;
    canvas_resize(&c, 1, 80);
    canvas_clear(&c);
    header_status(&stage_context, &c, 0, "there is little room beside such a text");
    compare(&c, "status-attached");
    canvas_fini(&c);
    stage_fill(&stage_snapshot);
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
        struct pollfd fd = { .fd = sources_fd(stage_context.sources), .events = POLLIN };
        void *state = stage_new_state(at);
        stage_draw(&c, at, state);
        view_table[at]->action(state, &stage_context, action);
        canvas_clear(&c);
        stage_draw(&c, at, state);
        stage_free_state(at, state);
        char *text = stage_text(&c);
        waiting = strstr(text, "being read...") != NULL;
        free(text);
        if (waiting && poll(&fd, 1, 20000) > 0)
            sources_drain(stage_context.sources);
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
    stage_context.sources = sources_new(0, folders);
    draw_source("source-80x24", &view_sites, 24, 80, ACTION_DETAILS);
    draw_source("source-200x60", &view_sites, 60, 200, ACTION_DOWN);
    draw_source("source-tree-200x60", &view_tree, 60, 200, ACTION_DOWN);
    scene_glyphs = GLYPHS_ASCII;
    draw_source("source-80x24-ascii", &view_sites, 24, 80, ACTION_DETAILS);
    scene_glyphs = GLYPHS_BRAILLE;
    unlink("program.cc");
    sources_free(stage_context.sources);
    stage_context.sources = sources_new(0, folders);
    draw_source("source-gone-80x24", &view_sites, 24, 80, ACTION_DETAILS);
    sources_free(stage_context.sources);
    stage_context.sources = NULL;
    if (fchdir(before) == 0)
        rmdir(directory);
    close(before);
}

static struct growth growth;
static struct growth_alive alive[STAGE_SITES];

/* Two marks of this run, one of a file, one from before the viewer. */
static void make_marks(void)
{
    static const struct mark_event event = { .number = 3, .ns = 2 * STAGE_SECOND,
                                             .name = "loaded" };
    static const struct mark_figures gone = { .allocations = 500, .bytes_allocated = 64000 };
    growth_init(&growth);
    stage_snapshot.target.wall_ns = 10 * STAGE_SECOND;
    struct mark *first = mark_take(&stage_snapshot, "before the load");
    for (size_t i = 1; i < STAGE_SITES; i++) {
        first->sites[i].allocations = i % 9 ? stage_snapshot.sites[i].allocations / 3 : 0;
        first->sites[i].frees = stage_snapshot.sites[i].frees / 3;
        first->sites[i].bytes_allocated = stage_snapshot.sites[i].bytes_allocated / (i % 4 + 1);
        first->sites[i].bytes_freed = stage_snapshot.sites[i].bytes_freed / (i % 4 + 1);
    }
    first->totals = (struct mark_figures){ .allocations = 700000, .frees = 690000,
                                           .bytes_allocated = 4000000, .bytes_freed = 1000000 };
    growth.marks[0] = mark_of_event(&stage_snapshot, &event);
    growth.marks[1] = first;
    stage_snapshot.target.wall_ns = 84 * STAGE_SECOND;
    growth.marks[2] = mark_take(&stage_snapshot, "after");
    struct mark *old = mark_take(&stage_snapshot, "baseline");
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
    int64_t live[STAGE_SITES];
    stage_snapshot.n_seconds = 0;
    for (size_t i = 0; i < STAGE_SITES; i++)
        live[i] = stage_snapshot.sites[i].live_bytes;
    for (int t = 0; t < 60; t++) {
        stage_snapshot.target.wall_ns = (uint64_t)(23 + t) * STAGE_SECOND;
        for (size_t i = 1; i < STAGE_SITES; i++) {
            struct site_row *site = &stage_snapshot.sites[i];
            site->live_bytes = i % 5 == 1 ? live[i] / 120 * (60 + t)
                             : i % 5 == 2 ? live[i] - (int64_t)((double)live[i] * exp(-t / 9.))
                             : i % 5 == 3 ? live[i] / 60 * (119 - t) : live[i];
            site->allocations += i % 5 == 4 ? 1000 : 0;
            site->bytes_allocated += i % 5 == 4 ? 1000000 : 0;
        }
        site_watch_add(&watch, &stage_snapshot);
    }
    stage_context.watch = &watch;
    stage_context.sites_version++;
    draw_scene("trends-80x24", &view_sites, 24, 80, ACTION_NONE);
    draw_scene("trends-80x24-details", &view_sites, 24, 80, ACTION_DETAILS);
    draw_scene("trends-200x60", &view_sites, 60, 200, ACTION_DOWN);
    scene_glyphs = GLYPHS_ASCII;
    draw_scene("trends-200x60-ascii", &view_sites, 60, 200, ACTION_DOWN);
    draw_scene("trends-80x24-ascii", &view_sites, 24, 80, ACTION_DETAILS);
    scene_glyphs = GLYPHS_BRAILLE;
    stage_context.watch = NULL;
    site_watch_fini(&watch);
    stage_fill(&stage_snapshot);
}

static void test_marks(void)
{
    make_marks();
    stage_context.growth = NULL;
    draw_scene("marks-none-80x24", &view_marks, 24, 80, ACTION_NONE);
    stage_context.growth = &growth;
    growth_tag(&growth, 2);
    growth_tag(&growth, 1);
    draw_scene("marks-80x24", &view_marks, 24, 80, ACTION_DOWN);
    draw_scene("marks-200x60", &view_marks, 60, 200, ACTION_SAVE);
    growth_since(&growth, 1);
    growth.figures = mark_diff(growth.from, NULL, &stage_snapshot, &growth.book, &growth.diff);
    draw_scene("growth-80x24", &view_sites, 24, 80, ACTION_NONE);
    draw_scene("tree-growth-80x24", &view_tree, 24, 80, ACTION_NONE);
    for (size_t i = 0; i < STAGE_SITES; i++)
        alive[i] = (struct growth_alive){ .blocks = 10 * i, .bytes = 1000 * i };
    growth.alive = alive;
    growth.n_alive = STAGE_SITES;
    growth.alive_known = true;
    growth.version++;
    draw_scene("growth-200x60", &view_sites, 60, 200, ACTION_DOWN);
    draw_scene("tree-growth-200x60", &view_tree, 60, 200, ACTION_DOWN);
    growth_since(&growth, 3);
    stack_book_name_sites(&growth.book, stage_context.symbols, &stage_snapshot, 1000);
    growth.figures = mark_diff(growth.from, NULL, &stage_snapshot, &growth.book, &growth.diff);
    growth.version++;
    draw_scene("growth-foreign-80x24", &view_sites, 24, 80, ACTION_REVERSE);
    growth.alive = NULL;
    growth_fini(&growth);
    stage_context.growth = NULL;
    stage_fill(&stage_snapshot);
}

/* Marks at 2, 10 and 84 s; the last is beyond the present. */
static void test_time(void)
{
    static const enum action back[] = { ACTION_FAR_EARLIER, ACTION_EARLIER, ACTION_DOWN };
    static const enum action mark[] = { ACTION_ZOOM_OUT, ACTION_MARK_BEFORE, ACTION_ZOOM_IN };
    static const enum action fine[] = { ACTION_ZOOM_IN, ACTION_ZOOM_IN, ACTION_EARLIER };
    make_marks();
    stage_context.growth = &growth;
    stage_snapshot.target.wall_ns = 83 * STAGE_SECOND;
    draw_scene("time-80x24", &view_time, 24, 80, ACTION_NONE);
    draw_scene_after("time-80x24-back", &view_time, 24, 80, back);
    draw_scene_after("time-200x60", &view_time, 60, 200, mark);
    draw_scene_after("time-200x60-fine", &view_time, 60, 200, fine);
    scene_glyphs = GLYPHS_ASCII;
    draw_scene_after("time-80x24-ascii", &view_time, 24, 80, back);
    draw_scene_after("time-200x60-ascii", &view_time, 60, 200, mark);
    scene_glyphs = GLYPHS_BRAILLE;
    stage_context.then = &stage_snapshot.seconds[39];
    stage_context.growth = NULL;
    draw_scene("tree-80x24-then", &view_tree, 24, 80, ACTION_DOWN);
    stage_context.then = NULL;
    stage_context.growth = &growth;
    stage_snapshot.n_seconds = 0;
    stage_snapshot.density.counts = NULL;
    draw_scene("time-none-80x24", &view_time, 24, 80, ACTION_OLDEST);
    growth_fini(&growth);
    stage_context.growth = NULL;
    stage_fill(&stage_snapshot);
}

/* Live blocks of all sizes and ages by all sites. */
static void sum_blocks(struct block_filter *f)
{
    chosen_begin(&f->sums, &f->what, &stage_snapshot);
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
    void *state = stage_new_state(view);
    canvas_init(&c, GLYPHS_ASCII);
    canvas_resize(&c, 24, 80);
    memset(f->sums.ages, 0, sizeof f->sums.ages);
    f->sums.ages[2] = (struct choice_sum){ .blocks = 77, .bytes = 7777 };
    stage_draw(&c, view, state);
    char *young = stage_text(&c);
    f->sums.ages[40] = f->sums.ages[2];
    f->sums.ages[2] = (struct choice_sum){ .blocks = 0 };
    canvas_clear(&c);
    stage_draw(&c, view, state);
    char *old = stage_text(&c);
    tap_ok(strstr(young, " 7.59K    77 ") && strstr(old, " 7.59K    77 "),
           "the ages of most blocks are in sight");
    free(young);
    free(old);
    stage_free_state(view, state);
    canvas_fini(&c);
}

static void test_sizes_view(void)
{
    static const enum action other[] = { ACTION_OTHER_PANE, ACTION_UNITS, ACTION_LAST };
    static struct block_filter f;
    for (unsigned i = 0; i < SEG_LIFE_CLASSES; i++)
        stage_snapshot.lifetimes[i] = (struct lifetime_row){
            .below_ns = i < SEG_LIFE_CLASSES - 1 ? UINT64_C(419) << i : UINT64_MAX,
            .frees = i < 30 ? 5000 / (i + 1) : 0 };
    stage_context.filter = &f;
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
    stage_context.filter = NULL;
    stage_context.selected = false;
    stage_fill(&stage_snapshot);
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
    stage_snapshot.target.flags |= SEG_FLAG_COMPACT;
    stage_snapshot.totals.short_ns = stage_snapshot.totals.short_lived = 0;
    for (size_t i = 0; i < STAGE_SITES; i++)
        stage_snapshot.sites[i].short_lived = 0;
    stage_context.filter = &f;
    sum_blocks(&f);
    draw_scene("overview-80x24-compact", &view_overview, 24, 80, ACTION_NONE);
    draw_scene("sizes-80x24-compact", &view_sizes, 24, 80, ACTION_DOWN);
    draw_scene("threads-80x24-compact", &view_threads, 24, 80, ACTION_NONE);
    draw_scene("sites-132x43-compact", &view_sites, 43, 132, ACTION_DOWN);
    draw_scene("tree-200x60-compact", &view_tree, 60, 200, ACTION_DOWN);
    stage_context.blocks = &list;
    draw_scene("blocks-80x24-compact", &view_blocks, 24, 80, ACTION_DOWN);
    stage_context.blocks = NULL;
    make_marks();
    stage_context.growth = &growth;
    growth_since(&growth, 1);
    growth.no_births = true;
    growth.figures = mark_diff(growth.from, NULL, &stage_snapshot, &growth.book, &growth.diff);
    draw_scene("growth-132x43-compact", &view_sites, 43, 132, ACTION_DOWN);
    growth_fini(&growth);
    stage_context.growth = NULL;
    block_filter_fini(&f);
    stage_context.filter = NULL;
    stage_fill(&stage_snapshot);
}

static void test_blocks(void)
{
    struct block_row rows[30];
    struct block_list list = { .wanted = true, .known = true, .site = 3, .version = 1,
                               .rows = { .rows = rows, .n = 30, .blocks = 30, .bytes = 123456 } };
    for (unsigned i = 0; i < 30; i++)
        rows[i] = (struct block_row){ .address = 0x7f0000001000 + 0x1230 * i,
                                      .size = 17 * i * i, .site = 3, .birth_ns = i * STAGE_SECOND,
                                      .tid = i % 3 ? 4321 + (int)(i % 3) : 0 };
    draw_scene("blocks-none-80x24", &view_blocks, 24, 80, ACTION_NONE);
    stage_context.blocks = &list;
    draw_scene("blocks-80x24", &view_blocks, 24, 80, ACTION_SORT_LEFT);
    draw_scene("blocks-gone-80x24", &view_blocks, 24, 80, ACTION_CONTENTS);
    draw_scene("blocks-132x43", &view_blocks, 43, 132, ACTION_SORT_RIGHT);
    draw_scene("blocks-200x60", &view_blocks, 60, 200, ACTION_DOWN);
    stage_context.blocks = NULL;
}

/* Keys that are typed, and what the view then looks like. */
static void draw_typed_in(const struct view_ops *ops, const char *name,
                          enum canvas_glyphs glyphs, enum action action, const char *keys)
{
    struct canvas c;
    int view = view_index(ops);
    void *state = stage_new_state(view);
    canvas_init(&c, glyphs);
    canvas_resize(&c, 24, 80);
    stage_draw(&c, view, state);
    ops->action(state, &stage_context, action);
    for (; *keys; keys++)
        ops->key(state, &stage_context, (unsigned char)*keys);
    canvas_clear(&c);
    stage_draw(&c, view, state);
    compare(&c, name);
    stage_free_state(view, state);
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
        void *state = stage_new_state(view);
        for (int k = 0; k < 14; k++)
            for (int cols = 1; cols < 260; cols += 1 + cols / 9) {
                struct canvas c;
                int scroll = 3;
                stage_context.snapshot = k % 2 ? &empty : &stage_snapshot;
                stage_context.sites_version++;
                canvas_init(&c, (enum canvas_glyphs)(k % 3));
                canvas_resize(&c, rows[k / 2], cols);
                stage_draw(&c, view, state);
                view_help_draw(&c, (struct rect){ .rows = c.rows, .cols = cols },
                               WHERE_PICKER, &scroll);
                dialog_draw(DIALOG_WAITING, &c);
                canvas_fini(&c);
                drawn++;
            }
        stage_free_state(view, state);
    }
    stage_context.snapshot = &stage_snapshot;
    tap_ok(drawn > 1000, "%d screens of all sizes", drawn);
}

int main(void)
{
    if (!setlocale(LC_ALL, "C.UTF-8")) {
        tap_skip("no locale C.UTF-8 for widths");
        return tap_done();
    }
    if (!stage_begin())
        return 1;
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
    stage_end();
    return tap_done();
}
