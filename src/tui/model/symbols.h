/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names for program counters: functions, inlined functions, file:line, from
 * elfutils, demangled (C++ and Rust).
 *
 * A worker thread does the work, so that the screen never waits: a look-up
 * that is not answered yet returns NULL, is queued, and symbols_generation
 * changes when answers have arrived. Headless callers use symbols_wait.
 * Answers are kept for the life of the object.
 *
 * Files are opened below /proc/PID/root while the process lives (containers,
 * deleted files through map_files), else by path, and only believed when the
 * build-id matches. Separate debug files are found by build-id and debuglink
 * below /usr/lib/debug; nothing is ever downloaded. JIT code is named from
 * /tmp/perf-PID.map where that belongs to the process's user.
 */
#ifndef MEMTOP_TUI_MODEL_SYMBOLS_H
#define MEMTOP_TUI_MODEL_SYMBOLS_H

#include "tui/model/snapshot.h"

struct symbols;

struct symbol_frame {
    const char *function; /* demangled; "0x55..." where nothing is known */
    const char *raw;      /* the linker's name, NULL where it is the same or unknown */
    const char *file;     /* source path, NULL unknown */
    unsigned line;        /* 0 unknown */
    bool inlined;         /* into the next frame of the same symbol */
};

/* One program counter: frames[0] is the innermost inlined function,
 * frames[n - 1] the function whose code it is. n >= 1. */
struct symbol {
    const char *module; /* file name of the library or program, "?" unknown */
    const char *directory; /* where it was compiled: files without a leading '/' are named
                              from there; NULL unknown */
    size_t n;
    struct symbol_frame frames[];
};

/* pid: the living target in our namespace, or 0. Starts the worker. NULL
 * without memory. Free stops the worker, within a bounded time. */
struct symbols *symbols_new(int pid);
void symbols_free(struct symbols *sy);

/* Names that are known already, out of a file: names[i] is node i's, NULL where
 * nothing is known. They outlive the object. There is no worker, and all answers
 * are final. NULL without memory. */
struct symbols *symbols_new_known(const struct symbol *const *names, size_t n);

/* Name node `n` of `s`. NULL: not known yet, asked for. The answer belongs to
 * `sy` and lives as long as it. Call from one thread. */
const struct symbol *symbols_lookup(struct symbols *sy, const struct snapshot *s,
                                    uint32_t node);

/* Changes whenever answers have been added. Any thread. */
unsigned symbols_generation(const struct symbols *sy);

/* Readable when answers have arrived; -1 where there is none. For poll(). */
int symbols_fd(const struct symbols *sy);

/* Wait until all that was asked for is answered. */
void symbols_wait(struct symbols *sy);

/* Demangle a C++ or Rust name. The caller frees; NULL if it is not mangled. */
char *symbols_demangle(const char *name);

#endif
