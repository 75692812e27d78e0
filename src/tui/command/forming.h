/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From options to what a report shows (report/forms.h), with complaints where
 * options do not go together. For the commands report and diff.
 */
#ifndef MEMTOP_TUI_COMMAND_FORMING_H
#define MEMTOP_TUI_COMMAND_FORMING_H

#include <stdio.h>

#include "tui/command/options.h"
#include "tui/report/forms.h"

#define FORMING_TREE_ROWS 50 /* in text without --top */

/* Fill the wishes of *f from the options of a command. *mark is the name in --at that
 * is no time, or NULL. False after a message: wrong usage. */
bool forming_read(const struct options *o, const char *command, struct forms *f,
                  const char **mark);

/* Prints which columns and patterns there are, for --help. */
void forming_print_help(void);

/* Columns for text on a stream: the terminal's, or 0 where it is none. */
unsigned forming_columns(FILE *out);

#endif
