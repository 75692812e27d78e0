/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call tree: who allocates, through whom; see view_tree.h.
 */
#include "tui/view/view_tree.h"

#include <stdio.h>
#include <stdlib.h>

#include "tui/model/function.h"
#include "tui/view/block_filter.h"
#include "tui/view/block_sums.h"
#include "tui/view/format.h"
#include "tui/view/growth.h"

#define SIDE_BY_SIDE 160

static void tree_view_init(void *state)
{
    struct tree_view *v = state;
    v->tree = tree_new();
    v->table.cursor_shown = true;
    v->stale = true;
    v->later = ACTION_NONE;
    finder_init(&v->find);
    view_tree_columns_init(v);
}

static void tree_view_fini(void *state)
{
    struct tree_view *v = state;
    tree_free(v->tree);
    finder_fini(&v->find);
    free(v->figures);
    free(v->parts);
    free(v->group_names);
    free((void *)v->groups);
}

/* ---- drawing --------------------------------------------------------------------- */

static void draw_nothing(struct tree_view *v, const struct view_context *x, struct canvas *c,
                         struct rect a)
{
    const char *complaint = tree_complaint(v->tree);
    bool sums = v->about == ABOUT_BLOCKS && (view_tree_selects(x) ? !block_filter_ready(x->filter)
                                                                  : !x->sums || !x->sums->known);
    if (a.rows < 2)
        return;
    if (v->failed)
        canvas_text(c, a.row + 1, a.col, a.cols, ROLE_WARN, "not enough memory for the tree");
    else if (v->busy || v->stale)
        canvas_printf(c, a.row + 1, a.col, a.cols, ROLE_DIM, "building the tree: %u%%",
                      tree_progress(v->tree));
    else if (complaint)
        canvas_printf(c, a.row + 1, a.col, a.cols, ROLE_WARN, "the filter: %s (\\ changes it)",
                      complaint);
    else
        canvas_text(c, a.row + 1, a.col, a.cols, ROLE_DIM,
                    sums ? view_waits(x, "the live blocks are being summed...")
                    : tree_options(v->tree)->filter[0] ? "nothing passes the filter"
                    : v->about == ABOUT_GROWTH ? "nothing changed" : "nothing is there");
}

static void tree_view_draw(void *state, const struct view_context *x, struct canvas *c,
                           struct rect a)
{
    struct tree_view *v = state;
    struct rect table = a, pane = a;
    if (!v->tree)
        return;
    view_tree_sort_rows(v);
    v->has_mark = view_tree_mark(x) != NULL;
    if (v->find.prompt.question && a.rows > 0)
        table.rows = --pane.rows;
    if (a.cols >= SIDE_BY_SIDE) {
        table.cols = a.cols * 3 / 5;
        pane.col += table.cols + 2;
        pane.cols -= table.cols + 2;
    } else {
        pane.rows = 0;
    }
    v->x = x;
    view_tree_draw_table(v, c, table);
    v->x = NULL;
    if (!tree_count(v->tree))
        draw_nothing(v, x, c, table);
    view_tree_draw_pane(v, x, c, pane);
    prompt_draw(&v->find.prompt, c, a);
    menu_draw(&v->menu, c, a);
}

/* ---- the status line -------------------------------------------------------------- */

/* What passes the filter, of all. */
static size_t describe_filter(const struct tree_view *v, char *out, size_t n)
{
    const struct tree_options *o = tree_options(v->tree);
    int figure = v->about == ABOUT_PEAK ? TREE_PEAK_BYTES
               : v->about == ABOUT_GROWTH ? TREE_GROWTH_BYTES : TREE_LIVE_BYTES;
    int blocks = v->about == ABOUT_PEAK ? TREE_PEAK_BLOCKS
               : v->about == ABOUT_GROWTH ? TREE_GROWTH_BLOCKS : TREE_LIVE_BLOCKS;
    const int64_t *in = tree_passing(v->tree)->v, *all = tree_all(v->tree)->v;
    if (v->about == ABOUT_SHORT) /* what is counted there comes next */
        return (size_t)snprintf(out, n, "\"%.40s\": ", o->filter);
    return finder_describe(out, n, o->filter, in[figure], all[figure], in[blocks]);
}

static size_t describe_about(const struct tree_view *v, const struct view_context *x, char *out,
                             size_t n)
{
    char text[128], bytes[24], share[16];
    if (v->about == ABOUT_PEAK)
        return (size_t)snprintf(out, n, "the heap's peak, at %s, ",
                                format_duration(text, sizeof text, x->snapshot->totals.peak_ns));
    if (v->about == ABOUT_THEN && x->then)
        return (size_t)snprintf(out, n, "as of %s, %u call site%s (%s of %s), ",
                                format_duration(text, sizeof text, x->then->second * 1000000000),
                                x->then->n_top, format_s(x->then->n_top),
                                format_percent(share, sizeof share,
                                               tree_all(v->tree)->v[TREE_LIVE_BYTES],
                                               x->then->live_bytes),
                                format_bytes(bytes, sizeof bytes, x->then->live_bytes));
    if (v->about == ABOUT_SHORT) {
        const int64_t *in = tree_passing(v->tree)->v;
        return (size_t)snprintf(out, n, "%s%s %s, ", in[TREE_SAMPLES] ? "~" : "",
                                format_grouped(bytes, sizeof bytes, in[TREE_SHORT_LIVED]),
                                block_filter_describe(x->filter, x->snapshot, text, sizeof text));
    }
    if (view_tree_selects(x))
        return (size_t)snprintf(out, n, "only blocks of %s, ",
                                block_filter_describe(x->filter, x->snapshot, text, sizeof text));
    if (v->about == ABOUT_BLOCKS)
        return (size_t)snprintf(out, n, "live blocks by %s, ",
                                v->grouping == GROUP_THREAD ? "thread" : "size");
    if (v->about != ABOUT_GROWTH)
        return 0;
    size_t used = (size_t)snprintf(out, n, "%s, ",
                                   growth_describe(x->growth, x->snapshot, text, sizeof text));
    if (v->elsewhere && used < n)
        used += (size_t)snprintf(out + used, n - used, "and %s in stacks of the other run, ",
                                 format_bytes(bytes, sizeof bytes, v->elsewhere));
    return used;
}

static char *tree_view_status(void *state, const struct view_context *x, char *out, size_t n)
{
    static const char *const modes[TREE_MODES] = {
        [TREE_STANDARD] = "callers above callees", [TREE_INVERTED] = "callees above callers",
        [TREE_FLAT] = "one row per function",
    };
    struct tree_view *v = state;
    const struct tree_options *o = v->tree ? tree_options(v->tree) : NULL;
    char at[32], all[32];
    size_t used = 0;
    snprintf(out, n, "%s", v->find.message);
    if (!v->tree || v->find.message[0])
        return out;
    if (o->filter[0])
        used += describe_filter(v, out, n);
    if (used < n)
        used += describe_about(v, x, out + used, n - used);
    if (used < n)
        snprintf(out + used, n - used, "%s of %s%s row%s, %s%s%s",
                 format_grouped(at, sizeof at,
                                (int64_t)(v->table.cursor + (tree_count(v->tree) > 0))),
                 tree_count(v->tree) == TREE_ROWS_MAX ? "the first " : "",
                 format_grouped(all, sizeof all, (int64_t)tree_count(v->tree)),
                 format_s((int64_t)tree_count(v->tree)), modes[o->mode],
                 o->show_hidden ? ", all frames" : "",
                 o->fold ? ", folded" : "");
    return out;
}

bool view_tree_filters(const void *state)
{
    const struct tree_view *v = state;
    return v->tree && tree_options(v->tree)->filter[0];
}

void view_tree_pass(const void *state, struct site_set *set)
{
    const struct tree_view *v = state;
    tree_passing_sites(v->tree, set->in, set->n);
}

bool view_tree_complete(const void *state)
{
    const struct tree_view *v = state;
    return !v->tree || (!v->stale && tree_answers(v->tree));
}

bool view_tree_sites(void *state, const struct view_context *x, struct site_set *out)
{
    struct tree_view *v = state;
    if (v->tree)
        view_tree_catch_up(v, x);
    const struct tree_row *r = view_tree_selected(v);
    if (!r || !site_set_reset(out, x->snapshot->n_sites))
        return false;
    out->count = tree_row_sites(v->tree, v->table.cursor, out->in, out->n);
    out->largest = r->site;
    if (r->group)
        snprintf(out->name, sizeof out->name, "%s", r->function);
    else
        function_short_name(out->name, sizeof out->name, r->function);
    return out->count > 0;
}

const struct view_ops view_tree = {
    .name = "Tree",
    .title = "Call tree",
    .state_bytes = sizeof(struct tree_view),
    .reads = VIEW_READS_SITES | VIEW_READS_GROWTH | VIEW_READS_SUMS |
             VIEW_READS_FILTER,
    .where = WHERE_TARGET | WHERE_LIST | WHERE_SORTED | WHERE_TREE | WHERE_FOUND |
             WHERE_SHOWS,
    .init = tree_view_init,
    .fini = tree_view_fini,
    .work = view_tree_work,
    .due = view_tree_due,
    .draw = tree_view_draw,
    .action = view_tree_action,
    .click = view_tree_click,
    .status = tree_view_status,
    .typing = view_tree_typing,
    .key = view_tree_key,
    .remember = view_tree_remember,
    .recall = view_tree_recall,
};
