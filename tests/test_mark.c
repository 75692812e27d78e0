/* SPDX-License-Identifier: Apache-2.0 */
/* Marks: differences against a plain count, between runs by the text of stacks,
 * and through files, good ones and others. */
#include "tests/tap.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tui/model/mark.h"
#include "tui/model/mark_file.h"

#define SITES 500

/* ---- a heap that counts itself ------------------------------------------------------ */

struct heap {
    struct site_row sites[SITES];
    struct node_row nodes[SITES + 1];
    struct module_row modules[2];
    struct snapshot s;
};

static uint64_t seed = 42;

static uint64_t any(uint64_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

/* Site i ends at node i, whose address is `place` of it; without symbols the text
 * of a stack is its module and offset. */
static void heap_init(struct heap *h, size_t n, uint64_t bias, uint64_t (*place)(size_t))
{
    memset(h, 0, sizeof *h);
    h->modules[1] = (struct module_row){ .start = bias, .end = bias + (1 << 20), .bias = bias,
                                         .path = "/usr/bin/program" };
    for (uint32_t i = 0; i < n; i++) {
        h->sites[i] = (struct site_row){ .id = i, .node = i };
        h->nodes[i] = (struct node_row){ .pc = bias + place(i), .module = 1, .depth = i > 0 };
    }
    h->s.sites = h->sites, h->s.n_sites = n;
    h->s.nodes = h->nodes, h->s.n_nodes = n;
    h->s.modules = h->modules, h->s.n_modules = 2;
    h->s.target.tier = SEG_TIER_EXACT;
}

static uint64_t by_number(size_t i)
{
    return 16 * i;
}

static uint64_t backwards(size_t i)
{
    return 16 * (SITES - i);
}

static uint64_t in_pairs(size_t i)
{
    return 16 * (i / 2 * 2);
}

static void allocate(struct heap *h, size_t site, uint64_t size)
{
    h->sites[site].allocations++, h->s.totals.allocations++;
    h->sites[site].bytes_allocated += size, h->s.totals.bytes_allocated += size;
    h->sites[site].live_blocks++, h->s.totals.live_blocks++;
    h->sites[site].live_bytes += (int64_t)size, h->s.totals.live_bytes += (int64_t)size;
}

static void release(struct heap *h, size_t site, uint64_t size)
{
    h->sites[site].frees++, h->s.totals.frees++;
    h->sites[site].bytes_freed += size, h->s.totals.bytes_freed += size;
    h->sites[site].live_blocks--, h->s.totals.live_blocks--;
    h->sites[site].live_bytes -= (int64_t)size, h->s.totals.live_bytes -= (int64_t)size;
}

/* ---- one run ------------------------------------------------------------------------ */

struct block {
    size_t site;
    uint64_t size;
    int era; /* marks before its birth */
    bool freed;
};

static struct block blocks[20000];
static size_t n_blocks;

/* Sites from `first` on come into use. */
static void work(struct heap *h, size_t first, size_t last, int era)
{
    for (int i = 0; i < 5000; i++) {
        struct block *b = &blocks[n_blocks++];
        *b = (struct block){ .site = first + any(last - first), .size = any(1000), .era = era };
        allocate(h, b->site, b->size);
        struct block *old = &blocks[any(n_blocks)];
        if (!old->freed && any(3)) {
            old->freed = true;
            release(h, old->site, old->size);
        }
    }
}

static int64_t growth_of(size_t site, int era)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n_blocks; i++)
        if (blocks[i].site == site)
            sum += blocks[i].era >= era ? (int64_t)blocks[i].size : 0;
    return sum;
}

static void test_run(void)
{
    static struct heap h;
    static struct heap before;
    struct mark_diff d = { .n = 0 };
    struct stack_book book;
    stack_book_init(&book);
    heap_init(&h, SITES, 0x400000, by_number);
    h.s.n_sites = 300; /* the others are not known yet */
    work(&h, 1, 200, 0);
    struct mark *a = mark_take(&h.s, "a");
    before = h;
    work(&h, 1, 300, 1);
    h.s.n_sites = SITES;
    work(&h, 300, SITES, 1);
    for (size_t i = 0; i < n_blocks; i++) /* site 7 goes */
        if (blocks[i].site == 7 && !blocks[i].freed) {
            release(&h, 7, blocks[i].size);
            blocks[i].freed = true;
        }
    struct mark *b = mark_take(&h.s, "b\n\033");
    tap_is_str(b->name, "b??", "a name is made printable");
    tap_ok(mark_diff(a, NULL, &h.s, &book, &d) && d.n == SITES && !d.by_key, "a difference");
    size_t right = 0, allocated = 0;
    int64_t bytes = 0, count = 0;
    for (size_t i = 0; i < SITES; i++) {
        const struct mark_growth *g = &d.rows[i];
        right += g->site == i &&
                 g->live_bytes == h.sites[i].live_bytes - before.sites[i].live_bytes &&
                 g->live_blocks == h.sites[i].live_blocks - before.sites[i].live_blocks &&
                 g->frees == (int64_t)(h.sites[i].frees - before.sites[i].frees);
        allocated += g->bytes_allocated == growth_of(i, 1);
        bytes += g->live_bytes;
        count += g->live_blocks;
    }
    tap_is_u64(right, SITES, "growth is what was counted, for each site");
    tap_is_u64(allocated, SITES, "so is what was allocated since");
    tap_ok(bytes == d.totals.live_bytes && count == d.totals.live_blocks,
           "the sites' growth is the totals'");
    tap_ok(d.rows[400].change == MARK_NEW && d.rows[7].change == MARK_VANISHED &&
               d.rows[7].live_bytes == -before.sites[7].live_bytes &&
               d.rows[8].change == MARK_SAME, "new and vanished sites");
    struct mark_diff pair = { .n = 0 };
    size_t equal = 0;
    mark_diff(a, b, &h.s, &book, &pair);
    for (size_t i = 0; i < pair.n; i++)
        equal += pair.rows[i].live_bytes == d.rows[i].live_bytes &&
                 pair.rows[i].live_blocks == d.rows[i].live_blocks &&
                 pair.rows[i].allocations == d.rows[i].allocations &&
                 pair.rows[i].change == d.rows[i].change && pair.rows[i].site == i;
    tap_is_u64(equal, SITES, "a mark of now is as good as now");
    mark_diff(b, a, &h.s, &book, &pair);
    size_t negative = 0;
    for (size_t i = 0; i < SITES; i++)
        negative += pair.rows[i].live_bytes == -d.rows[i].live_bytes;
    tap_is_u64(negative, SITES, "and backwards it is the other way round");
    mark_diff_fini(&d);
    mark_diff_fini(&pair);
    mark_free(a);
    mark_free(b);
    stack_book_fini(&book);
}

/* ---- two runs ------------------------------------------------------------------------- */

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    if (f) {
        fputs(text, f);
        fclose(f);
    }
}

static void test_file(const char *dir)
{
    static struct heap h, other;
    struct stack_book book;
    struct mark_file file, back;
    struct mark_diff d = { .n = 0 };
    char path[256], error[MARK_FILE_ERROR];
    stack_book_init(&book);
    n_blocks = 0;
    heap_init(&h, SITES, 0x400000, by_number);
    work(&h, 1, 200, 0);
    struct mark *m = mark_take(&h.s, "baseline");
    tap_ok(stack_book_name_sites(&book, NULL, &h.s, 1000), "all sites are named");
    snprintf(path, sizeof path, "%s/mark.json", dir);
    tap_ok(mark_file_prepare(m, &book, "program -x", &file) &&
               mark_file_write(&file, path, error), "a mark is written");
    tap_ok(!mark_file_write(&file, path, error) && strstr(error, "exists"),
           "but not over a file: %s", error);
    mark_file_fini(&file);
    stack_book_fini(&book);
    stack_book_init(&book);
    tap_ok(mark_file_read(path, &back, error), "and read: %s", error);
    struct mark *old = mark_of_file(&back, &book);
    mark_file_fini(&back);
    tap_ok(old->foreign && old->counted && strcmp(old->name, "baseline") == 0 &&
               strcmp(old->command, "program -x") == 0 &&
               old->totals.allocations == m->totals.allocations, "it is the same");

    /* The same program at another address, its sites in another order. */
    heap_init(&other, SITES, 0x7f0000000000, backwards);
    for (size_t i = 1; i < SITES; i++) {
        other.sites[SITES - i] = h.sites[i];
        other.sites[SITES - i].id = other.sites[SITES - i].node = (uint32_t)(SITES - i);
    }
    other.s.totals = h.s.totals;
    allocate(&other, SITES - 33, 1000000);
    allocate(&other, SITES - 450, 5);
    tap_ok(stack_book_name_sites(&book, NULL, &other.s, 1000), "sites of another run are named");
    tap_ok(mark_diff(old, NULL, &other.s, &book, &d) && d.by_key, "runs are compared");
    size_t changed = 0, sites = 0;
    for (size_t i = 0; i < d.n; i++) {
        changed += d.rows[i].live_bytes != 0;
        sites += d.rows[i].site != MARK_NO_SITE;
        if (d.rows[i].live_bytes == 1000000)
            tap_is_u64(d.rows[i].site, SITES - 33, "what grew is found at its new place");
        if (d.rows[i].live_bytes == 5)
            tap_ok(d.rows[i].change == MARK_NEW, "what is new is called so");
    }
    tap_is_u64(changed, 2, "nothing else changed");
    tap_ok(d.totals.live_bytes == 1000005, "in all");

    /* Two places that read the same are one. */
    heap_init(&other, 100, 0x400000, in_pairs);
    for (size_t i = 1; i < 100; i++)
        allocate(&other, i, 1);
    stack_book_forget_sites(&book);
    stack_book_name_sites(&book, NULL, &other.s, 1000);
    mark_diff(old, NULL, &other.s, &book, &d);
    int64_t sum = 0;
    for (size_t i = 0; i < d.n; i++)
        sum += d.rows[i].live_bytes;
    tap_ok(sum == d.totals.live_bytes, "sums hold where several read the same");
    size_t vanished = 0;
    for (size_t i = 0; i < d.n; i++)
        vanished += d.rows[i].site == MARK_NO_SITE && d.rows[i].change == MARK_VANISHED;
    tap_ok(vanished > 50, "%zu sites of the file are not here any more", vanished);
    mark_diff_fini(&d);
    mark_free(m);
    mark_free(old);
    stack_book_fini(&book);
}

/* ---- files that are none ---------------------------------------------------------------- */

#define HEAD "{\"schema\": \"memtop-mark/1\", \"name\": \"x\", \"tier\": \"exact\", " \
             "\"totals\": {\"allocations\": 1, \"frees\": 0, \"bytes_allocated\": 1, " \
             "\"bytes_freed\": 0}, \"frames\": [\"a\", \"b\"], "
#define FIGURES "\"allocations\": 1, \"frees\": 0, \"bytes_allocated\": 1, \"bytes_freed\": 0"

static void test_bad_files(const char *dir)
{
    static const char *const bad[] = {
        "", "[", "[]", "null", "{}", "{\"schema\": \"memtop/1\"}", "{\"schema\": 7}",
        "{\"schema\": \"memtop-mark/1\"}",
        HEAD "\"sites\": 5}", HEAD "\"sites\": [5]}", HEAD "\"sites\": [{" FIGURES "}]}",
        HEAD "\"sites\": [{\"stack\": [2], " FIGURES "}]}",
        HEAD "\"sites\": [{\"stack\": [-1], " FIGURES "}]}",
        HEAD "\"sites\": [{\"stack\": [\"a\"], " FIGURES "}]}",
        HEAD "\"sites\": [{\"stack\": [18446744073709551617], " FIGURES "}]}",
        HEAD "\"sites\": [{\"stack\": [0], \"allocations\": -1}]}",
        HEAD "\"sites\": [{\"stack\": [0], \"allocations\": 1.5}]}",
    };
    char path[256], error[MARK_FILE_ERROR];
    struct mark_file f;
    size_t refused = 0;
    snprintf(path, sizeof path, "%s/bad.json", dir);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_text(path, bad[i]);
        refused += !mark_file_read(path, &f, error) && error[0] && f.n_sites == 0;
    }
    tap_is_u64(refused, sizeof bad / sizeof *bad, "files that are no marks are refused: %s", error);
    write_text(path, HEAD "\"sites\": [{\"stack\": [0, 1, 0], " FIGURES "}], \"later\": 1}");
    tap_ok(mark_file_read(path, &f, error) && f.n_sites == 1 &&
               strcmp(f.sites[0].stack, "a\nb\na") == 0, "one that is good: %s", error);
    mark_file_fini(&f);
    FILE *deep = fopen(path, "w");
    for (int i = 0; deep && i < 1000000; i++)
        fputc('[', deep);
    if (deep)
        fclose(deep);
    tap_ok(!mark_file_read(path, &f, error), "nested deeply: %s", error);
    tap_ok(truncate(path, (off_t)MARK_FILE_BYTES + 1) == 0 && !mark_file_read(path, &f, error),
           "too long: %s", error);
    tap_ok(!mark_file_read(dir, &f, error), "a folder: %s", error);
    unlink(path);
    tap_ok(!mark_file_read(path, &f, error), "nothing: %s", error);
    tap_ok(mkfifo(path, 0600) == 0 && !mark_file_read(path, &f, error), "a pipe: %s", error);
}

int main(void)
{
    char dir[] = "/tmp/memtop-test-mark-XXXXXX", command[64];
    if (!mkdtemp(dir))
        return 1;
    test_run();
    test_file(dir);
    test_bad_files(dir);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    tap_ok(system(command) == 0, "cleaned up");
    return tap_done();
}
