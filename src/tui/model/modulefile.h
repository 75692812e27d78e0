/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file to read for a module of the target: the one that it has mapped,
 * seen through /proc/PID while it lives (containers, deleted files), else the
 * path, and only if its build-id is the module's. Any thread.
 */
#ifndef MEMTOP_TUI_MODEL_MODULEFILE_H
#define MEMTOP_TUI_MODEL_MODULEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tui/model/snapshot.h"

/* Open the ELF file of `module`. pid: the living target in our namespace, or
 * 0. is_program: it is the target's executable. Returns a descriptor, the
 * caller's to close, or -1 where no file may be believed. A file that another
 * user could cut short under us is copied first. */
int modulefile_open(int pid, bool is_program, const struct module_row *module);

/* Open for reading a path as the process sees it (pid 0: as we do). Regular
 * files only; `strict` follows no symbolic link. -1 with errno. */
int modulefile_open_in(int pid, const char *path, bool strict);

/* Open the debug file that belongs to the ELF file `path` of the process and
 * is named in its .gnu_debuglink; matched by build-id (id_bytes > 0) or else
 * by crc. -1 there is none. */
int modulefile_open_debuglink(int pid, const char *path, const char *link,
                              uint32_t crc, const uint8_t *id, size_t id_bytes);

/* Open the debug file of a build-id. -1 there is none. */
int modulefile_open_debug(int pid, const uint8_t *id, size_t id_bytes);

#endif
