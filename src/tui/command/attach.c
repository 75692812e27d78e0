/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memtop attach PID, and the viewer for the other commands: says what is wrong
 * before the terminal changes its face.
 */
#include <stdio.h>
#include <unistd.h>

#include "tui/command/command.h"
#include "tui/reader/reader.h"
#include "tui/view/app.h"

/* Can it be opened? STATUS_DONE, or STATUS_FAILED after a message. */
static int check_target(int pid)
{
    struct reader *r;
    enum reader_status status = reader_open_pid(pid, &r);
    switch (status) {
    case READER_OK:
        reader_close(r);
        return STATUS_DONE;
    case READER_NOT_READY: /* the viewer waits for it */
        return STATUS_DONE;
    case READER_NO_SEGMENT:
        return command_fail("process %d runs without the agent: start it with memtop run, or "
                            "with LD_PRELOAD=libmemtop.so in its environment", pid);
    case READER_PERMISSION:
        return command_fail("process %d may not be looked at: it belongs to somebody else; "
                            "try as that user or as root", pid);
    case READER_NO_PROCESS:
        return command_fail("there is no process %d: memtop list shows what there is", pid);
    default:
        return command_fail("process %d: %s", pid, reader_message(status));
    }
}

int command_view(int pid, bool ascii)
{
    if (pid && check_target(pid) != STATUS_DONE)
        return STATUS_FAILED;
    const char *obstacle = app_obstacle();
    if (obstacle)
        return command_fail("the viewer cannot run: %s: memtop report %d prints what it would "
                            "show", obstacle, pid);
    struct app_config config = { .pid = pid, .pty_fd = -1, .output_fd = -1, .ascii = ascii };
    struct app_result result;
    return app_run(&config, &result) == 0 ? STATUS_DONE : STATUS_FAILED;
}

static int attach_main(const struct options *o)
{
    int pid = options_pid(o->args[0]);
    if (pid)
        return command_view(pid, o->ascii);
    fprintf(stderr, "memtop attach: %s: not a process id: see memtop list\n", o->args[0]);
    return STATUS_USAGE;
}

const struct command command_attach = {
    .name = "attach",
    .args = "PID",
    .summary = "Look at a process that has the agent",
    .details = "Several viewers may look at once; the process takes no notice.\n",
    .options = OPTION_ASCII,
    .min_args = 1,
    .max_args = 1,
    .main = attach_main,
};
