/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Set-up and end. The state word lives in a page that fork wipes, so a child
 * finds STATE_NONE and makes its own segment at its first event; a child that
 * only execs never pays, and a vforked one shares its parent's state as it
 * shares its memory. When anything fails the agent becomes transparent.
 */
#include "agent/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/blocks.h"
#include "agent/clock.h"
#include "agent/config.h"
#include "agent/forks.h"
#include "agent/history.h"
#include "agent/known.h"
#include "agent/modules.h"
#include "agent/procinfo.h"
#include "agent/recent.h"
#include "agent/reserve.h"
#include "agent/samples.h"
#include "agent/sandbox.h"
#include "agent/shrink.h"
#include "agent/stack.h"
#include "agent/store.h"
#include "agent/thread.h"
#include "agent/tier.h"
#include "agent/tracker.h"
#include "agent/trie.h"
#include "agent/wiped.h"

enum {
    STATE_NONE = PROCESS_UNDECIDED,
    STATE_CREATING,
    STATE_READY,
    STATE_DORMANT = PROCESS_DORMANT,
};

static struct process_life never = { .state = STATE_DORMANT };
struct process_life *process_life = &never; /* in the wiped page once that is there */

static struct config config;
static char executable[256];
static char allocator[64];
static struct process_front front;
static bool recording; /* and so do children, from their first event on; atomic */
static bool attached;  /* it began while the process ran */
static bool forked;    /* a segment was made before: by a parent */

/* ---- signals --------------------------------------------------------------- */

/* A handler must not fork out of the middle of a set-up: the child would go on with
 * it in its parent's segment. Signals that say that an instruction failed would kill
 * if they were blocked. */
static uint64_t block_signals(void)
{
    static const int instructions[] = { SIGTRAP, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS };
    uint64_t all = ~UINT64_C(0), old = 0;
    for (unsigned i = 0; i < sizeof instructions / sizeof *instructions; i++)
        all &= ~(UINT64_C(1) << (instructions[i] - 1));
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, &old, sizeof old);
    return old;
}

static void restore_signals(uint64_t old)
{
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, sizeof old);
}

/* ---- set-up ---------------------------------------------------------------- */

static enum inject_result create(void)
{
    struct store_identity id = {
        .executable = executable,
        .allocator = allocator,
        .glibc = front.glibc,
        .flags = (forked ? SEG_FLAG_FORKED : 0) | (attached ? SEG_FLAG_ATTACHED : 0) |
                 (front.overridden ? SEG_FLAG_FOREIGN_HEAP : 0),
    };
    if (!config_follows(&config, (int)syscall(SYS_getpid), executable))
        return INJECT_NOT_FOLLOWED;
    if (forked && store.header)
        store_abandon();
    if (!store_create(&config, &id))
        return INJECT_SEGMENT;
    store.header->front = front.kind;
    blocks_attach();
    samples_attach();
    history_attach();
    shrink_attach();
    tier_attach();
    if (!threads_attach() || !trie_attach() || !modules_attach()) {
        unlink(store.path);
        store_abandon();
        return INJECT_SEGMENT;
    }
    stack_init();
    return INJECT_OK;
}

/* An attached parent's child: what is unknown to it is inherited. */
static void create_in_turn(void)
{
    int saved_errno = errno;
    uint64_t signals = block_signals();
    bool done = create() == INJECT_OK;
    if (done)
        store_publish();
    forked = true; /* whoever creates after us is our child */
    __atomic_store_n(&process_life->state, done ? STATE_READY : STATE_DORMANT, __ATOMIC_RELEASE);
    restore_signals(signals);
    errno = saved_errno;
}

static bool create_once(void)
{
    uint32_t now = STATE_NONE;
    if (!__atomic_load_n(&recording, __ATOMIC_ACQUIRE) || forks_wait())
        return false;
    if (__atomic_compare_exchange_n(&process_life->state, &now, STATE_CREATING, false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        if (sandbox_is_closed())
            __atomic_store_n(&process_life->state, STATE_DORMANT, __ATOMIC_RELEASE);
        else
            create_in_turn();
        now = __atomic_load_n(&process_life->state, __ATOMIC_ACQUIRE);
    }
    return now == STATE_READY;
}

bool process_ready(void)
{
    uint32_t now = __atomic_load_n(&process_life->state, __ATOMIC_ACQUIRE);
    if (__builtin_expect(now == STATE_NONE, 0))
        return create_once();
    return now == STATE_READY;
}

bool process_hold(void)
{
    if (!process_ready())
        return false;
    __atomic_add_fetch(&process_life->holders, 1, __ATOMIC_SEQ_CST);
    if (process_records())
        return true;
    process_release();
    return false;
}

void process_release(void)
{
    __atomic_sub_fetch(&process_life->holders, 1, __ATOMIC_SEQ_CST);
}

bool process_records(void)
{
    return __atomic_load_n(&process_life->state, __ATOMIC_SEQ_CST) == STATE_READY;
}

struct thread *process_enter(uintptr_t frame)
{
    uint32_t now = __atomic_load_n(&process_life->state, __ATOMIC_ACQUIRE);
    if (now == STATE_DORMANT || now == STATE_CREATING || (now == STATE_NONE && forks_wait()))
        return NULL;
    if (!sandbox_enter()) {
        /* It has no page and cannot get one. */
        __atomic_store_n(&threads_crowded, true, __ATOMIC_RELEASE);
        return process_ready() ? threads_shared() : NULL;
    }
    int saved_errno = errno;
    uint64_t signals = block_signals();
    struct thread *t = NULL;
    if (process_hold()) {
        t = threads_register(frame);
        if (!t)
            t = threads_shared();
        process_release();
    }
    restore_signals(signals);
    sandbox_leave();
    errno = saved_errno;
    return t;
}

/* Reserve what lasts for the program image. False: no memory. */
static bool reserve(void)
{
    struct process_life *word;
    if (process_life != &never)
        return trie_init() && blocks_init();
    procinfo_executable(executable, sizeof executable);
    if (!threads_init() || !trie_init() || !known_init() || !recent_init() || !blocks_init() ||
        (word = wiped_map(sizeof *word)) == NULL)
        return false;
    process_life = word;
    return true;
}

static void configure(const struct config *c, const struct process_front *f)
{
    size_t n = 0;
    config = *c;
    front = *f;
    tier_configure(config.tier, config.sample);
    for (; f->allocator && f->allocator[n] && n < sizeof allocator - 1; n++)
        allocator[n] = f->allocator[n];
    allocator[n] = '\0';
}

void tracker_init(const char *allocator_path, bool is_glibc, bool is_overridden)
{
    static bool done;
    if (done || !environ) /* too early: the constructor comes again */
        return;
    done = true;
    int saved_errno = errno;
    struct config c;
    struct process_front f = {
        .allocator = allocator_path,
        .glibc = is_glibc,
        .overridden = is_overridden,
    };
    config_read(&c);
    if (!c.off && reserve()) {
        configure(&c, &f);
        recording = true;
    }
    errno = saved_errno;
    process_ready();
}

/* ---- attach and detach ---------------------------------------------------------- */

#define WAIT_NS 1000000L
#define WAITS 4

static bool shut; /* since the last recording ended, all threads were turned off */

/* Recording has ended. Is nobody left who might touch the segment? Waits a little, as
 * the caller may be a thread that was borrowed. What was seen is remembered. */
static bool is_quiet(void)
{
    struct timespec wait = { .tv_nsec = WAIT_NS };
    for (int i = 0;; i++) {
        if (!shut && __atomic_load_n(&process_life->holders, __ATOMIC_SEQ_CST) == 0) {
            threads_shut();
            shut = true;
        }
        if (shut && threads_drained())
            return true;
        if (i == WAITS)
            return false;
        nanosleep(&wait, NULL);
    }
}

/* Let go of the segment before this one. */
static enum inject_result leave_last(void)
{
    if (!store.header || store.header->pid != (int)syscall(SYS_getpid))
        return INJECT_OK; /* none, or a parent's */
    if (!is_quiet())
        return INJECT_BUSY;
    store_abandon();
    return INJECT_OK;
}

enum inject_result process_prepare(const struct config *c, const struct process_front *f)
{
    if (process_ready())
        return INJECT_ACTIVE;
    if (!reserve())
        return INJECT_MEMORY;
    enum inject_result result = leave_last();
    if (result != INJECT_OK)
        return result;
    __atomic_store_n(&process_life->state, STATE_DORMANT, __ATOMIC_SEQ_CST);
    bool inherited = store.header != NULL;
    if (inherited)
        store_abandon();
    forked = false;
    attached = true;
    configure(c, f);
    known_forget();
    trie_forget();
    blocks_forget();
    stack_forget(0, UINTPTR_MAX);
    return create();
}

void process_go(void)
{
    forked = true;
    shut = false;
    store_publish();
    __atomic_store_n(&recording, true, __ATOMIC_SEQ_CST);
    __atomic_store_n(&process_life->state, STATE_READY, __ATOMIC_SEQ_CST);
}

void process_cancel(void)
{
    unlink(store.path);
    store_abandon();
}

enum inject_result process_halt(void)
{
    if (!process_ready())
        return INJECT_INACTIVE;
    __atomic_store_n(&recording, false, __ATOMIC_SEQ_CST);
    __atomic_store_n(&process_life->state, STATE_DORMANT, __ATOMIC_SEQ_CST);
    return INJECT_OK;
}

static void say_goodbye(int status, uint32_t flags);

enum inject_result process_finish(void)
{
    bool quiet = is_quiet();
    say_goodbye(-1, SEG_FLAG_DETACHED);
    if (quiet)
        store_abandon();
    return quiet ? INJECT_OK : INJECT_LINGERING;
}

enum inject_result process_leave(void)
{
    if (!store.header || store.header->pid != (int)syscall(SYS_getpid))
        return INJECT_INACTIVE;
    return leave_last() == INJECT_OK ? INJECT_OK : INJECT_LINGERING;
}

void process_end_recording(void)
{
    if (process_halt() == INJECT_OK)
        process_finish();
    threads_leave_self(); /* whoever finds its gate open reads the clock */
}

/* Not that of a parent which waits for the end of our vfork. In a sandbox nobody can
 * tell: hooks_process.c then says nothing. */
static bool is_own_segment(void)
{
    if (!sandbox_enter())
        return true;
    bool own = (int)syscall(SYS_getpid) == store.header->pid;
    sandbox_leave();
    return own;
}

/* A child that recorded nothing yet still has the segment of its parent. */
static void leave_inherited(void)
{
    if (store.header && store.header->pid != (int)syscall(SYS_getpid))
        store_abandon();
}

/* What is still needed then is there for threads to find that nothing is recorded. */
static void give_back(void)
{
    if (store.header)
        return; /* somebody is within a hook */
    trie_release();
    blocks_release();
}

static bool has_room(uint64_t bytes)
{
    return sandbox_is_closed() || reserve_total() <= bytes / RESERVE_SHARE;
}

static void make_room(uint64_t bytes)
{
    uint32_t now = __atomic_load_n(&process_life->state, __ATOMIC_ACQUIRE);
    if (now == STATE_NONE && !forks_wait()) {
        leave_inherited();
        if (has_room(bytes))
            return;
        __atomic_store_n(&recording, false, __ATOMIC_SEQ_CST);
        __atomic_store_n(&process_life->state, STATE_DORMANT, __ATOMIC_SEQ_CST);
        give_back();
    } else if (now == STATE_READY && is_own_segment()) { /* else of who waits for our exec */
        process_end_recording();
        give_back();
    }
}

void process_limit(uint64_t bytes)
{
    int saved_errno = errno;
    if (!has_room(bytes))
        make_room(bytes);
    errno = saved_errno;
}

/* ---- the end ----------------------------------------------------------------- */

/* A viewer that reads holds a shared lock on the file. */
static bool somebody_reads(void)
{
    int fd = open(store.path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool locked = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return locked;
}

static void say_goodbye(int status, uint32_t flags)
{
    struct seg_header *h = store.header;
    if (__atomic_load_n(&h->state, __ATOMIC_RELAXED) == SEG_EXITED) /* said before */
        return;
    int saved_errno = errno;
    history_finish();
    h->exit_status = status;
    h->end_ticks = clock_note(&h->clock_last);
    flags = __atomic_or_fetch(&h->flags, flags, __ATOMIC_RELAXED);
    __atomic_store_n(&h->state, SEG_EXITED, __ATOMIC_RELEASE);
    if (!(flags & SEG_FLAG_KEEP) && h->root_pid != h->pid && sandbox_enter()) {
        if (!somebody_reads())
            unlink(store.path);
        sandbox_leave();
    }
    errno = saved_errno;
}

void tracker_goodbye(int status)
{
    /* A forked child without an event has nothing to say, nor has a vforked one. */
    if (!process_records() || !is_own_segment())
        return;
    struct thread *t = tracker_enter(); /* for those who fork meanwhile */
    if (!t)
        return;
    if (process_hold()) {
        say_goodbye(status, 0);
        process_release();
    }
    tracker_leave(t);
}

#ifdef __GLIBC__
/* Registered before all others, so it runs last, with the status. */
static void at_exit(int status, void *unused)
{
    (void)unused;
    tracker_goodbye(status & 0xff);
}

__attribute__((constructor)) static void register_exit(void)
{
    on_exit(at_exit, NULL);
}
#else
__attribute__((destructor)) static void at_exit(void)
{
    tracker_goodbye(-1);
}
#endif
