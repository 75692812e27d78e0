/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call sites by what is in their stacks: searching, filtering; and the menu of columns.
 */
#include <stdio.h>

#include "tui/view/block_filter.h"
#include "tui/view/target.h"
#include "tui/view/view_sites.h"

#define CATCH_UP_NS UINT64_C(20000000) /* a key may take so long */

void view_sites_find_init(struct sites *v)
{
    finder_init(&v->find);
    pattern_init(&v->filter, "");
    v->later = ACTION_NONE;
}

void view_sites_find_fini(struct sites *v)
{
    finder_fini(&v->find);
    pattern_fini(&v->filter);
    site_match_fini(&v->found);
    site_match_fini(&v->passing);
}

/* ---- matching -------------------------------------------------------------------- */

static bool is_wanted(const struct pattern *p)
{
    return p->places && !p->error[0];
}

static bool step(struct site_match *m, const struct pattern *p, const struct view_context *x,
                 uint64_t now)
{
    return is_wanted(p) && site_match_step(m, p, x->snapshot, x->symbols, x->names_version, now);
}

static uint64_t due(const struct site_match *m, const struct pattern *p,
                    const struct view_context *x)
{
    return is_wanted(p) ? site_match_due(m, x->snapshot, x->symbols, x->names_version)
                        : UINT64_MAX;
}

/* Nothing waits for a screen: most programs' stacks are matched before the next. */
static void catch_up(struct site_match *m, const struct pattern *p, const struct view_context *x)
{
    uint64_t now = target_now(), until = now + CATCH_UP_NS;
    while (due(m, p, x) == 0 && now < until) {
        step(m, p, x, now);
        now = target_now();
    }
}

uint64_t view_sites_due(const void *state, const struct view_context *x)
{
    const struct sites *v = state;
    uint64_t a = due(&v->passing, &v->filter, x), b = due(&v->found, &v->find.search, x);
    return a < b ? a : b;
}

/* ---- searching ------------------------------------------------------------------- */

static bool find(struct sites *v, const struct view_context *x, bool forward, bool *wrapped)
{
    if (view_sites_shows_growth(v, x))
        return growth_list_find(&v->growth, &v->found, x, forward, wrapped);
    if (!site_list_find(&v->list, &v->found, x->snapshot, forward, wrapped))
        return false;
    v->moved = false; /* another stack has the page, if one has */
    return true;
}

static void search(struct sites *v, const struct view_context *x, enum action action)
{
    bool wrapped;
    v->later = ACTION_NONE;
    if (!finder_searches(&v->find))
        return;
    catch_up(&v->found, &v->find.search, x);
    if (find(v, x, action == ACTION_NEXT, &wrapped)) {
        v->find.message[0] = '\0';
        if (wrapped)
            finder_wrapped(&v->find);
    } else if (is_wanted(&v->find.search) && !v->found.failed &&
               !site_match_complete(&v->found)) {
        v->later = action;
        snprintf(v->find.message, sizeof v->find.message, "not found yet: %s",
                 v->found.known ? "names are being read..." : "stacks are being searched...");
    } else {
        finder_not_found(&v->find);
    }
}

bool view_sites_work(void *state, const struct view_context *x, uint64_t now)
{
    struct sites *v = state;
    bool complete = site_match_complete(&v->found);
    bool changed = step(&v->passing, &v->filter, x, now);
    bool found = step(&v->found, &v->find.search, x, now) ||
                 site_match_complete(&v->found) != complete;
    if (found && v->later != ACTION_NONE)
        search(v, x, v->later);
    return changed || found;
}

/* ---- filtering ------------------------------------------------------------------- */

bool view_sites_filters(const void *state)
{
    const struct sites *v = state;
    return v->filter.places != 0;
}

void view_sites_pass(const void *state, const struct snapshot *s, struct site_set *set)
{
    const struct sites *v = state;
    for (uint32_t i = 0; i < set->n; i++)
        set->in[i] = set->in[i] && site_match_has(&v->passing, s, i);
}

void view_sites_filter(struct sites *v, const char *text)
{
    snprintf(v->filter_text, sizeof v->filter_text, "%.*s", (int)sizeof v->filter_text - 1, text);
    pattern_fini(&v->filter);
    pattern_init(&v->filter, v->filter_text);
    site_match_forget(&v->passing);
    v->list.match = v->growth.match = v->filter.places ? &v->passing : NULL;
    v->list.version = v->growth.version = 0;
    v->list.table.cursor = v->growth.table.cursor = 0; /* unless the chosen one passes */
}

void view_sites_draw_none(const struct sites *v, const struct view_context *x, struct canvas *c,
                          struct rect a)
{
    if (!v->filter.places || a.rows < 2)
        return;
    canvas_fill(c, a.row + 1, a.col, a.cols, ROLE_PLAIN, ' ');
    if (v->filter.error[0])
        canvas_printf(c, a.row + 1, a.col, a.cols, ROLE_WARN, "the filter: %s (\\ changes it)",
                      v->filter.error);
    else if (v->passing.failed)
        canvas_text(c, a.row + 1, a.col, a.cols, ROLE_WARN, "not enough memory for the filter");
    else if (!v->passing.known)
        canvas_printf(c, a.row + 1, a.col, a.cols, ROLE_DIM, "stacks are being searched: %u%%",
                      site_match_progress(&v->passing, x->snapshot));
    else
        canvas_text(c, a.row + 1, a.col, a.cols, ROLE_DIM,
                    v->passing.unnamed ? "nothing passes the filter yet: names are being read..."
                                       : "nothing passes the filter");
}

size_t view_sites_describe(const struct sites *v, const struct view_context *x, char *out,
                           size_t n)
{
    bool growth = view_sites_shows_growth(v, x);
    const struct site_list_sum *sum = growth ? &v->growth.passing : &v->list.passing;
    out[0] = '\0';
    if (!v->filter.places)
        return 0;
    if (!growth && v->list.filtered && block_filter_short(x->filter))
        return (size_t)snprintf(out, n, "\"%.40s\": ", v->filter_text);
    return finder_describe(out, n, v->filter_text, sum->bytes, sum->all_bytes, sum->blocks);
}

/* ---- keys ------------------------------------------------------------------------ */

static void open_menu(struct sites *v, const struct view_context *x)
{
    if (view_sites_shows_growth(v, x))
        growth_list_sort_menu(&v->growth, &v->menu);
    else
        site_list_sort_menu(&v->list, &v->menu);
}

static void take_item(struct sites *v, const struct view_context *x, int item)
{
    if (item >= 0)
        table_sort_by(view_sites_shows_growth(v, x) ? &v->growth.table : &v->list.table,
                      v->menu.items[item].value);
}

bool view_sites_find_action(struct sites *v, const struct view_context *x, enum action action)
{
    v->find.message[0] = '\0';
    v->later = ACTION_NONE;
    switch (action) {
    case ACTION_LEAVE: v->find.prompt.question = v->menu.title = NULL; return true;
    case ACTION_SEARCH: finder_ask_search(&v->find); return true;
    case ACTION_NEXT: case ACTION_PREVIOUS: search(v, x, action); return true;
    case ACTION_FILTER:
        finder_ask_filter(&v->find, v->filter_text,
                          "part of a name, /regex/, function: module: file:");
        return true;
    case ACTION_SORT: open_menu(v, x); return true;
    default: return false;
    }
}

unsigned view_sites_typing(const void *state)
{
    const struct sites *v = state;
    return v->find.prompt.question ? WHERE_PROMPT : v->menu.title ? WHERE_MENU : 0;
}

void view_sites_key(void *state, const struct view_context *x, uint32_t key)
{
    struct sites *v = state;
    if (v->menu.title) {
        take_item(v, x, menu_key(&v->menu, key));
        return;
    }
    switch (finder_key(&v->find, key)) {
    case FINDER_SEARCH:
        site_match_forget(&v->found);
        search(v, x, ACTION_NEXT);
        break;
    case FINDER_FILTER:
        v->details = v->details && v->guest;
        view_sites_filter(v, v->find.prompt.text);
        catch_up(&v->passing, &v->filter, x);
        break;
    case FINDER_NONE:
        break;
    }
}

bool view_sites_menu_click(struct sites *v, const struct view_context *x, int row, int col)
{
    if (!v->menu.title)
        return false;
    take_item(v, x, menu_click(&v->menu, row, col));
    return true;
}
