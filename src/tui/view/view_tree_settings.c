/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of the call tree outlasts the viewer: order, columns, mode and filter, of
 * the tree of what is live.
 */
#include <stdio.h>
#include <string.h>

#include "tui/view/view_tree.h"

#define VIEW "tree"

static const char *const modes[TREE_MODES] = {
    [TREE_STANDARD] = "standard", [TREE_INVERTED] = "inverted", [TREE_FLAT] = "flat",
};

static const char *yes(bool on)
{
    return on ? "yes" : NULL;
}

static bool is_on(const struct settings *s, const char *name)
{
    const char *value = settings_get(s, VIEW, name);
    return value && strcmp(value, "yes") == 0;
}

/* ---- columns by choice --------------------------------------------------------- */

static void remember_columns(struct settings *s, const char *name, uint32_t set)
{
    char list[SETTINGS_VALUE] = "";
    const char *heading;
    size_t used = 0;
    for (int i = 0; (heading = view_tree_heading(i)); i++)
        if (set & UINT32_C(1) << i && used + strlen(heading) + 2 < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? " " : "",
                                     heading);
    settings_set(s, VIEW, name, list);
}

static uint32_t recall_columns(const struct settings *s, const char *name)
{
    char list[SETTINGS_VALUE], *rest;
    const char *value = settings_get(s, VIEW, name);
    uint32_t set = 0;
    snprintf(list, sizeof list, "%s", value ? value : "");
    for (char *word = strtok_r(list, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        int column = view_tree_column(ABOUT_LIVE, word);
        set |= column >= 0 ? UINT32_C(1) << column : 0;
    }
    return set;
}

/* ---- all of it ----------------------------------------------------------------- */

void view_tree_remember(const void *state, struct settings *s)
{
    const struct tree_view *v = state;
    if (!v->tree)
        return;
    const struct tree_options *o = tree_options(v->tree);
    bool live = v->about == ABOUT_LIVE;
    settings_set(s, VIEW, "sort",
                 view_tree_heading(live ? v->table.sort : v->orders[ABOUT_LIVE].sort));
    settings_set(s, VIEW, "reverse",
                 yes(live ? v->table.reverse : v->orders[ABOUT_LIVE].reverse));
    settings_set(s, VIEW, "mode", modes[o->mode]);
    settings_set(s, VIEW, "filter", tree_complaint(v->tree) ? NULL : o->filter);
    settings_set(s, VIEW, "all-frames", yes(o->show_hidden));
    settings_set(s, VIEW, "fold", yes(o->fold));
    remember_columns(s, "columns", v->forced[ABOUT_LIVE]);
    remember_columns(s, "no-columns", v->hidden[ABOUT_LIVE]);
}

bool view_tree_recall(void *state, const struct settings *s)
{
    struct tree_view *v = state;
    const char *sort = settings_get(s, VIEW, "sort"), *mode = settings_get(s, VIEW, "mode");
    const char *filter = settings_get(s, VIEW, "filter");
    int column = sort ? view_tree_column(ABOUT_LIVE, sort) : -1;
    if (!v->tree)
        return true;
    struct tree_options *o = tree_options(v->tree);
    if (column >= 0)
        v->orders[ABOUT_LIVE].sort = v->table.sort = column;
    v->orders[ABOUT_LIVE].reverse = v->table.reverse = is_on(s, "reverse");
    for (int i = 0; mode && i < TREE_MODES; i++)
        if (strcmp(mode, modes[i]) == 0)
            o->mode = (enum tree_mode)i;
    snprintf(o->filter, sizeof o->filter, "%s", filter ? filter : "");
    o->show_hidden = is_on(s, "all-frames");
    o->fold = is_on(s, "fold");
    v->forced[ABOUT_LIVE] = recall_columns(s, "columns");
    v->hidden[ABOUT_LIVE] = recall_columns(s, "no-columns") & ~v->forced[ABOUT_LIVE];
    return !sort || column >= 0;
}
