/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent must know about its own process, from /proc, with plain
 * system calls: no stdio, no allocation. Called at set-up only.
 */
#ifndef MEMTOP_AGENT_PROCINFO_H
#define MEMTOP_AGENT_PROCINFO_H

#include <stddef.h>
#include <stdint.h>

/* Field 22 of /proc/self/stat: clock ticks from boot to this process's start.
 * 0 where /proc is not there. */
uint64_t procinfo_start_time(void);

/* Inode of the pid namespace, 0 unknown. */
uint64_t procinfo_pid_namespace(void);

/* argv, each terminated by NUL, into `to`; returns how many bytes. */
uint32_t procinfo_command(char *to, size_t size);

/* Path of the program, always terminated; "" unknown. */
void procinfo_executable(char *to, size_t size);

#endif
