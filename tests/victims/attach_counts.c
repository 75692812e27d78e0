/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach_counts PLUGIN [REFUSED]: attaches the agent to itself and compares what the
 * segment says with what was done, for each way by which a call can reach malloc.
 * With a number REFUSED, attaching has to fail with that. Linked with lazy binding, and
 * with a search path for libraries where PLUGIN is.
 */
#include <stdbool.h>
#include <sys/wait.h>

#include "attach.h"
#include "victim.h"

/* A pointer that the loader initialises. */
static void *(*volatile in_data)(size_t size) = malloc;

static struct figures last;

/* What happened since the last call, as the segment has it. */
static struct figures news(void)
{
    struct figures now = read_figures(), out = now;
    out.allocations -= last.allocations;
    out.frees -= last.frees;
    out.bytes_allocated -= last.bytes_allocated;
    out.bytes_freed -= last.bytes_freed;
    out.foreign_frees -= last.foreign_frees;
    out.reallocations -= last.reallocations;
    last = now;
    return out;
}

static int attach(void)
{
    int result = agent_attach(agent_options);
    last = read_figures();
    return result;
}

/* The statement makes one block of 100 bytes and frees it. */
#define IS_SEEN(statement)                                                       \
    do {                                                                         \
        (void)news();                                                            \
        statement;                                                               \
        struct figures f_ = news();                                              \
        int seen_ = f_.allocations == 1 && f_.frees == 1 &&                      \
                    f_.bytes_allocated == 100 && f_.bytes_freed == 100;          \
        victim_failures += !seen_;                                               \
        printf("%s: seen: %s\n", seen_ ? "yes" : "NO", #statement);              \
    } while (0)

static void *aligned(size_t size)
{
    void *p = NULL;
    return posix_memalign(&p, 64, size) == 0 ? keep(p) : NULL;
}

static void all_ways(void)
{
    char text[100];
    memset(text, 'x', 99);
    text[99] = '\0';
    IS_SEEN(free(keep(malloc(100))));
    IS_SEEN(free(keep(calloc(4, 25))));
    IS_SEEN(free(aligned(100)));
    IS_SEEN(free(keep(in_data(100))));
    IS_SEEN(free(strdup(keep(text)))); /* a call from the C library */
    void *(*found)(size_t) = (void *(*)(size_t))dlsym(RTLD_DEFAULT, "malloc");
    IS_SEEN(free(keep(found(100))));
    void *self = dlopen(NULL, RTLD_LAZY);
    void (*found_free)(void *) = (void (*)(void *))dlsym(self, "free");
    IS_SEEN(found_free(keep(malloc(100))));
}

/* Its constructor runs before dlopen returns, and is not seen. */
static void later_modules(const char *path)
{
    (void)news();
    void *plugin = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    int (*work)(void) = plugin ? (int (*)(void))dlsym(plugin, "plugin_work") : NULL;
    CHECK(work && work());
    struct figures f = news();
    CHECK(f.allocations == 2 && f.frees == 1 && f.reallocations == 1);
    CHECK(f.foreign_frees == 1);
    if (plugin)
        dlclose(plugin);
    f = news();
    CHECK(f.frees == 1 && f.allocations == 0);
}

/* Blocks from before are unknown, and all else is exact. */
static void from_before(char *blocks[], int n)
{
    (void)news();
    for (int i = 0; i < n; i += 2)
        free(blocks[i]);
    for (int i = 1; i < n; i += 2)
        blocks[i] = keep(realloc(blocks[i], 300));
    struct figures f = news();
    CHECK(f.foreign_frees == 100);
    CHECK(f.allocations == 50 && f.bytes_allocated == 50 * 300 && f.reallocations == 50);
    for (int i = 1; i < n; i += 2)
        free(blocks[i]);
    f = news();
    CHECK(f.frees == 50 && f.bytes_freed == 50 * 300 && f.foreign_frees == 0);
}

/* It has a segment of its own, from its first event on. */
static void child(void)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        free(keep(malloc(100)));
        name_segment(getenv("MEMTOP_DIR"));
        struct figures f = read_figures();
        _exit(f.found && f.allocations == 1 && (f.flags & SEG_FLAG_FORKED) ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    CHECK(status == 0);
}

static void attached(const char *plugin, bool preloaded)
{
    enum { BEFORE = 100 };
    char *before[BEFORE];
    char *large = keep(malloc(3000000));
    for (int i = 0; i < BEFORE; i++)
        before[i] = keep(malloc(200));
    CHECK(attach() == INJECT_OK);
    CHECK(last.found && last.state == SEG_LIVE && (last.flags & SEG_FLAG_ATTACHED));
    CHECK(last.front == (preloaded ? SEG_FRONT_PRELOAD : SEG_FRONT_REDIRECT));
    CHECK(last.before == SEG_BEFORE_UNKNOWN || last.before_bytes > 3000000);
    CHECK(agent_attach(agent_options) == INJECT_ACTIVE);
    all_ways();
    from_before(before, BEFORE);
    if (!preloaded) {
        later_modules(plugin);
        later_modules(strrchr(plugin, '/') + 1); /* found by our own search path */
    }
    child();
    free(large);
}

static void detached(void)
{
    void *(*kept)(size_t) = (void *(*)(size_t))dlsym(RTLD_DEFAULT, "malloc");
    char *block = keep(malloc(100));
    CHECK(agent_detach() == INJECT_OK);
    CHECK(agent_detach() == INJECT_INACTIVE);
    CHECK(!read_figures().found);
    free(block);
    free(keep(kept(100)));
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        free(keep(malloc(100)));
        name_segment(getenv("MEMTOP_DIR"));
        _exit(read_figures().found);
    }
    waitpid(pid, &status, 0);
    CHECK(status == 0);
}

static void options(void)
{
    static char long_ones[INJECT_OPTIONS_MAX + 100];
    memset(long_ones, 'x', sizeof long_ones - 1);
    CHECK(agent_attach(long_ones) == INJECT_OPTIONS);
    CHECK(agent_attach("MEMTOP_DIR=/dev/shm\nnonsense\n") == INJECT_OPTIONS);
    CHECK(agent_attach("MEMTOP_DIR=/there/is/no/such\n") == INJECT_SEGMENT);
    CHECK(agent_attach("MEMTOP_FOLLOW=somebody\n") == INJECT_NOT_FOLLOWED);
}

int main(int argc, char **argv)
{
    const char *preload = getenv("LD_PRELOAD");
    bool preloaded = preload && strstr(preload, "libmemtop");
    load_agent("");
    if (argc > 2) {
        CHECK(attach() == atoi(argv[2]));
        CHECK(!read_figures().found);
        return victim_failures != 0;
    }
    CHECK(agent_detach() == INJECT_INACTIVE);
    options();
    for (int i = 0; i < 3; i++) {
        attached(argc > 1 ? argv[1] : "/", preloaded);
        detached();
    }
    return victim_failures != 0;
}
