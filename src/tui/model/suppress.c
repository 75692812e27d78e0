/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Suppressions; see suppress.h.
 */
#include "tui/model/suppress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void suppress_init(struct suppress *s)
{
    *s = (struct suppress){ .n = 0 };
}

void suppress_fini(struct suppress *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->patterns[i]);
    free(s->patterns);
    suppress_init(s);
}

/* ---- matching ------------------------------------------------------------------- */

/* Whether text[0..) begins with the part of n bytes. */
static bool begins(const char *text, const char *part, size_t n)
{
    return strncmp(text, part, n) == 0;
}

/* The parts between the stars, one after the other, each as early as it goes; the
 * last one, if tied to the end, where the text ends. */
bool suppress_matches(const char *pattern, const char *text)
{
    bool tied = pattern[0] == '^', after_star = false;
    const char *from = text;
    if (!*text)
        return false;
    for (pattern += tied;;) {
        size_t n = strcspn(pattern, "*$");
        size_t left = strlen(from);
        if (pattern[n] == '$') {
            bool fits = n <= left && begins(from + left - n, pattern, n);
            return fits && (!tied || n == left) && (n || after_star);
        }
        while (!begins(from, pattern, n)) {
            if (tied || !*from++)
                return false;
        }
        from += n;
        if (!pattern[n])
            return true;
        pattern += n + 1;
        tied = false;
        after_star = true;
    }
}

static bool matches(const char *pattern, const char *text)
{
    return text && suppress_matches(pattern, text);
}

const char *suppress_find(const struct suppress *s, const char *function, const char *file,
                          const char *module)
{
    for (size_t i = 0; i < s->n; i++)
        if (matches(s->patterns[i], function) || matches(s->patterns[i], file) ||
            matches(s->patterns[i], module))
            return s->patterns[i];
    return NULL;
}

/* ---- reading -------------------------------------------------------------------- */

static bool add(struct suppress *s, const char *pattern, size_t n)
{
    if (s->n == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 16;
        char **patterns = realloc(s->patterns, capacity * sizeof *patterns);
        if (!patterns)
            return false;
        s->patterns = patterns;
        s->capacity = capacity;
    }
    s->patterns[s->n] = strndup(pattern, n);
    return s->patterns[s->n] && ++s->n;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* One line, without its end. NULL, or what is wrong with it. */
static const char *take_line(struct suppress *s, const char *line, size_t n)
{
    static const char kind[] = "leak:";
    while (n && is_blank(line[n - 1]))
        n--;
    while (n && is_blank(*line))
        line++, n--;
    if (n == 0 || *line == '#')
        return NULL;
    if (n < sizeof kind || !begins(line, kind, sizeof kind - 1))
        return "is not leak:PATTERN";
    if (memchr(line, '\0', n))
        return "has a zero byte in it";
    return add(s, line + sizeof kind - 1, n - (sizeof kind - 1)) ? NULL : "out of memory";
}

bool suppress_parse(struct suppress *s, const char *name, const char *text, size_t n,
                    char error[SUPPRESS_ERROR])
{
    unsigned number = 1;
    for (size_t at = 0; at < n; number++) {
        const char *end = memchr(text + at, '\n', n - at);
        size_t length = end ? (size_t)(end - text) - at : n - at;
        const char *wrong = take_line(s, text + at, length);
        if (wrong) {
            snprintf(error, SUPPRESS_ERROR, "%.200s: line %u %s", name, number, wrong);
            return false;
        }
        at += length + 1;
    }
    return true;
}

bool suppress_read(struct suppress *s, const char *path, char error[SUPPRESS_ERROR])
{
    FILE *f = fopen(path, "re");
    char *text = f ? malloc(SUPPRESS_BYTES + 1) : NULL;
    bool good = false;
    size_t n = text ? fread(text, 1, SUPPRESS_BYTES + 1, f) : 0;
    if (!text || ferror(f))
        snprintf(error, SUPPRESS_ERROR, "%.200s: cannot be read: %s", path, strerror(errno));
    else if (n > SUPPRESS_BYTES)
        snprintf(error, SUPPRESS_ERROR, "%.200s: is longer than 1 MiB", path);
    else
        good = suppress_parse(s, path, text, n, error);
    if (f)
        fclose(f);
    free(text);
    return good;
}
