/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options that several commands share as a group, by name. Called by options.c.
 * All return false for what is not a value of the option.
 */
#ifndef MEMTOP_TUI_COMMAND_OPTIONS_GROUPS_H
#define MEMTOP_TUI_COMMAND_OPTIONS_GROUPS_H

#include "tui/command/options.h"

/* OPTION_FORMS: what a report shows. */
bool options_take_form(struct forms_options *f, const char *name, const char *value);

#endif
