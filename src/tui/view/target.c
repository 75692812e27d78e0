/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following a target: what is read when, and what is derived from it.
 */
#include "tui/view/target.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS UINT64_C(1000000)
#define PERIOD_NS         (66 * MS)   /* totals and density */
#define PERIOD_SITES_NS   (300 * MS)
#define PERIOD_WATCH_NS   (1000 * MS) /* sites that nobody looks at */
#define SECOND_NS         (1000 * MS)
#define SECONDS_LATE_NS   (20 * MS)   /* so long after a second has begun: without its record
                                         what happens in it counts for the one before */
#define LONGEST_NS        (5000 * MS)
/* A refresh may cost one part in so many of the time to the next. */
#define SHARE       40
#define SHARE_SITES 60
#define FILE_BEFORE 16 /* snapshots of a recording that rates and verdicts go by */

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t target_now(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

/* ---- life ------------------------------------------------------------------ */
void target_init(struct target *t, const char *const *folders)
{
    *t = (struct target){ .rss = -1, .state = "starting", .folders = folders };
    snapshot_init(&t->snapshot);
}

static void forget(struct target *t)
{
    reader_close(t->reader);
    t->reader = NULL;
    if (!t->archive)
        symbols_free(t->symbols);
    t->symbols = NULL;
    sources_free(t->sources);
    t->sources = NULL;
    t->archive = NULL;
    rate_table_fini(&t->site_rates);
    rate_table_fini(&t->thread_rates);
    t->rates = (struct rates){ .known = false };
    t->trend.n = 0;
    site_watch_fini(&t->watch);
}

void target_fini(struct target *t)
{
    forget(t);
    snapshot_fini(&t->snapshot);
}

/* The worker must not take signals that are meant for the event loop. */
static struct symbols *start_symbols(int pid)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct symbols *sy = symbols_new(pid);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return sy;
}

enum reader_status target_open(struct target *t, int pid)
{
    struct reader *r;
    enum reader_status status = reader_open_pid(pid, &r);
    if (status != READER_OK)
        return status;
    unsigned version = t->sites_version;
    target_fini(t);
    target_init(t, t->folders);
    t->pid = pid;
    t->reader = r;
    t->sites_version = version + 1;
    snprintf(t->state, sizeof t->state, "running");
    t->symbols = start_symbols(pid);
    t->sources = sources_new(pid, t->folders);
    return READER_OK;
}

/* ---- state ----------------------------------------------------------------- */
static void describe_state(struct target *t)
{
    const struct target_info *i = &t->snapshot.target;
    switch (i->state) {
    case TARGET_RUNNING:
        snprintf(t->state, sizeof t->state, "running");
        break;
    case TARGET_EXITED:
        if (i->exit_status >= 0)
            snprintf(t->state, sizeof t->state, "exited with status %d", i->exit_status);
        else
            snprintf(t->state, sizeof t->state, "exited");
        break;
    case TARGET_KILLED:
        snprintf(t->state, sizeof t->state, "ended without goodbye");
        break;
    case TARGET_REPLACED:
        snprintf(t->state, sizeof t->state, "another program by exec");
        break;
    case TARGET_DETACHED:
        snprintf(t->state, sizeof t->state, "detached");
        break;
    case TARGET_STATES:
        break;
    }
}

void target_set_wait_status(struct target *t, int status)
{
    t->ended = true;
    if (WIFSIGNALED(status))
        snprintf(t->state, sizeof t->state, "killed by signal %d", WTERMSIG(status));
    else
        snprintf(t->state, sizeof t->state, "exited with status %d", WEXITSTATUS(status));
}

static void read_rss(struct target *t)
{
    char path[64];
    uint64_t pages;
    snprintf(path, sizeof path, "/proc/%d/statm", t->pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    if (fscanf(f, "%*u %" SCNu64, &pages) == 1 && pages > 0) {
        t->rss = (int64_t)pages * sysconf(_SC_PAGESIZE);
        t->rss_peak = t->rss > t->rss_peak ? t->rss : t->rss_peak;
    }
    fclose(f);
}

/* ---- files ------------------------------------------------------------------ */
static void describe_file(struct target *t)
{
    const struct moment *m = archive_moment(t->archive, t->index);
    time_t seconds = (time_t)(m->realtime_ns / 1000000000);
    struct tm local;
    char when[40] = "";
    if (localtime_r(&seconds, &local))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &local);
    if (archive_is_recording(t->archive))
        snprintf(t->state, sizeof t->state, "%zu/%zu  %s", t->index + 1,
                 archive_count(t->archive), when);
    else
        snprintf(t->state, sizeof t->state, "snapshot of %s", when);
}

/* Sites are as many in all snapshots: those that come later have no figures yet. */
static bool pad_sites(struct snapshot *s, size_t most)
{
    if (s->n_sites >= most)
        return true;
    struct site_row *grown = realloc(s->sites, most * sizeof *grown);
    if (!grown)
        return false;
    memset(grown + s->n_sites, 0, (most - s->n_sites) * sizeof *grown);
    for (size_t i = s->n_sites; i < most; i++)
        grown[i].id = (uint32_t)i;
    s->sites = grown;
    s->n_sites = s->cap_sites = most;
    return true;
}

static bool load(struct target *t, size_t index)
{
    return archive_load(t->archive, index, &t->snapshot) &&
           pad_sites(&t->snapshot, t->most_sites);
}

static void derive(struct target *t);
static void derive_sites(struct target *t);

/* Rates, trend and verdicts come from the snapshots before. */
bool target_step(struct target *t, size_t index)
{
    size_t first = index > FILE_BEFORE ? index - FILE_BEFORE : 0;
    rate_table_fini(&t->site_rates);
    rate_table_fini(&t->thread_rates);
    t->rates = (struct rates){ .known = false };
    t->trend.n = 0;
    site_watch_fini(&t->watch);
    t->watch = (struct site_watch){ .n = 0 };
    for (size_t i = first; i <= index; i++) {
        if (!load(t, i))
            return false;
        derive(t);
        derive_sites(t);
    }
    const struct moment *m = archive_moment(t->archive, index);
    t->index = index;
    t->rss = m->rss;
    t->rss_peak = m->rss_peak;
    t->filled = t->ended = true;
    describe_file(t);
    return true;
}

bool target_open_archive(struct target *t, struct archive *a, size_t index)
{
    t->archive = a;
    t->symbols = archive_symbols(a);
    t->sources = sources_new(0, t->folders);
    if (!archive_load(a, archive_count(a) - 1, &t->snapshot))
        return false;
    t->most_sites = t->snapshot.n_sites;
    t->pid = t->snapshot.target.pid;
    return target_step(t, index);
}

/* ---- refresh ---------------------------------------------------------------- */
static void derive(struct target *t)
{
    struct snapshot *s = &t->snapshot;
    rates_update(&t->rates, s);
    if (s->n_threads)
        rate_table_update(&t->thread_rates, s->taken_ns, &s->threads->allocations,
                          sizeof *s->threads, s->n_threads);
    trend_add(&t->trend, s->target.wall_ns, s->totals.live_bytes);
}

/* Where the sites are many this takes about as long as reading them. */
static void derive_sites(struct target *t)
{
    struct snapshot *s = &t->snapshot;
    if (s->n_sites)
        rate_table_update(&t->site_rates, s->taken_ns, &s->sites->allocations,
                          sizeof *s->sites, s->n_sites);
    site_watch_add(&t->watch, s);
    t->sites_version++;
    t->underived = false;
}

/* Read; *cost becomes the smoothed CPU time of it. */
static void read_parts(struct target *t, unsigned parts, uint64_t *cost)
{
    uint64_t begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    enum reader_status status = reader_refresh(t->reader, &t->snapshot, parts);
    if (status == READER_OK) {
        t->filled = true;
        derive(t);
        t->underived |= (parts & READER_SITES) != 0;
        describe_state(t);
        t->ended = t->snapshot.target.state != TARGET_RUNNING &&
                   t->snapshot.target.state != TARGET_REPLACED;
        t->replaced = t->snapshot.target.state == TARGET_REPLACED;
    } else {
        snprintf(t->state, sizeof t->state, "%s", reader_message(status));
        t->ended = status != READER_NOT_READY;
    }
    uint64_t spent = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
    *cost = *cost ? (*cost * 3 + spent) / 4 : spent;
}

void target_derive(struct target *t)
{
    if (!t->underived)
        return;
    uint64_t begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    derive_sites(t);
    t->sites_cost_ns += (clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin) / 4; /* smoothed likewise */
}

static uint64_t period(uint64_t least, uint64_t cost, unsigned share)
{
    uint64_t ns = cost * share > least ? cost * share : least;
    return ns < LONGEST_NS ? ns : LONGEST_NS;
}

bool target_refresh(struct target *t, uint64_t now, bool sites)
{
    if (t->underived) { /* not in the same turn as reading, see do_due in app.c */
        target_derive(t);
        return true;
    }
    if (!t->reader || t->ended || t->replaced || now < target_due(t, sites))
        return false;
    bool first = !t->next_ns;
    unsigned parts = READER_DENSITY;
    bool seconds = now >= t->next_seconds_ns;
    if (seconds)
        parts |= READER_SECONDS;
    /* The first screen does not wait for a hundred thousand sites, and those not for
     * all their stacks. */
    if (!first && !t->stacked) {
        read_parts(t, parts | READER_STACKS, &t->sites_cost_ns);
        t->stacked = true;
    } else if (!first && now >= t->next_sites_ns) {
        read_parts(t, parts | READER_SITES, &t->sites_cost_ns);
        t->next_sites_ns = now + period(sites ? PERIOD_SITES_NS : PERIOD_WATCH_NS,
                                        t->sites_cost_ns, SHARE_SITES);
    } else {
        read_parts(t, parts, &t->cost_ns);
    }
    if (seconds)
        t->next_seconds_ns = now + SECOND_NS + SECONDS_LATE_NS -
                             t->snapshot.target.wall_ns % SECOND_NS;
    read_rss(t);
    t->next_ns = now + period(PERIOD_NS, t->cost_ns + t->draw_cost_ns, SHARE);
    if (t->ended)
        target_finish(t);
    return true;
}

uint64_t target_due(const struct target *t, bool sites)
{
    if (t->underived)
        return 0;
    if (!t->reader || t->ended || t->replaced)
        return UINT64_MAX;
    return sites && t->next_ns && t->next_sites_ns < t->next_ns ? t->next_sites_ns : t->next_ns;
}

void target_read_now(struct target *t)
{
    if (t->reader && !t->ended && !t->replaced)
        read_parts(t, READER_ALL, &t->sites_cost_ns);
}

void target_finish(struct target *t)
{
    if (!t->reader)
        return;
    read_parts(t, READER_ALL, &t->sites_cost_ns);
    target_derive(t);
    rates_stop(&t->rates);
    rate_table_stop(&t->site_rates);
    rate_table_stop(&t->thread_rates);
}
