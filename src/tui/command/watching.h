/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live stream of memtop report --watch: a report as one line of JSON every so
 * often, for scripts.
 */
#ifndef MEMTOP_TUI_COMMAND_WATCHING_H
#define MEMTOP_TUI_COMMAND_WATCHING_H

#include "tui/command/options.h"
#include "tui/command/source.h"
#include "tui/model/pretty.h"
#include "tui/report/forms.h"

/* Write a line each o->watch_ns, whole and at once, beginning with what the source
 * holds, until the process has ended, of which the last line tells, or SIGINT, SIGTERM
 * or SIGHUP comes, which finishes the line that is being written. Returns the exit
 * status, after a message where something failed. */
int watching_run(const struct options *o, struct source *so, struct pretty *pretty,
                 struct forms *forms);

#endif
