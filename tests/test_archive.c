/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots and recordings in files: what is written comes back; what was cut
 * off, damaged, or made up is refused and never believed.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tap.h"
#include "tui/file/archive_parts.h"
#include "tui/file/archive_writer.h"
#include "tui/file/thin.h"

#define NODES 40
#define SITES 25

static char folder[] = "/tmp/memtop-archive-XXXXXX";
static char path[64], other[64];
static int memory;

/* ---- a snapshot that has everything ------------------------------------------------ */

static void *rows(size_t n, size_t bytes)
{
    return calloc(n, bytes);
}

/* Each step has a node and a module more. */
static uint16_t module_of(size_t node)
{
    return (uint16_t)(node == 0 ? 0 : node < NODES ? node % 3 : node - NODES + 3);
}

static void fill_stacks(struct snapshot *s, unsigned step)
{
    s->n_nodes = NODES + step;
    s->nodes = rows(s->n_nodes, sizeof *s->nodes);
    for (uint32_t i = 1; i < s->n_nodes; i++)
        s->nodes[i] = (struct node_row){ .pc = UINT64_C(0x7f0000001000) + i * 24,
                                         .parent = i / 2,
                                         .module = module_of(i),
                                         .depth = (uint16_t)(1 + i / 8), .exact = i % 5 == 0 };
    s->n_sites = SITES + step;
    s->sites = rows(s->n_sites, sizeof *s->sites);
    for (uint32_t i = 0; i < s->n_sites; i++)
        s->sites[i] = (struct site_row){
            .id = i, .node = i, .flags = i % 8, .first_ns = i * 1000,
            .allocations = i * 100 + step, .frees = i * 90, .bytes_allocated = i * 6400 + step * 64,
            .bytes_freed = i * 5000, .temporary = i, .short_lived = 3 * i,
            .live_blocks = (int64_t)(i * 10 + step),
            .live_bytes = (int64_t)(i * 1400 + step * 64), .peak_blocks = (int64_t)i - 3,
            .peak_bytes = -(int64_t)i, .samples = i / 20, .allocations_error = 1,
            .bytes_allocated_error = UINT64_MAX, .live_blocks_error = 3, .live_bytes_error = 4,
        };
    s->n_modules = 3 + step;
    s->modules = rows(s->n_modules, sizeof *s->modules);
    for (unsigned i = 1; i < s->n_modules; i++) {
        s->modules[i] = (struct module_row){ .start = 0x1000 * i, .end = 0x2000 * i, .bias = i,
                                             .unloaded = i == 2 && step > 1,
                                             .build_id_bytes = 20 };
        memset(s->modules[i].build_id, 0xa0 + (int)i, 20);
        snprintf(s->modules[i].path, sizeof s->modules[i].path, "/usr/lib/lib%u.so", i);
    }
}

static void fill_history(struct snapshot *s, unsigned step)
{
    s->n_seconds = 5 + step;
    s->seconds = rows(s->n_seconds, sizeof *s->seconds);
    for (unsigned i = 0; i < s->n_seconds; i++) {
        s->seconds[i] = (struct second_row){
            .second = i * 2, .allocations = i * 1000, .frees = i * 999, .bytes_allocated = i << 20,
            .bytes_freed = i << 19, .live_bytes = i << 19, .live_blocks = i, .peak_bytes = i << 20,
            .threads = 2, .sites = i, .tier = SEG_TIER_SAMPLED, .n_top = 2,
        };
        s->seconds[i].top[1] = (struct seg_second_site){ .site = i, .live_blocks = 7,
                                                         .live_bytes = -1 };
    }
    s->density = (struct density){ .tick_ns = 953674.31640625, .last_tick = 20000 + step * 1000,
                                   .ticks = SEG_DENSITY_SLOTS };
    s->density.counts = rows(SEG_DENSITY_SLOTS, sizeof *s->density.counts);
    for (unsigned i = 0; i < SEG_DENSITY_SLOTS; i++)
        s->density.counts[i] = (i + step * 1000) % 97;
    s->n_marks = 1 + step;
    s->marks = rows(s->n_marks, sizeof *s->marks);
    for (unsigned i = 0; i < s->n_marks; i++) {
        s->marks[i] = (struct mark_event){ .number = i + 1, .stamp = i * 10, .ns = i * 1000000000 };
        snprintf(s->marks[i].name, sizeof s->marks[i].name, "mark %u", i);
    }
}

static void fill_rest(struct snapshot *s, unsigned step)
{
    s->taken_ns = 123456789 + step;
    s->stamp = 42 + step;
    s->mark_pending = step == 1;
    s->target = (struct target_info){
        .pid = 4711, .inner_pid = 17, .ppid = 1, .uid = 1000, .state = TARGET_EXITED, .flags = 5,
        .command = "victim --flag", .executable = "/usr/bin/victim", .allocator = "libc.so.6",
        .exit_status = -1, .start_realtime_ns = UINT64_C(1700000000000000000),
        .wall_ns = step * UINT64_C(1000000000), .segment_bytes = 1 << 20,
        .segment_cap = UINT64_MAX, .peak_slack = 65536, .unloads = step, .tier = SEG_TIER_SAMPLED,
        .tier_pending = true, .sample_bytes = 524288, .tier_ns = 99,
    };
    s->totals = (struct totals){ .estimated = true, .live_bytes = step * 1000,
                                 .live_blocks = -(int64_t)step, .allocations = UINT64_MAX,
                                 .frees = 3, .peak_bytes = 1 << 30, .lost = 2, .nested = 9,
                                 .unsampled_frees = 8, .samples = 7, .short_ns = 857000,
                                 .short_lived = step };
    s->verify = (struct verify_counts){ .checks = 100, .partial = 20, .mismatches = 3 };
    s->n_examples = 1;
    s->examples = rows(1, sizeof *s->examples);
    s->examples->tid = 5;
    s->examples->depth[SEG_WITNESS_LIBGCC] = 2;
    s->examples->pcs[SEG_WITNESS_LIBGCC][1] = 0xdeadbeef;
    for (unsigned i = 0; i < SEG_FN_COUNT; i++)
        s->functions[i] = i * step;
    for (unsigned i = 0; i < SEG_SIZE_CLASSES; i++)
        s->sizes[i] = (struct size_row){ .min = seg_class_min(i), .max = seg_class_max(i),
                                         .allocations = i * step, .estimated = i % 2 };
    for (unsigned i = 0; i < SEG_LIFE_CLASSES; i++)
        s->lifetimes[i] = (struct lifetime_row){ .below_ns = UINT64_C(1) << i, .frees = i + step };
    s->n_threads = 2;
    s->threads = rows(2, sizeof *s->threads);
    s->threads[0] = (struct thread_row){ .tid = 17, .name = "main", .alive = true,
                                         .allocations = 10 + step, .first_ns = 1, .last_ns = 2 };
    s->threads[1] = (struct thread_row){ .name = "(ended)", .frees = step, .estimated = true };
}

static void fill(struct snapshot *s, unsigned step)
{
    snapshot_init(s);
    fill_stacks(s, step);
    fill_history(s, step);
    fill_rest(s, step);
}

/* Names for the nodes but the last ones. */
#define NAMED 30
static const struct symbol *names[NAMED];

static void make_names(void)
{
    static char functions[NAMED][16];
    for (unsigned i = 1; i < NAMED; i++) {
        struct symbol *symbol = malloc(sizeof *symbol + 2 * sizeof *symbol->frames);
        snprintf(functions[i], sizeof functions[i], "function%u", i);
        symbol->module = "libvictim.so";
        symbol->directory = i % 3 == 0 ? NULL : i % 2 ? "/build/odd" : "/build/even";
        symbol->n = 1 + i % 2;
        symbol->frames[0] = (struct symbol_frame){ .function = functions[i],
                                                   .file = i % 3 ? "src/victim.c" : NULL,
                                                   .line = i, .inlined = symbol->n == 2 };
        if (symbol->n == 2)
            symbol->frames[1] = (struct symbol_frame){ .function = "outer" };
        names[i] = symbol;
    }
}

/* ---- writing ----------------------------------------------------------------------- */

static bool each_block(void *source, archive_each_block *add, void *data)
{
    for (uint64_t i = 0; i < *(unsigned *)source; i++)
        add(data, &(struct archive_block){ .address = 0x1000 + i * 32, .size = i % 100,
                                           .birth = i, .birth_ns = i * 7, .site = i % SITES,
                                           .tid = -1, .blocks = 1, .bytes = i % 100 });
    return true;
}

/* A file of so many snapshots; with so many blocks in each. */
static void write_file(const char *to, unsigned snapshots, unsigned blocks)
{
    char why[ARCHIVE_ERROR] = "";
    struct archive_writer *w =
        archive_create(to, snapshots > 1 ? FILE_RECORDING : FILE_SNAPSHOT, why);
    struct symbols *sy = symbols_new_known(names, NAMED);
    struct archive_block_source source = { .each = each_block, .source = &blocks };
    bool good = w && sy;
    for (unsigned i = 0; good && i < snapshots; i++) {
        struct snapshot s;
        struct moment m = { .number = i, .exit_code = -1, .rss = -1, .realtime_ns = i };
        fill(&s, i);
        good = archive_add(w, &s, &m, sy, blocks ? &source : NULL);
        snapshot_fini(&s);
    }
    tap_ok(good && archive_finish(w, why), "%u snapshots and %u blocks are written %s", snapshots,
           blocks, why);
    symbols_free(sy);
}

static char *slurp(const char *from, size_t *n)
{
    struct stat st;
    int fd = open(from, O_RDONLY);
    fstat(fd, &st);
    char *text = malloc((size_t)st.st_size);
    *n = (size_t)read(fd, text, (size_t)st.st_size);
    close(fd);
    return text;
}

/* Into `other`, which is in memory: there are thousands of them. */
static void spill(const void *text, size_t n)
{
    if (ftruncate(memory, 0) != 0 || pwrite(memory, text, n, 0) != (ssize_t)n)
        abort();
}

static struct archive *open_good(const char *from)
{
    struct archive *a;
    char why[ARCHIVE_ERROR] = "";
    archive_open(from, &a, why);
    tap_ok(a != NULL, "%s can be opened %s", from, why);
    if (!a)
        exit(tap_done() + 1);
    return a;
}

/* ---- comparing --------------------------------------------------------------------- */

static bool same_rows(const void *a, size_t n, const void *b, size_t m, size_t bytes)
{
    return n == m && memcmp(a, b, n * bytes) == 0;
}

#define SAME(field) same_rows(a->field, a->n_##field, b->field, b->n_##field, sizeof *a->field)

static bool same(const struct snapshot *a, const struct snapshot *b)
{
    bool good = true;
    struct { const char *what; bool same; } all[] = {
        { "stamps", a->taken_ns == b->taken_ns && a->stamp == b->stamp &&
                        a->mark_pending == b->mark_pending },
        { "target", memcmp(&a->target, &b->target, sizeof a->target) == 0 },
        { "totals", memcmp(&a->totals, &b->totals, sizeof a->totals) == 0 },
        { "verify", memcmp(&a->verify, &b->verify, sizeof a->verify) == 0 },
        { "functions", memcmp(a->functions, b->functions, sizeof a->functions) == 0 },
        { "sizes", memcmp(a->sizes, b->sizes, sizeof a->sizes) == 0 },
        { "lifetimes", memcmp(a->lifetimes, b->lifetimes, sizeof a->lifetimes) == 0 },
        { "examples", SAME(examples) }, { "threads", SAME(threads) }, { "sites", SAME(sites) },
        { "nodes", a->n_nodes <= b->n_nodes &&
                       same_rows(a->nodes, a->n_nodes, b->nodes, a->n_nodes, sizeof *a->nodes) },
        { "modules", a->n_modules <= b->n_modules &&
                         same_rows(a->modules, a->n_modules, b->modules, a->n_modules,
                                   sizeof *a->modules) }, { "seconds", SAME(seconds) },
        { "marks", SAME(marks) },
        { "density", a->density.tick_ns == b->density.tick_ns &&
                         a->density.last_tick == b->density.last_tick &&
                         same_rows(a->density.counts, a->density.ticks, b->density.counts,
                                   b->density.ticks, sizeof *a->density.counts) },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!all[i].same)
            printf("# %s differ\n", all[i].what);
        good &= all[i].same;
    }
    return good;
}

static void check_loaded(struct archive *a, size_t i)
{
    struct snapshot wanted, got;
    fill(&wanted, (unsigned)i);
    snapshot_init(&got);
    tap_ok(archive_load(a, i, &got) && same(&wanted, &got), "snapshot %zu is as it was", i);
    bool known = true;
    for (size_t n = 0; n < got.n_nodes; n++)
        known &= got.nodes[n].module < got.n_modules && got.nodes[n].module == module_of(n);
    tap_ok(known, "the module of each node is known");
    snapshot_fini(&got);
    snapshot_fini(&wanted);
}

static void check_names(struct archive *a)
{
    struct snapshot s;
    snapshot_init(&s);
    archive_load(a, archive_count(a) - 1, &s);
    struct symbols *sy = archive_symbols(a);
    const struct symbol *symbol = symbols_lookup(sy, &s, 7);
    tap_ok(symbol && symbol->n == 2 && symbol->frames[0].inlined && !symbol->frames[1].inlined,
           "two functions at one place");
    tap_is_str(symbol ? symbol->module : "", "libvictim.so", "its module");
    tap_is_str(symbol ? symbol->frames[0].function : "", "function7", "its function");
    tap_is_str(symbol ? symbol->frames[0].file : "", "src/victim.c", "its file");
    tap_is_u64(symbol ? symbol->frames[0].line : 0, 7, "its line");
    tap_is_str(symbol ? symbol->directory : "", "/build/odd", "where it was compiled");
    tap_is_str(symbols_lookup(sy, &s, 8)->directory, "/build/even", "another one was elsewhere");
    tap_ok(symbols_lookup(sy, &s, 6)->frames[0].file == NULL, "no file where there is none");
    tap_ok(symbols_lookup(sy, &s, 6)->directory == NULL, "no directory either");
    symbol = symbols_lookup(sy, &s, NAMED + 1);
    tap_is_str(symbol ? symbol->frames[0].function : "", "0x7f00000012e8",
               "what has no name is shown as an address");
    tap_is_str(symbol ? symbol->module : "", "lib1.so", "in its module");
    snapshot_fini(&s);
}

/* ---- tests ------------------------------------------------------------------------- */

static void test_snapshot(void)
{
    write_file(path, 1, 0);
    struct archive *a = open_good(path);
    tap_is_u64(archive_count(a), 1, "there is one snapshot");
    tap_ok(!archive_is_recording(a) && !archive_damage(a), "it is whole, and no recording");
    check_loaded(a, 0);
    check_names(a);
    archive_close(a);
}

static void test_recording(void)
{
    const size_t order[] = { 39, 0, 1, 2, 20, 19, 38, 38, 39, 5 };
    write_file(path, 40, 0);
    struct archive *a = open_good(path);
    tap_is_u64(archive_count(a), 40, "there are forty snapshots");
    tap_ok(archive_is_recording(a), "it is a recording");
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        check_loaded(a, order[i]);
    check_names(a);
    size_t whole = 0;
    for (size_t i = 0; i < 40; i++)
        whole += archive_moment(a, i)->whole;
    tap_ok(whole > 1 && whole < 10, "some, not many, are whole: %zu", whole);
    tap_is_u64(archive_moment(a, 7)->number, 7, "they are numbered");
    tap_is_u64(archive_peak(a), 39, "the peak is found");
    tap_is_u64(archive_at(a, UINT64_C(12500000000)), 12, "and what was at a time");
    tap_is_u64(archive_at(a, 0), 0, "the first one where it was before");
    archive_close(a);
}

static void sum_block(void *data, const struct archive_block *block)
{
    uint64_t *sums = data;
    sums[0]++;
    sums[1] += block->size;
    sums[2] += block->address ^ block->birth ^ block->birth_ns;
    sums[3] += block->tid == -1 && block->blocks == 1 && block->site < SITES;
}

/* Of forty snapshots a second apart: the last ones, and rougher before. */
static void test_thinned(void)
{
    char why[ARCHIVE_ERROR] = "";
    write_file(path, 40, 0);
    struct archive_writer *w = archive_thinned(path, 1000000000, 20, UINT64_MAX, why);
    struct snapshot s;
    struct moment m = { .number = 40, .exit_code = -1 };
    fill(&s, 40);
    tap_ok(w && archive_add(w, &s, &m, NULL, NULL) && archive_finish(w, why),
           "one is added to what was thinned %s", why);
    snapshot_fini(&s);
    struct archive *a = open_good(path);
    size_t n = archive_count(a);
    tap_ok(n > 10 && n <= 21, "%zu are left", n);
    bool same_all = true, rising = true;
    for (size_t i = 0; i < n; i++) {
        struct snapshot wanted, got;
        size_t number = archive_moment(a, i)->number;
        rising &= i == 0 || number > archive_moment(a, i - 1)->number;
        fill(&wanted, (unsigned)number);
        snapshot_init(&got);
        same_all &= archive_load(a, i, &got) && same(&wanted, &got);
        snapshot_fini(&got);
        snapshot_fini(&wanted);
    }
    tap_ok(same_all, "each is as it was");
    tap_ok(rising, "their order too");
    tap_is_u64(archive_moment(a, 0)->number, 0, "the first is still there");
    tap_is_u64(archive_moment(a, n - 2)->number, 39, "the last before");
    tap_is_u64(archive_moment(a, n - 3)->number, 38, "and the one before that");
    tap_ok(archive_moment(a, 7)->number - archive_moment(a, 6)->number > 1, "of old ones some");
    archive_close(a);
    w = archive_thinned(path, 1000000000, 100, 1, why);
    tap_ok(w && archive_snapshots(w) < 10, "as few as there can be: %zu",
           w ? archive_snapshots(w) : 0);
    tap_ok(archive_finish(w, why), "that file is complete");
}

/* However long it was, they are as many as its logarithm. */
static void test_thin_rule(void)
{
    static bool kept[1 << 20];
    uint64_t before = UINT64_MAX, count = 0, end = sizeof kept - 1;
    for (uint64_t at = 0; at <= end; at++) {
        kept[at] = thin_keeps(at, before, end, 64);
        before = kept[at] ? at : before;
        count += kept[at];
    }
    tap_ok(count > 64 && count <= 64 + 32 * 15, "of a million moments %" PRIu64 " stay", count);
    bool all = true;
    for (uint64_t at = end - 62; at <= end; at++)
        all &= kept[at];
    tap_ok(all, "all of the last 63");
}

static void test_blocks(void)
{
    const unsigned n = 2 * ARCHIVE_BLOCKS + 3;
    uint64_t got[4] = { 0 }, wanted[4] = { 0 };
    write_file(path, 1, n);
    struct archive *a = open_good(path);
    tap_ok(archive_moment(a, 0)->blocks, "it says that there are blocks");
    tap_ok(archive_blocks(a, 0, sum_block, got), "the blocks can be read");
    each_block(&(unsigned){ n }, sum_block, wanted);
    tap_ok(memcmp(got, wanted, sizeof got) == 0, "all %u of them", n);
    check_loaded(a, 0);
    archive_close(a);
}

/* Open what may be damaged and read all that it offers. Returns how many snapshots
 * could be opened. */
static size_t read_everything(const char *from)
{
    struct archive *a;
    struct snapshot s;
    char why[ARCHIVE_ERROR] = "";
    uint64_t sums[4] = { 0 };
    if (archive_open(from, &a, why) != ARCHIVE_GOOD) {
        if (!why[0])
            tap_ok(false, "refused without a reason");
        return 0;
    }
    size_t n = archive_count(a);
    snapshot_init(&s);
    for (size_t i = 0; i < n; i++) {
        archive_load(a, i, &s);
        archive_blocks(a, i, sum_block, sums);
        for (uint32_t node = 1; node < s.n_nodes; node++)
            symbols_lookup(archive_symbols(a), &s, node);
    }
    snapshot_fini(&s);
    archive_close(a);
    return n;
}

static void test_truncations(unsigned snapshots)
{
    size_t n, most = 0, all = 0;
    write_file(path, snapshots, 0);
    char *text = slurp(path, &n);
    bool falling = false;
    for (size_t length = 0; length < n; length++) {
        spill(text, length);
        size_t got = read_everything(other);
        falling |= got < most;
        most = got > most ? got : most;
        all += got;
    }
    tap_ok(!falling, "the longer it is the more of %u can be read", snapshots);
    tap_is_u64(most, snapshots - 1, "of one cut short the last one cannot");
    tap_ok(snapshots == 1 ? all == 0 : all > 0, "what is whole can be read");
    free(text);
}

static void test_flips(void)
{
    size_t n, survived = 0;
    write_file(path, 1, 0);
    char *text = slurp(path, &n);
    for (size_t bit = 0; bit < n * 8; bit += n > 4096 ? 3 : 1) {
        text[bit / 8] ^= (char)(1 << bit % 8);
        spill(text, n);
        survived += read_everything(other);
        text[bit / 8] ^= (char)(1 << bit % 8);
    }
    tap_is_u64(survived, 0, "each flipped bit of %zu bytes is noticed", n);
    free(text);
}

/* Append to a file in the midst of a snapshot: replace its DONE. */
static void test_unknown_section(void)
{
    size_t n;
    struct bytes out = { .data = NULL }, payload = { .data = NULL };
    write_file(path, 1, 0);
    char *text = slurp(path, &n);
    uint64_t sections = 0;
    struct section_head h;
    for (size_t at = FILE_HEAD; at < n; at += SECTION_HEAD + h.stored) {
        section_head_get((unsigned char *)text + at, &h);
        if (h.id == ID_END)
            break;
        bytes_put(&out, text + at, SECTION_HEAD + h.stored);
        sections++;
    }
    bytes_put(&payload, "from the future", 15);
    section_put(&out, SECTION_ID('N', 'E', 'W', '!'), 0, &payload);
    payload.n = 0;
    bytes_number(&payload, sections + 1);
    section_put(&out, ID_END, 0, &payload);
    struct bytes file = { .data = NULL };
    file_head_put(&file, FILE_SNAPSHOT);
    bytes_put(&file, out.data, out.n);
    spill(file.data, file.n);
    struct archive *a = open_good(other);
    check_loaded(a, 0);
    archive_close(a);
    bytes_fini(&file);
    bytes_fini(&out);
    bytes_fini(&payload);
    free(text);
}

static void refused(const void *text, size_t n, enum archive_status wanted, const char *words,
                    const char *what)
{
    struct archive *a;
    char why[ARCHIVE_ERROR] = "";
    spill(text, n);
    tap_ok(archive_open(other, &a, why) == wanted && !a && strstr(why, words), "%s: %s", what, why);
}

static void test_refused(void)
{
    size_t n;
    char *text = slurp(path, &n);
    refused("", 0, ARCHIVE_FOREIGN, "too short", "an empty file");
    refused("\x7f" "ELF is what programs begin with, which are longer", 48, ARCHIVE_FOREIGN,
            "neither", "a foreign one");
    unsigned char head[FILE_HEAD];
    struct bytes b = { .data = NULL };
    file_head_put(&b, (enum file_kind)99);
    memcpy(head, b.data, FILE_HEAD);
    refused(head, FILE_HEAD, ARCHIVE_BAD, "later version", "a kind that there is not");
    bytes_fini(&b);
    refused(text, FILE_HEAD, ARCHIVE_BAD, "no whole snapshot", "nothing but a head");
    struct archive *a;
    char why[ARCHIVE_ERROR];
    tap_ok(archive_open("/nonexistent", &a, why) == ARCHIVE_BAD, "no file: %s", why);
    tap_ok(archive_open("/dev/null", &a, why) == ARCHIVE_FOREIGN, "a device: %s", why);
    free(text);
}

static void test_not_there(void)
{
    char why[ARCHIVE_ERROR];
    tap_ok(!archive_create("/nonexistent/file", FILE_SNAPSHOT, why), "no folder: %s", why);
    unlink(path);
    struct archive_writer *w = archive_create(path, FILE_SNAPSHOT, why);
    tap_ok(w && access(path, F_OK) != 0, "there is no file before its first snapshot");
    archive_abandon(w);
    tap_ok(access(path, F_OK) != 0, "nor after none");
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/file", folder);
    memory = memfd_create("other", MFD_CLOEXEC);
    snprintf(other, sizeof other, "/proc/self/fd/%d", memory);
    make_names();
    test_snapshot();
    test_recording();
    test_thinned();
    test_thin_rule();
    test_blocks();
    test_truncations(1);
    test_truncations(3);
    test_flips();
    test_unknown_section();
    test_refused();
    test_not_there();
    for (unsigned i = 1; i < NAMED; i++)
        free((void *)names[i]);
    unlink(path);
    close(memory);
    tap_ok(rmdir(folder) == 0, "nothing is left behind");
    return tap_done();
}
