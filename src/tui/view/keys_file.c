/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys by choice: a file of lines into the table of keys.c; see keys.h.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tui/view/canvas.h"
#include "tui/view/keys.h"
#include "tui/view/keys_table.h"

/* Views have rows of their own besides those for all targets, which count there. */
#define VIEWS (WHERE_LIST | WHERE_GRAPHS | WHERE_OUTPUT | WHERE_SITES | WHERE_MARKS | \
               WHERE_BLOCKS | WHERE_TREE | WHERE_SHOWS | WHERE_FOUND)

/* ---- names --------------------------------------------------------------------- */

/* A code point that is alone in a text; 0 if it is none. */
static uint32_t lone_character(const char *text)
{
    char bytes[5];
    unsigned char first = (unsigned char)*text;
    uint32_t c = first < 0x80 ? first : first < 0xe0 ? first & 0x1f
               : first < 0xf0 ? first & 0x0f : first & 0x07;
    if (!first)
        return 0;
    for (size_t i = 1; text[i]; i++)
        c = c << 6 | ((unsigned char)text[i] & 0x3f);
    if (strlen(text) > 4 || c < ' ' || c >= KEYCODE_SPECIAL)
        return 0;
    memset(bytes, 0, sizeof bytes);
    canvas_encode(bytes, c);
    return strcmp(bytes, text) == 0 ? c : 0;
}

uint32_t keys_parse(const char *name)
{
    char known[16];
    uint32_t c = lone_character(name);
    if (c)
        return c;
    for (uint32_t key = 1; key <= 127; key++)
        if (key <= ' ' || key == 127)
            if (strcmp(keys_name(known, sizeof known, key), name) == 0)
                return key;
    for (uint32_t key = KEYCODE_SPECIAL; key <= KEYCODE_F12; key++)
        if (key != KEYCODE_F0 && strcmp(keys_name(known, sizeof known, key), name) == 0)
            return key;
    return KEYCODE_NONE;
}

char *keys_action_name(char *out, size_t n, enum action action)
{
    static const char *const ids[] = {
#define KEYS_ID(id, where, a, b, c, bar, help) [ACTION_##id] = #id,
        KEYS(KEYS_ID)
#undef KEYS_ID
    };
    snprintf(out, n, "%s", action < ACTION_COUNT && ids[action] ? ids[action] : "");
    for (char *p = out; *p; p++)
        *p = *p == '_' ? '-' : (char)tolower((unsigned char)*p);
    return out;
}

static enum action find_action(const char *name)
{
    char known[48];
    for (int a = ACTION_NONE + 1; a < ACTION_COUNT; a++)
        if (strcmp(keys_action_name(known, sizeof known, (enum action)a), name) == 0)
            return (enum action)a;
    return ACTION_NONE;
}

/* ---- clashes ------------------------------------------------------------------- */

/* What is searched are sites and the tree, which have keys of their own. */
static unsigned places_of(const struct key_row *row)
{
    return row->where | (row->where & WHERE_FOUND ? WHERE_SITES | WHERE_TREE : 0u);
}

/* The key that both have where both are valid; KEYCODE_NONE if there is none. */
static uint32_t shared_key(const struct key_row *a, const struct key_row *b)
{
    unsigned at = places_of(a), bt = places_of(b);
    if ((at & WHERE_TARGET && bt & VIEWS) || (bt & WHERE_TARGET && at & VIEWS))
        at |= bt |= VIEWS;
    for (int i = 0; i < 3 && at & bt; i++)
        for (int k = 0; k < 3 && a->keys[i]; k++)
            if (a->keys[i] == b->keys[k])
                return a->keys[i];
    return KEYCODE_NONE;
}

void keys_clash(const struct key_row **one, const struct key_row **other)
{
    size_t n;
    const struct key_row *rows = keys_rows(&n);
    *one = *other = NULL;
    for (size_t i = 0; i < n && !*one; i++)
        for (size_t k = i + 1; k < n && !*one; k++)
            if (shared_key(&rows[i], &rows[k])) {
                *one = &rows[i];
                *other = &rows[k];
            }
}

/* ---- the file ------------------------------------------------------------------ */

struct file {
    const char *path;
    unsigned line;
    char *error;
    size_t n;
};

static bool wrong(const struct file *f, const char *what, const char *name)
{
    snprintf(f->error, f->n, "%s:%u: %s%s", f->path, f->line, what, name);
    return false;
}

/* "p F7" into up to three keys. */
static bool take_keys(const struct file *f, char *text, uint32_t keys[3])
{
    char *rest;
    int k = 0;
    for (char *word = strtok_r(text, " \t\r\n", &rest); word;
         word = strtok_r(NULL, " \t\r\n", &rest)) {
        if (k > 0 && *word == '#' && word[1] == '\0')
            break;
        uint32_t key = keys_parse(word);
        if (!key)
            return wrong(f, "no such key: ", word);
        if (k == 3)
            return wrong(f, "an action has at most three keys", "");
        keys[k++] = key;
    }
    return k > 0 || wrong(f, "an action needs a key: ACTION = KEY...", "");
}

static bool take_line(const struct file *f, char *line)
{
    char *name = line + strspn(line, " \t\r\n"), *equals = strchr(name, '=');
    char *comment = strstr(name, " # ");
    uint32_t keys[3] = { 0 };
    char why[64];
    if (!*name || *name == '#')
        return true;
    if (comment)
        *comment = '\0';
    if (!equals)
        return wrong(f, "not of the form ACTION = KEY...", "");
    *equals = '\0';
    name[strcspn(name, " \t")] = '\0';
    enum action action = find_action(name);
    if (action == ACTION_NONE) {
        snprintf(why, sizeof why, "%.24s (memtop keys prints them all)", name);
        return wrong(f, "no such action: ", why);
    }
    if (!take_keys(f, equals + 1, keys))
        return false;
    keys_set(action, keys);
    return true;
}

static bool take_lines(struct file *f, FILE *stream)
{
    char line[256];
    while (fgets(line, sizeof line, stream)) {
        f->line++;
        if (!take_line(f, line))
            return false;
    }
    return true;
}

static bool is_consistent(const struct file *f)
{
    const struct key_row *one, *other;
    char key[16], a[48], b[48];
    keys_clash(&one, &other);
    if (!one)
        return true;
    snprintf(f->error, f->n, "%s: the key %s is both %s and %s", f->path,
             keys_name(key, sizeof key, shared_key(one, other)),
             keys_action_name(a, sizeof a, one->action),
             keys_action_name(b, sizeof b, other->action));
    return false;
}

bool keys_load(const char *path, char *error, size_t n)
{
    struct file f = { .path = path, .error = error, .n = n };
    struct key_row before[ACTION_COUNT];
    size_t rows;
    FILE *stream = fopen(path, "re");
    if (!stream && (errno == ENOENT || errno == ENOTDIR))
        return true;
    if (!stream) {
        snprintf(error, n, "%s: %s", path, strerror(errno));
        return false;
    }
    memcpy(before, keys_rows(&rows), sizeof(struct key_row) * (ACTION_COUNT - 1));
    bool good = take_lines(&f, stream) && is_consistent(&f);
    fclose(stream);
    for (size_t i = 0; i < rows && !good; i++)
        keys_set(before[i].action, before[i].keys);
    return good;
}
