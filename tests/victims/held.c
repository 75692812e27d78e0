/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds 640 blocks of 100,000 bytes when it says "ready". For each line that comes on
 * its input it frees 10 of them, allocates one of 1,000 bytes, and says "done"; it
 * ends well at the input's end. Prints without allocating.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCKS 640
#define STEP   10

static char *blocks[BLOCKS];
static void *volatile kept; /* the compiler must not do without */

static int say(const char *line)
{
    return write(STDOUT_FILENO, line, strlen(line)) == (ssize_t)strlen(line) ? 0 : 1;
}

int main(void)
{
    char c;
    int freed = 0;
    for (int i = 0; i < BLOCKS; i++)
        if ((blocks[i] = malloc(100000)) != NULL)
            memset(blocks[i], i, 100000);
    if (say("ready\n") != 0)
        return 1;
    while (read(STDIN_FILENO, &c, 1) == 1) {
        if (c != '\n')
            continue;
        for (int i = 0; i < STEP && freed < BLOCKS; i++)
            free(blocks[freed++]);
        kept = malloc(1000);
        if (!kept || say("done\n") != 0)
            return 1;
    }
    return 0;
}
