/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a hostile process could write into its segment. The input is a row of
 * changes to a good one: the table (1 byte; 31: the header), the place in it (2
 * bytes), how many bytes (1, its low four bits), and these bytes; the table 30 cuts
 * the file off at a page instead. Reading is repeated half way through.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fake_segment.h"
#include "tests/fuzz/fuzz.h"
#include "tui/reader/proc.h"
#include "tui/reader/reader.h"

#define HEAD   4 /* of a change */
#define HEADER 31
#define CUT    30
#define PAGE   4096u
#define USED   (4u << 20) /* of the file, from its start: the rest is empty */

static struct fake_segment fake;
static char *good; /* its first USED bytes */
static char dir[] = "/tmp/memtop-fuzz-XXXXXX";

static void remove_it(void)
{
    fake_close(&fake);
    rmdir(dir);
}

static void make_it(void)
{
    if (!fake_open(&fake, dir, fake_dead_pid(), 1) || fake.bytes < USED)
        abort();
    fake.header->pid_namespace = proc_namespace(0, "pid");
    fake.header->flags = SEG_FLAG_KEEP;
    uint16_t module = fake_module(&fake, "/lib/libx.so", 0x1000, 0x9000);
    uint32_t row = fake_thread(&fake, 100, "thread"), node = 0;
    for (uint32_t i = 0; i < 300; i++) {
        node = fake_node(&fake, i % 30 ? node : 0, 0x1000 + i, module);
        fake_count(&fake, row, fake_site(&fake, node), i, i, i / 2);
    }
    for (uint64_t i = 0; i < 100; i++)
        fake_second(&fake, i, 5);
    memcpy(good, fake.base, USED);
}

static void prepare(void)
{
    if (!good) {
        good = malloc(USED);
        if (!good || !mkdtemp(dir))
            abort();
        make_it();
        atexit(remove_it);
    } else if (access(fake.path, F_OK) != 0) { /* its last reader took it for a dead one's */
        fake_unmap(&fake);
        make_it();
    }
}

/* Apply one change. Returns its length. */
static size_t change(const uint8_t *data, size_t n, bool *cut)
{
    unsigned table = data[0] & 31, length = data[3] & 15;
    uint64_t at = (uint64_t)data[1] | (uint64_t)data[2] << 8;
    const struct seg_header *as_made = (const struct seg_header *)good;
    if (length > n - HEAD)
        length = (unsigned)(n - HEAD);
    if (table == CUT)
        *cut = truncate(fake.path, (off_t)at * PAGE) == 0 || *cut;
    if (*cut || (table >= SEG_SECTION_COUNT && table != HEADER))
        return HEAD + length;
    uint64_t start = table == HEADER ? 0 : as_made->sections[table].offset;
    if (start + at + length <= USED)
        memcpy(fake.base + start + at, data + HEAD, length);
    return HEAD + length;
}

static void sum_up(void *data, const struct block_row *row)
{
    *(uint64_t *)data += row->size + row->site;
}

/* Indices stay within what there is, texts have an end. */
static void demand_sound(const struct snapshot *s)
{
    bool sound = memchr(s->target.command, 0, sizeof s->target.command) != NULL;
    for (size_t i = 0; i < s->n_nodes; i++)
        sound = sound && (i ? s->nodes[i].parent < i : s->nodes[i].parent == 0) &&
                s->nodes[i].depth <= SEG_DEPTH_MAX &&
                (!s->nodes[i].module || s->nodes[i].module < s->n_modules);
    for (size_t i = 0; i < s->n_sites; i++)
        sound = sound && s->sites[i].id == i &&
                (!s->sites[i].node || s->sites[i].node < s->n_nodes);
    for (size_t i = 0; i < s->n_modules; i++)
        sound = sound && memchr(s->modules[i].path, 0, sizeof s->modules[i].path);
    for (size_t i = 1; i < s->n_seconds; i++)
        sound = sound && s->seconds[i - 1].second < s->seconds[i].second;
    if (!sound)
        abort();
}

static void read_it(struct reader *r, struct snapshot *s)
{
    struct block_row row;
    uint64_t sum = 0;
    if (!r || reader_refresh(r, s, READER_ALL) != READER_OK)
        return;
    demand_sound(s);
    struct block_pass *pass = reader_blocks_new(r);
    for (int step = 0; pass && step < 4; step++)
        if (reader_blocks_step(pass, 5, sum_up, &sum) != READER_NOT_READY)
            break;
    reader_blocks_free(pass);
    reader_block_find(r, sum, &row);
}

static void restore(bool cut)
{
    if (cut && truncate(fake.path, (off_t)fake.bytes) != 0)
        abort();
    memcpy(fake.base, good, USED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct reader *r = NULL;
    struct snapshot s;
    size_t half = n / 2;
    bool cut = false;
    prepare();
    snapshot_init(&s);
    while (n >= HEAD) {
        size_t length = change(data, n, &cut);
        data += length;
        n -= length;
        if (!r && n <= half) {
            if (reader_open_path(fake.path, &r) != READER_OK)
                break;
            read_it(r, &s);
        }
    }
    read_it(r, &s);
    reader_close(r);
    snapshot_fini(&s);
    restore(cut);
    return 0;
}

/* Changes are no part of any file. */
int fuzz_make_seed(const char *path)
{
    (void)path;
    return 1;
}
