/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A steady rate of allocations from many stacks: steady PER_SECOND SECONDS. What a busy
 * machine has kept it from is made up for; how far it came it says at its end.
 */
#include "bench/workload.h"

#define LIVE 50000

static void *blocks[LIVE];
static uint64_t state = 88172645463325252u;

static void replace(void *unused)
{
    (void)unused;
    void **slot = &blocks[workload_random(&state) % LIVE];
    free(*slot);
    *slot = malloc(16 + workload_random(&state) % 1000);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    double per_second = atof(argv[1]), end = atof(argv[2]) * 1e9;
    double start = workload_now(), done = 0, now;
    for (now = 0; now < end; now = workload_now() - start) {
        for (; done < now / 1e9 * per_second; done++)
            workload_descend(6, workload_random(&state), replace, NULL);
        nanosleep(&(struct timespec){ .tv_nsec = 500000 }, NULL);
    }
    workload_report("steady", now, (uint64_t)done);
    return 0;
}
