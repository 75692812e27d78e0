/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two ways in which a program's calls reach the hooks: this library was there
 * when the program started (front_preload.c), or it was loaded later and redirects
 * slots (front_inject.c). All behind the hooks is the same.
 */
#ifndef MEMTOP_AGENT_FRONT_H
#define MEMTOP_AGENT_FRONT_H

#include <stdbool.h>

/* Was this library loaded into a running program, so that no call leads to its
 * malloc? Known once its constructors have run. */
extern bool front_is_late __attribute__((visibility("hidden")));

#endif
