/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of functions, taken apart.
 */
#include "tui/model/function.h"

#include <stdio.h>
#include <string.h>

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* The end of the name proper: before the arguments, which are the last pair
 * of parentheses at the outermost level of <> and {}. */
static size_t name_end(const char *f)
{
    int depth = 0;
    const char *operator = strstr(f, "operator");
    for (size_t i = 0; f[i]; i++) {
        /* operator<, operator(), operator new, operator-> and the like */
        if (operator && f + i == operator) {
            i += strlen("operator");
            i += strspn(f + i, "<>=!-");
            if (strncmp(f + i, "()", 2) == 0)
                i += 2;
            if (!f[i])
                return i;
        }
        if (strncmp(f + i, "(anonymous namespace)", 21) == 0) {
            i += 20;
            continue;
        }
        depth += f[i] == '<' || f[i] == '{';
        depth -= (f[i] == '>' || f[i] == '}') && depth > 0;
        if (f[i] == '(' && depth == 0 && i > 0)
            return i;
    }
    return strlen(f);
}

/* Where the name begins: after a return type, which only functions made from
 * templates show. */
static size_t name_start(const char *f, size_t end)
{
    int depth = 0;
    size_t start = 0;
    if (f[0] == '<') /* Rust: <T as Trait>::f */
        return 0;
    for (size_t i = 0; i < end; i++) {
        if (starts_with(f + i, "operator") || starts_with(f + i, "(anonymous"))
            break;
        depth += f[i] == '<' || f[i] == '{';
        depth -= (f[i] == '>' || f[i] == '}') && depth > 0;
        if (f[i] == ' ' && depth == 0)
            start = i + 1;
    }
    return start;
}

void function_short_name(char *out, size_t n, const char *function)
{
    size_t end = name_end(function), start = name_start(function, end);
    /* Only C++ has arguments to cut; "[unknown] (x)" stays as it is. */
    if (end <= start || function[end] == '\0')
        start = function[end] == '\0' ? 0 : start;
    if (end < start)
        end = strlen(function);
    snprintf(out, n, "%.*s", (int)(end - start), function + start);
}

/* "malloc", "Realloc" anywhere, "alloc" or "strdup" at the end: xmalloc,
 * sqlite3DbMallocRaw, PyObject_Realloc, g_strdup; not allocate_rows. */
static bool names_an_allocator(const char *name)
{
    static const char *const parts[] = { "malloc", "calloc", "realloc" };
    static const char *const tails[] = { "alloc", "alloc0", "alloc_n", "strdup", "memalign" };
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcasestr(name, parts[i]))
            return true;
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        size_t tail = strlen(tails[i]);
        if (length >= tail && strcasecmp(name + length - tail, tails[i]) == 0)
            return true;
    }
    return false;
}

bool function_is_wrapper(const char *name, const char *file)
{
    static const char *const starts[] = {
        "operator new", "std::", "__gnu_cxx::", "alloc::", "core::", "hashbrown::", "<alloc::",
        "<core::", "<std::", "__rust_", "__rdl_", "__rg_",
    };
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (starts_with(name, starts[i]))
            return true;
    return names_an_allocator(name) || (file && strstr(base_name(file), "malloc"));
}

bool function_is_plumbing(const char *module)
{
    static const char *const names[] = {
        "libc.so", "libc-2", "libstdc++", "libc++", "ld-linux", "ld-2", "libjemalloc",
        "libtcmalloc", "libmimalloc", "libmemtop", "libgcc_s", "libpthread",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (starts_with(module, names[i]))
            return true;
    return false;
}
