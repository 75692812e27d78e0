/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin whose constructor, which the loader calls with its lock held, waits
 * for a line on the input.
 */
#include <unistd.h>

__attribute__((constructor)) static void load(void)
{
    char c;
    while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
        ;
}
