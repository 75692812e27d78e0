/* SPDX-License-Identifier: Apache-2.0 */
/* Names made pretty: rules as sed has them, demanglers that behave and that do not. */
#include "tests/tap.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "tui/model/demangle.h"
#include "tui/model/pretty.h"

static void test_rules(void)
{
    static const struct {
        const char *rule, *name, *wanted; /* NULL: as it was */
    } cases[] = {
        { "s/foo/bar/", "a foo foo", "a bar foo" },
        { "s/foo/bar/g", "a foo foo", "a bar bar" },
        { "s/FOO/bar/i", "a foo", "a bar" },
        { "s/FOO/bar/", "a foo", NULL },
        { "s/^std::(.*)<.*>$/\\1/", "std::vector<int>", "vector" },
        { "s/(a+)(b+)/\\2\\1/", "xaabby", "xbbaay" },
        { "s|a/b|[&]|", "a/b", "[a/b]" },
        { "s/a\\/b/\\&/", "a/b", "&" },
        { "s,\\,,;,", "a,b", "a;b" },
        { "s/x*/-/g", "abc", "-a-b-c-" },
        { "s/.*//", "all of it", NULL }, /* nothing would be left */
        { "s/::[a-z]+#//g", "a::b#::c#d", "ad" },
        { "s/b/\t\033/", "abc", "a??c" }, /* printable, whatever the rule says */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rename_rules r;
        char error[RENAME_ERROR] = "";
        rename_init(&r);
        bool good = rename_add(&r, cases[i].rule, error);
        char *got = good ? rename_apply(&r, cases[i].name) : NULL;
        tap_is_str(good ? got : error, cases[i].wanted, "%s on %s", cases[i].rule, cases[i].name);
        free(got);
        rename_fini(&r);
    }
}

static void test_refusals(void)
{
    static const char *const bad[] = {
        "", "s", "s/", "s/a", "s/a/b", "s/a/b/x", "y/a/b/", "s//b/", "s/(/b/", "saxbx",
        "s/a/\\1/", "s\\a\\b\\", "s/a\\/b/",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rename_rules r;
        char error[RENAME_ERROR] = "";
        rename_init(&r);
        tap_ok(!rename_add(&r, bad[i], error) && *error, "\"%s\" is refused: %s", bad[i], error);
        rename_fini(&r);
    }
    struct rename_rules r;
    char error[RENAME_ERROR];
    static const char text[] = "# rules\ns/a/b/\r\n\n  s/b/c/g  \nnonsense";
    rename_init(&r);
    tap_ok(!rename_parse(&r, "file", text, sizeof text - 1, error) &&
               strstr(error, "file: line 5: nonsense"), "a line of a file is named: %s", error);
    tap_is_u64(r.n, 2, "the rules before it are good");
    char *got = rename_apply(&r, "abab");
    tap_is_str(got, "ccac", "and applied in their order");
    free(got);
    rename_fini(&r);
}

static void test_long(void)
{
    struct rename_rules r;
    char error[RENAME_ERROR], name[3000];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    rename_init(&r);
    rename_add(&r, "s/a/aaaaaaaaaa/g", error);
    rename_add(&r, "s/a/aaaaaaaaaa/g", error);
    char *got = rename_apply(&r, name);
    tap_ok(got && strlen(got) <= DEMANGLE_MAX, "names stay bounded");
    free(got);
    rename_fini(&r);
}

/* ---- demanglers ------------------------------------------------------------------- */

static const char *const words[] = { "_Z3foov", "plain", "_Z3barv" };

static void refused(const char *command, const char *why)
{
    char error[DEMANGLER_ERROR] = "";
    char **lines = demangler_run(command, words, 3, error);
    tap_ok(!lines && strstr(error, why), "%.40s: %s", command, error);
    free(lines);
}

static void test_demanglers(void)
{
    char error[DEMANGLER_ERROR] = "";
    char **lines = demangler_run("sed 's/^_Z3//; s/v$/()/'", words, 3, error);
    tap_ok(lines != NULL, "a demangler that works %s", error);
    tap_is_str(lines ? lines[0] : NULL, "foo()", "its first line");
    tap_is_str(lines ? lines[1] : NULL, "plain", "a name that it passes on");
    tap_is_str(lines ? lines[2] : NULL, "bar()", "its last line");
    free(lines);
    lines = demangler_run("printf 'a\\nb\\033[31m\\nc'", words, 3, error);
    tap_is_str(lines ? lines[1] : NULL, "b?[31m", "what it prints is made printable");
    tap_is_str(lines ? lines[2] : NULL, "c", "the last line may lack its end");
    free(lines);
    refused("false", "status 1");
    refused("cat; exit 3", "status 3");
    refused("head -n 1", "printed 1 lines for 3 names");
    refused("cat; echo more", "printed 4 lines for 3 names");
    refused("true", "printed 0 lines");
    refused("/no/such/demangler", "status 127");
    refused("kill -9 $$", "signal 9");
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    refused("sleep 1000", "hangs");
    clock_gettime(CLOCK_MONOTONIC, &end);
    tap_ok(end.tv_sec - begin.tv_sec < 60, "one that hangs is not waited for");
    refused("yes", "prints without end");
}

/* More than pipes hold, both ways. */
static void test_many(void)
{
    enum { MANY = 50000 };
    char error[DEMANGLER_ERROR] = "", **names = calloc(MANY, sizeof *names);
    for (int i = 0; i < MANY; i++) {
        names[i] = malloc(32);
        snprintf(names[i], 32, "_Z9function%d", i);
    }
    char **lines = demangler_run("cat", (const char *const *)names, MANY, error);
    int right = 0;
    for (int i = 0; i < MANY; i++) {
        right += lines && strcmp(lines[i], names[i]) == 0;
        free(names[i]);
    }
    tap_is_u64((uint64_t)right, MANY, "many names in one batch %s", error);
    free(lines);
    free(names);
}

/* ---- both ------------------------------------------------------------------------- */

static struct symbol *symbol_of(const char *function, const char *raw)
{
    struct symbol *s = calloc(1, sizeof *s + sizeof s->frames[0]);
    s->module = "program";
    s->n = 1;
    s->frames[0] = (struct symbol_frame){ .function = function, .raw = raw, .line = 7 };
    return s;
}

static void test_names(void)
{
    struct symbol *old[3] = { NULL, symbol_of("$s4main", NULL), symbol_of("a::b()", "_ZN1a1bEv") };
    struct node_row nodes[4] = { { .pc = 0 }, { .pc = 1 }, { .pc = 2, .parent = 1 }, { .pc = 3 } };
    struct snapshot s = { .nodes = nodes, .n_nodes = 4 };
    struct symbols *sy = symbols_new_known((const struct symbol *const *)old, 3);
    struct pretty p;
    struct pretty_names n;
    char warning[DEMANGLER_ERROR], error[RENAME_ERROR];
    pretty_init(&p);
    p.demangler = "sed 's/^_ZN/mangled /; s/^[$]s4//'";
    rename_add(&p.rules, "s/main/MAIN/", error);
    tap_ok(pretty_names_init(&n, &p, &s, sy, warning) && !*warning, "names are made");
    const struct symbol *one = symbols_lookup(n.symbols, &s, 1);
    tap_is_str(one->frames[0].function, "MAIN", "demangled, then renamed");
    tap_ok(one->frames[0].line == 7 && strcmp(one->module, "program") == 0, "all else stays");
    tap_is_str(symbols_lookup(n.symbols, &s, 2)->frames[0].function, "mangled 1a1bEv",
               "the demangler gets linker names");
    pretty_names_fini(&n);
    pretty_fini(&p);
    p.demangler = "exit 5";
    tap_ok(pretty_names_init(&n, &p, &s, sy, warning) && strstr(warning, "status 5"),
           "one that fails is told: %s", warning);
    tap_is_str(symbols_lookup(n.symbols, &s, 2)->frames[0].function, "a::b()",
               "and names stay as they were");
    pretty_names_fini(&n);
    pretty_fini(&p);
    symbols_free(sy);
    free(old[1]);
    free(old[2]);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    test_rules();
    test_refusals();
    test_long();
    test_demanglers();
    test_many();
    test_names();
    return tap_done();
}
