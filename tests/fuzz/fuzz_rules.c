/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people write: suppressions of leaks, rules that rename, patterns that are
 * searched for; the first byte says which. In regular expressions braces, groups and
 * repeated repetitions become dots: what regcomp(3) takes for those, gigabytes at
 * times, is not ours to say.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tui/model/pattern.h"
#include "tui/model/rename.h"
#include "tui/model/suppress.h"

static const char *const names[] = {
    "", "main", "operator new(unsigned long)", "std::vector<int, std::allocator<int> >::push_back",
    "/usr/lib/x86_64-linux-gnu/libc.so.6", "\xc3\xa9t\xc3\xa9",
};
#define N_NAMES (sizeof names / sizeof *names)

static void suppressions(const char *text, size_t n)
{
    struct suppress s;
    char error[SUPPRESS_ERROR];
    suppress_init(&s);
    if (suppress_parse(&s, "input", text, n, error))
        for (size_t i = 0; i < N_NAMES; i++)
            suppress_find(&s, names[i], names[(i + 1) % N_NAMES], NULL);
    suppress_fini(&s);
}

static void renames(const char *text, size_t n)
{
    struct rename_rules r;
    char error[RENAME_ERROR];
    rename_init(&r);
    if (rename_parse(&r, "input", text, n, error))
        for (size_t i = 0; i < N_NAMES; i++)
            free(rename_apply(&r, names[i]));
    rename_fini(&r);
}

static void pattern(const char *text)
{
    struct pattern p;
    pattern_init(&p, text);
    for (size_t i = 0; i < N_NAMES; i++) {
        pattern_matches(&p, names[i], NULL, names[(i + 1) % N_NAMES]);
        pattern_matches_group(&p, names[i]);
    }
    pattern_fini(&p);
}

static bool is_costly(char before, char c)
{
    return strchr("{(", c) || (strchr("+*?", c) && strchr("+*?\\", before));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (!n || n > 4096)
        return 0;
    char *text = malloc(n); /* the first byte's place is for the end */
    if (!text)
        return 0;
    memcpy(text, data + 1, n - 1);
    text[n - 1] = '\0';
    for (size_t i = 0; i + 1 < n; i++)
        if (data[0] % 3 && text[i] && is_costly(i ? text[i - 1] : ' ', text[i]))
            text[i] = '.';
    switch (data[0] % 3) {
    case 0: suppressions(text, n - 1); break;
    case 1: renames(text, n - 1); break;
    default: pattern(text);
    }
    free(text);
    return 0;
}

/* A file of rules is its own seed, behind a byte. */
int fuzz_make_seed(const char *path)
{
    (void)path;
    return 1;
}
