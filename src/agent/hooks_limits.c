/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions by which a program limits its address space, against which the agent's
 * reservations count. Results and errno are the kernel's.
 */
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/hooks.h"
#include "agent/process.h"

#ifdef __LP64__

_Static_assert(sizeof(struct rlimit) == sizeof(struct rlimit64), "one for both");

static int set_limit(pid_t pid, int resource, const void *new, void *old)
{
    const struct rlimit *limit = new;
    if (resource == RLIMIT_AS && limit && limit->rlim_cur <= limit->rlim_max &&
        (pid == 0 || pid == getpid()))
        process_limit(limit->rlim_cur);
    return (int)syscall(SYS_prlimit64, pid, resource, new, old);
}

HOOK int setrlimit(__rlimit_resource_t resource, const struct rlimit *new)
{
    return set_limit(0, (int)resource, new, NULL);
}

HOOK int setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *new)
{
    return set_limit(0, (int)resource, new, NULL);
}

HOOK int prlimit(pid_t pid, enum __rlimit_resource resource, const struct rlimit *new,
                 struct rlimit *old)
{
    return set_limit(pid, (int)resource, new, old);
}

HOOK int prlimit64(pid_t pid, enum __rlimit_resource resource, const struct rlimit64 *new,
                   struct rlimit64 *old)
{
    return set_limit(pid, (int)resource, new, old);
}

#endif
