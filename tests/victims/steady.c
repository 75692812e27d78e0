/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Something for the viewer to look at that stays as it is: a thousand live
 * blocks of a thousand bytes, five thousand short-lived ones of 64, and then
 * silence. It obeys lines on its input: "q" ends it with status 3, "x" starts
 * it afresh by exec, "k" kills it, "m" makes a thousand blocks more; others come
 * back.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "victim.h"

#define ROWS 1000

static void say(const char *text)
{
    if (write(STDOUT_FILENO, text, strlen(text)) < 0)
        _exit(1);
}

__attribute__((noinline)) static void make_rows(void)
{
    static void *rows[8 * ROWS];
    static size_t n;
    for (int i = 0; i < ROWS && n < sizeof rows / sizeof *rows; i++)
        rows[n++] = keep(malloc(hidden(1000)));
}

__attribute__((noinline)) static void churn(void)
{
    for (int i = 0; i < 5 * ROWS; i++)
        free(keep(malloc(hidden(64))));
}

static void obey(const char *line, char **argv)
{
    if (strcmp(line, "q\n") == 0)
        _exit(3);
    if (strcmp(line, "x\n") == 0) {
        execv("/proc/self/exe", (char *[]){ argv[0], (char[]){ "again" }, NULL });
        _exit(1);
    }
    if (strcmp(line, "k\n") == 0)
        kill(getpid(), SIGKILL);
    if (strcmp(line, "m\n") == 0)
        make_rows();
    say("got ");
    say(line);
}

int main(int argc, char **argv)
{
    char line[256];
    ssize_t n;
    make_rows();
    churn();
    say(argc > 1 ? "steady again\n" : "steady\n");
    while ((n = read(STDIN_FILENO, line, sizeof line - 1)) > 0) {
        line[n] = '\0';
        obey(line, argv);
    }
    return 0;
}
