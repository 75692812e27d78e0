/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of the process as hooks see it: those ends that run no exit handlers,
 * and modules that go. Takes no signals and starts no thread; nothing here may keep
 * the process from ending as it wants to.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/forks.h"
#include "agent/hooks.h"
#include "agent/memlock.h"
#include "agent/sandbox.h"

HOOK void __cxa_finalize(void *dso);

/* A vforked child may come here too; the tracker can tell, but in a sandbox it must
 * not ask. */
static _Noreturn void end_now(int status)
{
    if (!sandbox_is_closed())
        tracker_goodbye(status);
    for (;;)
        syscall(SYS_exit_group, status);
}

HOOK void _exit(int status)
{
    end_now(status);
}

HOOK void _Exit(int status)
{
    end_now(status);
}

/* A fork by a signal handler that interrupted a hook is a matter of its own. */
static pid_t guarded_fork(int (*function)(void))
{
    struct forks_guard guard;
    if (!function) {
        errno = ENOSYS;
        return -1;
    }
    if (!forks_prepare(&guard, (uintptr_t)__builtin_frame_address(0))) {
        errno = ENOMEM;
        return -1;
    }
    pid_t pid = function();
    forks_done(&guard, pid);
    return pid;
}

HOOK pid_t fork(void)
{
    return guarded_fork(real_ready() ? real.fork : NULL);
}

HOOK pid_t _Fork(void);
HOOK pid_t _Fork(void)
{
    return guarded_fork(real_ready() ? real.fork_only : NULL);
}

HOOK int mlockall(int flags);
HOOK int mlockall(int flags)
{
    return memlock_all(flags);
}

/* Of include/memtop.h: programs find it by name. */
HOOK void memtop_mark(const char *name);
HOOK void memtop_mark(const char *name)
{
    tracker_mark(name);
}

/* The addresses [*start, *end) of the module that holds `address`; false where
 * the C library cannot tell without a lock. */
static bool find_module(void *address, uintptr_t *start, uintptr_t *end)
{
#ifdef DLFO_STRUCT_HAS_EH_DBASE /* <dlfcn.h> has _dl_find_object */
    struct dl_find_object module;
    if (_dl_find_object(address, &module) != 0)
        return false;
    *start = (uintptr_t)module.dlfo_map_start;
    *end = (uintptr_t)module.dlfo_map_end;
    return true;
#else
    (void)address;
    (void)start;
    (void)end;
    return false;
#endif
}

/* Each module calls this with an address of its own while it is unloaded, and
 * also when the process ends. */
HOOK void __cxa_finalize(void *dso)
{
    uintptr_t start = 0, end = 0;
    bool found = dso && find_module(dso, &start, &end);
    if (real_ready() && real.cxa_finalize)
        real.cxa_finalize(dso);
    if (found)
        tracker_module_unloaded(start, end);
}
