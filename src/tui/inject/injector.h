/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing the agent into a process that was started without it, and switching
 * it off again. Called by the commands; prints nothing. One thread, which must
 * be the same from the beginning to the end of a call.
 *
 * docs/inject.md says what happens to the process meanwhile.
 */
#ifndef MEMTOP_TUI_INJECT_INJECTOR_H
#define MEMTOP_TUI_INJECT_INJECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INJECTOR_TEXT 320 /* room for a sentence */

enum injector_status {
    INJECTOR_OK,
    INJECTOR_PRESENT, /* the agent is there, and records already */
    INJECTOR_ABSENT,  /* detach: nothing records in it */
    INJECTOR_REFUSED, /* it cannot be done to this process: nothing was touched */
    INJECTOR_BUSY,    /* no safe moment was found in time: try again */
    INJECTOR_FAILED,  /* tried, without success; the process goes on as before */
    INJECTOR_GONE,    /* the process ended meanwhile */
};

struct injector_result {
    char why[INJECTOR_TEXT]; /* a sentence without a full stop; empty for INJECTOR_OK */
    uint64_t stop_ns;      /* the longest time for which a thread was held */
    uint64_t waited_ns;    /* of these it waited for a processor */
    unsigned stops;        /* how many times a thread was stopped */
    int tid;               /* the thread that made the call, 0: none did */
};

/* Could the agent be brought in? Looks at /proc and at files only, and is fast
 * enough for a list of all processes. INJECTOR_OK, INJECTOR_PRESENT, INJECTOR_REFUSED
 * or INJECTOR_GONE, the reason in `why`. */
enum injector_status injector_check(int pid, char why[INJECTOR_TEXT]);

/* Load `library` (the agent's path, as we see it) and start it. `options` are
 * lines of NAME=VALUE, see shared/inject.h. Waits up to some seconds for a
 * moment at which it is safe. */
enum injector_status injector_attach(int pid, const char *library, const char *options,
                                 struct injector_result *out);

/* Switch the agent off. It stays mapped, inert, for a later injector_attach. */
enum injector_status injector_detach(int pid, const char *library, struct injector_result *out);

#endif
