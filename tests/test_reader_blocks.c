/* SPDX-License-Identifier: Apache-2.0 */
/* Live blocks and marks as the reader copies them: from segments made by hand,
 * from spoiled ones, and from a program that says itself which blocks it has. */
#include "tests/tap.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_segment.h"
#include "tui/reader/proc.h"
#include "tui/reader/reader.h"

#define MOST 200000

static char dir[] = "/tmp/memtop-test-blocks-XXXXXX";

struct list {
    struct block_row *rows;
    size_t n;
};

static void collect(void *data, const struct block_row *row)
{
    struct list *l = data;
    if (l->n < MOST)
        l->rows[l->n++] = *row;
}

static int by_address(const void *a, const void *b)
{
    const struct block_row *x = a, *y = b;
    return x->address < y->address ? -1 : x->address > y->address;
}

/* All blocks, by address. Returns how many steps it took, 0 on failure. */
static size_t pass(struct reader *r, struct list *l, unsigned budget_ms)
{
    struct block_pass *p = reader_blocks_new(r);
    size_t steps = 1;
    l->n = 0;
    while (p && reader_blocks_step(p, budget_ms, collect, l) == READER_NOT_READY)
        steps++;
    reader_blocks_free(p);
    qsort(l->rows, l->n, sizeof *l->rows, by_address);
    return p ? steps : 0;
}

/* ---- by hand -------------------------------------------------------------------- */

struct places {
    uint32_t *l1;
    struct seg_region *l2;
    struct seg_block *blocks;
    struct seg_overflow *overflow;
    struct seg_sample *samples;
    struct seg_mark *marks;
};

static struct places places_of(const struct fake_segment *f)
{
    const struct seg_section *at = f->header->sections;
    return (struct places){
        .l1 = (void *)(f->base + at[SEG_REGION_L1].offset),
        .l2 = (void *)(f->base + at[SEG_REGION_L2].offset),
        .blocks = (void *)(f->base + at[SEG_BLOCKS].offset),
        .overflow = (void *)(f->base + at[SEG_OVERFLOW].offset),
        .samples = (void *)(f->base + at[SEG_SAMPLES].offset),
        .marks = (void *)(f->base + at[SEG_MARKS].offset),
    };
}

/* Region 7 of table 0, which l1 entry 3 names. */
#define REGION  ((UINT64_C(3) << SEG_L2_SHIFT) | 7)
#define ADDRESS(slot, sub) \
    (((REGION << SEG_REGION_SHIFT | (slot)) << SEG_GRANULE_GLIBC) | (uint64_t)(sub) << 2)

static void put(struct places *at, uint64_t slot, unsigned sub, uint64_t size, uint64_t site,
                uint64_t birth, uint64_t row)
{
    at->blocks[slot] = (struct seg_block){
        .what = (size + 1) | site << SEG_BLOCK_SIZE_BITS,
        .when = birth | row << 48 | (uint64_t)sub << 61,
    };
}

static void fill(struct fake_segment *f, struct places *at, uint32_t row)
{
    uint64_t now = f->header->clock_first.ticks >> 8;
    f->header->sections[SEG_REGION_L2].count = 1;
    at->l1[3] = 1;
    at->l2[7] = (struct seg_region){ .blocks = 1, .committed = 1 };
    put(at, 0, 4, 100, 1, now + 10, row);
    put(at, 5, 0, 0, 2, now + 20, 1);        /* of no size */
    put(at, 131071, 6, 4096, 0, now + 30, row); /* a lone page: not committed */
    at->overflow[9] = (struct seg_overflow){ .address = UINT64_C(1) << 55, .size = 7,
                                             .when = now + 40, .site = 3 };
    at->overflow[10] = (struct seg_overflow){ .address = 1, .size = 9 };
    at->samples[2] = (struct seg_sample){ .address = 0x5000, .size = 50, .when = now + 50,
                                          .bytes = 5000, .blocks = 100, .site = 4 };
    at->samples[3] = (struct seg_sample){ .address = 1, .size = 50, .bytes = 50, .blocks = 1 };
    f->header->sections[SEG_SAMPLES].count = 8;
}

static void test_fake(void)
{
    struct fake_segment f;
    struct list l = { .rows = malloc(MOST * sizeof *l.rows) };
    struct snapshot s;
    struct reader *r;
    struct block_row row;
    snapshot_init(&s);
    tap_ok(fake_open(&f, dir, 999999, 7), "a segment is made");
    struct places at = places_of(&f);
    uint32_t thread = fake_thread(&f, 4242, "main");
    fill(&f, &at, thread);
    tap_ok(reader_open_path(f.path, &r) == READER_OK && reader_refresh(r, &s, 0) == READER_OK,
           "and opened");
    tap_ok(pass(r, &l, 1000) == 1, "one step is enough");
    tap_is_u64(l.n, 5, "all blocks are found, and those only");
    tap_ok(l.rows[0].address == 0x5000 && l.rows[0].blocks == 100 && l.rows[0].bytes == 5000 &&
               l.rows[0].size == 50 && l.rows[0].site == 4, "a sample with its weights");
    tap_is_u64(l.rows[1].address, ADDRESS(0, 4), "the address of a record");
    tap_ok(l.rows[1].size == 100 && l.rows[1].site == 1 && l.rows[1].tid == 4242 &&
               l.rows[1].blocks == 1 && l.rows[1].bytes == 100, "its size, site and thread");
    tap_is_u64(l.rows[1].birth, (f.header->clock_first.ticks >> 8) + 10, "its birth stamp");
    tap_ok(l.rows[1].birth_ns <= 2560 && l.rows[1].birth_ns >= 2560 - 256, "its birth in time");
    tap_ok(l.rows[2].address == ADDRESS(5, 0) && l.rows[2].size == 0 && l.rows[2].tid == 0,
           "a block without size, by a thread that is no more");
    tap_ok(l.rows[3].address == ADDRESS(131071, 6) && l.rows[3].size == 4096,
           "a block in a page of its own");
    tap_ok(l.rows[4].address == UINT64_C(1) << 55 && l.rows[4].site == 3, "one in the overflow");
    tap_ok(reader_block_find(r, ADDRESS(0, 4), &row) && row.size == 100, "one is found");
    tap_ok(!reader_block_find(r, ADDRESS(0, 5), &row) && !reader_block_find(r, 0x77, &row) &&
               !reader_block_find(r, UINT64_MAX, &row), "others are not");
    tap_ok(reader_block_find(r, 0x5000, &row) && row.blocks == 100, "a sample is found");
    tap_ok(reader_peek(r, 0x5000, &row, 8) == -1 && errno == ESRCH, "a dead one shows no memory");
    reader_close(r);
    fake_close(&f);
    snapshot_fini(&s);
    free(l.rows);
}

/* The same with compact records: nobody knows when, and by whom. */
static void test_compact(void)
{
    struct fake_segment f;
    struct list l = { .rows = malloc(MOST * sizeof *l.rows) };
    struct snapshot s;
    struct reader *r;
    struct block_row row;
    snapshot_init(&s);
    fake_open(&f, dir, 999996, 7);
    struct places at = places_of(&f);
    uint32_t thread = fake_thread(&f, 4242, "main");
    fill(&f, &at, thread);
    f.header->flags |= SEG_FLAG_COMPACT;
    f.header->sections[SEG_BLOCKS].element = SEG_REGION_BLOCKS * sizeof(uint64_t);
    f.threads[thread].lifetimes[3] = 5;
    uint64_t *words = memset(at.blocks, 0, SEG_REGION_BLOCKS * sizeof(uint64_t));
    const uint64_t most = (UINT64_C(1) << SEG_COMPACT_SIZE_BITS) - 2;
    words[0] = 101 | UINT64_C(1) << SEG_COMPACT_SIZE_BITS | UINT64_C(4) << SEG_COMPACT_SUB_SHIFT;
    words[5] = 1 | (uint64_t)(SEG_SITES_MAX - 1) << SEG_COMPACT_SIZE_BITS;
    words[4095] = (most + 1) | UINT64_C(7) << SEG_COMPACT_SUB_SHIFT;
    words[131071] = 4097 | UINT64_C(6) << SEG_COMPACT_SUB_SHIFT; /* in a lone page */
    tap_ok(reader_open_path(f.path, &r) == READER_OK && reader_refresh(r, &s, 0) == READER_OK,
           "compact: the segment is opened");
    tap_ok(!snapshot_has_births(&s) && s.lifetimes[3].frees == 0, "compact: without births");
    pass(r, &l, 1000);
    tap_is_u64(l.n, 6, "compact: all blocks are found");
    tap_ok(l.rows[1].address == ADDRESS(0, 4) && l.rows[1].size == 100 && l.rows[1].site == 1,
           "compact: a record");
    tap_ok(l.rows[2].address == ADDRESS(5, 0) && l.rows[2].size == 0 &&
               l.rows[2].site == SEG_SITES_MAX - 1, "compact: the last site, no size");
    tap_ok(l.rows[3].address == ADDRESS(4095, 7) && l.rows[3].size == most && l.rows[3].site == 0,
           "compact: the largest size");
    tap_ok(l.rows[4].address == ADDRESS(131071, 6) && l.rows[4].size == 4096,
           "compact: in a page of its own");
    bool unknown = true;
    for (size_t i = 0; i < l.n; i++)
        unknown &= l.rows[i].birth == 0 && l.rows[i].birth_ns == 0 && l.rows[i].tid == 0;
    tap_ok(unknown, "compact: births and threads are unknown, of samples as well");
    tap_ok(reader_block_find(r, ADDRESS(4095, 7), &row) && row.size == most &&
               !reader_block_find(r, ADDRESS(4095, 6), &row), "compact: one is found");
    f.header->flags &= ~(unsigned)SEG_FLAG_COMPACT; /* then the sections do not fit */
    reader_refresh(r, &s, 0);
    pass(r, &l, 1000);
    tap_is_u64(l.n, 2, "records of another form than the header says: none are read");
    reader_close(r);
    fake_close(&f);
    snapshot_fini(&s);
    free(l.rows);
}

/* Tables that name each other's shadows, nonsense sizes, random bytes. */
static void test_spoiled(void)
{
    struct fake_segment f;
    struct list l = { .rows = malloc(MOST * sizeof *l.rows) };
    struct snapshot s;
    struct reader *r;
    snapshot_init(&s);
    fake_open(&f, dir, 999998, 7);
    struct places at = places_of(&f);
    fill(&f, &at, fake_thread(&f, 4242, "main"));
    for (unsigned i = 0; i < 1024; i++)
        at.l1[i] = i % 5 ? 1 : UINT32_MAX;
    for (unsigned i = 0; i < SEG_L2_ENTRIES; i++)
        at.l2[i] = (struct seg_region){ .blocks = i % 3 ? 1 : i * 7919, .committed = UINT32_MAX };
    reader_open_path(f.path, &r);
    reader_refresh(r, &s, 0);
    pass(r, &l, 1000);
    tap_is_u64(l.n, 5, "a shadow that is named often is read once");
    uint64_t seed = 12345;
    for (size_t i = 0; i < SEG_REGION_BLOCKS; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        at.blocks[i] = (struct seg_block){ .what = seed, .when = ~seed };
    }
    size_t steps = pass(r, &l, 0);
    bool sane = true;
    for (size_t i = 0; i < l.n; i++)
        sane &= l.rows[i].site < SEG_SITES_MAX && (l.rows[i].tid == 0 || l.rows[i].tid == 4242);
    tap_ok(sane && l.n > 100000 && steps > 10, "random bytes: bounded, in %zu steps", steps);
    f.header->granule_shift = 63;
    reader_refresh(r, &s, 0);
    pass(r, &l, 1000);
    tap_is_u64(l.n, 2, "a granule that cannot be: no shadow");
    f.header->granule_shift = SEG_GRANULE_GLIBC;
    f.header->clock_shift_birth = 99;
    f.header->sections[SEG_BLOCKS].offset = UINT64_MAX - 7;
    f.header->sections[SEG_OVERFLOW].reserved = UINT64_MAX;
    f.header->sections[SEG_SAMPLES].element = 8;
    reader_refresh(r, &s, 0);
    pass(r, &l, 1000);
    tap_is_u64(l.n, 0, "sections that lie: nothing");
    if (truncate(f.path, 8192) == 0)
        pass(r, &l, 1000);
    tap_is_u64(l.n, 0, "cut short: nothing");
    reader_close(r);
    unlink(f.path);
    fake_unmap(&f);
    snapshot_fini(&s);
    free(l.rows);
}

static void test_marks(void)
{
    struct fake_segment f;
    struct snapshot s;
    struct reader *r;
    snapshot_init(&s);
    fake_open(&f, dir, 999997, 7);
    struct places at = places_of(&f);
    reader_open_path(f.path, &r);
    tap_ok(reader_refresh(r, &s, 0) == READER_OK && s.n_marks == 0, "no marks at first");
    f.header->marks = 300;
    for (uint64_t number = 45; number <= 300; number++) {
        struct seg_mark *m = &at.marks[(number - 1) % SEG_MARKS_SLOTS];
        *m = (struct seg_mark){ .number = number, .ticks = number << 8 };
        memset(m->name, 'x', sizeof m->name); /* without an end */
    }
    at.marks[3].number = 77;  /* not in its place */
    at.marks[4].number = 0;   /* being written */
    tap_ok(reader_refresh(r, &s, 0) == READER_OK, "a full ring");
    tap_is_u64(s.n_marks, SEG_MARKS_SLOTS - 2, "all but what is no mark");
    bool sorted = true;
    for (size_t i = 1; i < s.n_marks; i++)
        sorted &= s.marks[i - 1].number < s.marks[i].number;
    tap_ok(sorted, "oldest first");
    tap_ok(s.n_marks && s.marks[0].stamp == s.marks[0].number &&
               strlen(s.marks[0].name) == SEG_MARK_NAME - 1, "stamps, and names that end");
    f.header->header_bytes = offsetof(struct seg_header, marks);
    tap_ok(reader_refresh(r, &s, 0) == READER_OK && s.n_marks == 0, "an agent without marks");
    reader_close(r);
    fake_close(&f);
    snapshot_fini(&s);
}

/* ---- a program -------------------------------------------------------------------- */

struct victim {
    int pid;
    FILE *in, *out;
};

static bool start_victim(struct victim *v, const char *preload)
{
    char path[4096];
    int to[2], from[2];
    snprintf(path, sizeof path, "%s/marks", getenv("VICTIMS") ? getenv("VICTIMS")
                                                              : "tests/victims");
    if (pipe(to) != 0 || pipe(from) != 0 || (v->pid = fork()) < 0)
        return false;
    if (v->pid == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        close(to[0]), close(to[1]), close(from[0]), close(from[1]);
        setenv("LD_PRELOAD", preload, 1);
        execl(path, path, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    v->in = fdopen(to[1], "w");
    v->out = fdopen(from[0], "r");
    return v->in && v->out;
}

static void stop_victim(struct victim *v)
{
    fclose(v->in);
    fclose(v->out);
    kill(v->pid, SIGKILL);
    waitpid(v->pid, NULL, 0);
}

struct said {
    uint64_t address, size;
    int mark;
};

/* What it has, as it says itself. */
static size_t listen(struct victim *v, struct said *said, size_t most)
{
    char line[256];
    size_t n = 0;
    while (fgets(line, sizeof line, v->out) && strcmp(line, "ready\n") != 0) {
        unsigned long long address;
        size_t size;
        int mark;
        if (n < most && sscanf(line, "block 0x%llx %zu %d", &address, &size, &mark) == 3)
            said[n++] = (struct said){ address, size, mark };
    }
    return n;
}

static const struct block_row *find(const struct list *l, uint64_t address)
{
    struct block_row key = { .address = address };
    return bsearch(&key, l->rows, l->n, sizeof key, by_address);
}

/* What it said is what is listed; others are the C library's own. Blocks since a
 * mark are those that it made since. */
static void compare(struct reader *r, struct list *l, const struct snapshot *s,
                    const struct said *said, size_t n, const char *what)
{
    size_t same = 0, right = 0, sums = 0;
    pass(r, l, 1000);
    for (size_t i = 0; i < n; i++) {
        const struct block_row *row = find(l, said[i].address);
        struct block_row one;
        same += row && row->size == said[i].size && reader_block_find(r, row->address, &one) &&
                one.birth == row->birth && one.site == row->site;
        bool all = row != NULL;
        for (size_t k = 0; row && k < s->n_marks && snapshot_has_births(s); k++)
            all &= (row->birth >= s->marks[k].stamp) == (said[i].mark > (int)k);
        right += all;
    }
    for (size_t i = 0; i < l->n; i++)
        sums += l->rows[i].size;
    tap_is_u64(same, n, "%s: each block of %zu is listed with its size", what, n);
    tap_is_u64(right, n, "%s: each is on the right side of %zu marks", what, s->n_marks);
    tap_is_u64(l->n, (uint64_t)s->totals.live_blocks, "%s: as many as the totals say", what);
    tap_is_u64(sums, (uint64_t)s->totals.live_bytes, "%s: as many bytes, too", what);
}

/* Those that the program counted. */
static void own_marks(struct snapshot *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_marks; i++)
        if (strcmp(s->marks[i].name, "from outside") != 0)
            s->marks[n++] = s->marks[i];
    s->n_marks = n;
}

static void test_contents(struct reader *r, const struct said *said)
{
    char there[64] = "", path[64];
    snprintf(path, sizeof path, "the block at %#llx", (unsigned long long)said->address);
    tap_is_u64((uint64_t)reader_peek(r, said->address, there, 1), 1, "%s shows", path);
    tap_ok(reader_peek(r, 16, there, sizeof there) == -1 && errno == EFAULT,
           "what is not mapped does not");
}

static void test_program(const char *preload, const char *what)
{
    static struct said said[8192];
    struct list l = { .rows = malloc(MOST * sizeof *l.rows) };
    struct victim v;
    struct snapshot s;
    struct reader *r = NULL;
    snapshot_init(&s);
    if (!start_victim(&v, preload)) {
        tap_ok(false, "%s: starts", what);
        return;
    }
    size_t n = listen(&v, said, 8192);
    tap_is_u64(n, 621, "%s: it tells of its blocks", what);
    tap_ok(reader_open_pid(v.pid, &r) == READER_OK &&
               reader_refresh(r, &s, READER_ALL) == READER_OK, "%s: its segment opens", what);
    tap_ok(s.n_marks == 2 && strcmp(s.marks[0].name, "first") == 0 &&
               strcmp(s.marks[1].name, "second?[31m") == 0, "%s: its marks, made safe", what);
    compare(r, &l, &s, said, n, what);
    test_contents(r, said);
    tap_ok(reader_mark(r, "from outside") == READER_OK && reader_refresh(r, &s, 0) == READER_OK &&
               s.n_marks == 2 && s.mark_pending, "%s: a mark waits while it rests", what);
    uint64_t asked = s.stamp;
    fputs("a\n", v.in), fflush(v.in);
    n = listen(&v, said, 8192);
    reader_refresh(r, &s, READER_ALL);
    tap_ok(s.n_marks == 4 && !s.mark_pending, "%s: and is there when it goes on", what);
    for (size_t i = 0; i < s.n_marks; i++)
        if (strcmp(s.marks[i].name, "from outside") == 0)
            tap_ok(s.marks[i].stamp <= asked && s.marks[i].ns > 0, "%s: with its time", what);
    own_marks(&s);
    compare(r, &l, &s, said, n, what);
    fputs("f\n", v.in), fflush(v.in);
    n = listen(&v, said, 8192);
    reader_refresh(r, &s, READER_ALL);
    own_marks(&s);
    compare(r, &l, &s, said, n, "after frees");
    reader_close(r);
    stop_victim(&v);
    snapshot_fini(&s);
    free(l.rows);
}

int main(void)
{
    static const char *const jemalloc[] = { "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2",
                                            "/usr/lib/aarch64-linux-gnu/libjemalloc.so.2",
                                            "/usr/lib64/libjemalloc.so.2" };
    const char *agent = getenv("MEMTOP_AGENT");
    char preload[8192];
    bool any = false;
    setlinebuf(stdout); /* the victims are forked */
    if (!mkdtemp(dir))
        return 1;
    test_fake();
    test_compact();
    test_spoiled();
    test_marks();
    setenv("MEMTOP_DIR", dir, 1);
    if (agent) {
        test_program(agent, "glibc");
        setenv("MEMTOP_COMPACT", "1", 1);
        test_program(agent, "compact");
        unsetenv("MEMTOP_COMPACT");
    } else
        tap_skip("MEMTOP_AGENT is not set");
    for (size_t i = 0; agent && i < 3 && !any; i++)
        if (access(jemalloc[i], R_OK) == 0) {
            snprintf(preload, sizeof preload, "%s:%s", agent, jemalloc[i]);
            test_program(preload, "jemalloc");
            setenv("MEMTOP_COMPACT", "1", 1);
            test_program(preload, "jemalloc, compact");
            unsetenv("MEMTOP_COMPACT");
            any = true;
        }
    if (agent && !any)
        tap_skip("no jemalloc here");
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    tap_ok(system(command) == 0, "cleaned up");
    return tap_done();
}
