/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The namer: a module and an address in, frames out. It chooses the files,
 * keeps sessions over them (shared by rows of the same file), and knows the
 * JIT's map. It belongs to the symbols' worker thread and is slow: each call
 * may open and read files.
 */
#ifndef MEMTOP_TUI_MODEL_NAMER_H
#define MEMTOP_TUI_MODEL_NAMER_H

#include "tui/model/snapshot.h"
#include "tui/model/symbolize.h"

struct namer;

/* What the namer must know of the target. */
struct namer_target {
    int pid;       /* living, in our namespace; or 0 */
    int inner_pid; /* in its own */
    unsigned uid;
    uint64_t start_realtime_ns;
    char executable[256];
};

struct namer *namer_new(const struct namer_target *target);
void namer_free(struct namer *namer); /* NULL is fine */

enum namer_answer {
    NAMER_NAMED,
    NAMER_PLACED,  /* only the place in the module or memory is known */
    NAMER_UNKNOWN, /* outside of all modules; a JIT may name it later */
};

/* Fill the empty *out for the return address `pc` (exact: an interrupted one)
 * in `module`, which is NULL for what is in none. `full` reads DWARF as well;
 * without it the answer comes from symbol tables, soon. *out has at least one
 * frame afterwards, unless memory ran out. */
enum namer_answer namer_name(struct namer *namer, const struct module_row *module,
                             uint64_t pc, bool exact, bool full, struct frames *out);

/* The name of a module for people, into to[0..room). NULL: in none. */
void namer_module(const struct module_row *module, enum namer_answer answer,
                  char *to, size_t room);

#endif
