/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verification of stacks; see verify.h. Called by the tracker, inside malloc
 * with the thread's gate shut, and only in the verify mode: nothing here is on
 * anybody else's way. libunwind is asked only where libgcc disagrees, and it
 * may remember nothing, because it would not notice that code was replaced.
 */
#include "agent/verify.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unwind.h>

#include "agent/modules.h"
#include "agent/reserve.h"
#include "agent/store.h"
#include "agent/thread.h"

/* Of each thread row; too large for the program's stacks. */
struct scratch {
    uint32_t countdown;
    uint32_t random;
    struct verify_stack recorded, libgcc, libunwind, fresh;
};

static struct scratch *scratch; /* [SEG_THREADS_MAX]; NULL: not verifying */
static unsigned interval;

/* ---- libgcc ---------------------------------------------------------------- */

static struct {
    __typeof__(_Unwind_Backtrace) *backtrace;
    __typeof__(_Unwind_GetIPInfo) *ip_info;
    __typeof__(_Unwind_GetCFA) *cfa;
} libgcc;

static bool libgcc_load(void)
{
    void *handle = dlopen("libgcc_s.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return false;
    libgcc.ip_info = (__typeof__(libgcc.ip_info))dlsym(handle, "_Unwind_GetIPInfo");
    libgcc.cfa = (__typeof__(libgcc.cfa))dlsym(handle, "_Unwind_GetCFA");
    libgcc.backtrace = (__typeof__(libgcc.backtrace))dlsym(handle, "_Unwind_Backtrace");
    return libgcc.ip_info && libgcc.cfa && libgcc.backtrace;
}

struct collector {
    const struct stack_frame *first;
    struct verify_stack *stack;
};

/* The agent's own frames come before the first one. */
static _Unwind_Reason_Code libgcc_frame(struct _Unwind_Context *context, void *argument)
{
    struct collector *c = argument;
    int exact = 0;
    uint64_t pc = libgcc.ip_info(context, &exact);
    if (c->stack->n == 0 && (pc != c->first->pc || libgcc.cfa(context) != c->first->sp))
        return _URC_NO_REASON;
    if (pc == 0 || c->stack->n == SEG_DEPTH_MAX)
        return _URC_NORMAL_STOP;
    c->stack->pcs[c->stack->n++] = pc | (exact ? SEG_PC_EXACT : 0);
    return _URC_NO_REASON;
}

static void libgcc_unwind(const struct stack_frame *first, struct verify_stack *out)
{
    struct collector c = { .first = first, .stack = out };
    out->n = 0;
    if (libgcc.backtrace)
        libgcc.backtrace(libgcc_frame, &c);
}

/* ---- libunwind -------------------------------------------------------------- */

#ifdef __x86_64__
/* As <libunwind.h> has it for this processor; its header is not needed. */
#define UNWIND_REG_IP 16
#define UNWIND_REG_SP 7
#define UNWIND_CACHE_NONE 0
union unwind_cursor {
    uint64_t opaque[127];
};
union unwind_context {
    uint64_t opaque[160]; /* a ucontext_t */
};

static struct {
    int (*get_context)(union unwind_context *);
    int (*init_local)(union unwind_cursor *, union unwind_context *);
    int (*step)(union unwind_cursor *);
    int (*get_reg)(union unwind_cursor *, int, uint64_t *);
    int (*is_signal_frame)(union unwind_cursor *);
    int (*set_caching_policy)(void *, int);
} libunwind;

#define LOAD(field, name)                                                       \
    ((libunwind.field = (__typeof__(libunwind.field))dlsym(handle, name)) != NULL)

static bool libunwind_load(void)
{
    void *handle = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
    if (!handle || !LOAD(get_context, "_Ux86_64_getcontext") ||
        !LOAD(init_local, "_ULx86_64_init_local") || !LOAD(get_reg, "_ULx86_64_get_reg") ||
        !LOAD(is_signal_frame, "_ULx86_64_is_signal_frame") ||
        !LOAD(set_caching_policy, "_ULx86_64_set_caching_policy"))
        return false;
    void **space = dlsym(handle, "_ULx86_64_local_addr_space");
    if (!space || libunwind.set_caching_policy(*space, UNWIND_CACHE_NONE) != 0)
        return false;
    return LOAD(step, "_ULx86_64_step");
}

static uint64_t libunwind_reg(union unwind_cursor *cursor, int reg)
{
    uint64_t value = 0;
    libunwind.get_reg(cursor, reg, &value);
    return value;
}

static void libunwind_unwind(const struct stack_frame *first, struct verify_stack *out)
{
    union unwind_context context;
    union unwind_cursor cursor;
    bool exact = false;
    out->n = 0;
    if (!libunwind.step || libunwind.get_context(&context) != 0 ||
        libunwind.init_local(&cursor, &context) != 0)
        return;
    do {
        uint64_t pc = libunwind_reg(&cursor, UNWIND_REG_IP);
        bool found = out->n != 0 || (pc == first->pc && libunwind_reg(&cursor, UNWIND_REG_SP) ==
                                                            first->sp);
        if (found && (pc == 0 || out->n == SEG_DEPTH_MAX))
            return;
        if (found)
            out->pcs[out->n++] = pc | (exact ? SEG_PC_EXACT : 0);
        exact = libunwind.is_signal_frame(&cursor) > 0;
    } while (libunwind.step(&cursor) > 0);
}
#else
static bool libunwind_load(void)
{
    return false; /* it is our unwinder there */
}

static void libunwind_unwind(const struct stack_frame *first, struct verify_stack *out)
{
    (void)first;
    out->n = 0;
}
#endif

/* ---- comparing ---------------------------------------------------------------- */

enum verify_result verify_compare(const struct verify_stack *ours,
                                  const struct verify_stack *theirs)
{
    size_t common = ours->n < theirs->n ? ours->n : theirs->n;
    if (common == 0 || memcmp(ours->pcs, theirs->pcs, common * sizeof ours->pcs[0]) != 0)
        return VERIFY_DIFFERENT;
    if (ours->n == theirs->n)
        return VERIFY_SAME;
    return stack_explains(ours->pcs[common - 1]) ? VERIFY_DIFFERENT : VERIFY_PARTLY;
}

/* What readers will see. A node whose code is gone, or which names another
 * module than the one that is there, has a flag that makes it equal nothing. */
static uint64_t recorded_pc(const struct seg_node *node)
{
    uint64_t pc = node->pc;
    bool right = node->module == modules_find((uintptr_t)(pc & SEG_PC_MASK), 0);
    return right ? pc : pc | SEG_PC_UNLOADED;
}

static void recorded_stack(uint32_t site, struct verify_stack *out)
{
    uint32_t node = store.sites[site].node;
    for (out->n = 0; node && out->n < SEG_DEPTH_MAX; node = store.nodes[node].parent)
        out->pcs[out->n++] = recorded_pc(&store.nodes[node]);
}

/* Beyond a frame that others cannot leave there is only our own unwinder to
 * compare with, and it must say the same whatever it remembers. */
static enum verify_result judge(struct scratch *s, const struct stack_frame *caller)
{
    s->libunwind.n = s->fresh.n = 0;
    libgcc_unwind(caller, &s->libgcc);
    enum verify_result result = verify_compare(&s->recorded, &s->libgcc);
    if (result == VERIFY_SAME)
        return VERIFY_SAME;
    libunwind_unwind(caller, &s->libunwind);
    enum verify_result second = verify_compare(&s->recorded, &s->libunwind);
    if (second < result)
        result = second;
    if (result != VERIFY_SAME) {
        enum stack_end end;
        s->fresh.n = stack_unwind(caller, s->fresh.pcs, SEG_DEPTH_MAX, &end);
    }
    if (result == VERIFY_PARTLY && verify_compare(&s->recorded, &s->fresh) != VERIFY_SAME)
        result = VERIFY_DIFFERENT;
    return result;
}

static void keep_witness(struct seg_mismatch *m, enum seg_witness who,
                         const struct verify_stack *stack)
{
    m->depth[who] = (uint32_t)stack->n;
    memcpy(m->pcs[who], stack->pcs, stack->n * sizeof stack->pcs[0]);
}

static void keep_mismatch(const struct thread *t, const struct scratch *s, uint32_t site)
{
    uint64_t index = store_append(SEG_MISMATCHES);
    if (index == UINT64_MAX)
        return;
    struct seg_mismatch *m = &store.mismatches[index];
    m->tid = t->page->tid;
    m->site = site;
    keep_witness(m, SEG_WITNESS_RECORDED, &s->recorded);
    keep_witness(m, SEG_WITNESS_FRESH, &s->fresh);
    keep_witness(m, SEG_WITNESS_LIBGCC, &s->libgcc);
    keep_witness(m, SEG_WITNESS_LIBUNWIND, &s->libunwind);
    __atomic_store_n(&m->complete, 1, __ATOMIC_RELEASE);
}

/* ---- now and then --------------------------------------------------------------- */

/* At random distances, so that no pattern of the program's escapes. */
static bool is_due(struct scratch *s)
{
    if (s->countdown > 1) {
        s->countdown--;
        return false;
    }
    s->random = s->random * 1103515245u + 12345u;
    s->countdown = interval > 1 ? 1 + (s->random >> 8) % (2 * interval - 1) : 1;
    return true;
}

void verify_site(struct thread *t, const struct stack_frame *caller, uint32_t site)
{
    if (!scratch || site == 0 || !is_due(&scratch[t->row]))
        return;
    int saved_errno = errno;
    struct scratch *s = &scratch[t->row];
    recorded_stack(site, &s->recorded);
    enum verify_result result = judge(s, caller);
    t->page->verified++;
    t->page->verified_partly += result == VERIFY_PARTLY;
    t->page->mismatches += result == VERIFY_DIFFERENT;
    if (result == VERIFY_DIFFERENT)
        keep_mismatch(t, s, site);
    errno = saved_errno;
}

/* ---- set-up ----------------------------------------------------------------------- */

bool verify_load(unsigned one_in)
{
    bool have_libgcc = libgcc_load(), have_libunwind = libunwind_load();
    dlerror();
    void *memory = reserve_map(SEG_THREADS_MAX * sizeof *scratch,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    if ((!have_libgcc && !have_libunwind) || !memory)
        return false;
    interval = one_in;
    struct scratch *s = memory;
    struct stack_frame nowhere = { .pc = 0 };
    libgcc_unwind(&nowhere, &s->libgcc);
    libunwind_unwind(&nowhere, &s->libunwind);
    scratch = memory;
    modules_watch();
    return true;
}
