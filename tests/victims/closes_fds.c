/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Closes all descriptors, as daemons do, opens its own in their place and goes
 * on allocating: nobody else may write into them.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "victim.h"

enum { BLOCKS = 100000 };

int main(void)
{
    static void *blocks[BLOCKS];
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
    char name[] = "/tmp/victim-XXXXXX";
    int mine = mkstemp(name);
    unlink(name);
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = keep(malloc((size_t)i % 3000));
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    printf("descriptor %d holds %d bytes\n", mine, (int)lseek(mine, 0, SEEK_END));
    int next = open("/dev/null", O_RDONLY);
    printf("the next one is %d\n", next);
    return mine != 3 || next != 4;
}
