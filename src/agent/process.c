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
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/blocks.h"
#include "agent/clock.h"
#include "agent/config.h"
#include "agent/history.h"
#include "agent/known.h"
#include "agent/modules.h"
#include "agent/procinfo.h"
#include "agent/samples.h"
#include "agent/shrink.h"
#include "agent/stack.h"
#include "agent/store.h"
#include "agent/thread.h"
#include "agent/tier.h"
#include "agent/tracker.h"
#include "agent/trie.h"
#include "agent/verify.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

enum {
    STATE_NONE = 0,
    STATE_CREATING,
    STATE_READY,
    STATE_DORMANT,
};

static uint32_t dormant = STATE_DORMANT;
static uint32_t *state = &dormant; /* atomic; in the wiped page once set up */

static struct config config;
static char executable[256];
static char allocator[64];
static bool glibc;
static bool overridden;
static bool forked; /* a segment was made before: by a parent */

/* ---- set-up ---------------------------------------------------------------- */

static bool create(void)
{
    struct store_identity id = {
        .executable = executable,
        .allocator = allocator,
        .glibc = glibc,
        .flags = (forked ? SEG_FLAG_FORKED : 0) | (overridden ? SEG_FLAG_FOREIGN_HEAP : 0),
    };
    if (!config_follows(&config, (int)syscall(SYS_getpid), executable))
        return false;
    if (forked && store.header)
        store_abandon();
    if (!store_create(&config, &id))
        return false;
    blocks_attach();
    samples_attach();
    history_attach();
    shrink_attach();
    tier_attach();
    if (!threads_attach() || !trie_attach() || !modules_attach()) {
        unlink(store.path);
        store_abandon();
        return false;
    }
    stack_init();
    store_publish();
    return true;
}

static bool create_once(void)
{
    uint32_t none = STATE_NONE;
    if (!__atomic_compare_exchange_n(state, &none, STATE_CREATING, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        return none == STATE_READY;
    int saved_errno = errno;
    bool done = create();
    forked = true; /* whoever creates after us is our child */
    errno = saved_errno;
    __atomic_store_n(state, done ? STATE_READY : STATE_DORMANT, __ATOMIC_RELEASE);
    return done;
}

bool process_ready(void)
{
    uint32_t now = __atomic_load_n(state, __ATOMIC_ACQUIRE);
    if (__builtin_expect(now == STATE_NONE, 0))
        return create_once();
    return now == STATE_READY;
}

struct thread *process_register_thread(void)
{
    int saved_errno = errno;
    struct thread *t = threads_register();
    errno = saved_errno;
    return t;
}

static uint32_t *wiped_word(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || madvise(page, 4096, MADV_WIPEONFORK) != 0)
        return NULL;
    return page;
}

void tracker_init(const char *allocator_path, bool is_glibc, bool is_overridden)
{
    static bool done;
    if (done || !environ) /* too early: the constructor comes again */
        return;
    done = true;
    int saved_errno = errno;
    config_read(&config);
    tier_configure(config.tier, config.sample);
    procinfo_executable(executable, sizeof executable);
    glibc = is_glibc;
    overridden = is_overridden;
    size_t n = 0;
    for (; allocator_path && allocator_path[n] && n < sizeof allocator - 1; n++)
        allocator[n] = allocator_path[n];
    uint32_t *word;
    if (!config.off && threads_init() && trie_init() && known_init() &&
        blocks_init() && (word = wiped_word()) != NULL)
        state = word;
    errno = saved_errno;
    process_ready();
}

/* Apart from the set-up, which may come within a hook: it loads libraries. */
__attribute__((constructor)) static void start_verifying(void)
{
    struct config c;
    config_read(&c);
    if (c.verify && !c.off)
        verify_load(c.verify);
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

void tracker_goodbye(int status)
{
    if (__atomic_load_n(state, __ATOMIC_ACQUIRE) != STATE_READY)
        return;
    struct seg_header *h = store.header;
    int pid = (int)syscall(SYS_getpid);
    if (pid != h->pid || h->state == SEG_EXITED) /* a vforked child; said before */
        return;
    int saved_errno = errno;
    history_finish();
    h->exit_status = status;
    h->clock_last = clock_pair();
    h->end_ticks = h->clock_last.ticks;
    __atomic_store_n(&h->state, SEG_EXITED, __ATOMIC_RELEASE);
    if (!(h->flags & SEG_FLAG_KEEP) && h->root_pid != pid && !somebody_reads())
        unlink(store.path);
    errno = saved_errno;
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
