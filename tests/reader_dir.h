/* SPDX-License-Identifier: Apache-2.0 */
/* What the reader's tests have in common: segments made by hand, in a directory of their
 * own, which MEMTOP_DIR names. */
#ifndef MEMTOP_TESTS_READER_DIR_H
#define MEMTOP_TESTS_READER_DIR_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fake_segment.h"
#include "tap.h"
#include "tui/reader/proc.h"
#include "tui/reader/reader.h"

#define SECOND_NS UINT64_C(1000000000)

static char dir[256];

static inline bool dir_begin(void)
{
    snprintf(dir, sizeof dir, "%s/memtop-test-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    return mkdtemp(dir) && setenv("MEMTOP_DIR", dir, 1) == 0;
}

/* The test's exit status. */
static inline int dir_done(void)
{
    tap_ok(rmdir(dir) == 0, "nothing is left behind");
    return tap_done();
}

/* A segment of a process that has ended. */
static inline void open_dead(struct fake_segment *f)
{
    if (!fake_open(f, dir, fake_dead_pid(), 1))
        abort();
    f->header->pid_namespace = proc_namespace(0, "pid");
}

static inline enum reader_status refresh_once(const struct fake_segment *f, struct snapshot *s)
{
    struct reader *r;
    enum reader_status status = reader_open_path(f->path, &r);
    if (status != READER_OK)
        return status;
    status = reader_refresh(r, s, READER_ALL);
    reader_close(r);
    return status;
}

#endif
