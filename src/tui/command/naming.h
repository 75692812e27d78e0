/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the options --rename, --rename-file and --demangler to names: for the commands
 * report, diff and export.
 */
#ifndef MEMTOP_TUI_COMMAND_NAMING_H
#define MEMTOP_TUI_COMMAND_NAMING_H

#include "tui/command/options.h"
#include "tui/model/pretty.h"

/* Read the rules. pretty_fini is due in any case. STATUS_DONE, or another exit status
 * after a message. */
int naming_begin(const struct options *o, const char *command, struct pretty *p);

/* The names to use of a snapshot's: sy itself, or those made of it in *n, which is to
 * live as long and is to be finished in any case. Says where the demangler failed.
 * NULL after a message, or where sy is. */
struct symbols *naming_of(struct pretty *p, struct pretty_names *n, const struct snapshot *s,
                          struct symbols *sy);

#endif
