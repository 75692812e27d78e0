/* SPDX-License-Identifier: Apache-2.0 */
/*
 * malloc/free pairs at a depth: pairs DEPTH SHAPE COUNT [THREADS]
 *   same  all pairs from one stack
 *   leaf  the innermost 4 frames change each time, at random
 *   all   all frames change each time, at random among 256 stacks
 *   seq   as leaf, but the stacks come in order
 */
#include <pthread.h>
#include <string.h>

#include "bench/workload.h"

struct job {
    unsigned depth;
    char shape[8];
    uint64_t count;
    uint64_t state;
    double ns;
    double (*clock)(void);
};

static void *volatile sink;

static void one_pair(void *arg)
{
    (void)arg;
    void *p = malloc(40);
    __asm__ volatile("" : "+r"(p)::"memory");
    free(p);
}

static void many_pairs(void *arg)
{
    for (uint64_t n = *(uint64_t *)arg; n > 0; n--)
        one_pair(NULL);
}

static void leaf_varies(void *arg)
{
    struct job *job = arg;
    for (uint64_t i = 0; i < job->count; i++)
        workload_descend(4, workload_random(&job->state), one_pair, NULL);
}

static void leaf_in_order(void *arg)
{
    struct job *job = arg;
    for (uint64_t i = 0; i < job->count; i++)
        workload_descend(4, i, one_pair, NULL);
}

static void *run(void *arg)
{
    struct job *job = arg;
    double start = job->clock();
    if (strcmp(job->shape, "same") == 0) {
        workload_descend(job->depth, 0, many_pairs, &job->count);
    } else if (strcmp(job->shape, "leaf") == 0) {
        workload_descend(job->depth - 4, 0, leaf_varies, job);
    } else if (strcmp(job->shape, "seq") == 0) {
        workload_descend(job->depth - 4, 0, leaf_in_order, job);
    } else {
        uint64_t paths[256];
        for (unsigned i = 0; i < 256; i++)
            paths[i] = workload_random(&job->state);
        for (uint64_t i = 0; i < job->count; i++)
            workload_descend(job->depth, paths[workload_random(&job->state) % 256], one_pair,
                             NULL);
    }
    job->ns = job->clock() - start;
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    unsigned threads = argc > 4 ? (unsigned)atoi(argv[4]) : 1;
    struct job jobs[64] = { 0 };
    pthread_t ids[64];
    if (threads > 64)
        return 2;
    for (unsigned i = 0; i < threads; i++) {
        jobs[i].depth = (unsigned)atoi(argv[1]);
        snprintf(jobs[i].shape, sizeof jobs[i].shape, "%s", argv[2]);
        jobs[i].count = strtoull(argv[3], NULL, 10);
        jobs[i].clock = threads > 1 ? workload_now : workload_cpu;
        jobs[i].state = 88172645463325252u + i;
        if (threads > 1)
            pthread_create(&ids[i], NULL, run, &jobs[i]);
        else
            run(&jobs[i]);
    }
    double ns = 0;
    for (unsigned i = 0; i < threads; i++) {
        if (threads > 1)
            pthread_join(ids[i], NULL);
        ns += jobs[i].ns;
    }
    workload_report("pairs", ns, jobs[0].count * threads);
    return 0;
}
