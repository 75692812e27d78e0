/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader against segments made by hand: sums, time, rings, the life of
 * targets, and a target that lies.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fake_segment.h"
#include "tap.h"
#include "tui/reader/proc.h"
#include "tui/reader/reader.h"

#define SECOND_NS UINT64_C(1000000000)

static char dir[256];

/* ---- helpers ------------------------------------------------------------------- */

static uint64_t own_start_time(void)
{
    struct proc_stat st;
    return proc_stat_read(getpid(), &st) ? st.start_time : 0;
}

/* A segment of this process, with its pid namespace. */
static void open_own(struct fake_segment *f)
{
    if (!fake_open(f, dir, proc_inner_pid(getpid()), own_start_time()))
        abort();
    f->header->pid_namespace = proc_namespace(0, "pid");
}

static void open_dead(struct fake_segment *f)
{
    if (!fake_open(f, dir, fake_dead_pid(), 1))
        abort();
    f->header->pid_namespace = proc_namespace(0, "pid");
}

static enum reader_status refresh_once(const struct fake_segment *f, struct snapshot *s)
{
    struct reader *r;
    enum reader_status status = reader_open_path(f->path, &r);
    if (status != READER_OK)
        return status;
    status = reader_refresh(r, s, READER_ALL);
    reader_close(r);
    return status;
}

static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* ---- sums ---------------------------------------------------------------------- */

static void test_sums(void)
{
    struct fake_segment f;
    struct snapshot s;
    open_dead(&f);
    snapshot_init(&s);
    uint16_t module = fake_module(&f, "/lib/libx.so", 0x1000, 0x9000);
    uint32_t a = fake_site(&f, fake_node(&f, fake_node(&f, 0, 0x1100, module), 0x1200, module));
    uint32_t one = fake_thread(&f, 100, "one"), two = fake_thread(&f, 200, "two");
    fake_count(&f, one, a, 100, 10, 3);
    fake_count(&f, two, a, 5000, 4, 1);
    fake_count(&f, 0, 0, 16, 7, 7);
    f.threads[one].reallocations = 5;
    f.threads[two].temporary = 2;
    f.threads[two].foreign_frees = 9;
    tap_ok(refresh_once(&f, &s) == READER_OK, "a valid segment is copied");
    tap_is_u64(s.totals.allocations, 21, "allocations are summed over threads");
    tap_is_u64(s.totals.frees, 11, "frees too");
    tap_is_u64((uint64_t)s.totals.live_blocks, 10, "live blocks are the difference");
    tap_is_u64((uint64_t)s.totals.live_bytes, 700 + 15000, "and live bytes");
    tap_is_u64(s.totals.reallocations, 5, "reallocations");
    tap_is_u64(s.totals.temporary, 2, "temporary");
    tap_is_u64(s.totals.foreign_frees, 9, "foreign frees");
    tap_is_u64(s.functions[SEG_FN_MALLOC], 21, "calls of malloc");
    tap_is_u64((uint64_t)s.sizes[seg_size_class(100)].live_bytes, 700, "a size's live bytes");
    tap_is_u64(s.sizes[SEG_SIZE_CLASSES - 1].max, UINT64_MAX, "the last size has no end");
    tap_is_u64(s.n_threads, 3, "two threads and the ended ones");
    tap_is_str(s.threads[0].name, "one", "threads are in order of first use");
    tap_is_str(s.threads[2].name, "(ended)", "sums come last");
    tap_ok(!s.threads[0].alive, "threads of a dead process do not live");
    tap_is_u64(s.n_sites, 2, "sites");
    tap_is_u64((uint64_t)s.sites[a].live_bytes, 15700, "a site is summed over threads");
    uint32_t stack[SEG_DEPTH_MAX];
    tap_is_u64(snapshot_stack(&s, a, stack), 2, "its stack has two frames");
    tap_is_u64(s.nodes[stack[0]].pc, 0x1200, "leaf first");
    tap_is_str(s.modules[s.nodes[stack[0]].module].path, "/lib/libx.so", "with a module");
    tap_is_str(s.target.command, "true one two", "the command is joined by blanks");
    tap_ok(s.target.state == TARGET_KILLED, "gone without goodbye is killed");
    snapshot_fini(&s);
    fake_close(&f);
}

static void test_peak(void)
{
    struct fake_segment f;
    struct snapshot s;
    open_dead(&f);
    snapshot_init(&s);
    uint32_t row = fake_thread(&f, 1, "t");
    uint32_t a = fake_site(&f, fake_node(&f, 0, 1, 0)), b = fake_site(&f, fake_node(&f, 0, 2, 0));
    fake_count(&f, row, a, 100, 10, 0);
    fake_count(&f, row, b, 50, 4, 0);
    f.globals->at_peak = 1;
    f.globals->epoch = 6;
    fake_counters(&f, row, a)->epoch = 6;
    fake_counters(&f, row, a)->bytes_at_peak = 1;
    refresh_once(&f, &s);
    tap_is_u64((uint64_t)s.sites[a].peak_bytes, 1000, "at the peak a site's part is what lives");
    /* The heap descends: a frees and saved its part, b was not touched. */
    f.globals->at_peak = 0;
    f.globals->epoch = 7;
    *fake_counters(&f, row, a) = (struct seg_site_counters){
        .allocations = 10, .frees = 9, .bytes_allocated = 1000, .bytes_freed = 900,
        .bytes_at_peak = 1000, .blocks_at_peak = 10, .epoch = 7,
    };
    refresh_once(&f, &s);
    tap_is_u64((uint64_t)s.sites[a].live_bytes, 100, "after it the site holds less");
    tap_is_u64((uint64_t)s.sites[a].peak_bytes, 1000, "but its part in the peak stays");
    tap_is_u64((uint64_t)s.sites[a].peak_blocks, 10, "in blocks too");
    tap_is_u64((uint64_t)s.sites[b].peak_bytes, 200, "an untouched site's part is what lives");
    f.globals->peak_bytes = 5;
    refresh_once(&f, &s);
    tap_ok(s.totals.peak_bytes == s.totals.live_bytes, "the peak is never below what lives");
    snapshot_fini(&s);
    fake_close(&f);
}

/* The target goes on while it is read: with the last piece of the counters its heap
 * descends from the peak. */
static struct fake_segment *descends;
static uint32_t descends_row, descends_site;

ssize_t pread(int fd, void *to, size_t n, off_t offset)
{
    ssize_t got = preadv(fd, &(struct iovec){ .iov_base = to, .iov_len = n }, 1, offset);
    struct fake_segment *f = descends;
    const struct seg_section *chunks = f ? &f->header->sections[SEG_SITE_CHUNKS] : NULL;
    if (f && (uint64_t)offset >= chunks->offset &&
        (uint64_t)offset < chunks->offset + chunks->reserved) {
        struct seg_site_counters *k = fake_counters(f, descends_row, descends_site);
        descends = NULL;
        f->globals->at_peak = 0;
        f->globals->epoch++;
        *k = (struct seg_site_counters){
            .allocations = 11, .frees = 8, .bytes_allocated = 1100, .bytes_freed = 800,
            .bytes_at_peak = 1000, .blocks_at_peak = 10, .epoch = f->globals->epoch,
        };
    }
    return got;
}

static void test_peak_moves(void)
{
    struct fake_segment f;
    struct snapshot s;
    open_dead(&f);
    snapshot_init(&s);
    descends_row = fake_thread(&f, 1, "t");
    descends_site = fake_site(&f, fake_node(&f, 0, 1, 0));
    uint32_t other = fake_site(&f, fake_node(&f, 0, 2, 0));
    fake_count(&f, descends_row, descends_site, 100, 12, 3);
    fake_count(&f, descends_row, other, 50, 4, 0);
    f.globals->at_peak = 1;
    f.globals->epoch = 6;
    descends = &f;
    refresh_once(&f, &s);
    tap_ok(!descends, "the peak moved while sites were read");
    tap_is_u64((uint64_t)s.sites[descends_site].live_bytes, 900, "what lived is as it was read");
    tap_is_u64((uint64_t)s.sites[descends_site].peak_bytes, 1000, "the peak is the new one");
    tap_is_u64((uint64_t)s.sites[descends_site].peak_blocks, 10, "in blocks too");
    tap_is_u64((uint64_t)s.sites[other].peak_bytes, 200, "and for all sites");
    descends = NULL;
    snapshot_fini(&s);
    fake_close(&f);
}

static void test_short_lived(void)
{
    struct fake_segment f;
    struct snapshot s;
    open_dead(&f);
    snapshot_init(&s);
    uint32_t one = fake_thread(&f, 1, "a"), two = fake_thread(&f, 2, "b");
    uint32_t site = fake_site(&f, fake_node(&f, 0, 1, 0));
    fake_count(&f, one, site, 48, 100, 90);
    fake_count(&f, two, site, 48, 10, 10);
    fake_counters(&f, one, site)->temporary = f.threads[one].temporary = 7;
    fake_counters(&f, one, site)->short_lived = 20;
    fake_counters(&f, two, site)->short_lived = 5;
    f.threads[one].lifetimes[0] = 1;
    f.threads[one].lifetimes[12] = 19;
    f.threads[one].lifetimes[13] = 63;
    f.threads[two].lifetimes[3] = f.threads[two].lifetimes[47] = 5;
    f.header->short_classes = 13;
    refresh_once(&f, &s);
    tap_is_u64(s.totals.short_ns, 256 << 12, "short is what the last class that is short is below");
    tap_is_u64(s.totals.short_lived, 7 + 1 + 19 + 5, "short-lived ones and temporary ones");
    tap_is_u64(s.sites[site].short_lived, s.totals.short_lived, "a site has the same");
    f.header->short_classes = 0;
    refresh_once(&f, &s);
    tap_ok(!s.totals.short_ns && !s.totals.short_lived && !s.sites[site].short_lived,
           "an agent that does not count them leaves them unknown");
    f.header->short_classes = UINT32_MAX;
    refresh_once(&f, &s);
    tap_ok(!s.totals.short_ns && !s.sites[site].short_lived, "nonsense as well");
    snapshot_fini(&s);
    fake_close(&f);
}

static void test_many_sites(void)
{
    struct fake_segment f;
    struct snapshot s;
    open_dead(&f);
    snapshot_init(&s);
    uint32_t rows[3] = { fake_thread(&f, 1, "a"), fake_thread(&f, 2, "b"),
                         fake_thread(&f, 3, "c") };
    int64_t want = 0;
    while (f.header->sections[SEG_SITES].count < 5000) {
        uint32_t site = fake_site(&f, fake_node(&f, 0, 0x1000, 0));
        fake_count(&f, rows[site % 3], site, site, 2, 1);
        fake_count(&f, rows[site / 7 % 3], site, 8, 1, 0);
        want += site + 8;
    }
    tap_ok(refresh_once(&f, &s) == READER_OK, "5000 sites in many chunks are copied");
    int64_t sum = 0;
    bool each = true;
    for (size_t i = 1; i < s.n_sites; i++) {
        sum += s.sites[i].live_bytes;
        each = each && s.sites[i].id == i && s.sites[i].live_bytes == (int64_t)i + 8;
    }
    tap_ok(each, "each holds what it should");
    tap_is_u64((uint64_t)sum, (uint64_t)want, "and their sum is the total");
    tap_ok(sum == s.totals.live_bytes, "as the size classes say");
    snapshot_fini(&s);
    fake_close(&f);
}

/* ---- time ------------------------------------------------------------------------ */

static void test_time(void)
{
    struct fake_segment f;
    struct snapshot s;
    open_dead(&f);
    snapshot_init(&s);
    struct seg_header *h = f.header;
    h->clock = SEG_CLOCK_TSC;
    h->clock_first = (struct seg_clock_pair){ 1000, SECOND_NS };
    h->clock_last = (struct seg_clock_pair){ 1000 + 8 * SECOND_NS, 3 * SECOND_NS };
    h->end_ticks = 1000 + 12 * SECOND_NS;
    h->state = SEG_EXITED;
    h->flags |= SEG_FLAG_KEEP;
    h->exit_status = 3;
    uint32_t row = fake_thread(&f, 1, "t");
    f.threads[row].first_ticks = 1000 + 4 * SECOND_NS;
    f.threads[row].last_ticks = 1000 + 8 * SECOND_NS;
    f.threads[row].lifetimes[3] = 5;
    f.globals->peak_ticks = 500;
    refresh_once(&f, &s);
    tap_is_u64(s.target.wall_ns, 3 * SECOND_NS, "four ticks a nanosecond: 12e9 are 3 s");
    tap_is_u64(s.threads[0].first_ns, SECOND_NS, "a thread's first event");
    tap_is_u64(s.threads[0].last_ns, 2 * SECOND_NS, "and its last");
    tap_is_u64(s.totals.peak_ns, 0, "ticks before set-up are time 0");
    tap_is_u64(s.lifetimes[3].below_ns, 8 * 256 / 4, "a lifetime class ends at 2^i units");
    tap_is_u64(s.lifetimes[3].frees, 5, "and counts");
    tap_ok(s.target.state == TARGET_EXITED, "it said goodbye");
    tap_is_u64((uint64_t)s.target.exit_status, 3, "with a status");
    h->clock_last = h->clock_first;
    h->end_ticks = 0;
    h->clock_shift_birth = h->clock_shift_density = UINT32_MAX;
    tap_ok(refresh_once(&f, &s) == READER_OK, "a clock that never moved is no trouble");
    snapshot_fini(&s);
    fake_close(&f);
}

static void test_attached(void)
{
    struct fake_segment f;
    struct snapshot s;
    open_dead(&f);
    snapshot_init(&s);
    f.header->before = SEG_BEFORE_MALLCTL;
    f.header->before_bytes = 5000;
    f.header->front_modules = 3;
    f.header->front_slots = 17;
    f.header->front_skipped = 1;
    refresh_once(&f, &s);
    tap_ok(!s.target.attach.late && s.target.attach.before_bytes == 0,
           "preloaded: nothing was there before");
    f.header->flags |= SEG_FLAG_ATTACHED;
    refresh_once(&f, &s);
    const struct attach_info *a = &s.target.attach;
    tap_ok(a->late && a->before == SEG_BEFORE_MALLCTL && a->before_bytes == 5000,
           "attached: with what was there before");
    tap_ok(a->modules == 3 && a->slots == 17 && a->skipped == 1, "and what was redirected");
    f.header->before = 77;
    refresh_once(&f, &s);
    tap_ok(a->before == SEG_BEFORE_UNKNOWN && a->before_bytes == 0,
           "an estimate of unknown origin is none");
    f.header->flags |= SEG_FLAG_FORKED;
    refresh_once(&f, &s);
    tap_ok(!a->late, "a forked child of such a process was there from its start on");
    snapshot_fini(&s);
    fake_close(&f);
}

static void set_slot(struct fake_segment *f, uint64_t tick, uint32_t count)
{
    f->density[tick % SEG_DENSITY_SLOTS] = tick << 32 | count;
}

static void test_density(void)
{
    struct fake_segment f;
    struct snapshot s;
    open_dead(&f);
    snapshot_init(&s);
    uint64_t now = (UINT64_C(7) << 32) + 5; /* the low 32 bits have just wrapped */
    f.header->state = SEG_EXITED;
    f.header->flags |= SEG_FLAG_KEEP;
    f.header->end_ticks = now << 20;
    f.header->clock_first.ticks = (now - 100000) << 20;
    f.header->clock_last = f.header->clock_first;
    set_slot(&f, now, 11);
    set_slot(&f, now - 1, 12);
    set_slot(&f, now - 8191, 13);
    set_slot(&f, now - 8192 - 2, 14); /* an earlier lap */
    uint32_t row = fake_thread(&f, 1, "t");
    f.threads[row].density_tick = now;
    f.threads[row].density_count = 100;
    refresh_once(&f, &s);
    const struct density *d = &s.density;
    tap_is_u64(d->ticks, SEG_DENSITY_SLOTS, "the whole ring is given");
    tap_is_u64(d->last_tick, now, "up to the last tick");
    tap_is_u64(d->counts[8191], 111, "slot and what a thread has pending are added");
    tap_is_u64(d->counts[8190], 12, "across a wrap of the low 32 bits");
    tap_is_u64(d->counts[0], 13, "back to the oldest");
    tap_is_u64(d->counts[8189], 0, "an earlier lap's slot counts nothing");
    tap_ok(d->tick_ns == 1048576.0, "the length of a tick");
    snapshot_fini(&s);
    fake_close(&f);
}

static void test_seconds(void)
{
    struct fake_segment f;
    struct snapshot s;
    open_dead(&f);
    snapshot_init(&s);
    f.header->clock_first.ticks = 0;
    f.header->clock_last.ticks = 4000 * SECOND_NS;
    fake_second(&f, 100, 1);  /* left over from an earlier lap */
    fake_second(&f, 2100, 2);
    fake_second(&f, 2500, 3);
    fake_second(&f, 4000, 4);
    fake_second(&f, 3999, 5);
    f.seconds[7].second = 20;  /* not its place */
    f.seconds[8].second = UINT64_MAX / 2048 * 2048 - 2048 + 9; /* out of all time */
    f.seconds[4000 % 2048].top[0] = (struct seg_second_site){ 0, 3, 44 };
    f.seconds[4000 % 2048].top[1] = (struct seg_second_site){ 4000000, 3, 43 };
    refresh_once(&f, &s);
    tap_is_u64(s.n_seconds, 4, "records of the last lap, in their places");
    tap_ok(s.n_seconds == 4 && s.seconds[0].second == 2100 && s.seconds[1].second == 2500 &&
               s.seconds[2].second == 3999 && s.seconds[3].second == 4000,
           "oldest first, across the ring's end");
    tap_is_u64((uint64_t)s.seconds[3].live_bytes, 4, "with their figures");
    tap_is_u64(s.seconds[3].n_top, 1, "a top site that does not exist is left out");
    snapshot_fini(&s);
    fake_close(&f);
}

/* ---- refreshing -------------------------------------------------------------------- */

static void test_incremental(void)
{
    struct fake_segment f;
    struct snapshot s, other;
    struct reader *r;
    open_dead(&f);
    snapshot_init(&s);
    snapshot_init(&other);
    uint16_t module = fake_module(&f, "/lib/a.so", 0x1000, 0x2000);
    uint32_t node = fake_node(&f, 0, 0x1500, module);
    uint32_t pending = fake_node(&f, node, 0, module);
    tap_ok(reader_open_path(f.path, &r) == READER_OK, "a segment is opened by path");
    reader_refresh(r, &s, READER_ALL);
    tap_is_u64(s.nodes[pending].pc, 0, "a node in the making has no pc yet");
    f.nodes[pending].pc = 0x1600 | SEG_PC_EXACT;
    uint32_t later = fake_node(&f, pending, 0x1700, module);
    reader_refresh(r, &s, READER_ALL);
    tap_is_u64(s.nodes[pending].pc, 0x1600, "it is read again");
    tap_ok(s.nodes[pending].exact, "with its flag");
    tap_is_u64(s.nodes[later].depth, 3, "a later one too");
    f.modules[module].state = SEG_MODULE_UNLOADED;
    f.nodes[node].pc |= SEG_PC_UNLOADED;
    f.header->unloads++;
    reader_refresh(r, &s, READER_ALL);
    tap_ok(s.modules[module].unloaded, "an unloaded module is noticed");
    tap_is_u64(s.nodes[node].pc, 0x1500, "a node keeps its pc");
    reader_refresh(r, &other, READER_SITES);
    tap_is_u64(other.n_nodes, s.n_nodes, "a second snapshot of the same reader is complete");
    tap_is_u64(other.nodes[later].pc, 0x1700, "and right");
    tap_ok(truncate(f.path, 4096) == 0 && reader_refresh(r, &s, READER_ALL) == READER_CORRUPT,
           "a file that was cut is damaged");
    reader_close(r);
    snapshot_fini(&s);
    snapshot_fini(&other);
    fake_close(&f);
}

/* ---- who may be opened --------------------------------------------------------------- */

static enum reader_status open_status(const char *path)
{
    struct reader *r;
    enum reader_status status = reader_open_path(path, &r);
    reader_close(r);
    return status;
}

static void test_refusals(void)
{
    struct fake_segment f;
    char path[300];
    open_dead(&f);
    snprintf(path, sizeof path, "%s/memtop-1-2", dir);
    tap_ok(symlink(f.path, path) == 0 && open_status(path) == READER_FOREIGN,
           "a symbolic link is refused");
    unlink(path);
    tap_ok(mkfifo(path, 0600) == 0 && open_status(path) == READER_FOREIGN,
           "a FIFO is refused, without waiting");
    unlink(path);
    tap_ok(open_status(dir) == READER_FOREIGN, "a directory is refused");
    tap_ok(open_status("/proc/self/nothing") == READER_SYSTEM && errno == ENOENT,
           "a missing file says so");
    f.header->version++;
    tap_ok(open_status(f.path) == READER_VERSION, "another version is refused");
    f.header->version--;
    f.header->magic++;
    tap_ok(open_status(f.path) == READER_FOREIGN, "another magic is refused");
    f.header->magic--;
    f.header->state = SEG_STARTING;
    tap_ok(open_status(f.path) == READER_NOT_READY, "one in the making is not ready");
    f.header->state = SEG_LIVE;
    struct seg_section *nodes = &f.header->sections[SEG_NODES];
    struct seg_section kept = *nodes;
    nodes->offset = UINT64_MAX - 4095;
    tap_ok(open_status(f.path) == READER_CORRUPT, "an offset that overflows is damage");
    *nodes = kept;
    nodes->reserved = UINT64_MAX;
    tap_ok(open_status(f.path) == READER_CORRUPT, "so is an endless section");
    *nodes = kept;
    nodes->element = 8;
    tap_ok(open_status(f.path) == READER_CORRUPT, "so is an element that is too small");
    *nodes = kept;
    tap_ok(open_status(f.path) == READER_OK, "and whole it is accepted");
    fake_close(&f);
}

static void test_wider_elements(void)
{
    struct fake_segment f;
    struct snapshot s;
    open_dead(&f);
    snapshot_init(&s);
    fake_module(&f, "/lib/first.so", 1, 2);
    fake_module(&f, "/lib/second.so", 3, 4);
    f.header->sections[SEG_MODULES].element *= 2; /* module 1 is now the second's place */
    f.header->sections[SEG_MODULES].count = 2;
    refresh_once(&f, &s);
    tap_ok(s.n_modules == 2 && strcmp(s.modules[1].path, "/lib/second.so") == 0,
           "elements that a later version made longer are stepped over");
    snapshot_fini(&s);
    fake_close(&f);
}

/* ---- targets ---------------------------------------------------------------------------- */

static void test_living(void)
{
    struct fake_segment f;
    struct snapshot s;
    struct reader *r;
    open_own(&f);
    snapshot_init(&s);
    fake_thread(&f, proc_inner_pid(getpid()), "stale name");
    fake_thread(&f, 1 << 30, "gone");
    tap_ok(reader_open_pid(getpid(), &r) == READER_OK, "a living process is found by its pid");
    tap_is_str(r ? reader_path(r) : NULL, f.path, "in $MEMTOP_DIR");
    if (!r)
        exit(tap_done());
    reader_refresh(r, &s, READER_ALL);
    tap_ok(s.target.state == TARGET_RUNNING, "it runs");
    tap_is_u64((uint64_t)s.target.pid, (uint64_t)getpid(), "its pid is ours");
    tap_ok(s.threads[0].alive && !s.threads[1].alive, "its threads live or have ended");
    struct proc_stat st;
    proc_stat_read(getpid(), &st);
    tap_is_str(s.threads[0].name, st.comm, "the kernel's name for a thread wins");
    tap_ok(s.target.wall_ns < 3600 * SECOND_NS, "it has lived for less than an hour");
    int fd = open(f.path, O_RDONLY);
    tap_ok(flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK,
           "an open reader holds a lock");
    f.header->state = SEG_EXITED;
    reader_refresh(r, &s, 0);
    tap_ok(s.target.state == TARGET_EXITED, "after its goodbye it has exited");
    f.header->flags |= SEG_FLAG_DETACHED;
    reader_refresh(r, &s, 0);
    tap_ok(s.target.state == TARGET_DETACHED, "or its recording was ended");
    tap_ok(reader_mark(r, "late") == READER_NO_SEGMENT, "and nobody is there to set marks");
    f.header->flags &= ~(uint32_t)SEG_FLAG_DETACHED;
    f.header->state = SEG_LIVE;
    close(fd);
    /* exec: another file in its place, and the old one is not mapped. */
    fake_close(&f);
    reader_refresh(r, &s, 0);
    tap_ok(s.target.state == TARGET_REPLACED, "a file that went away means exec");
    reader_close(r);
    tap_ok(reader_open_pid(getpid(), &r) == READER_NO_SEGMENT, "without a file: no agent");
    snapshot_fini(&s);
}

static void test_foreign_segment(void)
{
    struct fake_segment f;
    struct reader *r;
    open_own(&f);
    fake_unmap(&f);
    tap_ok(reader_open_pid(getpid(), &r) == READER_NO_SEGMENT,
           "a segment that the process has not mapped is not its own");
    unlink(f.path);
}

static void test_dead(void)
{
    struct fake_segment old, new;
    struct reader *r;
    int pid = fake_dead_pid();
    tap_ok(reader_open_pid(pid, &r) == READER_NO_PROCESS, "nothing is left of a dead process");
    if (!fake_open(&old, dir, pid, 5) || !fake_open(&new, dir, pid, 6))
        abort();
    tap_ok(reader_open_pid(pid, &r) == READER_OK, "or its segment is found");
    tap_is_str(r ? reader_path(r) : NULL, new.path, "the newest");
    reader_close(r);
    tap_ok(exists(new.path), "one that was killed stays when the reader goes");
    fake_close(&old);
    fake_close(&new);
}

static void test_last_reader(void)
{
    struct fake_segment f;
    struct reader *first = NULL, *last = NULL;
    open_dead(&f);
    f.header->state = SEG_EXITED;
    f.header->root_pid = f.header->pid;
    open_status(f.path);
    tap_ok(exists(f.path), "the segment of a run's root is left to the run");
    f.header->root_pid = 0;
    f.header->flags = SEG_FLAG_KEEP;
    open_status(f.path);
    tap_ok(exists(f.path), "one that is to be kept is kept");
    f.header->flags = 0;
    tap_ok(reader_open_path(f.path, &first) == READER_OK &&
               reader_open_path(f.path, &last) == READER_OK, "two readers");
    reader_close(first);
    tap_ok(exists(f.path), "the first to go leaves it");
    reader_close(last);
    tap_ok(!exists(f.path), "the last removes it");
    fake_close(&f);
}

/* A child that is process 1 of a pid namespace of its own and has the segment
 * mapped. Its pid here; 0 where that is not allowed. */
static int start_in_namespace(struct fake_segment *f)
{
    int ends[2], pid = 0;
    if (!fake_open(f, dir, 1, 0) || pipe(ends) != 0)
        abort();
    fake_thread(f, 1, "stale name");
    pid_t middle = fork();
    if (middle == 0) {
        pid = unshare(CLONE_NEWPID) == 0 ? fork() : 0;
        if (pid == 0 && getpid() == 1)
            for (;;)
                pause();
        _exit(write(ends[1], &pid, sizeof pid) != sizeof pid);
    }
    waitpid(middle, NULL, 0);
    if (read(ends[0], &pid, sizeof pid) != sizeof pid)
        pid = 0;
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static void test_namespace(void)
{
    struct fake_segment f;
    struct snapshot s;
    struct proc_stat st;
    struct reader *r;
    char old[sizeof f.path];
    int pid = start_in_namespace(&f);
    snapshot_init(&s);
    if (pid <= 0 || !proc_stat_read(pid, &st)) {
        tap_skip("no pid namespace may be made here");
        fake_close(&f);
        return;
    }
    strcpy(old, f.path);
    f.header->start_time = st.start_time;
    f.header->pid_namespace = proc_namespace(pid, "pid");
    snprintf(f.path, sizeof f.path, "%s/memtop-1-%llu", dir, (unsigned long long)st.start_time);
    tap_ok(rename(old, f.path) == 0 && reader_open_pid(pid, &r) == READER_OK,
           "a process in another pid namespace is found by its pid here");
    if (r && reader_refresh(r, &s, READER_ALL) == READER_OK) {
        tap_ok(s.target.pid == pid && s.target.inner_pid == 1, "both its pids are told");
        tap_ok(s.n_threads == 1 && s.threads[0].tid == 1 && s.threads[0].alive,
               "its threads are found by their inner ids");
    }
    reader_close(r);
    tap_ok(reader_open_path(f.path, &r) == READER_OK &&
               reader_refresh(r, &s, 0) == READER_OK && s.target.pid == pid,
           "and from its segment the process is");
    kill(pid, SIGKILL);
    while (proc_alive(pid, st.start_time))
        sched_yield();
    tap_ok(reader_refresh(r, &s, 0) == READER_OK && s.target.state == TARGET_KILLED,
           "its end is noticed");
    reader_close(r);
    snapshot_fini(&s);
    fake_close(&f);
}

static const struct found *find_path(const struct found *list, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].path, path) == 0)
            return &list[i];
    return NULL;
}

static void test_find_all(void)
{
    struct fake_segment live, dead;
    struct found *list;
    size_t n;
    open_own(&live);
    open_dead(&dead);
    fake_count(&dead, fake_thread(&dead, 1, "t"), 0, 77, 1, 0);
    dead.header->flags = SEG_FLAG_KEEP;
    tap_ok(reader_find_all(&list, &n) == READER_OK, "all segments are found");
    const struct found *l = find_path(list, n, live.path), *d = find_path(list, n, dead.path);
    tap_ok(l && l->alive && l->readable && l->pid == getpid() && l->state == TARGET_RUNNING,
           "the living one");
    tap_ok(d && !d->alive && d->state == TARGET_KILLED && d->keep, "the dead one");
    tap_ok(d && d->live_bytes == 77, "with what it holds");
    tap_is_str(d ? d->command : NULL, "true one two", "and its command");
    bool sorted = true;
    for (size_t i = 1; i < n; i++)
        sorted = sorted && list[i - 1].pid <= list[i].pid;
    tap_ok(sorted, "sorted by pid");
    tap_ok(l && reader_remove(l) == READER_NOT_READY && exists(live.path),
           "a living process keeps its segment");
    tap_ok(d && reader_remove(d) == READER_OK && !exists(dead.path), "a dead one loses it");
    tap_ok(d && reader_remove(d) == READER_OK, "twice is fine");
    free(list);
    fake_close(&live);
    fake_close(&dead);
}

/* ---- a target that lies ----------------------------------------------------------------- */

/* Whatever the segment says, a snapshot's shape is sound. */
static bool is_sound(const struct snapshot *s)
{
    for (size_t i = 0; i < s->n_nodes; i++)
        if ((i ? s->nodes[i].parent >= i : s->nodes[i].parent != 0) ||
            s->nodes[i].depth > SEG_DEPTH_MAX ||
            (s->nodes[i].module && s->nodes[i].module >= s->n_modules))
            return false;
    for (size_t i = 0; i < s->n_sites; i++)
        if (s->sites[i].id != i || (s->sites[i].node && s->sites[i].node >= s->n_nodes))
            return false;
    for (size_t i = 0; i < s->n_modules; i++)
        if (!memchr(s->modules[i].path, 0, sizeof s->modules[i].path) ||
            s->modules[i].build_id_bytes > sizeof s->modules[i].build_id)
            return false;
    for (size_t i = 1; i < s->n_seconds; i++)
        if (s->seconds[i - 1].second >= s->seconds[i].second)
            return false;
    return memchr(s->target.command, 0, sizeof s->target.command) != NULL &&
           s->totals.peak_bytes >= s->totals.live_bytes;
}

static void fill_richly(struct fake_segment *f)
{
    uint16_t module = fake_module(f, "/lib/libx.so", 0x1000, 0x9000);
    uint32_t row[4], node = 0;
    for (int i = 0; i < 4; i++)
        row[i] = fake_thread(f, 100 + i, "thread");
    for (uint32_t i = 0; i < 300; i++) {
        node = fake_node(f, i % 30 ? node : 0, 0x1000 + i, module);
        fake_count(f, row[i % 4], fake_site(f, node), i, i, i / 2);
    }
    for (uint64_t i = 0; i < 100; i++)
        fake_second(f, i, 5);
}

static uint32_t random_state = 12345;

static uint32_t random_u32(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

/* Somewhere in the header, the section table, or one of the small tables. */
static char *random_place(const struct fake_segment *f)
{
    static const enum seg_section_id ids[] = {
        SEG_GLOBALS, SEG_THREADS, SEG_SITE_DIRS, SEG_SITE_CHUNKS, SEG_SITES,
        SEG_NODES,   SEG_MODULES, SEG_DENSITY,   SEG_SECONDS,
    };
    uint32_t kind = random_u32() % 12;
    if (kind < 9) {
        const struct seg_section *at = (const struct seg_section *)
            (f->base + offsetof(struct seg_header, sections)) + ids[kind];
        /* Tables may lie wherever the last flip has put them. */
        uint64_t within = at->offset + random_u32() % 8192;
        if (within < f->bytes)
            return f->base + within;
    }
    return kind == 9 ? f->base + random_u32() % sizeof(struct seg_header)
                     : f->base + offsetof(struct seg_header, sections) +
                           random_u32() % (SEG_SECTION_COUNT * sizeof(struct seg_section));
}

static void test_lies(void)
{
    struct fake_segment f;
    struct snapshot s;
    struct reader *r = NULL;
    bool sound = true;
    unsigned accepted = 0;
    open_dead(&f);
    f.header->flags = SEG_FLAG_KEEP;
    fill_richly(&f);
    struct seg_header *whole = malloc(sizeof *whole);
    memcpy(whole, f.header, sizeof *whole);
    snapshot_init(&s);
    for (unsigned i = 0; i < 20000; i++) {
        if (i % 8 == 0) { /* else the header's damage adds up */
            memcpy(f.header, whole, sizeof *whole);
            reader_close(r);
            if (reader_open_path(f.path, &r) != READER_OK)
                break;
        }
        *random_place(&f) = (char)random_u32();
        if (reader_refresh(r, &s, i % 16 < 12 ? READER_SITES : READER_ALL) == READER_OK) {
            accepted++;
            sound = sound && is_sound(&s);
        }
    }
    tap_ok(sound, "20000 flips of bytes never yield an unsound snapshot");
    tap_ok(accepted > 5000, "many of them are accepted (%u)", accepted);
    reader_close(r);
    free(whole);
    snapshot_fini(&s);
    fake_close(&f);
}

static void test_cuts(void)
{
    struct fake_segment f;
    struct snapshot s;
    bool sound = true;
    open_dead(&f);
    f.header->flags = SEG_FLAG_KEEP;
    fill_richly(&f);
    snapshot_init(&s);
    off_t used = (off_t)f.header->sections[SEG_REGION_L1].offset;
    for (off_t length = used; length >= 0; length -= 4096) {
        if (truncate(f.path, length) != 0)
            break;
        enum reader_status status = refresh_once(&f, &s);
        sound = sound && (status == READER_CORRUPT || status == READER_NOT_READY);
    }
    tap_ok(sound, "a file that is cut at any page is called damaged");
    snapshot_fini(&s);
    fake_close(&f);
}

static void test_claims(void)
{
    struct fake_segment f;
    struct snapshot s;
    open_dead(&f);
    snapshot_init(&s);
    for (unsigned i = 0; i < SEG_SECTION_COUNT; i++) {
        f.header->sections[i].count = UINT64_MAX;
        f.header->sections[i].committed = UINT64_MAX;
    }
    f.header->command_bytes = UINT32_MAX;
    memset(f.header->command, 'x', sizeof f.header->command);
    memset(f.header->executable, '\n', sizeof f.header->executable);
    f.modules[1].state = SEG_MODULE_LOADED;
    memset(f.modules[1].path, 0x1b, sizeof f.modules[1].path);
    f.modules[1].build_id_bytes = UINT32_MAX;
    /* A path without end, and one in a circle. */
    for (uint32_t i = 1; i < 5000; i++)
        f.nodes[i] = (struct seg_node){ .pc = 1, .parent = i - 1, .module = UINT16_MAX };
    f.nodes[5000] = (struct seg_node){ .pc = 1, .parent = 5000 };
    f.sites[1].node = UINT32_MAX;
    tap_ok(refresh_once(&f, &s) == READER_OK && is_sound(&s), "claims are cut to what is there");
    tap_ok(s.n_sites <= FAKE_SITES && s.n_nodes <= FAKE_NODES && s.n_modules <= FAKE_MODULES,
           "and no more is given out");
    tap_ok(strspn(s.target.executable, "?") == strlen(s.target.executable),
           "controls become question marks");
    tap_ok(s.modules[1].path[0] == '?', "in paths too");
    snapshot_fini(&s);
    fake_close(&f);
}

static void test_text(void)
{
    struct fake_segment f;
    struct snapshot s;
    open_dead(&f);
    snapshot_init(&s);
    static const char command[] = "a\x1b[2J\0\xc3\xa9\0\xff\0\xe2\x80\xae!";
    memcpy(f.header->command, command, sizeof command);
    f.header->command_bytes = sizeof command;
    refresh_once(&f, &s);
    tap_is_str(s.target.command, "a?[2J \xc3\xa9 ? ?!",
               "UTF-8 is kept, what could hurt a terminal is not");
    snapshot_fini(&s);
    fake_close(&f);
}

int main(void)
{
    snprintf(dir, sizeof dir, "%s/memtop-test-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(dir))
        return 1;
    setenv("MEMTOP_DIR", dir, 1);
    test_sums();
    test_peak();
    test_peak_moves();
    test_short_lived();
    test_many_sites();
    test_time();
    test_attached();
    test_density();
    test_seconds();
    test_incremental();
    test_refusals();
    test_wider_elements();
    test_living();
    test_foreign_segment();
    test_dead();
    test_last_reader();
    test_namespace();
    test_find_all();
    test_claims();
    test_text();
    test_cuts();
    test_lies();
    tap_ok(rmdir(dir) == 0, "nothing is left behind");
    return tap_done();
}
