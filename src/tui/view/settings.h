/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings: what the viewer remembers from one time to the next, as lines of
 * `view.name = value` in a file below the user's configuration directory. Views
 * look theirs up by their own name. Knows nothing of what values mean. One thread.
 */
#ifndef MEMTOP_TUI_VIEW_SETTINGS_H
#define MEMTOP_TUI_VIEW_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#define SETTINGS_NAME  48
#define SETTINGS_VALUE 160

struct setting {
    char name[SETTINGS_NAME];   /* "tree.sort" */
    char value[SETTINGS_VALUE];
};

/* Begins as zeros. */
struct settings {
    struct setting *items;
    size_t n;
    bool changed; /* since it was loaded or saved */
};

void settings_fini(struct settings *s);

/* "$XDG_CONFIG_HOME/memtop/FILE", else "$HOME/.config/memtop/FILE". False: there is
 * no such directory to be had, or no room in out. */
bool settings_path(char *out, size_t n, const char *file);

/* The value, NULL if there is none. View and name may have any case. */
const char *settings_get(const struct settings *s, const char *view, const char *name);

/* NULL or "" forgets it. What has no room is not kept. */
void settings_set(struct settings *s, const char *view, const char *name, const char *value);

/* Add what a file says; lines that are none, and a file that is not there, are
 * passed over: the viewer wrote them itself, and does so again. */
void settings_load(struct settings *s, const char *path);

/* Write a file anew, and the directory it is in; the old one stays where that fails.
 * 0, or -1 with errno. */
int settings_save(struct settings *s, const char *path);

#endif
