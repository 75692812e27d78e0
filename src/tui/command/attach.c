/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memtop attach PID, and the viewer for the other commands: says what is wrong
 * before the terminal changes its face, and brings the agent in where it is not.
 */
#include <stdio.h>
#include <unistd.h>

#include "tui/command/command.h"
#include "tui/command/inject.h"
#include "tui/command/writing.h"
#include "tui/reader/reader.h"
#include "tui/view/app.h"

_Static_assert(APP_MESSAGE == INJECT_MESSAGE, "the viewer shows what inject says");

/* Did the recording end while the process went on? Its segment may have been kept. */
static bool is_detached(struct reader *r)
{
    struct snapshot s;
    snapshot_init(&s);
    bool detached = reader_refresh(r, &s, 0) == READER_OK && s.target.state == TARGET_DETACHED;
    snapshot_fini(&s);
    return detached;
}

/* Can it be opened, once the agent is there? STATUS_DONE, or STATUS_FAILED after
 * a message. */
static int check_target(int pid, bool *bare)
{
    struct reader *r;
    enum reader_status status = reader_open_pid(pid, &r);
    *bare = status == READER_NO_SEGMENT;
    switch (status) {
    case READER_OK:
        *bare = is_detached(r);
        reader_close(r);
        return STATUS_DONE;
    case READER_NOT_READY: /* the viewer waits for it */
    case READER_NO_SEGMENT:
        return STATUS_DONE;
    case READER_PERMISSION:
        return command_fail("process %d may not be looked at: it belongs to somebody else; "
                            "try as that user or as root", pid);
    case READER_NO_PROCESS:
        return command_fail("there is no process %d: memtop list shows what there is", pid);
    default:
        return command_fail("process %d: %s", pid, reader_message(status));
    }
}

static bool attach(void *data, int pid, char message[APP_MESSAGE])
{
    return inject_start(pid, data, message);
}

static bool detach(void *data, int pid, char message[APP_MESSAGE])
{
    (void)data;
    return inject_stop(pid, message);
}

int command_view(int pid, const struct options *o)
{
    char message[INJECT_MESSAGE] = "";
    bool bare = false;
    struct app_config start = { .view = o->view, .sort = o->sort, .filter = o->filter };
    if (!app_obstacle() && app_check(&start) != 0)
        return STATUS_FAILED;
    if (pid && check_target(pid, &bare) != STATUS_DONE)
        return STATUS_FAILED;
    const char *obstacle = app_obstacle();
    if (obstacle && bare)
        return command_fail("process %d runs without the agent, and the viewer cannot run: %s: "
                            "memtop inject %d starts to record it, memtop report %d then prints "
                            "what there is", pid, obstacle, pid, pid);
    if (obstacle)
        return command_fail("the viewer cannot run: %s: memtop report %d prints what it would "
                            "show", obstacle, pid);
    if (bare && !inject_start(pid, o, message))
        return command_fail("%s", message);
    struct app_config config = {
        .pid = pid, .pty_fd = -1, .output_fd = -1, .ascii = o->ascii,
        .notice = bare ? message : NULL,
        .attach = attach, .detach = detach, .data = (void *)(uintptr_t)o,
        .write = writing_write, .view = o->view, .sort = o->sort, .filter = o->filter,
        .sources = o->sources,
    };
    struct app_result result;
    int failed = app_run(&config, &result);
    if (bare)
        command_fail("%s", message);
    if (result.message[0])
        command_fail("%s", result.message);
    return failed ? STATUS_FAILED : STATUS_DONE;
}

static int attach_main(const struct options *o)
{
    int pid = options_pid(o->args[0]);
    if (pid)
        return command_view(pid, o);
    fprintf(stderr, "memtop attach: %s: not a process id: see memtop list\n", o->args[0]);
    return STATUS_USAGE;
}

const struct command command_attach = {
    .name = "attach",
    .args = "PID",
    .summary = "Look at a process that runs",
    .details = "The agent is loaded into it where it is not there yet, see memtop inject; the\n"
               "other options are for that. Several viewers may look at once.\n",
    .options = OPTION_ASCII | OPTION_START | OPTION_KEEP | OPTION_FOLLOW | OPTION_MEMORY |
               OPTION_TIER | OPTION_SAMPLE | OPTION_COMPACT,
    .min_args = 1,
    .max_args = 1,
    .main = attach_main,
};
