/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of functions as the user wants to read them: through a demangler of his own,
 * then through rules that rename. They are applied in this one place, to the names of
 * a snapshot's nodes, and all that asks for names gets the new ones.
 *
 *     struct pretty p;
 *     pretty_init(&p);
 *     rename_add(&p.rules, "s/foo/bar/", error);
 *     struct pretty_names n;
 *     if (pretty_names_init(&n, &p, snapshot, symbols, warning)) show(n.symbols);
 *     pretty_names_fini(&n);
 *     pretty_fini(&p);
 *
 * One thread.
 */
#ifndef MEMTOP_TUI_MODEL_PRETTY_H
#define MEMTOP_TUI_MODEL_PRETTY_H

#include "tui/model/demangler.h"
#include "tui/model/rename.h"
#include "tui/model/snapshot.h"
#include "tui/model/symbols.h"

struct pretty_words; /* private: linker names and what the demangler made of them */

struct pretty {
    struct rename_rules rules;
    const char *demangler; /* a shell command, the caller's; NULL: none */
    bool broken;           /* it failed, and is not asked again */
    struct pretty_words *words;
};

void pretty_init(struct pretty *p);
void pretty_fini(struct pretty *p);

static inline bool pretty_is_wanted(const struct pretty *p)
{
    return p->rules.n || p->demangler;
}

struct pretty_names {
    struct symbols *symbols; /* the new ones, of the snapshot's nodes */
    struct symbol **of_node; /* NULL: as before */
    struct symbol **made;    /* each once */
    size_t n_made, cap_made;
    const struct symbol **names;
};

/* Name the nodes anew; the symbols must outlive *n. All names are asked for and waited
 * for first. The demangler gets those that it has not had, in one batch; where it
 * fails, `warning` says how (else it is ""), and its output is not used. False without
 * memory; pretty_names_fini is due in both cases. */
bool pretty_names_init(struct pretty_names *n, struct pretty *p, const struct snapshot *s,
                       struct symbols *sy, char warning[DEMANGLER_ERROR]);
void pretty_names_fini(struct pretty_names *n);

#endif
