/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules that rename; see rename.h.
 */
#include "tui/model/rename.h"

#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/model/demangle.h"
#include "tui/model/printable.h"

#define GROUPS 10

struct rename_rule {
    regex_t regex;
    char *text;  /* with & and \1 */
    bool global;
};

void rename_init(struct rename_rules *r)
{
    *r = (struct rename_rules){ .n = 0 };
}

void rename_fini(struct rename_rules *r)
{
    for (size_t i = 0; i < r->n; i++) {
        regfree(&r->at[i].regex);
        free(r->at[i].text);
    }
    free(r->at);
    rename_init(r);
}

/* ---- reading -------------------------------------------------------------------- */

static bool wrong(char error[RENAME_ERROR], const char *rule, const char *why)
{
    snprintf(error, RENAME_ERROR, "%.100s: %s", rule, why);
    return false;
}

/* What is before the next `end`; a backslash before `end` makes it an ordinary one.
 * Returns behind it; NULL: there is none. *out is the caller's to free. */
static const char *take_part(const char *from, char end, char **out)
{
    char *to = *out = malloc(strlen(from) + 1);
    for (; to && *from; from++) {
        if (*from == end) {
            *to = '\0';
            return from + 1;
        }
        if (*from == '\\' && from[1] == end)
            from++;
        else if (*from == '\\' && from[1])
            *to++ = *from++;
        *to++ = *from;
    }
    return NULL;
}

static bool take_flags(const char *flags, struct rename_rule *rule, int *how)
{
    for (; *flags; flags++) {
        if (*flags == 'g')
            rule->global = true;
        else if (*flags == 'i' || *flags == 'I')
            *how |= REG_ICASE;
        else
            return false;
    }
    return true;
}

/* Groups that the text names must be in the expression. */
static bool has_groups(const struct rename_rule *rule)
{
    for (const char *t = rule->text; *t; t++)
        if (*t == '\\' && *++t >= '1' && *t <= '9' && (size_t)(*t - '0') > rule->regex.re_nsub)
            return false;
    return true;
}

static bool compile(struct rename_rule *rule, const char *regex, int how, const char *whole,
                    char error[RENAME_ERROR])
{
    char why[120];
    int status = regcomp(&rule->regex, regex, how);
    if (status) {
        regerror(status, &rule->regex, why, sizeof why);
        return wrong(error, whole, why);
    }
    if (has_groups(rule))
        return true;
    regfree(&rule->regex);
    return wrong(error, whole, "names a group that the expression does not have");
}

static bool parse(struct rename_rule *rule, const char *text, char error[RENAME_ERROR])
{
    char *regex = NULL, end = text[0] == 's' ? text[1] : '\0';
    int how = REG_EXTENDED;
    *rule = (struct rename_rule){ .text = NULL };
    if (!end || end == '\\' || isalnum((unsigned char)end) || isspace((unsigned char)end))
        return wrong(error, text, "is not s/REGEX/TEXT/");
    const char *rest = take_part(text + 2, end, &regex);
    rest = rest ? take_part(rest, end, &rule->text) : NULL;
    bool good = rest && *regex && take_flags(rest, rule, &how);
    good = good ? compile(rule, regex, how, text, error)
                : wrong(error, text, "is not s/REGEX/TEXT/, with g or i behind it");
    free(regex);
    if (!good)
        free(rule->text);
    return good;
}

bool rename_add(struct rename_rules *r, const char *rule, char error[RENAME_ERROR])
{
    if (r->n == r->capacity) {
        size_t capacity = r->capacity ? 2 * r->capacity : 16;
        struct rename_rule *at = realloc(r->at, capacity * sizeof *at);
        if (!at)
            return wrong(error, rule, "out of memory");
        r->at = at;
        r->capacity = capacity;
    }
    if (!parse(&r->at[r->n], rule, error))
        return false;
    r->n++;
    return true;
}

static bool add_line(struct rename_rules *r, const char *line, size_t n,
                     char error[RENAME_ERROR])
{
    while (n && (*line == ' ' || *line == '\t'))
        line++, n--;
    while (n && (line[n - 1] == '\r' || line[n - 1] == ' ' || line[n - 1] == '\t'))
        n--;
    if (n == 0 || *line == '#')
        return true;
    char *rule = memchr(line, '\0', n) ? NULL : strndup(line, n);
    bool good = rule ? rename_add(r, rule, error)
                     : wrong(error, "", "a zero byte, or no memory");
    free(rule);
    return good;
}

bool rename_parse(struct rename_rules *r, const char *name, const char *text, size_t n,
                  char error[RENAME_ERROR])
{
    unsigned number = 1;
    for (size_t at = 0; at < n; number++) {
        const char *end = memchr(text + at, '\n', n - at);
        size_t length = end ? (size_t)(end - text) - at : n - at;
        char why[RENAME_ERROR];
        if (!add_line(r, text + at, length, why)) {
            snprintf(error, RENAME_ERROR, "%.80s: line %u: %.200s", name, number, why);
            return false;
        }
        at += length + 1;
    }
    return true;
}

bool rename_read(struct rename_rules *r, const char *path, char error[RENAME_ERROR])
{
    FILE *f = fopen(path, "re");
    char *text = f ? malloc(RENAME_BYTES + 1) : NULL;
    bool good = false;
    size_t n = text ? fread(text, 1, RENAME_BYTES + 1, f) : 0;
    if (!text || ferror(f))
        wrong(error, path, strerror(errno));
    else if (n > RENAME_BYTES)
        wrong(error, path, "is longer than 1 MiB");
    else
        good = rename_parse(r, path, text, n, error);
    if (f)
        fclose(f);
    free(text);
    return good;
}

/* ---- renaming ------------------------------------------------------------------- */

/* A name in the making; what is too long is cut. */
struct result {
    char text[DEMANGLE_MAX + 1];
    size_t n;
};

static void put(struct result *r, const char *text, size_t n)
{
    size_t room = DEMANGLE_MAX - r->n;
    n = n < room ? n : room;
    memcpy(r->text + r->n, text, n);
    r->n += n;
    r->text[r->n] = '\0';
}

static void put_text(struct result *r, const char *text, const char *name,
                     const regmatch_t groups[GROUPS])
{
    for (; *text; text++) {
        bool escaped = *text == '\\' && text[1];
        text += escaped;
        int group = !escaped && *text == '&'                  ? 0
                  : escaped && *text >= '1' && *text <= '9' ? *text - '0' : -1;
        if (group < 0)
            put(r, text, 1);
        else if (groups[group].rm_so >= 0)
            put(r, name + groups[group].rm_so,
                (size_t)(groups[group].rm_eo - groups[group].rm_so));
    }
}

/* Whether anything matched. */
static bool replace(const struct rename_rule *rule, const char *name, struct result *out)
{
    regmatch_t groups[GROUPS];
    int flags = 0;
    bool any = false;
    out->n = 0;
    out->text[0] = '\0';
    while (regexec(&rule->regex, name, GROUPS, groups, flags) == 0) {
        any = true;
        put(out, name, (size_t)groups[0].rm_so);
        put_text(out, rule->text, name, groups);
        bool empty = groups[0].rm_eo == groups[0].rm_so;
        name += groups[0].rm_eo;
        if (!rule->global || !*name)
            break;
        if (empty)
            put(out, name++, 1);
        flags = REG_NOTBOL;
    }
    put(out, name, strlen(name));
    return any;
}

char *rename_apply(const struct rename_rules *r, const char *name)
{
    struct result *both = malloc(2 * sizeof *both);
    const char *now = name;
    unsigned turn = 0;
    for (size_t i = 0; both && i < r->n; i++)
        if (replace(&r->at[i], now, &both[turn]) && both[turn].n) {
            now = both[turn].text;
            turn ^= 1;
        }
    char *copy = now != name ? printable_dup(now, strlen(now), DEMANGLE_MAX) : NULL;
    free(both);
    return copy;
}
