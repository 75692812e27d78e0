/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots for files; taking.h. */
#include "tui/command/taking.h"

#include <stdio.h>
#include <time.h>

#include "tui/reader/proc.h"

#define SLICE_MS 1000

static uint64_t clock_now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Allocations until now; `before` where they cannot be read. */
static uint64_t allocations_now(struct reader *r, uint64_t before)
{
    struct snapshot again;
    snapshot_init(&again);
    bool good = reader_refresh(r, &again, 0) == READER_OK;
    uint64_t now = good ? again.totals.allocations : before;
    snapshot_fini(&again);
    return now > before ? now : before;
}

enum reader_status taking_take(struct reader *r, struct snapshot *s, struct moment *m)
{
    struct proc_memory memory;
    uint64_t begin = clock_now(CLOCK_MONOTONIC);
    m->realtime_ns = clock_now(CLOCK_REALTIME);
    enum reader_status status = reader_refresh(r, s, READER_ALL);
    m->copy_ns = clock_now(CLOCK_MONOTONIC) - begin;
    if (status != READER_OK)
        return status;
    uint64_t before = s->totals.allocations;
    m->meanwhile = allocations_now(r, before) - before;
    m->rss = -1;
    if (s->target.state == TARGET_RUNNING && proc_memory(s->target.pid, &memory))
        m->rss = (int64_t)memory.rss_bytes;
    if (m->rss > m->rss_peak)
        m->rss_peak = m->rss;
    return READER_OK;
}

void taking_name(struct symbols *sy, const struct snapshot *s, bool wait)
{
    for (uint32_t node = 1; node < s->n_nodes; node++)
        symbols_lookup(sy, s, node);
    if (wait)
        symbols_wait(sy);
}

void taking_file_name(char *out, size_t n, int pid, const char *extension)
{
    char stamp[32];
    time_t now = time(NULL);
    struct tm local;
    localtime_r(&now, &local);
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &local);
    snprintf(out, n, "memtop-%d-%s.%s", pid, stamp, extension);
}

/* ---- blocks --------------------------------------------------------------------- */

struct sink {
    archive_each_block *add;
    void *data;
    size_t n_sites;
};

static void add_block(void *data, const struct block_row *row)
{
    struct sink *sink = data;
    if (row->site >= sink->n_sites)
        return;
    sink->add(sink->data, &(struct archive_block){
                              .address = row->address,
                              .size = row->size,
                              .birth = row->birth,
                              .birth_ns = row->birth_ns,
                              .site = row->site,
                              .tid = row->tid,
                              .blocks = row->blocks,
                              .bytes = row->bytes,
                          });
}

bool taking_each_block(void *source, archive_each_block *add, void *data)
{
    struct taking_blocks *from = source;
    struct sink sink = { .add = add, .data = data, .n_sites = from->n_sites };
    struct block_pass *pass = reader_blocks_new(from->reader);
    enum reader_status status = pass ? READER_NOT_READY : READER_NO_MEMORY;
    while (status == READER_NOT_READY)
        status = reader_blocks_step(pass, SLICE_MS, add_block, &sink);
    reader_blocks_free(pass);
    return status == READER_OK;
}
