/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A few answers and one question, shared with the thread under a mutex that is never
 * held while a file is read. What is shared belongs to whichever of the two lets go
 * last.
 */
#include "tui/model/sources.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ANSWERS 16

/* A question of its own storage. */
struct question {
    char file[SOURCE_PATH], directory[SOURCE_PATH], module[SOURCE_PATH];
    unsigned line;
};

struct answer {
    struct question to;
    struct source_lines lines;
    bool known;
};

struct sources {
    pthread_mutex_t lock;  /* over what follows */
    pthread_cond_t asked;  /* a question is there, or stop */
    unsigned users;        /* the object, and its thread while it runs */
    bool started, stop;
    struct source_search search; /* not written to once the thread runs */
    bool waiting;          /* `next` is to be answered */
    bool busy;             /* `now` is being answered */
    struct question next, now;
    struct answer answers[ANSWERS];
    unsigned turn;         /* the answer that is given up next */
    int fd;
    struct source_lines shown; /* the asking thread's own copy */
};

struct sources *sources_new(int pid, const char *const *folders)
{
    struct sources *so = calloc(1, sizeof *so);
    if (!so)
        return NULL;
    so->users = 1;
    so->search = (struct source_search){ .pid = pid, .folders = folders };
    so->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&so->lock, NULL);
    pthread_cond_init(&so->asked, NULL);
    return so;
}

/* Locked on entry, unlocked on return. */
static void let_go(struct sources *so)
{
    bool last = --so->users == 0;
    pthread_mutex_unlock(&so->lock);
    if (!last)
        return;
    if (so->fd >= 0)
        close(so->fd);
    pthread_cond_destroy(&so->asked);
    pthread_mutex_destroy(&so->lock);
    free(so);
}

void sources_free(struct sources *so)
{
    if (!so)
        return;
    pthread_mutex_lock(&so->lock);
    so->stop = true;
    pthread_cond_signal(&so->asked);
    let_go(so);
}

/* ---- the thread ------------------------------------------------------------- */

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

/* Locked. */
static void publish(struct sources *so, const struct answer *got)
{
    uint64_t one = 1;
    so->answers[so->turn++ % ANSWERS] = *got;
    if (write(so->fd, &one, sizeof one) < 0)
        return; /* it is readable already */
}

/* Locked on entry and return, but not meanwhile. */
static void answer(struct sources *so, struct answer *got)
{
    got->to = so->now = so->next;
    so->waiting = false;
    so->busy = true;
    pthread_mutex_unlock(&so->lock);
    const struct source_place place = {
        .file = got->to.file, .directory = or_null(got->to.directory), .line = got->to.line,
        .module = or_null(got->to.module),
    };
    source_read(&so->search, &place, &got->lines);
    got->known = true;
    pthread_mutex_lock(&so->lock);
    so->busy = false;
    publish(so, got);
}

static void *work(void *opaque)
{
    struct sources *so = opaque;
    struct answer *got = calloc(1, sizeof *got);
    pthread_mutex_lock(&so->lock);
    while (got && !so->stop) {
        if (so->waiting)
            answer(so, got);
        else
            pthread_cond_wait(&so->asked, &so->lock);
    }
    let_go(so);
    free(got);
    return NULL;
}

/* Signals are the event loop's. Locked. */
static void start(struct sources *so)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_t thread;
    so->started = true;
    so->users++;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, &attributes, work, so) != 0)
        so->users--;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
}

/* ---- asking ----------------------------------------------------------------- */

static bool same(const struct question *a, const struct question *b)
{
    return a->line == b->line && strcmp(a->file, b->file) == 0 &&
           strcmp(a->directory, b->directory) == 0 && strcmp(a->module, b->module) == 0;
}

static void put(char to[SOURCE_PATH], const char *text)
{
    snprintf(to, SOURCE_PATH, "%s", text ? text : "");
}

const struct source_lines *sources_look(struct sources *so, const struct source_place *place,
                                        uint64_t start_realtime_ns)
{
    struct question q = { .line = place->line };
    bool found = false;
    put(q.file, place->file);
    put(q.directory, place->directory);
    put(q.module, place->module);
    pthread_mutex_lock(&so->lock);
    for (size_t i = 0; i < ANSWERS && !found; i++)
        if (so->answers[i].known && same(&so->answers[i].to, &q)) {
            so->shown = so->answers[i].lines; /* the thread may replace that one */
            found = true;
        }
    if (!found && !(so->busy && same(&so->now, &q))) {
        if (!so->started) {
            so->search.start_realtime_ns = start_realtime_ns;
            start(so);
        }
        so->next = q;
        so->waiting = true;
        pthread_cond_signal(&so->asked);
    }
    pthread_mutex_unlock(&so->lock);
    return found ? &so->shown : NULL;
}

int sources_fd(const struct sources *so)
{
    return so->fd;
}

void sources_drain(struct sources *so)
{
    uint64_t count;
    if (read(so->fd, &count, sizeof count) < 0)
        return; /* somebody was quicker */
}
