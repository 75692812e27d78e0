/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the viewer begins with: the user's keys, what was remembered, and what the
 * command line says; and what it remembers in the end.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "tui/model/pattern.h"
#include "tui/view/app_state.h"

#define VIEWER "viewer"

static const struct view_ops *find_view(const char *name)
{
    for (int i = 0; i < VIEW_COUNT; i++)
        if (strcasecmp(view_table[i]->name, name) == 0)
            return view_table[i];
    return NULL;
}

bool app_has_view(const char *name)
{
    return find_view(name) != NULL;
}

/* What the command line says goes before what was remembered. */
static void override(struct app *a, const struct view_ops *first)
{
    const struct app_config *config = a->config;
    if (config->sort) {
        settings_set(&a->settings, first->name, "sort", config->sort);
        settings_set(&a->settings, first->name, "reverse", NULL);
    }
    if (config->filter)
        settings_set(&a->settings, first == &view_sites ? first->name : view_tree.name,
                     "filter", config->filter);
}

/* Does the view have such a column? Asked of a view that nobody sees. */
static bool can_sort(const struct view_ops *view, const char *column)
{
    struct settings s = { .n = 0 };
    void *state = calloc(1, view->state_bytes);
    bool good = view->recall && state;
    if (good) {
        settings_set(&s, view->name, "sort", column);
        if (view->init)
            view->init(state);
        good = view->recall(state, &s);
        if (view->fini)
            view->fini(state);
    }
    settings_fini(&s);
    free(state);
    return good;
}

static bool is_pattern(const char *text, char *error, size_t n)
{
    struct pattern p;
    pattern_init(&p, text);
    snprintf(error, n, "%s", p.error);
    pattern_fini(&p);
    return !*error;
}

static void load(struct settings *s)
{
    char path[PATH_MAX];
    if (settings_path(path, sizeof path, "settings"))
        settings_load(s, path);
}

static const struct view_ops *first_view(const struct app_config *config,
                                         const struct settings *s)
{
    const char *name = config->view   ? config->view
                     : config->filter ? view_tree.name : settings_get(s, VIEWER, "view");
    const struct view_ops *view = name ? find_view(name) : NULL;
    return view ? view : view_table[0];
}

int app_check(const struct app_config *config)
{
    char path[PATH_MAX], error[APP_MESSAGE];
    struct settings s = { .n = 0 };
    if (settings_path(path, sizeof path, "keys") && !keys_load(path, error, sizeof error))
        return app_fail("%s", error);
    load(&s);
    const struct view_ops *view = first_view(config, &s);
    settings_fini(&s);
    if (config->sort && !can_sort(view, config->sort))
        return app_fail("--sort %s: the view %s has no such column to sort by", config->sort,
                    view->name);
    if (config->filter && !is_pattern(config->filter, error, sizeof error))
        return app_fail("--filter %s: %s", config->filter, error);
    return 0;
}

void app_recall(struct app *a)
{
    load(&a->settings);
    const struct view_ops *first = first_view(a->config, &a->settings);
    a->current = view_index(first);
    override(a, first);
    for (int i = 0; i < VIEW_COUNT; i++)
        if (view_table[i]->recall)
            view_table[i]->recall(a->states[i], &a->settings);
}

/* Where nothing can be kept, nothing is: a viewer does not fail because of that. */
void app_remember(struct app *a)
{
    char path[PATH_MAX];
    app_end_writer(a);
    settings_set(&a->settings, VIEWER, "view", view_table[a->current]->name);
    for (int i = 0; i < VIEW_COUNT; i++)
        if (view_table[i]->remember && a->states[i])
            view_table[i]->remember(a->states[i], &a->settings);
    if (a->settings.changed && settings_path(path, sizeof path, "settings"))
        settings_save(&a->settings, path);
    settings_fini(&a->settings);
}
