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

/* OPTION_BUDGETS: what CMD may allocate. */
bool options_take_budget(struct budget_options *b, const char *name, const char *value);

/* OPTION_NAMING: how functions are called. */
bool options_take_naming(struct naming_options *w, const char *name, const char *value);

/* "64M" to bytes; 0 when malformed or too large. */
uint64_t options_size(const char *text);

/* A whole number of up to 15 digits. */
bool options_count(const char *text, uint64_t *n);

/* --view, --sort, --filter, --source of the viewer. */
bool options_take_start(struct options *o, const char *name, const char *value);

#endif
