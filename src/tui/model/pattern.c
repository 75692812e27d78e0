/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns.
 */
#include "tui/model/pattern.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char *take_place(struct pattern *p, const char *text)
{
    static const struct { const char *name; unsigned place; } places[] = {
        { "function:", PATTERN_FUNCTION }, { "module:", PATTERN_MODULE }, { "file:", PATTERN_FILE },
        { "group:", PATTERN_GROUP },
    };
    p->places = PATTERN_FUNCTION | PATTERN_MODULE | PATTERN_FILE;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (strncmp(text, places[i].name, strlen(places[i].name)) == 0) {
            p->places = places[i].place;
            return text + strlen(places[i].name);
        }
    return text;
}

void pattern_init(struct pattern *p, const char *text)
{
    *p = (struct pattern){ .places = 0 };
    text = take_place(p, text);
    snprintf(p->text, sizeof p->text, "%s", text);
    size_t n = strlen(p->text);
    for (size_t i = 0; i < n; i++)
        p->exact_case |= isupper((unsigned char)p->text[i]) != 0;
    if (n == 0)
        p->places = 0;
    p->whole_paths = strchr(p->text, '/') != NULL;
    if (n < 3 || p->text[0] != '/' || p->text[n - 1] != '/')
        return;
    p->text[n - 1] = '\0';
    p->whole_paths = strchr(p->text + 1, '/') != NULL;
    int flags = REG_EXTENDED | REG_NOSUB | (p->exact_case ? 0 : REG_ICASE);
    int error = regcomp(&p->regex, p->text + 1, flags);
    if (error)
        regerror(error, &p->regex, p->error, sizeof p->error);
    else
        p->is_regex = true;
}

void pattern_fini(struct pattern *p)
{
    if (p->is_regex)
        regfree(&p->regex);
    p->is_regex = false;
}

static bool found(const struct pattern *p, unsigned place, const char *in)
{
    if (!in || !(p->places & place))
        return false;
    if (p->is_regex)
        return regexec(&p->regex, in, 0, NULL, 0) == 0;
    return (p->exact_case ? strstr(in, p->text) : strcasestr(in, p->text)) != NULL;
}

/* Where a program was built says nothing of it, unless somebody asks for a directory. */
static const char *path_of(const struct pattern *p, const char *path)
{
    const char *slash = path && !p->whole_paths ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path;
}

bool pattern_matches(const struct pattern *p, const char *function, const char *module,
                     const char *file)
{
    if (p->error[0])
        return false;
    return !p->places || found(p, PATTERN_FUNCTION, function) ||
           found(p, PATTERN_MODULE, path_of(p, module)) ||
           found(p, PATTERN_FILE, path_of(p, file));
}

bool pattern_matches_group(const struct pattern *p, const char *group)
{
    return !p->error[0] && found(p, PATTERN_GROUP, group);
}
