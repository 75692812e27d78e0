/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What /proc says about processes. Called by the reader, and by the viewer for
 * memory and processor time. Nothing is kept between calls and nothing is
 * printed; every answer may be out of date when it arrives. Any thread.
 *
 * Process ids are those of our own pid namespace unless a name says "inner".
 */
#ifndef MEMTOP_TUI_READER_PROC_H
#define MEMTOP_TUI_READER_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct proc_stat {
    char comm[64];
    char state;          /* R, S, Z, ... */
    int ppid;
    long threads;
    uint64_t start_time; /* clock ticks since boot */
    uint64_t own_start_time; /* the same in the process's own time namespace */
    uint64_t cpu_ns;     /* user and system time together */
};

struct proc_memory {
    uint64_t size_bytes;   /* address space */
    uint64_t rss_bytes;    /* resident */
    uint64_t shared_bytes; /* of these in files and shared memory */
    uint64_t data_bytes;   /* data and stack address space */
    uint64_t cpu_ns;       /* user and system time so far */
};

/* Read up to size - 1 bytes of a file and terminate them. Returns the number
 * of bytes, -1 with errno. */
long proc_read_file(const char *path, char *to, size_t size);

/* The fields of /proc/PID/stat. False when there is no such process. */
bool proc_stat_read(int pid, struct proc_stat *out);

/* Does the process that started at start_time, as it says itself, still run under this pid?
 * A zombie does not, unless other threads of it run on. */
bool proc_alive(int pid, uint64_t start_time);

/* Quick figures from statm and stat. False when the process is gone. */
bool proc_memory(int pid, struct proc_memory *out);

/* The inode of a namespace ("pid", "mnt"); pid 0 is ourselves. 0 unknown. */
uint64_t proc_namespace(int pid, const char *kind);

/* Its pid in its own namespace, from NSpid; its pid in ours where the kernel
 * does not say. 0 when it is gone. */
int proc_inner_pid(int pid);

/* The same for one of its threads. */
int proc_inner_tid(int pid, int tid);

/* Could files of this owner be written by the process or by its superiors:
 * one of its user ids, root, or root of its user namespace? */
bool proc_owned_by(int pid, unsigned uid);

/* Is a file of this inode, whose path contains `name`, mapped? 1 yes, 0 no,
 * -1 unknown because we may not look. */
int proc_maps_file(int pid, uint64_t inode, const char *name);

/* The value of a variable in the environment it was started with. False when
 * it is not there, does not fit, or may not be read. */
bool proc_environment(int pid, const char *name, char *to, size_t size);

#endif
