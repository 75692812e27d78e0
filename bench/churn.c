/* SPDX-License-Identifier: Apache-2.0 */
/* Random replacement in a set of live blocks: churn BLOCKS COUNT */
#include "bench/workload.h"

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    uint64_t n = strtoull(argv[1], NULL, 10), count = strtoull(argv[2], NULL, 10);
    uint64_t state = 88172645463325252u;
    void **blocks = malloc(n * sizeof *blocks);
    for (uint64_t i = 0; i < n; i++)
        blocks[i] = malloc(16 + workload_random(&state) % 240);
    double start = workload_cpu();
    for (uint64_t i = 0; i < count; i++) {
        uint64_t r = workload_random(&state);
        void **slot = &blocks[r % n];
        free(*slot);
        *slot = malloc(16 + (r >> 40) % 240);
    }
    workload_report("churn", workload_cpu() - start, count);
    return 0;
}
