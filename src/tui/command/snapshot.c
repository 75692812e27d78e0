/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memtop snapshot: all that is known of a process, with names, in a file.
 */
#include <limits.h>
#include <stdio.h>

#include "tui/command/command.h"
#include "tui/command/output.h"
#include "tui/command/reporting.h"
#include "tui/command/taking.h"
#include "tui/view/format.h"

static int say(const char *path, const struct snapshot *s, const struct moment *m,
               uint64_t bytes)
{
    char sites[32], live[32], size[32], meanwhile[32];
    struct output out;
    output_open(&out, NULL, stdout);
    fprintf(out.stream, "%s: %s call sites, %s live, in %s; copied in %.1f ms", path,
            format_grouped(sites, sizeof sites, s->n_sites ? (int64_t)s->n_sites - 1 : 0),
            format_bytes(live, sizeof live, s->totals.live_bytes),
            format_bytes(size, sizeof size, (int64_t)bytes), (double)m->copy_ns / 1e6);
    if (m->meanwhile)
        fprintf(out.stream, ", and meanwhile %s allocations",
                format_grouped(meanwhile, sizeof meanwhile, (int64_t)m->meanwhile));
    fputc('\n', out.stream);
    return output_close(&out) == 0 ? STATUS_DONE : STATUS_FAILED;
}

/* Names take seconds and blocks have to be of the same moment as the rest: with
 * blocks everything is named before, and read again. */
static enum reader_status take(struct reader *r, struct snapshot *s, struct moment *m,
                               struct symbols *sy, bool blocks)
{
    if (!blocks)
        return READER_OK;
    taking_name(sy, s, true);
    return taking_take(r, s, m);
}

static int write_file(const struct options *o, struct reader *r, struct snapshot *s,
                      struct moment *m)
{
    char path[PATH_MAX], why[ARCHIVE_ERROR];
    taking_file_name(path, sizeof path, s->target.pid, "snapshot");
    if (o->output)
        snprintf(path, sizeof path, "%s", o->output);
    struct archive_writer *w = archive_create(path, FILE_SNAPSHOT, why);
    if (!w)
        return command_fail("%s", why);
    struct symbols *sy = symbols_new(s->target.state == TARGET_RUNNING ? s->target.pid : 0);
    enum reader_status status = take(r, s, m, sy, o->blocks);
    struct taking_blocks source = { .reader = r, .n_sites = s->n_sites };
    struct archive_block_source blocks = { .each = taking_each_block, .source = &source };
    if (status == READER_OK)
        taking_name(sy, s, true);
    bool good = status == READER_OK && archive_add(w, s, m, sy, o->blocks ? &blocks : NULL);
    symbols_free(sy);
    if (!good) {
        int failed = command_fail("%s", status == READER_OK ? archive_writer_error(w)
                                                            : reader_message(status));
        archive_abandon(w);
        return failed;
    }
    uint64_t bytes = archive_written(w);
    if (!archive_finish(w, why))
        return command_fail("%s", why);
    return say(path, s, m, bytes);
}

static int snapshot_main(const struct options *o)
{
    struct reader *r = reporting_open(o->args[0]);
    if (!r)
        return STATUS_FAILED;
    struct moment m = { .exit_code = -1, .rss = -1, .rss_peak = -1 };
    struct snapshot s;
    snapshot_init(&s);
    enum reader_status status = taking_take(r, &s, &m);
    int result = status == READER_OK ? write_file(o, r, &s, &m)
                                     : command_fail("%s: %s", o->args[0], reader_message(status));
    snapshot_fini(&s);
    reader_close(r);
    return result;
}

const struct command command_snapshot = {
    .name = "snapshot",
    .args = "PID|FILE",
    .summary = "Save what is known of a process in a file that can be read anywhere",
    .details = "The process is not stopped. memtop view, report and export read the file,\n"
               "which is memtop-PID-TIME.snapshot unless --output says otherwise. FILE is the\n"
               "path of a segment.\n",
    .options = OPTION_EXPORT | OPTION_BLOCKS,
    .min_args = 1,
    .max_args = 1,
    .main = snapshot_main,
};
