/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent offers to those who load it into a process that runs already:
 * two functions, found by name in the library that dlopen returned. Whoever
 * calls them is a debugger that borrows a thread, or the program itself.
 *
 * How to load it: dlopen(path, RTLD_NOW | RTLD_LOCAL), by an absolute path. The
 * library does nothing then until it is called; it takes at most 64 bytes of
 * static thread-local storage (dlopen fails where there is no room for that) and
 * is never unloaded. Loaded twice it is the same library: dlopen again and call.
 *
 * When to call: the calling thread is neither inside malloc nor inside the
 * dynamic loader nor in a signal handler that interrupted one of the two, and has
 * 64 KiB of stack. Each other thread either runs, or is stopped outside of malloc,
 * of the loader and of this library: the loader's lock is taken, and that of the
 * allocator may be. One call at a time in a process; a second one gets
 * INJECT_BUSY. Neither function calls malloc, prints, starts a thread or takes a
 * signal; errno is kept.
 *
 * Calls of malloc that are under way in other threads are safe at all times: what
 * a thread began before an attach or a detach it ends afterwards, in code that
 * stays mapped.
 */
#ifndef MEMTOP_SHARED_INJECT_H
#define MEMTOP_SHARED_INJECT_H

#define INJECT_ATTACH "memtop_agent_attach"
#define INJECT_DETACH "memtop_agent_detach"

/* What the functions return; below 0 nothing was done. */
enum inject_result {
    INJECT_OK = 0,
    INJECT_LINGERING = 1,   /* detach: done, but threads are within calls from before, and
                               the segment stays mapped: call it again a little later */
    INJECT_ACTIVE = -1,     /* attach: recording already, by preload or by an earlier
                               attach. Modules that are new were redirected. */
    INJECT_INACTIVE = -2,   /* detach: not recording */
    INJECT_BUSY = -3,       /* another attach or detach is at work, or a call from
                               before the last detach is not over: try again */
    INJECT_SEGMENT = -4,    /* the segment could not be made: no room, or the
                               directory cannot be written to */
    INJECT_MEMORY = -5,     /* no memory, or a kernel without MADV_WIPEONFORK (before
                               4.14) */
    INJECT_NOTHING = -6,    /* nothing could be redirected: no module calls the
                               allocator in a way that can be seen */
    INJECT_SANITIZER = -7,  /* a sanitizer owns malloc */
    INJECT_NOT_FOLLOWED = -8, /* MEMTOP_FOLLOW leaves this program out */
    INJECT_OPTIONS = -9,    /* options are too long, or no lines of NAME=VALUE */
};

#define INJECT_OPTIONS_MAX 4096 /* bytes of options, NUL included */

/* Begin to record. `options` holds lines NAME=VALUE, each ended by '\n' or by the
 * end, with the variables that the agent otherwise takes from the environment
 * (MEMTOP_DIR, MEMTOP_MEMORY, MEMTOP_TIER, ...). The environment is not asked.
 * NULL means no lines. It is copied. MEMTOP_BEFORE=0 among them: do not ask the
 * allocator how much is alive already, which can take some milliseconds. */
int memtop_agent_attach(const char *options);

/* End: the redirections are undone, the segment says that it was detached, and its
 * file goes unless MEMTOP_KEEP=1 or a viewer reads it. The agent stays mapped, and
 * a later attach begins anew with a new segment of the same name. Also ends the
 * recording of a preloaded agent. */
int memtop_agent_detach(void);

#endif
