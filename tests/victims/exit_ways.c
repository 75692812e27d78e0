/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exit_ways WAY: ends in that way, with a status that can be told.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "victim.h"

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "return";
    free(keep(malloc(10)));
    keep(malloc(20));
    puts(way);
    fflush(stdout);
    if (strcmp(way, "exit") == 0)
        exit(11);
    if (strcmp(way, "_exit") == 0)
        _exit(12);
    if (strcmp(way, "_Exit") == 0)
        _Exit(13);
    if (strcmp(way, "quick_exit") == 0)
        quick_exit(14);
    if (strcmp(way, "abort") == 0)
        abort();
    if (strcmp(way, "kill") == 0)
        raise(SIGKILL);
    return 10;
}
