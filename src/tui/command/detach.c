/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memtop detach PID: ends the recording of a process.
 */
#include <stdio.h>

#include "tui/command/command.h"
#include "tui/command/inject.h"

static int detach_main(const struct options *o)
{
    char message[INJECT_MESSAGE];
    int pid = options_pid(o->args[0]);
    if (!pid) {
        fprintf(stderr, "memtop detach: %s: not a process id: see memtop list\n", o->args[0]);
        return STATUS_USAGE;
    }
    bool done = inject_stop(pid, message);
    command_fail("%s", message);
    return done ? STATUS_DONE : STATUS_FAILED;
}

const struct command command_detach = {
    .name = "detach",
    .args = "PID",
    .summary = "End the recording of a process, which goes on without it",
    .details = "The agent stays in its memory and does nothing there, until memtop attach or\n"
               "inject starts it again.\n",
    .min_args = 1,
    .max_args = 1,
    .main = detach_main,
};
