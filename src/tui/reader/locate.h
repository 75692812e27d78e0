/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to the reader: from a process or a path to an open segment file.
 * Directories may belong to hostile containers and files to anybody, so files
 * are opened below a directory's descriptor, never through links.
 */
#ifndef MEMTOP_TUI_READER_LOCATE_H
#define MEMTOP_TUI_READER_LOCATE_H

#include <dirent.h>
#include <sys/stat.h>

#include "tui/reader/reader.h"

#define LOCATE_NAME_BYTES 64
#define LOCATE_PATH_BYTES 512
#define LOCATE_DIRS_MAX   3

/* An open segment file, with the directory that it was found in. */
struct located {
    int fd;  /* -1 none */
    int dir; /* -1 none */
    int pid; /* of the living target in our namespace; 0 dead */
    char name[LOCATE_NAME_BYTES];
    char path[LOCATE_PATH_BYTES];
};

/* Both are the caller's to locate_close. */
enum reader_status locate_pid(int pid, struct located *out);
enum reader_status locate_path(const char *path, struct located *out);
void locate_close(struct located *l);

/* The pid of a living target in our namespace, 0 when it is dead. */
int locate_target(const struct seg_header *h);

/* The pieces, for discovery. */

/* memtop-PID-START: true and the numbers, if it is such a name. */
bool locate_parse_name(const char *name, int *pid, uint64_t *start_time);

/* Directories in which segments may lie: $MEMTOP_DIR, /dev/shm, /tmp. Returns
 * how many; the strings live as long as the environment. */
size_t locate_dirs(const char *dirs[LOCATE_DIRS_MAX]);

/* Open a directory as a process sees it (pid 0: as we do) for O_PATH or
 * O_RDONLY. -1 with errno. */
int locate_open_dir(int pid, const char *dir, int flags);

/* Open a regular file and stat it. -1 with errno; ELOOP for what is no file. */
int locate_open_file(int dir, const char *name, struct stat *st);

/* READER_PERMISSION for EACCES and EPERM, else READER_SYSTEM. */
enum reader_status locate_status_of_errno(void);

/* Read the header's page, zeros for what is missing. */
void locate_read_header(int fd, struct seg_header *out);

#endif
