/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaks: the blocks of a program that were alive when it had ended, sorted into
 * those that count, those that a suppression names, and those that the runtime
 * keeps for itself and no program can give back.
 *
 * The runtime's are few on purpose, so that no leak hides among them. They are what
 * the dynamic loader keeps (thread-local storage of threads among it), the buffers of
 * stdio's streams, libstdc++'s reserve for exceptions, and what stays behind in the C
 * library's setlocale, getpw.., getgr.. and time zones, which hand out nothing that a
 * caller could free. Blocks of strdup, fopen, getline and the like are their caller's.
 * One thread.
 */
#ifndef MEMTOP_TUI_MODEL_LEAKS_H
#define MEMTOP_TUI_MODEL_LEAKS_H

#include "tui/model/pattern.h"
#include "tui/model/snapshot.h"
#include "tui/model/suppress.h"
#include "tui/model/symbols.h"

struct leak_sum {
    int64_t blocks, bytes;
};

struct leaks {
    struct leak_sum counted, suppressed, runtime;
    uint32_t *sites; /* those that count, the most bytes first */
    size_t n;
};

/* Find those of stacks that `which` matches. The runtime's own are told apart unless
 * `all`. sy may be NULL. 0, or -1 without memory; leaks_fini is due after 0. */
int leaks_find(struct leaks *l, const struct snapshot *s, struct symbols *sy,
               const struct pattern *which, const struct suppress *rules, bool all);
void leaks_fini(struct leaks *l);

/* Whether a frame shows that the runtime made a block for itself; `leaf`: it is the
 * function that called malloc. */
bool leaks_is_runtime(const char *function, const char *module, bool leaf);

#endif
