/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The headless measurement of a CMD, for stat and for run without a terminal.
 */
#ifndef MEMTOP_TUI_COMMAND_STAT_H
#define MEMTOP_TUI_COMMAND_STAT_H

#include "tui/command/options.h"

/* Run CMD, wait, report to `report_path` or stderr. cmd_output is a file for
 * CMD's stdout and stderr, -1 leaves them alone. Returns the exit status. */
int stat_measure(const struct options *o, const char *report_path, int cmd_output);

/* Refuse a CMD that is sure to break under the agent: STATUS_FAILED after a
 * message, else STATUS_DONE. */
int stat_refuse(const char *program);

/* Remove what the run of `root` left behind: its own segment and those of its
 * descendants that have ended. */
void stat_remove_leftovers(int root);

#endif
