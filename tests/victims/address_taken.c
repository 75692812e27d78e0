/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes malloc's address. Built as a program that is not position independent
 * (-fno-pic -no-pie), where that address is one inside the program.
 */
#include <stdlib.h>

#include "victim.h"

static void *(*volatile function)(size_t) = malloc;

int main(void)
{
    for (int i = 0; i < 100; i++)
        free(keep(function(100)));
    return 0;
}
