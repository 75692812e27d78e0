/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signal_in_hook STRIDE: a signal handler allocates in the middle of a hook, at each
 * STRIDEth instruction of the agent, by single-stepping; its stack is part of the
 * thread's own. In the middle of the C library's malloc that is not allowed, so
 * there it does not.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "stepping.h"
#include "victim.h"

static unsigned long stride, steps;
static void *kept[64];

static int is_agent(uintptr_t pc)
{
    static uintptr_t page, is; /* dladdr for each instruction takes its time */
    Dl_info info;
    if (pc >> 12 != page) {
        page = pc >> 12;
        is = dladdr((void *)pc, &info) && strstr(info.dli_fname, "libmemtop") != NULL;
    }
    return is != 0;
}

static void trapped(int signal, siginfo_t *info, void *context)
{
    const ucontext_t *at = context;
    (void)signal;
    (void)info;
    if (!is_agent((uintptr_t)at->uc_mcontext.gregs[REG_RIP]) || ++steps % stride != 0)
        return;
    void **mine = &kept[steps / stride % 64];
    free(*mine);
    *mine = keep(malloc(steps % 3000 + 1));
    *mine = keep(realloc(*mine, steps % 2000 + 1));
}

static __attribute__((noinline)) void stepped(unsigned depth)
{
    if (depth > 0) {
        stepped(depth - 1);
        keep(kept);
        return;
    }
    void *p = keep(malloc(100));
    p = keep(realloc(p, 3000));
    free(p);
    free(keep(calloc(10, 10)));
}

int main(int argc, char **argv)
{
    char inside[1 << 16]; /* above the frames that will be interrupted */
    stack_t stack = { .ss_sp = keep(inside), .ss_size = sizeof inside };
    struct sigaction action = { .sa_sigaction = trapped, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    stride = argc > 1 ? strtoul(argv[1], NULL, 10) : 13;
    sigaltstack(&stack, NULL);
    sigaction(SIGTRAP, &action, NULL);
    free(keep(malloc(10)));
    for (unsigned i = 0; i < 2; i++) {
        stepping_set(STEPPING_FLAG);
        stepped(i);
        stepping_set(0);
    }
    for (unsigned i = 0; i < 64; i++)
        free(kept[i]);
    puts("done");
    return 0;
}
