/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a thread is, by its stack: this process looks at itself. Registers and
 * memory are another process's and may hold anything.
 */
#include <link.h>
#include <search.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unistd.h>

#include "tap.h"
#include "tui/inject/walk.h"

#if defined(__x86_64__)
static struct program program;
static struct walk *walk;

__attribute__((noinline)) static enum walk_result here(void)
{
    ucontext_t c;
    getcontext(&c);
    const greg_t *g = c.uc_mcontext.gregs;
    struct user_regs_struct regs = {
        .rip = (uint64_t)g[REG_RIP], .rsp = (uint64_t)g[REG_RSP], .rbp = (uint64_t)g[REG_RBP],
        .rbx = (uint64_t)g[REG_RBX], .r12 = (uint64_t)g[REG_R12], .r13 = (uint64_t)g[REG_R13],
        .r14 = (uint64_t)g[REG_R14], .r15 = (uint64_t)g[REG_R15],
    };
    return walk_thread(walk, &regs);
}

static int in_loader(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)info, (void)size;
    *(enum walk_result *)data = here();
    return 1;
}

static int compare(const void *a, const void *b)
{
    *(enum walk_result *)(uintptr_t)a = here();
    (void)b;
    return 0;
}

/* 0 to 2^64 - 1, often near either end or inside something. */
static uint64_t any(unsigned *seed)
{
    uint64_t n = (uint64_t)rand_r(seed) << 33 ^ (uint64_t)rand_r(seed) << 12 ^
                 (uint64_t)rand_r(seed);
    switch (rand_r(seed) % 5) {
    case 0: return n % 64;
    case 1: return 0 - n % 64;
    case 2: return program.maps.list[n % program.maps.n].start + n % 4096;
    case 3: return (uint64_t)(uintptr_t)&n + n % 8192;
    default: return n;
    }
}

static void test_places(void)
{
    enum walk_result results[2] = { WALK_UNKNOWN, WALK_UNKNOWN };
    tap_ok(here() == WALK_FREE, "in the program");
    dl_iterate_phdr(in_loader, &results[0]);
    tap_ok(results[0] == WALK_LOADING, "called by the loader");
    size_t n = 1; /* not qsort: sanitizers have their own */
    lfind(results, results, &n, sizeof *results, compare);
    tap_ok(results[0] == WALK_FREE, "called by libc");
    tap_ok(program_kind(&program, (uint64_t)(uintptr_t)&test_places) == CODE_OTHER, "our code");
    tap_ok(program_kind(&program, program.places.dlopen) == CODE_LOADER, "dlopen is the loader's");
    tap_ok(program_kind(&program, 16) == CODE_NONE, "nothing is there");
}

static void test_anything(void)
{
    unsigned seed = 1, free_ones = 0;
    for (int i = 0; i < 20000; i++) {
        struct user_regs_struct regs = {
            .rip = any(&seed), .rsp = any(&seed), .rbp = any(&seed), .rbx = any(&seed),
            .r12 = any(&seed), .r13 = any(&seed), .r14 = any(&seed), .r15 = any(&seed),
        };
        free_ones += walk_thread(walk, &regs) == WALK_FREE;
    }
    printf("# %u of 20000 look like a stack\n", free_ones);
    tap_ok(here() == WALK_FREE, "whatever the registers were, nothing broke");
}

int main(void)
{
    char why[200] = "";
    bool opened = program_open(&program, getpid(), why, sizeof why);
    tap_ok(opened, "a process can be looked at: %s", why);
    walk = opened ? walk_new(&program) : NULL;
    tap_ok(walk != NULL, "its unwind tables can be read");
    if (walk) {
        test_places();
        test_anything();
    }
    walk_free(walk);
    program_close(&program);
    return tap_done();
}
#else
int main(void)
{
    tap_skip("the injector knows x86-64 only");
    return tap_done();
}
#endif
