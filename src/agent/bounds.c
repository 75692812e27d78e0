/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests which memory above a stack pointer may be read. See bounds.h.
 *
 * Runs inside malloc and in signal handlers: raw system calls, no errno.
 */
#include "agent/bounds.h"

#include <errno.h>
#include <sys/syscall.h>

#include "agent/sandbox.h"

#define PAGE         UINT64_C(4096)
#define GAP          (UINT64_C(1) << 20)
#define PAGES_OWN    (UINT64_C(1) << 17) /* 512 MiB: deeper is not believed */
#define PAGES_OTHER  (UINT64_C(1) << 10) /* of another stack, in one step */

__thread struct bounds_own bounds_own;

/* Set by the dynamic linker: where the kernel put argc. */
extern void *__libc_stack_end;

static long system_call(long number, long a, long b, long c, long d)
{
    register long r10 __asm__("r10") = d;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
}

/* The kernel copies the set before it looks at the nonsense in `how`: EINVAL
 * says that it could read it. */
static bool word_readable(uintptr_t address)
{
    if (!sandbox_enter())
        return false;
    bool readable = system_call(SYS_rt_sigprocmask, -1, (long)address, 0, 8) == -EINVAL;
    sandbox_leave();
    return readable;
}

bool bounds_readable(uintptr_t address)
{
    return word_readable(address);
}

bool bounds_at_start(uintptr_t sp)
{
    return (sp & ~(uintptr_t)15) == ((uintptr_t)__libc_stack_end & ~(uintptr_t)15);
}

/* The end of the calling thread's own stack: of the first thread the place
 * where the kernel put the arguments, of others the control block, which the
 * C library puts at the top of their stacks, user-provided ones included. */
static uintptr_t own_end(void)
{
    if (!sandbox_enter())
        return 0;
    bool first = system_call(SYS_gettid, 0, 0, 0, 0) == system_call(SYS_getpid, 0, 0, 0, 0);
    sandbox_leave();
    if (first)
        return ((uintptr_t)__libc_stack_end + PAGE) & ~(PAGE - 1);
    return (uintptr_t)__builtin_thread_pointer() & ~(uintptr_t)7;
}

/* Where nobody may be asked: below the first thread's stack, which grows, the kernel
 * leaves a gap of 1 MiB to whatever comes next. So who is nearer is still on it. */
static bool own_grew(struct bounds_own *own, uintptr_t page)
{
    uintptr_t first = ((uintptr_t)__libc_stack_end + PAGE) & ~(PAGE - 1);
    if (own->hi != first || own->lo - page >= GAP)
        return false;
    own->lo = page;
    return true;
}

/* Lower `own->lo` to the page of sp, if all pages on the way can be read. */
static bool own_extend(struct bounds_own *own, uintptr_t sp)
{
    uintptr_t page = sp & ~(PAGE - 1);
    if (own->barrier && sp < own->barrier + PAGE && !word_readable(own->barrier))
        return false;
    own->barrier = 0;
    if (sandbox_is_closed())
        return own_grew(own, page);
    while (own->lo > page) {
        uintptr_t next = (own->lo - 1) & ~(PAGE - 1);
        if (!word_readable(next)) {
            own->barrier = next;
            return false;
        }
        own->lo = next;
    }
    return true;
}

/* In a local copy first: a signal handler may come here, too. */
struct bounds bounds_test(uintptr_t sp)
{
    struct bounds_own own = bounds_own;
    if (own.hi == 0)
        own.hi = own.lo = own_end();
    if (own.hi == 0)
        return (struct bounds){ .hi = sp, .own = false };
    bool is_own = sp < own.hi && own.hi - sp < PAGES_OWN * PAGE &&
                  (sp >= own.lo || own_extend(&own, sp));
    bounds_own.lo = own.lo;
    bounds_own.hi = own.hi;
    bounds_own.barrier = own.barrier;
    if (is_own)
        return (struct bounds){ .hi = own.hi, .own = true };
    return (struct bounds){ .hi = sp, .own = false };
}

bool bounds_extend(struct bounds *b, uintptr_t wanted)
{
    if (wanted <= b->hi)
        return true;
    if (b->own || wanted - b->hi > PAGES_OTHER * PAGE)
        return false;
    while (b->hi < wanted) {
        if (!word_readable(b->hi & ~UINT64_C(7)))
            return false;
        b->hi = (b->hi | (PAGE - 1)) + 1;
    }
    return true;
}
