/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command in a terminal emulator, libvterm on a pty: one for each process. The command
 * goes on while somebody waits in terminal_pump, terminal_settle or terminal_take.
 */
#ifndef MEMTOP_TESTS_TERMINAL_H
#define MEMTOP_TESTS_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>
#include <vterm.h>

struct terminal {
    VTerm *vt;
    VTermScreen *screen;
    int rows, columns;
    int master;      /* of the pty; -1 after the command closed its end */
    int report;      /* pipe from the command's parent: pid, then status */
    pid_t leader;    /* the command's parent */
    pid_t command;
    bool ended;
    int status;      /* of waitpid, once it has ended */
};
extern struct terminal terminal; /* rows and columns are set before the start */

/* Seconds of CLOCK_MONOTONIC. */
double terminal_now(void);

/* Row `row` as UTF-8, trailing blanks cut; and a letter for each of its cells: R reverse,
 * U underlined, B bold, C coloured (the last that applies), else a dot. The caller frees. */
char *terminal_text(int row);
char *terminal_styles(int row);

/* Write all rows, made by row_of. */
void terminal_show(FILE *to, const char *prefix, char *(*row_of)(int));

/* Begin, with the value of TERM. False: errno says why. */
bool terminal_start(char **command, const char *type);

/* Hang up, give the command two seconds to go, and make sure that it has. */
void terminal_finish(void);

/* What the keyboard sends; as libvterm's callback, too. */
void terminal_type(const char *bytes, size_t n, void *unused);

/* Until the command has written something or ended, or a tenth of a second. */
void terminal_pump(void);

/* Until it is not in the middle of a picture: quiet, for a second at most. */
void terminal_settle(void);

/* Take what it has written. */
void terminal_take(void);

#endif
