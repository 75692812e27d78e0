/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings in a file; see settings.h.
 */
#include "tui/view/settings.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETTINGS_MOST 256 /* more are none of ours */

void settings_fini(struct settings *s)
{
    free(s->items);
    *s = (struct settings){ .n = 0 };
}

bool settings_path(char *out, size_t n, const char *file)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int length = config && *config == '/' ? snprintf(out, n, "%s/memtop/%s", config, file)
               : home && *home == '/' ? snprintf(out, n, "%s/.config/memtop/%s", home, file)
                                      : -1;
    return length > 0 && (size_t)length < n;
}

/* ---- values -------------------------------------------------------------------- */

static bool full_name(char out[SETTINGS_NAME], const char *view, const char *name)
{
    int n = snprintf(out, SETTINGS_NAME, "%s.%s", view, name);
    for (char *p = out; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return n > 0 && n < SETTINGS_NAME;
}

static struct setting *find(const struct settings *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->items[i].name, name) == 0)
            return &s->items[i];
    return NULL;
}

static struct setting *add(struct settings *s, const char *name)
{
    struct setting *items = s->n < SETTINGS_MOST
                                ? realloc(s->items, (s->n + 1) * sizeof *items) : NULL;
    if (!items)
        return NULL;
    s->items = items;
    snprintf(items[s->n].name, SETTINGS_NAME, "%s", name);
    items[s->n].value[0] = '\0';
    return &items[s->n++];
}

static void set(struct settings *s, const char *name, const char *value)
{
    struct setting *item = find(s, name);
    bool none = !value || !*value;
    if (none ? !item : item && strcmp(item->value, value) == 0)
        return;
    s->changed = true;
    if (none) {
        *item = s->items[--s->n];
        return;
    }
    bool fits = strlen(value) < SETTINGS_VALUE && !strpbrk(value, "\r\n");
    if (fits && (item || (item = add(s, name))))
        snprintf(item->value, SETTINGS_VALUE, "%s", value);
}

const char *settings_get(const struct settings *s, const char *view, const char *name)
{
    char full[SETTINGS_NAME];
    const struct setting *item = full_name(full, view, name) ? find(s, full) : NULL;
    return item ? item->value : NULL;
}

void settings_set(struct settings *s, const char *view, const char *name, const char *value)
{
    char full[SETTINGS_NAME];
    if (full_name(full, view, name))
        set(s, full, value);
}

/* ---- the file ------------------------------------------------------------------ */

/* "view.name = value": spaces around both do not count. */
static void take_line(struct settings *s, char *line)
{
    char *equals = strchr(line, '='), *name = line + strspn(line, " \t");
    if (*name == '#' || !equals || equals == name)
        return;
    char *end = equals;
    while (end > name && strchr(" \t", end[-1]))
        end--;
    *end = '\0';
    char *value = equals + 1 + strspn(equals + 1, " \t");
    value[strcspn(value, "\r\n")] = '\0';
    if (strlen(name) < SETTINGS_NAME && strchr(name, '.'))
        set(s, name, value);
}

void settings_load(struct settings *s, const char *path)
{
    char line[SETTINGS_NAME + SETTINGS_VALUE + 16];
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    while (fgets(line, sizeof line, f))
        take_line(s, line);
    fclose(f);
    s->changed = false;
}

/* Make the directories above a file. */
static int make_way(const char *path)
{
    char part[PATH_MAX];
    if ((size_t)snprintf(part, sizeof part, "%s", path) >= sizeof part) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return -1;
        *slash = '/';
    }
    return 0;
}

static int write_lines(const struct settings *s, FILE *f)
{
    fputs("# What memtop's viewer remembers; it writes this file anew.\n", f);
    for (size_t i = 0; i < s->n; i++)
        fprintf(f, "%s = %s\n", s->items[i].name, s->items[i].value);
    return ferror(f) | (fflush(f) != 0) | (fsync(fileno(f)) != 0) ? -1 : 0;
}

int settings_save(struct settings *s, const char *path)
{
    char temporary[PATH_MAX];
    if (make_way(path) != 0)
        return -1;
    if ((size_t)snprintf(temporary, sizeof temporary, "%s.%d", path, (int)getpid()) >=
        sizeof temporary) {
        errno = ENAMETOOLONG;
        return -1;
    }
    FILE *f = fopen(temporary, "wxe");
    if (!f)
        return -1;
    int result = write_lines(s, f), why = errno;
    if (fclose(f) != 0 && result == 0) {
        result = -1;
        why = errno;
    }
    if (result == 0 && rename(temporary, path) != 0) {
        result = -1;
        why = errno;
    }
    if (result != 0)
        unlink(temporary);
    else
        s->changed = false;
    errno = why;
    return result;
}
