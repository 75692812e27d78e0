/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks to and from files. Stacks are named in slices by the event loop; then a
 * thread writes. The thread touches only its job, whose stacks the book keeps.
 */
#include "tui/view/growth_job.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/model/mark_file.h"

struct growth_job {
    bool saving;
    const struct mark *mark; /* that is being saved */
    bool running;            /* the thread was started */
    bool done;               /* atomic; by the thread, with all that follows */
    bool good;
    pthread_t thread;
    struct mark_file file;
    char path[512];
    char error[MARK_FILE_ERROR];
};

bool growth_job_uses(const struct growth_job *job, const struct mark *m)
{
    return job && job->mark == m;
}

static void *work(void *data)
{
    struct growth_job *job = data;
    job->good = job->saving ? mark_file_write(&job->file, job->path, job->error)
                            : mark_file_read(job->path, &job->file, job->error);
    __atomic_store_n(&job->done, true, __ATOMIC_RELEASE);
    return NULL;
}

/* Signals are the event loop's. */
static bool start(struct growth_job *job)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    job->running = pthread_create(&job->thread, NULL, work, job) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return job->running;
}

static void forget(struct growth *g)
{
    mark_file_fini(&g->job->file);
    free(g->job);
    g->job = NULL;
}

static struct growth_job *begin(struct growth *g, const char *path)
{
    if (g->job) {
        snprintf(g->message, sizeof g->message, "another file is being worked on");
        return NULL;
    }
    g->job = calloc(1, sizeof *g->job);
    if (g->job)
        snprintf(g->job->path, sizeof g->job->path, "%s", path);
    return g->job;
}

void growth_save(struct growth *g, size_t mark, const char *path)
{
    if (mark >= g->n_marks || !*path)
        return;
    if (!g->marks[mark]->counted) {
        snprintf(g->message, sizeof g->message, "%s has no figures: nobody looked then",
                 g->marks[mark]->name);
        return;
    }
    struct growth_job *job = begin(g, path);
    if (job) {
        job->saving = true;
        job->mark = g->marks[mark];
    }
}

void growth_load(struct growth *g, const char *path)
{
    struct growth_job *job = *path ? begin(g, path) : NULL;
    if (job && !start(job))
        forget(g);
}

/* Stacks need names before they can be written. */
static bool prepare(struct growth *g, struct target *t)
{
    struct growth_job *job = g->job;
    if (!job->mark->foreign &&
        !stack_book_name_sites(&g->book, t->symbols, &t->snapshot, GROWTH_SLICE_MS))
        return false;
    if (!mark_file_prepare(job->mark, &g->book, t->snapshot.target.command, &job->file) ||
        !start(job)) {
        snprintf(g->message, sizeof g->message, "not enough memory");
        forget(g);
        return true;
    }
    return false;
}

static void take_result(struct growth *g)
{
    struct growth_job *job = g->job;
    pthread_join(job->thread, NULL);
    struct mark *m = job->good && !job->saving ? mark_of_file(&job->file, &g->book) : NULL;
    if (!job->good)
        snprintf(g->message, sizeof g->message, "%s", job->error);
    else if (job->saving)
        snprintf(g->message, sizeof g->message, "%s is saved in %.100s", job->mark->name,
                 job->path);
    else if (m && g->n_marks < MARKS_MAX)
        snprintf(g->message, sizeof g->message, "%s is loaded, of %.100s", m->name, m->command);
    else
        snprintf(g->message, sizeof g->message, m ? "too many marks" : "not enough memory");
    if (m && g->n_marks < MARKS_MAX)
        g->marks[g->n_marks++] = m;
    else
        mark_free(m);
    forget(g);
    g->version++;
}

bool growth_job_follow(struct growth *g, struct target *t)
{
    if (!g->job)
        return false;
    if (!g->job->running)
        return prepare(g, t);
    if (!__atomic_load_n(&g->job->done, __ATOMIC_ACQUIRE))
        return false;
    take_result(g);
    return true;
}

void growth_job_wait(struct growth *g)
{
    if (!g->job)
        return;
    if (g->job->running)
        pthread_join(g->job->thread, NULL);
    forget(g);
}
