/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach_load ROUNDS [PLUGIN]: attaches the agent to itself and detaches it, ROUNDS
 * times, while threads allocate, free each other's blocks, and come and go, while
 * signal handlers allocate, and while PLUGIN is loaded and unloaded. In each round
 * all of them rest once, with nothing allocated: then nothing may be alive that was
 * allocated since the attach. At the end there are no more mappings than at first.
 * With WITH_NEW, some of it by operators new and delete, see attach_new.cc.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>

#include "attach.h"
#include "victim.h"

#ifdef WITH_NEW
char *attach_new(size_t size);
void attach_delete(char *p);
#define ALLOCATE attach_new
#define RELEASE attach_delete
#else
#define ALLOCATE(size) ((char *)keep(malloc(size)))
#define RELEASE free
#endif

enum { WORKERS = 4, OWN = 64, EXCHANGED = 32 };

static char *exchanged[EXCHANGED]; /* atomic */
static int resting, rest, stop;    /* atomic */
static const char *plugin;
/* A preloaded agent sees what the loader allocates for them, and keeps for others. */
static bool short_threads;

static unsigned next_random(unsigned *seed)
{
    return (*seed = *seed * 1103515245u + 12345u) >> 8;
}

/* A pointer that a program keeps goes on to lead to the hook. */
static void *(*volatile kept_malloc)(size_t size) = malloc;
static void (*volatile kept_free)(void *p) = free;

static void in_handler(int signal_number)
{
    (void)signal_number;
    free(keep(malloc(50)));
}

static void *short_lived(void *unused)
{
    RELEASE(ALLOCATE(333));
    free(strdup((const char *)keep((void *)"short")));
    return unused;
}

static void use_plugin(void)
{
    void *handle = plugin ? dlopen(plugin, RTLD_NOW | RTLD_LOCAL) : NULL;
    int (*work)(void) = handle ? (int (*)(void))dlsym(handle, "plugin_work") : NULL;
    if (work)
        work();
    if (handle)
        dlclose(handle);
}

static void step(char *own[], unsigned *seed)
{
    unsigned r = next_random(seed);
    char **at = &own[r % OWN];
    size_t size = next_random(seed) % 3000 + 1;
    switch (r >> 8 & 7) {
    case 0:
        *at = (char *)realloc(*at, size);
        break;
    case 1: /* made here, freed wherever it gets to */
        RELEASE(__atomic_exchange_n(&exchanged[r % EXCHANGED], ALLOCATE(size),
                                    __ATOMIC_ACQ_REL));
        break;
    case 2:
        kept_free(*at);
        *at = (char *)kept_malloc(size);
        break;
    default:
        free(*at);
        *at = (char *)calloc(1, size);
    }
    if ((r >> 12 & 1023) == 0)
        raise(SIGUSR1);
}

static void take_a_rest(char *own[])
{
    for (int i = 0; i < OWN; i++) {
        free(own[i]);
        own[i] = NULL;
    }
    __atomic_add_fetch(&resting, 1, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&rest, __ATOMIC_ACQUIRE))
        sched_yield();
    __atomic_sub_fetch(&resting, 1, __ATOMIC_ACQ_REL);
}

static void *work(void *number)
{
    unsigned seed = (unsigned)(uintptr_t)number + 1;
    char *own[OWN] = { 0 };
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        for (int i = 0; i < 200; i++)
            step(own, &seed);
        pthread_t child;
        if (number == 0 && short_threads && pthread_create(&child, NULL, short_lived, NULL) == 0)
            pthread_join(child, NULL);
        if ((uintptr_t)number == 1)
            use_plugin();
        if (__atomic_load_n(&rest, __ATOMIC_ACQUIRE))
            take_a_rest(own);
    }
    take_a_rest(own);
    return NULL;
}

static void wait_for(int workers)
{
    while (__atomic_load_n(&resting, __ATOMIC_ACQUIRE) != workers)
        sched_yield();
}

static int mappings(int *segments)
{
    char line[1024];
    int n = 0;
    *segments = 0;
    FILE *f = fopen("/proc/self/maps", "r");
    while (f && fgets(line, sizeof line, f)) {
        n++;
        *segments += strstr(line, "/" SEG_NAME_PREFIX) && !strstr(line, "libmemtop");
    }
    if (f)
        fclose(f);
    return n;
}

static uint64_t unfreed, wrong, busy, recorded;

static void expect(int got, int wanted, const char *of)
{
    if (got != wanted && wrong++ < 5)
        fprintf(stderr, "%s: %d instead of %d\n", of, got, wanted);
}

static void attach(void)
{
    int result;
    while ((result = agent_attach(agent_options)) == INJECT_BUSY)
        busy++;
    expect(result, INJECT_OK, "attach");
}

static void look(void)
{
    struct figures f = read_figures();
    uint64_t left = f.allocations - f.frees + f.missed_frees + f.lost;
    if (left != 0 && unfreed == 0)
        fprintf(stderr, "%llu blocks of %llu bytes left, %llu frees missed\n",
                (unsigned long long)(f.allocations - f.frees),
                (unsigned long long)(f.bytes_allocated - f.bytes_freed),
                (unsigned long long)f.missed_frees);
    if (left != 0 && getenv("ATTACH_LOAD_STOP"))
        raise(SIGSTOP);
    unfreed += left;
    expect(f.found, 1, "segment");
    expect((int)f.state, SEG_LIVE, "state");
    expect((int)f.flags & SEG_FLAG_ATTACHED, SEG_FLAG_ATTACHED, "flag");
    recorded += f.allocations;
}

static void round_of(int workers)
{
    attach();
    for (int i = 0; i < 20; i++)
        sched_yield();
    __atomic_store_n(&rest, 1, __ATOMIC_RELEASE);
    wait_for(workers);
    for (int i = 0; i < EXCHANGED; i++)
        RELEASE(__atomic_exchange_n(&exchanged[i], NULL, __ATOMIC_ACQ_REL));
    look();
    __atomic_store_n(&rest, 0, __ATOMIC_RELEASE);
    wait_for(0);
    int result = agent_detach();
    while (result == INJECT_LINGERING) {
        usleep(1000);
        result = agent_detach();
    }
    expect(result, INJECT_OK, "detach");
}

int main(int argc, char **argv)
{
    pthread_t threads[WORKERS];
    int rounds = argc > 1 ? atoi(argv[1]) : 100, first = 0, segments;
    plugin = argc > 2 ? argv[2] : NULL;
    const char *preload = getenv("LD_PRELOAD");
    short_threads = !preload || !strstr(preload, "libmemtop");
    load_agent("");
    signal(SIGUSR1, in_handler);
    for (uintptr_t i = 0; i < WORKERS; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (int i = 0; i < rounds; i++) {
        round_of(WORKERS);
        if (i == rounds / 10)
            first = mappings(&segments);
    }
    int last = mappings(&segments);
    fprintf(stderr, "%d rounds, %llu recorded, %llu times busy, %d mappings, then %d\n", rounds,
            (unsigned long long)recorded, (unsigned long long)busy, first, last);
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    CHECK(wrong == 0);
    CHECK(unfreed == 0);
    CHECK(recorded > 0);
    CHECK(segments <= 1);
    CHECK(last <= first + 16);
    return victim_failures != 0;
}
