/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the target's threads live, and what the kernel calls them; see
 * copy.h. One pass over /proc/PID/task, at most once a second unless the rows
 * have come to name other threads.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/reader/copy.h"
#include "tui/reader/proc.h"

#define INTERVAL_NS UINT64_C(1000000000)
#define THREADS_LIMIT 65536u

/* Changes when rows name other threads. */
static uint64_t key_of_rows(const struct copy *c)
{
    uint64_t key = 1;
    for (size_t i = 0; i < c->n_rows; i++)
        key = (key ^ (uint32_t)copy_page(c, i)->tid) * UINT64_C(0x9e3779b97f4a7c15);
    return key;
}

static int compare_live(const void *a, const void *b)
{
    const struct live_thread *x = a, *y = b;
    return (x->inner > y->inner) - (x->inner < y->inner);
}

static bool add_thread(struct copy *c, int tid)
{
    char path[64];
    struct live_thread *list = c->live.data;
    if ((c->n_live + 1) * sizeof *list > c->live.size) {
        list = buffer_reserve(&c->live, (c->n_live + 16) * sizeof *list);
        if (!list)
            return false;
    }
    struct live_thread *t = &list[c->n_live];
    t->inner = c->inner_tids ? proc_inner_tid(c->pid, tid) : tid;
    snprintf(path, sizeof path, "/proc/%d/task/%d/comm", c->pid, tid);
    if (t->inner == 0 || proc_read_file(path, t->name, sizeof t->name) < 0)
        return true; /* it has ended meanwhile */
    t->name[strcspn(t->name, "\n")] = '\0';
    c->n_live++;
    return true;
}

static void scan(struct copy *c)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", c->pid);
    DIR *tasks = opendir(path);
    if (!tasks)
        return;
    const struct dirent *e;
    while ((e = readdir(tasks)) != NULL && c->n_live < THREADS_LIMIT) {
        int tid = atoi(e->d_name);
        if (tid > 0 && !add_thread(c, tid))
            break;
    }
    closedir(tasks);
    if (c->n_live > 1)
        qsort(c->live.data, c->n_live, sizeof(struct live_thread), compare_live);
}

void copy_names_update(struct copy *c, uint64_t now_ns)
{
    uint64_t key = key_of_rows(c);
    if (c->pid && key == c->live_key && now_ns - c->live_ns < INTERVAL_NS)
        return;
    c->n_live = 0;
    c->live_key = key;
    c->live_ns = now_ns;
    if (c->pid)
        scan(c);
}

const struct live_thread *copy_names_find(const struct copy *c, int inner)
{
    struct live_thread wanted = { .inner = inner };
    if (c->n_live == 0)
        return NULL;
    return bsearch(&wanted, c->live.data, c->n_live, sizeof wanted, compare_live);
}
