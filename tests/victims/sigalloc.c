/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocations in signal handlers: on the thread's stack, on an alternate one,
 * and out of handlers that leave with siglongjmp.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>

#include "victim.h"

static void *taken[3];
static int handled;
static sigjmp_buf back;

static void handler(int signal)
{
    handled++;
    free(taken[0]);
    taken[0] = keep(malloc(100));
    free(keep(calloc(10, 10)));
    if (signal == SIGUSR2)
        siglongjmp(back, 1);
}

int main(void)
{
    stack_t stack = { .ss_sp = keep(malloc(1 << 16)), .ss_size = 1 << 16 };
    struct sigaction plain = { .sa_handler = handler };
    struct sigaction alternate = { .sa_handler = handler, .sa_flags = SA_ONSTACK };
    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &plain, NULL);
    sigaction(SIGHUP, &alternate, NULL);
    sigaction(SIGUSR2, &alternate, NULL);
    for (volatile int i = 0; i < 1000; i++) {
        raise(SIGUSR1);
        raise(SIGHUP);
        if (sigsetjmp(back, 1) == 0)
            raise(SIGUSR2);
        taken[1] = keep(realloc(taken[1], (size_t)i + 1));
    }
    printf("handled %d signals\n", handled);
    return handled != 3000;
}
