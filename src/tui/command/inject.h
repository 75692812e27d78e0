/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing the agent into a process and switching it off, for the commands and
 * for the viewer: what to tell the agent, and what to tell people.
 */
#ifndef MEMTOP_TUI_COMMAND_INJECT_H
#define MEMTOP_TUI_COMMAND_INJECT_H

#include "tui/command/options.h"
#include "tui/inject/injector.h"

#define INJECT_MESSAGE 480 /* room for one */

/* Start the agent in a process, with what the options say. A sentence about what
 * came of it goes to `message`. False when it does not record now. */
bool inject_start(int pid, const struct options *o, char message[INJECT_MESSAGE]);

/* Switch it off. False when something of it goes on. */
bool inject_stop(int pid, char message[INJECT_MESSAGE]);

#endif
