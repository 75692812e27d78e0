/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and mouse: from the screen's events over the table of keys to what the
 * viewer or the view in front does.
 */
#include "tui/view/app_state.h"

#define WHEEL_ROWS 3
#define INPUT_NS UINT64_C(20000000) /* the screen is drawn between keys that take so long */

static const struct view_ops *front(const struct app *a)
{
    return view_table[a->current];
}

/* What keys are typed into, where they go elsewhere than into the table. */
static unsigned typing_into(const struct app *a)
{
    return !a->picking && !a->help && front(a)->typing
               ? front(a)->typing(a->states[a->current]) : 0;
}

unsigned app_place(const struct app *a)
{
    bool recording = a->target.archive && archive_is_recording(a->target.archive);
    if (a->picking)
        return WHERE_PICKER;
    /* A program that memtop did not start has no output here. */
    return (front(a)->where & ~(a->terminal ? 0u : WHERE_OUTPUT)) |
           (recording ? WHERE_FILE : 0u) | (app_is_detached(a) ? WHERE_DETACHED : 0u);
}

unsigned app_where(const struct app *a)
{
    if (a->dialog != DIALOG_CLOSED)
        return WHERE_DIALOG;
    if (a->help)
        return WHERE_HELP;
    if (a->prompt.question)
        return WHERE_PROMPT;
    unsigned into = typing_into(a);
    return into ? into : app_place(a);
}

/* ---- actions ------------------------------------------------------------------ */
static void show_view(struct app *a, int view)
{
    a->current = (view + VIEW_COUNT) % VIEW_COUNT;
    /* Sites are not read while nobody looks: do it now. */
    a->target.next_sites_ns = 0;
}

static bool help_action(struct app *a, enum action action)
{
    int page = a->canvas.rows > 8 ? a->canvas.rows - 8 : 1;
    switch (action) {
    case ACTION_UP: a->help_scroll--; return true;
    case ACTION_DOWN: a->help_scroll++; return true;
    case ACTION_PAGE_UP: a->help_scroll -= page; return true;
    case ACTION_PAGE_DOWN: a->help_scroll += page; return true;
    case ACTION_FIRST: a->help_scroll = 0; return true;
    case ACTION_LAST: a->help_scroll = 1 << 20; return true;
    case ACTION_HELP: case ACTION_QUIT: case ACTION_CANCEL:
        a->help = false;
        return true;
    default: return false;
    }
}

static bool view_action(struct app *a, enum action action)
{
    struct view_context x;
    if (a->picking)
        return picker_action(&a->picker, action);
    app_context(a, &x);
    return a->target.filled && front(a)->action &&
           front(a)->action(a->states[a->current], &x, action);
}

static void suspend(struct app *a)
{
    screen_suspend();
    app_resize(a);
}

static void *state_of(struct app *a, const struct view_ops *view)
{
    return a->states[view_index(view)];
}

/* The call site under the cursor of the view in front, else the one that the
 * view of sites has; UINT32_MAX: none. */
static uint32_t selected_site(struct app *a)
{
    struct view_context x;
    app_context(a, &x);
    if (front(a) == &view_time)
        return view_time_site(state_of(a, &view_time), &x);
    if (front(a) != &view_overview)
        return view_sites_selected(state_of(a, &view_sites), &x);
    uint32_t site = view_overview_site(state_of(a, &view_overview));
    return site ? site : UINT32_MAX;
}

/* From the views that show sites beside other things. */
static void show_stack(struct app *a)
{
    uint32_t site = selected_site(a);
    if (front(a) == &view_sites || site >= a->target.snapshot.n_sites)
        return;
    view_sites_show(state_of(a, &view_sites), site);
    a->back_from_sites = a->current;
    show_view(a, view_index(&view_sites));
}

/* From the tree. */
static void show_sites(struct app *a)
{
    struct view_context x;
    app_context(a, &x);
    if (front(a) != &view_tree || !view_tree_sites(state_of(a, &view_tree), &x, &a->chosen))
        return;
    view_sites_only(state_of(a, &view_sites), &a->chosen);
    a->back_from_sites = a->current;
    show_view(a, view_index(&view_sites));
}

static void set_mark(struct app *a)
{
    if (a->paused)
        app_notice(a, "held: p lets it go on, then m marks");
    else if (a->target.filled)
        growth_mark(&a->growth, &a->target);
}

static void choose_blocks(struct app *a, uint32_t site)
{
    struct growth_births births = growth_births(&a->growth);
    block_list_choose(&a->blocks, site, births.since, births.until);
}

/* Growth shows in the tree and in the call sites, and limits the blocks to those
 * since. */
static void show_growth(struct app *a)
{
    struct growth_births births = growth_births(&a->growth);
    if (front(a) == &view_blocks)
        block_list_births(&a->blocks, births.since, births.until);
    if (front(a) == &view_blocks || front(a) == &view_tree || front(a) == &view_sites ||
        a->growth.mode == GROWTH_OFF)
        return;
    a->back_from_sites = a->current;
    show_view(a, view_index(&view_sites));
}

static void show_blocks(struct app *a)
{
    struct view_context x;
    uint32_t site = selected_site(a);
    app_context(a, &x);
    if (front(a) == &view_tree) {
        if (!view_tree_sites(state_of(a, &view_tree), &x, &a->chosen))
            return;
        struct growth_births births = growth_births(&a->growth);
        block_list_choose_set(&a->blocks, &a->chosen, births.since, births.until);
    } else if (site < a->target.snapshot.n_sites) {
        choose_blocks(a, site);
    } else {
        return;
    }
    view_blocks_begin(state_of(a, &view_blocks));
    a->back_from_blocks = a->current;
    show_view(a, view_index(&view_blocks));
}

/* Back from blocks and sites to where they were asked for. False: nobody asked. */
static bool go_back(struct app *a)
{
    int *back = front(a) == &view_blocks ? &a->back_from_blocks
              : front(a) == &view_sites ? &a->back_from_sites : NULL;
    if (a->picking || !back || *back < 0)
        return false;
    if (front(a) == &view_sites)
        view_sites_only(state_of(a, &view_sites), NULL);
    int to = *back;
    *back = -1;
    show_view(a, to);
    return true;
}

/* Every block is meant again, and the present. */
static void unselect(struct app *a)
{
    view_time_now(state_of(a, &view_time));
    if (block_filter_on(&a->filter))
        block_filter_choose(&a->filter, &(struct choice){ .by_size = false });
}

static void own_action(struct app *a, enum action action)
{
    if (action >= ACTION_VIEW_1 && action < ACTION_VIEW_1 + VIEW_COUNT) {
        show_view(a, (int)(action - ACTION_VIEW_1));
        return;
    }
    switch (action) {
    case ACTION_MARK: set_mark(a); break;
    case ACTION_DIFF: a->notice[0] = '\0'; growth_toggle(&a->growth); show_growth(a); break;
    case ACTION_COMPARE: show_growth(a); break;
    case ACTION_TREE_OPEN: case ACTION_TREE_SITES: show_sites(a); break;
    case ACTION_BLOCKS: show_blocks(a); break;
    case ACTION_SELECT_SITES: show_view(a, view_index(&view_sites)); break;
    case ACTION_UNSELECT: unselect(a); break;
    case ACTION_CANCEL: if (!go_back(a)) unselect(a); break;
    case ACTION_HELP: a->help = true; a->help_scroll = 0; break;
    case ACTION_QUIT: if (!go_back(a)) app_leave(a); break;
    case ACTION_OPEN: app_pick(a, picker_selected(&a->picker)); break;
    case ACTION_ATTACH: app_attach_again(a); break;
    case ACTION_DETAILS: show_stack(a); break;
    case ACTION_PAUSE: app_pause(a); break;
    case ACTION_SNAPSHOT_BEFORE: case ACTION_SNAPSHOT_AFTER: case ACTION_SNAPSHOT_FIRST:
    case ACTION_SNAPSHOT_LAST: case ACTION_SNAPSHOT_PEAK:
        app_step(a, action);
        break;
    case ACTION_TIER: app_ask_tier(a); break;
    case ACTION_NEXT_VIEW: show_view(a, a->current + 1); break;
    case ACTION_PREVIOUS_VIEW: show_view(a, a->current - 1); break;
    case ACTION_TREE: show_view(a, view_index(&view_tree)); break;
    case ACTION_THREADS: show_view(a, view_index(&view_threads)); break;
    case ACTION_WRITE: app_ask_file(a); break;
    case ACTION_REDRAW: a->anew = true; break;
    case ACTION_SUSPEND: suspend(a); break;
    default: break;
    }
}

void app_act(struct app *a, enum action action)
{
    if (action == ACTION_NONE)
        return;
    a->dirty = a->urgent = true;
    if (a->help ? help_action(a, action) : view_action(a, action))
        return;
    own_action(a, action);
}

static void press(struct app *a, uint32_t key)
{
    struct view_context x;
    enum action action = keys_action(key, app_where(a));
    if (a->dialog != DIALOG_CLOSED) {
        app_answer(a, dialog_key(a->dialog, key));
    } else if (a->prompt.question) {
        app_file_key(a, key);
    } else if (typing_into(a) && action == ACTION_NONE) {
        app_context(a, &x);
        front(a)->key(a->states[a->current], &x, key);
    } else {
        app_act(a, action);
    }
}

/* ---- mouse -------------------------------------------------------------------- */
static void click(struct app *a, int row, int col)
{
    struct view_context x;
    for (int i = 0; !a->picking && row == a->tab_row && i < VIEW_COUNT; i++)
        if (col >= a->tabs[i][0] && col < a->tabs[i][0] + a->tabs[i][1]) {
            a->help = false;
            show_view(a, i);
            return;
        }
    if (a->help || (!a->picking && !a->target.filled))
        return;
    if (a->picking) {
        picker_click(&a->picker, row, col);
    } else if (front(a)->click) {
        app_context(a, &x);
        front(a)->click(a->states[a->current], &x, row, col);
    }
}

static void wheel(struct app *a, bool up)
{
    unsigned where = app_where(a);
    if (where & WHERE_MENU)
        press(a, up ? KEYCODE_UP : KEYCODE_DOWN);
    for (int i = 0; i < WHEEL_ROWS && !(where & (WHERE_ELSE & ~WHERE_TYPING)); i++)
        app_act(a, up ? ACTION_UP : ACTION_DOWN);
}

static void handle(struct app *a, const struct screen_event *event)
{
    switch (event->kind) {
    case SCREEN_KEY:
        press(a, event->key);
        break;
    case SCREEN_RESIZE:
        app_resize(a);
        break;
    case SCREEN_CLICK:
        if (a->dialog == DIALOG_CLOSED)
            click(a, event->row, event->col);
        break;
    case SCREEN_WHEEL_UP:
    case SCREEN_WHEEL_DOWN:
        wheel(a, event->kind == SCREEN_WHEEL_UP);
        break;
    case SCREEN_NONE:
        break;
    }
}

void app_input(struct app *a)
{
    struct screen_event event;
    uint64_t until = target_now() + INPUT_NS;
    a->more_input = false;
    while (!a->more_input && (event = screen_next()).kind != SCREEN_NONE) {
        handle(a, &event);
        a->dirty = a->urgent = true;
        a->more_input = target_now() >= until;
    }
}
