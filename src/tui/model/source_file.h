/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of a source file around one of them: finds the file and reads it. Names come
 * out of debug information and may be anything, so that only regular files are opened,
 * a bounded part is read, and text is made fit for a terminal. Slow: the thread of
 * sources.h calls it. Any thread.
 */
#ifndef MEMTOP_TUI_MODEL_SOURCE_FILE_H
#define MEMTOP_TUI_MODEL_SOURCE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOURCE_AROUND 20 /* lines before and after, at most */
#define SOURCE_WIDTH  400 /* bytes of a line, and its NUL */
#define SOURCE_PATH   1024
#define SOURCE_READ_MOST (64u << 20) /* bytes that are looked through for a line */

/* A place in a program's source, as its debug information has it. */
struct source_place {
    const char *file;
    const char *directory; /* that a relative file is named from; NULL unknown */
    unsigned line;         /* from 1 */
    const char *module;    /* path of the program or library; NULL unknown */
};

/* Whose source, and where it may be. */
struct source_search {
    int pid;                     /* living process in our namespace, or 0 */
    uint64_t start_realtime_ns;  /* when it began, 0 unknown */
    const char *const *folders;  /* to look in besides, NULL terminated; or NULL */
};

struct source_lines {
    char path[SOURCE_PATH];  /* what was read, or what was looked for */
    char trouble[80];        /* why there are no lines; "" there are */
    bool newer;              /* it changed after the module was built or the process began */
    unsigned first;          /* number of lines[0] */
    size_t n;
    char lines[2 * SOURCE_AROUND + 1][SOURCE_WIDTH]; /* tabs are blanks, no control characters */
};

/* Fill *out. The file is looked for where the place says, as the process sees it and
 * then as we do; then in each folder, below it by as much of its path as is there. */
void source_read(const struct source_search *search, const struct source_place *place,
                 struct source_lines *out);

#endif
