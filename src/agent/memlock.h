/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mlockall for a program that carries the agent. The kernel would fill the whole
 * segment, which is far larger than the machine's memory, and would count its address
 * space against RLIMIT_MEMLOCK. So the mappings are locked one by one, all but the
 * agent's own.
 *
 * Where the list of mappings cannot be read (no /proc, no descriptor, a sandbox), they
 * are locked all at once, each page as soon as it is touched: MCL_ONFAULT.
 */
#ifndef MEMTOP_AGENT_MEMLOCK_H
#define MEMTOP_AGENT_MEMLOCK_H

/* Result and errno are the kernel's. Any thread; no allocation, no cancellation. */
int memlock_all(int flags);

#endif
