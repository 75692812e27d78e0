/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memtop view FILE: the viewer on a snapshot or a recording.
 */
#include <stdio.h>

#include "tui/command/command.h"
#include "tui/command/source.h"
#include "tui/command/writing.h"
#include "tui/view/app.h"

static int show(const struct options *o, struct archive *a)
{
    struct app_config config = { .pty_fd = -1, .output_fd = -1, .ascii = o->ascii, .archive = a,
                                 .write = writing_write, .view = o->view, .sort = o->sort,
                                 .filter = o->filter, .sources = o->sources };
    struct app_result result;
    if (!source_choose(a, o->args[0], o->at, &config.index))
        return STATUS_FAILED;
    const char *obstacle = app_obstacle();
    if (obstacle)
        return command_fail("the viewer cannot run: %s: memtop report %s prints what it would "
                            "show", obstacle, o->args[0]);
    bool failed = app_check(&config) != 0 || app_run(&config, &result) != 0;
    return failed ? STATUS_FAILED : STATUS_DONE;
}

static int view_main(const struct options *o)
{
    bool foreign;
    struct archive *a = source_archive(o->args[0], &foreign);
    if (foreign)
        return command_fail("%s: no snapshot or recording of memtop: memtop attach PID looks at a "
                            "process", o->args[0]);
    int status = a ? show(o, a) : STATUS_FAILED;
    archive_close(a);
    return status;
}

const struct command command_view_file = {
    .name = "view",
    .args = "FILE",
    .summary = "Look at a snapshot or a recording",
    .details = "Of a recording { and } show the snapshot before and the next one.\n",
    .options = OPTION_AT | OPTION_ASCII | OPTION_START,
    .min_args = 1,
    .max_args = 1,
    .main = view_main,
};
