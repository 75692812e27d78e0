/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memtop mark: sets a mark in a process that runs, as a program does itself
 * with memtop_mark, and waits a moment to see whether it is there.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include "tui/command/command.h"
#include "tui/command/output.h"
#include "tui/reader/reader.h"

#define WAIT_MS 5 /* so long, so many times */
#define WAITS   40

/* Wait until no request is under way. The process may be idle, and then nobody
 * looks. */
static enum reader_status await(struct reader *r, struct snapshot *s)
{
    enum reader_status status = READER_OK;
    for (int i = 0; i < WAITS && status == READER_OK; i++) {
        status = reader_refresh(r, s, 0);
        if (status != READER_OK || !s->mark_pending || s->target.state != TARGET_RUNNING)
            break;
        poll(NULL, 0, WAIT_MS);
    }
    return status;
}

static int set(const struct options *o, struct reader *r, struct snapshot *s)
{
    const char *name = o->n_args > 1 ? o->args[1] : "";
    enum reader_status status = await(r, s); /* do not replace another's */
    if (status == READER_OK)
        status = reader_mark(r, name);
    if (status == READER_OK)
        status = await(r, s);
    if (status != READER_OK)
        return command_fail("process %s: %s", o->args[0], reader_message(status));
    if (s->mark_pending)
        puts("mark: shows when the process next allocates, with the time of now");
    else if (s->n_marks)
        printf("mark %" PRIu64 " is set\n", s->marks[s->n_marks - 1].number);
    return STATUS_DONE;
}

static int mark_main(const struct options *o)
{
    int pid = options_pid(o->args[0]);
    if (!pid) {
        fprintf(stderr, "memtop mark: %s: not a process id: see memtop list\n", o->args[0]);
        return STATUS_USAGE;
    }
    struct reader *r;
    enum reader_status status = reader_open_pid(pid, &r);
    if (status != READER_OK)
        return command_fail("process %s: %s", o->args[0], reader_message(status));
    struct output out;
    struct snapshot s;
    output_open(&out, NULL, stdout);
    snapshot_init(&s);
    int result = set(o, r, &s);
    snapshot_fini(&s);
    reader_close(r);
    return output_close(&out) == 0 ? result : STATUS_FAILED;
}

const struct command command_mark = {
    .name = "mark",
    .args = "PID [NAME]",
    .summary = "Set a mark in a process, which its viewers then show",
    .details = "Viewers compare what comes after a mark with what was before. A program sets\n"
               "marks itself with memtop_mark(\"name\") of <memtop.h>.\n",
    .min_args = 1,
    .max_args = 2,
    .main = mark_main,
};
