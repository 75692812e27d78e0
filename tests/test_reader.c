/* SPDX-License-Identifier: Apache-2.0 */
/* The reader against segments made by hand: sums, time, rings, and what is read anew. */
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#include "reader_dir.h"

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

int main(void)
{
    if (!dir_begin())
        return 1;
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
    return dir_done();
}
