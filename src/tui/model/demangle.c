/* SPDX-License-Identifier: Apache-2.0 */
/* Demangling, with libiberty. Called by the symbols' worker for each name out
 * of a symbol table or DWARF, so names may be hostile: output is bounded by
 * DEMANGLE_MAX however a name expands. Any thread with the usual stack. */
#include "tui/model/demangle.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tui/model/printable.h"
#include "tui/model/symbols.h"

/* Longer linker names are shown as they are. libiberty's own limit is 1024
 * bytes, which templates exceed; its stack grows with the square, and is
 * under 6 MB for the worst name of this length. */
#define MANGLED_MAX 2048
#define PLAIN_MAX 16384

struct sink {
    size_t n;
    bool cut;
    jmp_buf enough;
    char text[DEMANGLE_MAX + 1];
};

/* A name of 200 bytes may stand for 2^60: leave libiberty when there is enough.
 * It keeps its state on the stack. */
static void sink_add(const char *text, size_t n, void *opaque)
{
    struct sink *sink = opaque;
    size_t room = DEMANGLE_MAX - sink->n;
    sink->cut = n > room;
    memcpy(sink->text + sink->n, text, sink->cut ? room : n);
    sink->n += sink->cut ? room : n;
    if (sink->cut)
        longjmp(sink->enough, 1);
}

static bool run_rust(const char *name, struct sink *sink)
{
    sink->n = 0;
    sink->cut = false;
    return setjmp(sink->enough) || rust_demangle_callback(name, 0, sink_add, sink);
}

static bool run_cplusplus(const char *name, struct sink *sink)
{
    sink->n = 0;
    sink->cut = false;
    return setjmp(sink->enough) ||
           cplus_demangle_v3_callback(name, DMGL_PARAMS | DMGL_ANSI | DMGL_RET_DROP |
                                                DMGL_NO_RECURSE_LIMIT,
                                      sink_add, sink);
}

/* Replace all `from` by `to`, which is not longer. */
static void replace(char *text, const char *from, const char *to)
{
    size_t from_n = strlen(from), to_n = strlen(to);
    char *in = text, *out = text, *hit;
    while ((hit = strstr(in, from))) {
        memmove(out, in, (size_t)(hit - in));
        out += hit - in;
        memcpy(out, to, to_n);
        out += to_n;
        in = hit + from_n;
    }
    memmove(out, in, strlen(in) + 1);
}

/* The end of the template arguments that begin at `open`, a '<'; behind its
 * '>'. NULL where they do not end. */
static char *arguments_end(char *open)
{
    unsigned depth = 0;
    for (char *c = open; *c; c++) {
        if (*c == '<')
            depth++;
        else if (*c == '>' && c[-1] != '-' && --depth == 0)
            return c + 1;
    }
    return NULL;
}

/* Take away an argument such as ", std::allocator<int>" where it is the last
 * one: it is the default in practice, and twice as long as what matters. */
static void drop_last_argument(char *text, const char *argument)
{
    size_t n = strlen(argument);
    char *at = text;
    while ((at = strstr(at, argument))) {
        char *end = arguments_end(at + n - 1);
        if (end && end[0] == ' ' && end[1] == '>')
            end++;
        if (end && *end == '>')
            memmove(at, end, strlen(end) + 1);
        else
            at += n;
    }
}

static void abbreviate_cplusplus(char *text)
{
    replace(text, "std::__cxx11::", "std::");
    replace(text, "[abi:cxx11]", "");
    replace(text, "std::basic_string<char, std::char_traits<char>, std::allocator<char> >",
            "std::string");
    replace(text, "std::basic_string_view<char, std::char_traits<char> >",
            "std::string_view");
    drop_last_argument(text, ", std::allocator<");
    drop_last_argument(text, ", std::default_delete<");
    replace(text, "std::string >", "std::string>");
    replace(text, "std::string_view >", "std::string_view>");
    replace(text, "> >", ">>");
    replace(text, "> >", ">>"); /* the ones that overlapped */
    replace(text, "(anonymous namespace)", "{anonymous}");
    char *clone = strstr(text, " [clone ");
    if (clone)
        *clone = '\0';
}

char *symbols_demangle(const char *name)
{
    struct sink sink;
    if (!name || name[0] != '_' || strnlen(name, MANGLED_MAX) == MANGLED_MAX ||
        !(run_rust(name, &sink) || run_cplusplus(name, &sink)) || sink.n == 0)
        return NULL;
    sink.text[sink.n] = '\0';
    abbreviate_cplusplus(sink.text);
    if (sink.cut && strlen(sink.text) >= 3)
        memcpy(sink.text + strlen(sink.text) - 3, "...", 3);
    return printable_dup(sink.text, sizeof sink.text, DEMANGLE_MAX);
}

/* Where the parts begin that a compiler or linker put behind a C name. */
static size_t plain_length(const char *name)
{
    static const char *const suffixes[] = {
        ".part.", ".constprop.", ".isra.", ".cold", ".lto_priv.", ".llvm.",
        ".localalias", ".ipa_ra.", ".specialized.", ".resolver",
    };
    size_t n = strnlen(name, PLAIN_MAX);
    for (size_t i = 1; i < n; i++) {
        if (name[i] == '@')
            return i; /* a symbol version */
        if (name[i] != '.')
            continue;
        for (size_t k = 0; k < sizeof suffixes / sizeof *suffixes; k++)
            if (strncmp(name + i, suffixes[k], strlen(suffixes[k])) == 0)
                return i;
    }
    return n;
}

char *demangle_shown(const char *raw)
{
    char *name = symbols_demangle(raw);
    if (name)
        return name;
    if (!*raw)
        raw = "?";
    return printable_dup(raw, plain_length(raw), DEMANGLE_MAX);
}
