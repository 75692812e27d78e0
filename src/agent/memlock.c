/* SPDX-License-Identifier: Apache-2.0 */
/* See memlock.h. Runs outside of malloc, in the thread that called mlockall. */
#include "agent/memlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/process.h"
#include "agent/rawcall.h"
#include "agent/reserve.h"
#include "agent/sandbox.h"

#define PAGE 4096u
#define MCL_ALL (MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)

/* ---- the list of mappings ------------------------------------------------------- */

/* Read by system calls: open and read are points of cancellation. */
struct maps {
    int fd;
    size_t at, length;
    bool failed;
    char text[1024];
};

static bool maps_open(struct maps *m)
{
    m->at = m->length = 0;
    m->failed = false;
    m->fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/thread-self/maps", O_RDONLY | O_CLOEXEC, 0);
    return m->fd >= 0;
}

static void maps_close(struct maps *m)
{
    syscall(SYS_close, m->fd);
}

/* '\0' at the end. */
static char next_char(struct maps *m)
{
    if (m->at == m->length) {
        long n = syscall(SYS_read, m->fd, m->text, sizeof m->text);
        m->failed |= n < 0;
        if (n <= 0)
            return '\0';
        m->length = (size_t)n;
        m->at = 0;
    }
    return m->text[m->at++];
}

/* Digits and the character that ends them. */
static uintptr_t next_number(struct maps *m)
{
    uintptr_t n = 0;
    for (;;) {
        char c = next_char(m);
        if (c >= '0' && c <= '9')
            n = n * 16 + (uintptr_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            n = n * 16 + (uintptr_t)(c - 'a') + 10;
        else
            return n;
    }
}

static bool maps_next(struct maps *m, struct reserve_range *range)
{
    char c;
    range->start = next_number(m);
    range->end = next_number(m);
    if (range->end == 0)
        return false;
    do
        c = next_char(m);
    while (c != '\n' && c != '\0');
    return true;
}

/* For each piece of the program's own; false where the list cannot be read. */
static bool for_each_piece(void (*work)(void *context, uintptr_t start, uintptr_t end),
                           void *context)
{
    struct maps m;
    struct reserve_range range, own;
    bool some = false;
    if (!maps_open(&m))
        return false;
    for (; maps_next(&m, &range); some = true) {
        while (range.start < range.end && reserve_next(range.start, &own) &&
               own.start < range.end) {
            if (range.start < own.start)
                work(context, range.start, own.start);
            range.start = own.end;
        }
        if (range.start < range.end)
            work(context, range.start, range.end);
    }
    maps_close(&m);
    return some && !m.failed;
}

/* ---- may the program? ------------------------------------------------------------ */

static void add_up(void *context, uintptr_t start, uintptr_t end)
{
    *(uint64_t *)context += end - start;
}

/* The kernel answers best: its rights count in the first user namespace. A lock of
 * pages that are touched later, above the limit, for a moment. */
static bool is_privileged(uint64_t limit)
{
    struct reserve_range range, largest = { 0, 0 };
    for (uintptr_t at = 0; reserve_next(at, &range); at = range.end)
        if (range.end - range.start > largest.end - largest.start)
            largest = range;
    size_t bytes = largest.end - largest.start;
    if (bytes <= limit || syscall(SYS_mlock2, largest.start, bytes, MLOCK_ONFAULT) != 0)
        return false;
    syscall(SYS_munlock, largest.start, bytes);
    return true;
}

static bool may_lock(void)
{
    struct rlimit limit;
    uint64_t bytes = 0;
    return getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && for_each_piece(add_up, &bytes) &&
           (bytes <= limit.rlim_cur || is_privileged(limit.rlim_cur));
}

/* ---- locking --------------------------------------------------------------------- */

/* What cannot be locked is passed over, as by mlockall. */
static void lock_piece(void *context, uintptr_t start, uintptr_t end)
{
    if (*(const int *)context & MCL_ONFAULT)
        syscall(SYS_mlock2, start, end - start, MLOCK_ONFAULT);
    else
        syscall(SYS_mlock, start, end - start);
}

/* Not by syscall(), which comes here. */
static int kernel_mlockall(int flags)
{
    return (int)raw_call(SYS_mlockall, flags, 0, 0, 0, 0, 0);
}

/* New mappings are locked: as one that nobody can access tells. */
static bool is_future_locked(void)
{
    long page = syscall(SYS_mmap, 0L, (long)PAGE, (long)PROT_NONE,
                        (long)(MAP_PRIVATE | MAP_ANONYMOUS), -1L, 0L);
    if (page == -1)
        return true;
    bool locked = syscall(SYS_madvise, page, (long)PAGE, (long)MADV_DONTNEED) != 0;
    syscall(SYS_munmap, page, (long)PAGE);
    return locked;
}

/* Without MCL_FUTURE mlockall ends it; of the calls that do not fill the segment only
 * munlockall does so, too. */
static bool set_future(int flags)
{
    if (flags & MCL_FUTURE)
        return kernel_mlockall(flags & ~MCL_CURRENT) == 0;
    return !is_future_locked() || syscall(SYS_munlockall) == 0;
}

static bool lock_each(int flags)
{
    bool held = process_hold();
    bool done = may_lock() && set_future(flags) && for_each_piece(lock_piece, &flags);
    if (held)
        process_release();
    return done;
}

/* Also for what the kernel refuses: it does so in its own words. */
static int lock_on_fault(int flags)
{
    int result = kernel_mlockall(flags | MCL_ONFAULT);
    if (result == 0 && (flags & (MCL_FUTURE | MCL_ONFAULT)) == MCL_FUTURE)
        result = kernel_mlockall(MCL_FUTURE);
    return result;
}

static bool has_reservations(void)
{
    struct reserve_range first, range;
    return reserve_next(0, &first) && reserve_next(first.end, &range);
}

int memlock_all(int flags)
{
    if (!(flags & MCL_CURRENT) || flags & ~MCL_ALL || !has_reservations())
        return kernel_mlockall(flags);
    if (!sandbox_enter())
        return lock_on_fault(flags);
    int saved_errno = errno;
    bool done = lock_each(flags);
    errno = saved_errno;
    int result = done ? 0 : lock_on_fault(flags);
    sandbox_leave();
    return result;
}
