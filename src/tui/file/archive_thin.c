/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a recording anew with fewer snapshots. The new file takes the old one's
 * name when it is complete and on the disk.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tui/file/archive_writer.h"
#include "tui/file/thin.h"

#define NEAR_FIRST 1024   /* so many intervals back nothing is left out; then half */
#define SECOND UINT64_C(1000000000)

struct thinning {
    struct archive *from;
    uint64_t interval_ns;
    bool *pinned; /* by snapshot */
    bool *kept;
};

static void fini(struct thinning *t)
{
    archive_close(t->from);
    free(t->pinned);
    free(t->kept);
}

/* What stays whatever its age. */
static void pin(struct thinning *t, size_t n)
{
    struct snapshot s;
    snapshot_init(&s);
    t->pinned[0] = t->pinned[n - 1] = t->pinned[archive_peak(t->from)] = true;
    if (archive_load(t->from, n - 1, &s))
        for (size_t m = 0, i = 0; m < s.n_marks; m++) {
            while (i + 1 < n && archive_moment(t->from, i)->wall_ns < s.marks[m].ns)
                i++;
            t->pinned[i] = true;
        }
    snapshot_fini(&s);
}

static bool init(struct thinning *t, const char *path, uint64_t interval_ns, char *why)
{
    *t = (struct thinning){ .interval_ns = interval_ns ? interval_ns : 1 };
    if (archive_open(path, &t->from, why) != ARCHIVE_GOOD)
        return false;
    size_t n = archive_count(t->from);
    t->pinned = calloc(n, sizeof *t->pinned);
    t->kept = calloc(n, sizeof *t->kept);
    if (t->pinned && t->kept)
        pin(t, n);
    else
        snprintf(why, ARCHIVE_ERROR, "not enough memory");
    return t->pinned && t->kept;
}

/* Returns how many stay. pins: marks may be too many to be kept all. */
static size_t choose(struct thinning *t, uint64_t near, bool pins)
{
    size_t n = archive_count(t->from), count = 0, peak = archive_peak(t->from);
    uint64_t end = archive_moment(t->from, n - 1)->wall_ns / t->interval_ns, before = UINT64_MAX;
    for (size_t i = 0; i < n; i++) {
        uint64_t at = archive_moment(t->from, i)->wall_ns / t->interval_ns;
        bool stays = thin_keeps(at, before, end, near);
        if (stays)
            before = at;
        t->kept[i] = stays || i == n - 1 || i == peak || (pins && t->pinned[i]);
        count += t->kept[i];
    }
    return count;
}

static bool copy(struct thinning *t, struct archive_writer *w, char *why)
{
    struct snapshot s;
    size_t n = archive_count(t->from);
    bool good = true;
    snapshot_init(&s);
    archive_thin_seconds(w, archive_moment(t->from, n - 1)->wall_ns / SECOND);
    for (size_t i = 0; i < n && good; i++) {
        if (!t->kept[i])
            continue;
        good = archive_load(t->from, i, &s);
        if (!good) {
            snprintf(why, ARCHIVE_ERROR, "snapshot %zu cannot be read again", i + 1);
        } else if (!archive_add(w, &s, archive_moment(t->from, i), archive_symbols(t->from),
                                NULL)) {
            snprintf(why, ARCHIVE_ERROR, "%s", archive_writer_error(w));
            good = false;
        }
    }
    snapshot_fini(&s);
    return good;
}

static struct archive_writer *write_kept(struct thinning *t, const char *path, char *why)
{
    struct archive_writer *w = archive_create(path, FILE_RECORDING, why);
    if (w && !copy(t, w, why)) {
        archive_abandon(w);
        w = NULL;
    }
    return w;
}

struct archive_writer *archive_thinned(const char *path, uint64_t interval_ns, size_t most,
                                       uint64_t bytes, char why[ARCHIVE_ERROR])
{
    struct thinning t;
    struct archive_writer *w = NULL;
    bool good = init(&t, path, interval_ns, why), enough = false;
    for (uint64_t near = NEAR_FIRST; good && !enough; near /= 2) {
        bool last = near < 2;
        size_t count = choose(&t, near ? near : 1, !last);
        if (count > most && !last)
            continue;
        if (w)
            archive_abandon(w);
        w = write_kept(&t, path, why);
        good = w != NULL;
        enough = good && (archive_written(w) <= bytes || last);
    }
    if (w && !archive_sync(w)) {
        snprintf(why, ARCHIVE_ERROR, "%s", archive_writer_error(w));
        archive_abandon(w);
        w = NULL;
    }
    fini(&t);
    return w;
}
