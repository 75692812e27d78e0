/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules: which file a program counter belongs to, written down so that a
 * dead process can still be read, and kept apart when dlclose and dlopen put
 * another library at the same address.
 *
 * Runs inside malloc, only when a new trie node is made or a module may have
 * gone. Lock-free: glibc's _dl_find_object answers (2.35 and later); without
 * it all modules that are loaded at set-up are registered then.
 */
#ifndef MEMTOP_AGENT_MODULES_H
#define MEMTOP_AGENT_MODULES_H

#include <stdbool.h>
#include <stdint.h>

/* Module 0 of a new segment. */
bool modules_attach(void);

/* The module that holds pc, registered if it is met for the first time; 0
 * when there is none (JIT code). The one that is `likely` is asked first; 0: none is. */
uint16_t modules_find(uintptr_t pc, uint16_t likely);

/* A module at [start, end) may be about to go. Its finalisers run before it
 * is unmapped, and at exit without any unmapping, so this only makes
 * modules_check look. */
void modules_suspect(uintptr_t start, uintptr_t end);

/* modules_check is to be called on each event from now on. For verification; the
 * rest is modules.c's own. */
void modules_watch(void);

/* Not 0 while modules_check has something to look at, and for ever where stacks
 * are verified. */
extern uint32_t modules_suspects __attribute__((visibility("hidden")));

/* For each suspect that is gone: mark it unloaded, retire its nodes, drop its
 * unwind rows. Any thread. */
void modules_check(void);

#endif
