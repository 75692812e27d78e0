/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache of names and the queue to its worker thread. The screen's thread
 * asks, under a mutex that is only ever held for moments; the worker answers
 * in two steps, first from symbol tables, then from DWARF, so that names
 * stand soon even in programs with gigabytes of DWARF. What is shared belongs
 * to whichever of the two lets go last: closing never waits for a file.
 */
#include "tui/model/symbols.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "tui/model/namer.h"

#define SECOND UINT64_C(1000000000)
#define FREE_WAIT_NS 50000000 /* how long symbols_free waits for the worker */
#define TABLE_FIRST 1024
#define WORKER_STACK (32u << 20) /* deep DWARF and mangled names recurse */

enum stage {
    WANT_NAME, /* in the queue of that name */
    WANT_FULL,
    ANSWERED,
    UNKNOWN, /* asked again after a while: a JIT may have named it */
};

struct entry {
    uint64_t pc;
    uint16_t module;
    bool exact;
    enum stage stage;
    uint64_t retry_ns;           /* UNKNOWN: not before */
    const struct symbol *symbol; /* NULL: no answer yet */
    struct entry *next;          /* in its queue */
};

struct queue {
    struct entry *first, *last;
};

/* Symbols are handed out for good, so replaced ones stay until the end. */
struct kept {
    struct kept *next;
    max_align_t symbol[]; /* a struct symbol and its strings */
};

struct state {
    pthread_mutex_t lock; /* over everything but the namer */
    pthread_cond_t work;  /* something was queued, or stop */
    pthread_cond_t idle;  /* nothing is queued any more, or the worker is gone */
    unsigned users;       /* the object, and the worker while it runs */
    bool stop, working;
    size_t pending;       /* entries not answered fully */
    struct queue names, fulls;
    struct entry **table; /* by hash, open */
    size_t n_entries, cap_entries;
    struct kept *kept;
    unsigned generation;
    bool signalled;       /* fd is readable */
    int fd;
    bool introduced;      /* target is complete */
    struct namer_target target;
    struct module_row *modules[SEG_MODULES_MAX]; /* copies, of those asked for */
};

struct symbols {
    struct state *state; /* NULL: all is known */
    const struct symbol *const *known; /* by node */
    size_t n_known;
    struct kept **placed; /* by node, made when asked for: those that are not */
    size_t n_placed;
};

static uint64_t now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

/* ---- the shared state ------------------------------------------------------- */
static struct state *state_new(int pid)
{
    struct state *st = calloc(1, sizeof *st);
    if (!st)
        return NULL;
    st->table = calloc(TABLE_FIRST, sizeof(struct entry *));
    if (!st->table) {
        free(st);
        return NULL;
    }
    st->cap_entries = TABLE_FIRST;
    st->users = 1;
    st->target.pid = pid;
    st->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&st->lock, NULL);
    pthread_cond_init(&st->work, NULL);
    pthread_cond_init(&st->idle, NULL);
    return st;
}

static void state_free(struct state *st)
{
    for (size_t i = 0; i < st->cap_entries; i++)
        free(st->table[i]);
    for (struct kept *k = st->kept, *next; k; k = next) {
        next = k->next;
        free(k);
    }
    for (size_t i = 0; i < SEG_MODULES_MAX; i++)
        free(st->modules[i]);
    if (st->fd >= 0)
        close(st->fd);
    pthread_cond_destroy(&st->idle);
    pthread_cond_destroy(&st->work);
    pthread_mutex_destroy(&st->lock);
    free(st->table);
    free(st);
}

/* Locked on entry, unlocked on return. */
static void let_go(struct state *st)
{
    bool last = --st->users == 0;
    pthread_mutex_unlock(&st->lock);
    if (last)
        state_free(st);
}

/* ---- queues and the cache; all with the lock held ----------------------------- */
static void push(struct queue *q, struct entry *e)
{
    e->next = NULL;
    if (q->first)
        q->last->next = e;
    else
        q->first = e;
    q->last = e;
}

static struct entry *pop(struct queue *q)
{
    struct entry *e = q->first;
    if (e)
        q->first = e->next;
    return e;
}

static size_t hash(uint64_t pc, uint16_t module, bool exact)
{
    return (size_t)((pc ^ (uint64_t)module << 48 ^ (uint64_t)exact << 47) *
                    UINT64_C(0x9e3779b97f4a7c15) >> 20);
}

static struct entry **slot_of(struct entry **table, size_t cap, uint64_t pc,
                              uint16_t module, bool exact)
{
    size_t i = hash(pc, module, exact) & (cap - 1);
    while (table[i] &&
           (table[i]->pc != pc || table[i]->module != module || table[i]->exact != exact))
        i = (i + 1) & (cap - 1);
    return &table[i];
}

static bool grow(struct state *st)
{
    if (st->n_entries < st->cap_entries / 2)
        return true;
    size_t cap = st->cap_entries * 2;
    struct entry **table = calloc(cap, sizeof *table);
    if (!table)
        return false;
    for (size_t i = 0; i < st->cap_entries; i++) {
        struct entry *e = st->table[i];
        if (e)
            *slot_of(table, cap, e->pc, e->module, e->exact) = e;
    }
    free(st->table);
    st->table = table;
    st->cap_entries = cap;
    return true;
}

static void ask(struct state *st, struct entry *e)
{
    e->stage = WANT_NAME;
    st->pending++;
    push(&st->names, e);
    pthread_cond_signal(&st->work);
}

/* The entry of a node; a new one has been asked for. NULL without memory. */
static struct entry *entry_of(struct state *st, uint64_t pc, uint16_t module, bool exact)
{
    if (!grow(st))
        return NULL;
    struct entry **slot = slot_of(st->table, st->cap_entries, pc, module, exact);
    if (*slot)
        return *slot;
    struct entry *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    *e = (struct entry){.pc = pc, .module = module, .exact = exact};
    *slot = e;
    st->n_entries++;
    ask(st, e);
    return e;
}

/* The worker has no snapshot: keep what it needs of this one. */
static void introduce(struct state *st, const struct snapshot *s)
{
    struct namer_target *t = &st->target;
    t->inner_pid = s->target.inner_pid;
    t->uid = s->target.uid;
    t->start_realtime_ns = s->target.start_realtime_ns;
    memcpy(t->executable, s->target.executable, sizeof t->executable);
    t->executable[sizeof t->executable - 1] = '\0';
    st->introduced = true;
}

/* The index to ask with: 0 for what is in no module. */
static uint16_t keep_module(struct state *st, const struct snapshot *s, uint16_t index)
{
    if (index == 0 || index >= s->n_modules || index >= SEG_MODULES_MAX)
        return 0;
    if (!st->modules[index]) {
        st->modules[index] = malloc(sizeof(struct module_row));
        if (!st->modules[index])
            return 0;
        *st->modules[index] = s->modules[index];
    }
    return index;
}

static void drain(struct state *st)
{
    uint64_t count;
    if (st->signalled && read(st->fd, &count, sizeof count) == sizeof count)
        st->signalled = false;
}

static void announce(struct state *st)
{
    uint64_t one = 1;
    st->generation++;
    if (!st->signalled && st->fd >= 0)
        st->signalled = write(st->fd, &one, sizeof one) == sizeof one;
}

/* ---- the worker ------------------------------------------------------------- */
static const char *put(char **to, const char *text)
{
    char *at = *to;
    size_t n = text ? strlen(text) + 1 : 0;
    if (!text)
        return NULL;
    memcpy(at, text, n);
    *to += n;
    return at;
}

/* One allocation for a symbol and its strings. NULL without memory. */
static struct kept *pack(const char *module, const struct frames *frames)
{
    size_t strings = strlen(module) + 1;
    strings += frames->directory ? strlen(frames->directory) + 1 : 0;
    for (size_t i = 0; i < frames->n; i++) {
        strings += strlen(frames->at[i].function) + 1;
        strings += frames->at[i].raw ? strlen(frames->at[i].raw) + 1 : 0;
        strings += frames->at[i].file ? strlen(frames->at[i].file) + 1 : 0;
    }
    size_t fixed = sizeof(struct symbol) + frames->n * sizeof(struct symbol_frame);
    struct kept *kept = malloc(sizeof *kept + fixed + strings);
    if (!kept)
        return NULL;
    struct symbol *symbol = (struct symbol *)kept->symbol;
    char *text = (char *)symbol + fixed;
    symbol->module = put(&text, module);
    symbol->directory = put(&text, frames->directory);
    symbol->n = frames->n;
    for (size_t i = 0; i < frames->n; i++)
        symbol->frames[i] = (struct symbol_frame){
            .function = put(&text, frames->at[i].function),
            .raw = put(&text, frames->at[i].raw),
            .file = put(&text, frames->at[i].file),
            .line = frames->at[i].line,
            .inlined = i + 1 < frames->n,
        };
    return kept;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_symbol(const struct symbol *a, const struct symbol *b)
{
    bool same = a && a->n == b->n && same_text(a->module, b->module);
    for (size_t i = 0; same && i < a->n; i++)
        same = a->frames[i].line == b->frames[i].line &&
               same_text(a->frames[i].function, b->frames[i].function) &&
               same_text(a->frames[i].file, b->frames[i].file);
    return same;
}

/* Give the entry its answer, and say so if it is a new one. Locked. */
static void publish(struct state *st, struct entry *e, struct kept *kept)
{
    if (!kept || same_symbol(e->symbol, (const struct symbol *)kept->symbol)) {
        free(kept);
        return;
    }
    kept->next = st->kept;
    st->kept = kept;
    e->symbol = (const struct symbol *)kept->symbol;
    announce(st);
}

/* Locked. */
static void finish(struct state *st, struct entry *e, enum namer_answer answer, bool full)
{
    if (!full && answer != NAMER_UNKNOWN) {
        e->stage = WANT_FULL;
        push(&st->fulls, e);
        return;
    }
    e->stage = answer == NAMER_UNKNOWN ? UNKNOWN : ANSWERED;
    e->retry_ns = now_ns(CLOCK_MONOTONIC) + SECOND;
    if (--st->pending == 0)
        pthread_cond_broadcast(&st->idle);
}

/* Answer one entry. Locked on entry and return, but not meanwhile: the entry
 * is in no queue, and only the worker writes to it until it is finished. */
static void answer_one(struct state *st, struct namer *namer, struct entry *e, bool full)
{
    struct frames frames = {.n = 0};
    char module[256];
    const struct module_row *row = e->module ? st->modules[e->module] : NULL;
    pthread_mutex_unlock(&st->lock);
    enum namer_answer answer = namer_name(namer, row, e->pc, e->exact, full, &frames);
    namer_module(row, answer, module, sizeof module);
    struct kept *kept = frames.n ? pack(module, &frames) : NULL;
    frames_clear(&frames);
    pthread_mutex_lock(&st->lock);
    publish(st, e, kept);
    finish(st, e, answer, full);
}

/* Wait for something to do. False: stop. Locked. */
static bool next_entry(struct state *st, struct entry **e, bool *full)
{
    while (!st->stop) {
        *full = !st->names.first;
        *e = pop(*full ? &st->fulls : &st->names);
        if (*e)
            return true;
        pthread_cond_wait(&st->work, &st->lock);
    }
    return false;
}

static void *work(void *opaque)
{
    struct state *st = opaque;
    struct namer *namer = NULL;
    struct entry *e;
    bool full;
    pthread_mutex_lock(&st->lock);
    while (next_entry(st, &e, &full)) {
        if (!namer)
            namer = namer_new(&st->target);
        if (!namer)
            break;
        answer_one(st, namer, e, full);
    }
    pthread_mutex_unlock(&st->lock);
    namer_free(namer);
    pthread_mutex_lock(&st->lock);
    st->working = false;
    pthread_cond_broadcast(&st->idle);
    let_go(st);
    return NULL;
}

/* Signals are the main thread's business. */
static bool start_worker(struct state *st)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_t thread;
    sigfillset(&all);
    st->users++;
    st->working = true;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, WORKER_STACK);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, &attributes, work, st);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error == 0;
}

/* ---- known names ------------------------------------------------------------- */
/* "0x55..", as where nothing is known of a living target. */
static struct kept *place(const struct snapshot *s, const struct node_row *row)
{
    char address[32], module[256];
    const struct module_row *m = row->module && row->module < s->n_modules
                                     ? &s->modules[row->module] : NULL;
    struct frames frames = { .n = 1, .at = { { .function = address } } };
    snprintf(address, sizeof address, "0x%" PRIx64, row->pc);
    namer_module(m, NAMER_PLACED, module, sizeof module);
    return pack(module, &frames);
}

static const struct symbol *lookup_known(struct symbols *sy, const struct snapshot *s,
                                         uint32_t node)
{
    if (node < sy->n_known && sy->known[node])
        return sy->known[node];
    if (node >= sy->n_placed) {
        struct kept **grown = realloc(sy->placed, s->n_nodes * sizeof *grown);
        if (!grown)
            return NULL;
        memset(grown + sy->n_placed, 0, (s->n_nodes - sy->n_placed) * sizeof *grown);
        sy->placed = grown;
        sy->n_placed = s->n_nodes;
    }
    if (!sy->placed[node])
        sy->placed[node] = place(s, &s->nodes[node]);
    return sy->placed[node] ? (const struct symbol *)sy->placed[node]->symbol : NULL;
}

struct symbols *symbols_new_known(const struct symbol *const *names, size_t n)
{
    struct symbols *sy = calloc(1, sizeof *sy);
    if (sy)
        *sy = (struct symbols){ .known = names, .n_known = n };
    return sy;
}

static void free_known(struct symbols *sy)
{
    for (size_t i = 0; i < sy->n_placed; i++)
        free(sy->placed[i]);
    free(sy->placed);
    free(sy);
}

/* ---- the door --------------------------------------------------------------- */
struct symbols *symbols_new(int pid)
{
    struct symbols *sy = calloc(1, sizeof *sy);
    if (sy)
        sy->state = state_new(pid);
    if (sy && sy->state && start_worker(sy->state))
        return sy;
    if (sy && sy->state)
        state_free(sy->state);
    free(sy);
    return NULL;
}

void symbols_free(struct symbols *sy)
{
    if (!sy)
        return;
    if (!sy->state) {
        free_known(sy);
        return;
    }
    struct state *st = sy->state;
    uint64_t until = now_ns(CLOCK_REALTIME) + FREE_WAIT_NS;
    struct timespec deadline = {.tv_sec = (time_t)(until / SECOND),
                                .tv_nsec = (long)(until % SECOND)};
    pthread_mutex_lock(&st->lock);
    st->stop = true;
    pthread_cond_signal(&st->work);
    while (st->working && pthread_cond_timedwait(&st->idle, &st->lock, &deadline) != ETIMEDOUT)
        ;
    let_go(st);
    free(sy);
}

const struct symbol *symbols_lookup(struct symbols *sy, const struct snapshot *s,
                                    uint32_t node)
{
    if (!sy || node == 0 || node >= s->n_nodes)
        return NULL;
    if (!sy->state)
        return lookup_known(sy, s, node);
    struct state *st = sy->state;
    const struct node_row *row = &s->nodes[node];
    const struct symbol *symbol = NULL;
    pthread_mutex_lock(&st->lock);
    if (!st->introduced)
        introduce(st, s);
    struct entry *e = entry_of(st, row->pc, keep_module(st, s, row->module), row->exact);
    if (e && e->stage == UNKNOWN && now_ns(CLOCK_MONOTONIC) >= e->retry_ns)
        ask(st, e);
    if (e)
        symbol = e->symbol;
    pthread_mutex_unlock(&st->lock);
    return symbol;
}

unsigned symbols_generation(const struct symbols *sy)
{
    if (!sy || !sy->state)
        return 0;
    pthread_mutex_lock(&sy->state->lock);
    drain(sy->state);
    unsigned generation = sy->state->generation;
    pthread_mutex_unlock(&sy->state->lock);
    return generation;
}

int symbols_fd(const struct symbols *sy)
{
    return sy && sy->state ? sy->state->fd : -1;
}

void symbols_wait(struct symbols *sy)
{
    if (!sy || !sy->state)
        return;
    struct state *st = sy->state;
    pthread_mutex_lock(&st->lock);
    while (st->pending && st->working)
        pthread_cond_wait(&st->idle, &st->lock);
    pthread_mutex_unlock(&st->lock);
}
