/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns: what they look at, case, regular expressions, and directories. */
#include "tests/tap.h"

#include "tui/model/pattern.h"

static const struct {
    const char *pattern;
    bool matches; /* hold, libwork.so.6 and recursion.c in directories /build/Lib and /build/src */
} cases[] = {
    { "", true },
    { "hold", true },
    { "HOLD", false },
    { "ol", true },
    { "libwork", true },
    { "recursion", true },
    { "nothing", false },
    { "function:hold", true },
    { "function:recursion", false },
    { "module:libwork", true },
    { "module:hold", false },
    { "file:recursion", true },
    { "file:libwork", false },
    { "group:hold", false },
    { "/^hold$/", true },
    { "/^(recursion|other)[.]c$/", true },
    { "/^HOLD$/", false },
    { "file:/[.]c$/", true },
    { "/(/", false },
    /* Where it lies counts when a directory is asked for. */
    { "src", false },
    { "build/", true },
    { "Lib/libwork", true },
    { "lib/libwork", true },
    { "file:src", false },
    { "file:src/", true },
    { "module:src/", false },
    { "/^src/", false },
    { "/^/build/src/rec/", true },
    { "//src//", true },
};

int main(void)
{
    struct pattern p;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pattern_init(&p, cases[i].pattern);
        tap_ok(pattern_matches(&p, "hold", "/build/Lib/libwork.so.6", "/build/src/recursion.c") ==
                   cases[i].matches,
               "\"%s\" %s", cases[i].pattern, cases[i].matches ? "matches" : "does not match");
        pattern_fini(&p);
    }
    pattern_init(&p, "/(/");
    tap_ok(p.error[0], "what is wrong with an expression is said: %s", p.error);
    pattern_fini(&p);
    pattern_init(&p, "any");
    tap_ok(!pattern_matches(&p, NULL, NULL, NULL), "nothing is known");
    pattern_fini(&p);
    pattern_init(&p, "group:1,024");
    tap_ok(pattern_matches_group(&p, "to 1,024 bytes"), "a group by its name");
    tap_ok(!pattern_matches_group(&p, "to 2,048 bytes"), "and no other");
    pattern_fini(&p);
    return tap_done();
}
