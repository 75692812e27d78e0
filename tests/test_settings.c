/* SPDX-License-Identifier: Apache-2.0 */
/* What the viewer remembers, and keys by choice. */
#include "tui/view/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tap.h"

static char directory[] = "/tmp/test_settings.XXXXXX";
static char path[256];

static void write_file(const char *text)
{
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
}

static void values(void)
{
    struct settings s = { .n = 0 };
    tap_ok(!settings_get(&s, "tree", "sort"), "nothing at first");
    settings_set(&s, "Tree", "sort", "LIVE");
    tap_is_str(settings_get(&s, "tree", "SORT"), "LIVE", "a value, in any case");
    tap_ok(s.changed, "which is a change");
    s.changed = false;
    settings_set(&s, "tree", "sort", "LIVE");
    tap_ok(!s.changed, "the same again is none");
    settings_set(&s, "sites", "sort", "AVG");
    settings_set(&s, "tree", "sort", NULL);
    tap_ok(!settings_get(&s, "tree", "sort"), "forgotten");
    tap_is_str(settings_get(&s, "sites", "sort"), "AVG", "the other one is not");
    settings_set(&s, "tree", "filter", "two\nlines");
    tap_ok(!settings_get(&s, "tree", "filter"), "a value is one line");
    char long_value[SETTINGS_VALUE + 10];
    memset(long_value, 'x', sizeof long_value - 1);
    long_value[sizeof long_value - 1] = '\0';
    settings_set(&s, "tree", "filter", long_value);
    tap_ok(!settings_get(&s, "tree", "filter"), "too long: not kept, and not cut");
    settings_fini(&s);
}

static void files(void)
{
    struct settings s = { .n = 0 }, t = { .n = 0 };
    settings_load(&s, path);
    tap_is_u64(s.n, 0, "no file, no settings");
    settings_set(&s, "tree", "filter", "a = b # c");
    settings_set(&s, "viewer", "view", "Tree");
    tap_is_u64((uint64_t)settings_save(&s, path), 0, "saved, and the directories made");
    tap_ok(!s.changed, "nothing is left to be saved");
    settings_load(&t, path);
    tap_is_u64(t.n, 2, "loaded");
    tap_is_str(settings_get(&t, "tree", "filter"), "a = b # c", "with all that is in a value");
    settings_fini(&t);
    write_file("# tree.sort = NO\n\n =\nnonsense\nnodot = 1\n  tree.sort\t=   AVG \r\n=x\na.b=");
    settings_load(&t, path);
    tap_is_u64(t.n, 1, "lines that are none are passed over");
    tap_is_str(settings_get(&t, "tree", "sort"), "AVG ", "spaces before a value do not count");
    struct stat before, after;
    stat(path, &before);
    char elsewhere[300];
    snprintf(elsewhere, sizeof elsewhere, "%s/below", path);
    tap_ok(settings_save(&s, elsewhere) == -1 && errno == ENOTDIR, "a file is no directory");
    stat(path, &after);
    tap_is_u64((uint64_t)after.st_size, (uint64_t)before.st_size, "and stays what it was");
    settings_fini(&s);
    settings_fini(&t);
}

static void paths(void)
{
    char out[64];
    setenv("XDG_CONFIG_HOME", "/config", 1);
    setenv("HOME", "/home/somebody", 1);
    tap_ok(settings_path(out, sizeof out, "keys"), "there is a path");
    tap_is_str(out, "/config/memtop/keys", "XDG_CONFIG_HOME");
    setenv("XDG_CONFIG_HOME", "relative", 1);
    settings_path(out, sizeof out, "keys");
    tap_is_str(out, "/home/somebody/.config/memtop/keys", "a relative one does not count");
    unsetenv("HOME");
    tap_ok(!settings_path(out, sizeof out, "keys"), "there is nowhere");
}

int main(void)
{
    if (!mkdtemp(directory))
        return 1;
    snprintf(path, sizeof path, "%s/a/b/settings", directory);
    values();
    files();
    paths();
    unlink(path);
    for (char *slash; (slash = strrchr(path, '/')) && strlen(path) > strlen(directory);) {
        *slash = '\0';
        rmdir(path);
    }
    return tap_done();
}
