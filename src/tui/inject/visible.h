/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Can a process open a file of ours under the path that we know it by?
 */
#ifndef MEMTOP_TUI_INJECT_VISIBLE_H
#define MEMTOP_TUI_INJECT_VISIBLE_H

#include <stdbool.h>

/* False in other mount namespaces or roots where it is not there, and where the
 * process's user may not read it, as far as permission bits tell. */
bool visible_to(int pid, const char *path);

#endif
