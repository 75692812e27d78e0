/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For victims that load the agent by themselves, as an injector would, and look into
 * the segment that it makes. MEMTOP_AGENT names the library, MEMTOP_DIR the place.
 */
#ifndef MEMTOP_TESTS_VICTIMS_ATTACH_H
#define MEMTOP_TESTS_VICTIMS_ATTACH_H

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shared/inject.h"
#include "shared/segment.h"

static int (*agent_attach)(const char *options);
static int (*agent_detach)(void);
static char agent_options[600];
static char segment_path[600];

/* The segment's name is known before it is there. */
static inline void name_segment(const char *dir)
{
    char text[1024] = "";
    int fd = open("/proc/self/stat", O_RDONLY); /* stdio would allocate */
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    char *p = strrchr(text, ')');
    for (int field = 2; p && field < 22; field++) {
        p = strchr(p, ' ');
        p = p ? p + 1 : NULL;
    }
    snprintf(segment_path, sizeof segment_path, "%s/" SEG_NAME_FORMAT, dir, (int)getpid(),
             p ? strtoull(p, NULL, 10) : 0ULL);
}

static inline void load_agent(const char *more)
{
    const char *dir = getenv("MEMTOP_DIR"), *agent = getenv("MEMTOP_AGENT");
    void *library = agent ? dlopen(agent, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!library || !dir) {
        fprintf(stderr, "%s\n", dir ? dlerror() : "MEMTOP_DIR is not set");
        exit(2);
    }
    agent_attach = (int (*)(const char *))dlsym(library, INJECT_ATTACH);
    agent_detach = (int (*)(void))dlsym(library, INJECT_DETACH);
    snprintf(agent_options, sizeof agent_options, "MEMTOP_DIR=%s\n%s", dir, more);
    name_segment(dir);
}

/* What the segment says now. */
struct figures {
    uint64_t allocations, frees, bytes_allocated, bytes_freed;
    uint64_t foreign_frees, missed_frees, lost, reallocations;
    uint32_t state, flags, front, before;
    uint64_t before_bytes;
    int found;
};

static inline void read_thread(struct figures *out, const struct seg_thread *t)
{
    for (unsigned c = 0; c < SEG_SIZE_CLASSES; c++) {
        out->allocations += t->classes[c].allocations;
        out->frees += t->classes[c].frees;
        out->bytes_allocated += t->classes[c].bytes_allocated;
        out->bytes_freed += t->classes[c].bytes_freed;
    }
    out->foreign_frees += t->foreign_frees;
    out->missed_frees += t->missed_frees;
    out->lost += t->lost;
    out->reallocations += t->reallocations;
}

static inline struct figures read_figures(void)
{
    static struct seg_thread thread;
    static struct seg_header header;
    struct figures out;
    memset(&out, 0, sizeof out);
    int fd = open(segment_path, O_RDONLY);
    if (fd < 0)
        return out;
    if (pread(fd, &header, sizeof header, 0) == (ssize_t)sizeof header) {
        const struct seg_section *s = &header.sections[SEG_THREADS];
        out.found = 1;
        out.state = header.state;
        out.flags = header.flags;
        out.front = header.front;
        out.before = header.before;
        out.before_bytes = header.before_bytes;
        for (uint64_t i = 0; i < s->count; i++)
            if (pread(fd, &thread, sizeof thread, (off_t)(s->offset + i * sizeof thread)) ==
                (ssize_t)sizeof thread)
                read_thread(&out, &thread);
    }
    close(fd);
    return out;
}

#endif
