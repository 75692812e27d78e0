/* SPDX-License-Identifier: Apache-2.0 */
/* A recording under way; recorder.h. */
#include "tui/command/recorder.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define SNAPSHOTS_MOST 512
#define SYNC_NS UINT64_C(5000000000) /* a power cut costs so much */

void recorder_init(struct recorder *r, const char *path, uint64_t interval_ns,
                   uint64_t max_size)
{
    *r = (struct recorder){ .path = path, .interval_ns = interval_ns,
                            .max_size = max_size ? max_size : RECORDER_MAX_SIZE };
    snapshot_init(&r->snapshot);
    snapshot_init(&r->glance);
}

static void forget_process(struct recorder *r)
{
    symbols_free(r->symbols);
    reader_close(r->reader);
    snapshot_fini(&r->snapshot);
    snapshot_fini(&r->glance);
    r->symbols = NULL;
    r->reader = NULL;
}

void recorder_fini(struct recorder *r)
{
    forget_process(r);
    if (r->writer)
        archive_abandon(r->writer);
    r->writer = NULL;
}

/* r->error says why. */
static bool give_up(struct recorder *r)
{
    r->failed = true;
    if (r->writer)
        archive_abandon(r->writer);
    r->writer = NULL;
    return false;
}

static bool fail(struct recorder *r, const char *why)
{
    snprintf(r->error, sizeof r->error, "%s", why);
    return give_up(r);
}

enum reader_status recorder_open(struct recorder *r, int pid)
{
    struct reader *reader;
    enum reader_status status = reader_open_pid(pid, &reader);
    if (status != READER_OK)
        return status;
    recorder_fini(r);
    r->reader = reader;
    r->symbols = symbols_new(pid);
    r->moment = (struct moment){ .exit_code = -1, .rss = -1, .rss_peak = -1 };
    r->last_mark = r->thinned_bytes = 0;
    r->writer = archive_create(r->path, FILE_RECORDING, r->error);
    if (!r->writer)
        give_up(r);
    return READER_OK;
}

/* Is the file too long? A recording whose single snapshots are very long is
 * allowed to double before it is looked at again. */
static bool is_long(const struct recorder *r)
{
    uint64_t bytes = archive_written(r->writer);
    return archive_snapshots(r->writer) > SNAPSHOTS_MOST ||
           (bytes > r->max_size && bytes > 2 * r->thinned_bytes);
}

static bool make_thin(struct recorder *r)
{
    char why[ARCHIVE_ERROR];
    if (!archive_sync(r->writer))
        return fail(r, archive_writer_error(r->writer));
    struct archive_writer *w = archive_thinned(r->path, r->interval_ns, SNAPSHOTS_MOST / 2,
                                               r->max_size / 2, why);
    if (!w)
        return fail(r, why);
    archive_abandon(r->writer);
    r->writer = w;
    r->thinned_bytes = archive_written(w);
    return true;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The first one at once, so that the file is there. */
static bool sync_now_and_then(struct recorder *r)
{
    uint64_t now = now_ns();
    if (archive_snapshots(r->writer) > 1 && now - r->synced_ns < SYNC_NS)
        return true;
    r->synced_ns = now;
    return archive_sync(r->writer) || fail(r, archive_writer_error(r->writer));
}

bool recorder_take(struct recorder *r, bool last)
{
    struct snapshot *s = &r->snapshot;
    if (!r->writer || !r->reader)
        return false;
    enum reader_status status = taking_take(r->reader, s, &r->moment);
    if (status != READER_OK)
        return fail(r, reader_message(status));
    taking_name(r->symbols, s, last);
    if (!archive_add(r->writer, s, &r->moment, r->symbols, NULL))
        return fail(r, archive_writer_error(r->writer));
    r->moment.number++;
    r->last_mark = s->n_marks ? s->marks[s->n_marks - 1].number : 0;
    return (!is_long(r) || make_thin(r)) && sync_now_and_then(r);
}

enum target_state recorder_glance(struct recorder *r, bool *marked)
{
    struct snapshot *s = &r->glance;
    *marked = false;
    if (reader_refresh(r->reader, s, 0) != READER_OK)
        return TARGET_KILLED;
    *marked = s->n_marks && s->marks[s->n_marks - 1].number > r->last_mark;
    return s->target.state;
}

bool recorder_is_replaced(struct recorder *r, int pid)
{
    struct reader *now;
    if (reader_open_pid(pid, &now) != READER_OK)
        return false;
    bool replaced = reader_refresh(now, &r->glance, 0) == READER_OK &&
                    r->glance.target.start_realtime_ns != r->snapshot.target.start_realtime_ns;
    reader_close(now);
    return replaced;
}

bool recorder_finish(struct recorder *r)
{
    struct archive_writer *w = r->writer;
    r->writer = NULL;
    if (w && !archive_finish(w, r->error))
        return give_up(r);
    return !r->failed;
}
