/* SPDX-License-Identifier: Apache-2.0 */
/* Suppressions: what a pattern matches, what a file may hold, and which blocks are
 * the runtime's own. */
#include "tests/tap.h"

#include "tui/model/leaks.h"
#include "tui/model/suppress.h"

static void test_matching(void)
{
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        { "foo", "a foo b", true },
        { "foo", "fo", false },
        { "^foo", "foobar", true },
        { "^foo", "a foo", false },
        { "bar$", "foobar", true },
        { "bar$", "bar foo", false },
        { "bar$", "bar bar", true },
        { "^foo$", "foo", true },
        { "^foo$", "foofoo", false },
        { "a*b", "xxaxxbxx", true },
        { "a*b", "xxbxxaxx", false },
        { "^a*b$", "a b b", true },
        { "^a*b$", "a b c", false },
        { "*", "anything", true },
        { "*", "", false },
        { "foo*$", "foo and more", true },
        { "^*foo", "a foo", true },
        { "^a*b*c$", "abbc", true },
        { "$", "anything", false },
        { "$s4main", "$s4main", false }, /* '$' is the end, as LeakSanitizer has it */
        { "a**b", "a-b", true },
        { "", "anything", true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        tap_ok(suppress_matches(cases[i].pattern, cases[i].text) == cases[i].matches,
               "\"%s\" %s \"%s\"", cases[i].pattern, cases[i].matches ? "matches" : "is not in",
               cases[i].text);
}

static bool parse(struct suppress *s, const char *text, char error[SUPPRESS_ERROR])
{
    suppress_init(s);
    return suppress_parse(s, "file", text, strlen(text), error);
}

static void test_parsing(void)
{
    struct suppress s;
    char error[SUPPRESS_ERROR] = "";
    tap_ok(parse(&s, "# comment\n\nleak:one  \r\n  leak:^two$\nleak:libthree.so", error),
           "comments, blanks and a last line without an end");
    tap_is_u64(s.n, 3, "three patterns");
    tap_is_str(s.patterns[0], "one", "blanks behind a pattern are not its own");
    tap_is_str(suppress_find(&s, "one_of_many", NULL, NULL), "one", "found in a function");
    tap_is_str(suppress_find(&s, NULL, "/a/two", "/usr/lib/libthree.so.1"), "libthree.so",
               "found in a module");
    tap_ok(!suppress_find(&s, "twofold", "two.c", NULL), "not found");
    suppress_fini(&s);
    tap_ok(!parse(&s, "leak:good\nrace:bad\n", error), "another kind of line");
    tap_is_str(error, "file: line 2 is not leak:PATTERN", "is refused by its number");
    suppress_fini(&s);
    tap_ok(!parse(&s, "leak:\n", error), "an empty pattern is refused");
    suppress_fini(&s);
    tap_ok(!suppress_read(&s, "/no/such/file", error) && strstr(error, "/no/such/file"),
           "a file that is not there is named");
}

static void test_runtime(void)
{
    tap_ok(leaks_is_runtime("_IO_file_doallocate", "/lib/libc.so.6", true), "stdio's buffers");
    tap_ok(leaks_is_runtime("__GI__IO_file_doallocate", "libc.so.6", false),
           "by their inner name, too");
    tap_ok(!leaks_is_runtime("_IO_file_doallocate", "/usr/bin/program", true),
           "but not in a program");
    tap_ok(leaks_is_runtime("calloc", "/lib64/ld-linux-x86-64.so.2", true), "the loader's");
    tap_ok(!leaks_is_runtime("_dl_init", "/lib64/ld-linux-x86-64.so.2", false),
           "but not all that it calls");
    tap_ok(leaks_is_runtime("getpwuid_r", "libc.so.6", false), "what getpwuid_r keeps");
    tap_ok(!leaks_is_runtime("strdup", "libc.so.6", true), "strdup works for its caller");
}

int main(void)
{
    test_matching();
    test_parsing();
    test_runtime();
    return tap_done();
}
