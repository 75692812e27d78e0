/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of names; see naming.h. Prints complaints on stderr.
 */
#include "tui/command/naming.h"

#include <stdio.h>

#include "tui/command/command.h"

int naming_begin(const struct options *o, const char *command, struct pretty *p)
{
    const struct naming_options *w = &o->naming;
    char error[RENAME_ERROR];
    pretty_init(p);
    p->demangler = w->demangler;
    for (size_t i = 0; i < w->n_rules; i++)
        if (!(w->from_file[i] ? rename_read : rename_add)(&p->rules, w->rules[i], error)) {
            fprintf(stderr, "memtop %s: %s\n", command, error);
            return STATUS_USAGE;
        }
    return STATUS_DONE;
}

struct symbols *naming_of(struct pretty *p, struct pretty_names *n, const struct snapshot *s,
                          struct symbols *sy)
{
    char warning[DEMANGLER_ERROR];
    *n = (struct pretty_names){ .symbols = NULL };
    if (!pretty_is_wanted(p) || !sy)
        return sy;
    if (!pretty_names_init(n, p, s, sy, warning))
        command_fail("out of memory while functions were named");
    if (*warning)
        command_fail("--demangler: %s: names are shown without it", warning);
    return n->symbols;
}
