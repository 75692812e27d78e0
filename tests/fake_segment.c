/* SPDX-License-Identifier: Apache-2.0 */
/* Segments made by hand; see fake_segment.h. For tests only. */
#include "fake_segment.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u
#define NS_PER_SECOND UINT64_C(1000000000)

struct plan {
    uint64_t element, count;
    bool dense;
};

static const struct plan plans[SEG_SECTION_COUNT] = {
    [SEG_GLOBALS] = { sizeof(struct seg_globals), 1, false },
    [SEG_THREADS] = { sizeof(struct seg_thread), FAKE_ROWS, true },
    [SEG_SITE_DIRS] = { sizeof(uint32_t),
                        SEG_THREADS_MAX * (FAKE_SITES / SEG_CHUNK_SITES), false },
    [SEG_SITE_CHUNKS] = { sizeof(struct seg_site_counters) * SEG_CHUNK_SITES, FAKE_CHUNKS,
                          true },
    [SEG_SITES] = { sizeof(struct seg_site), FAKE_SITES, true },
    [SEG_NODES] = { sizeof(struct seg_node), FAKE_NODES, true },
    [SEG_MODULES] = { sizeof(struct seg_module), FAKE_MODULES, true },
    [SEG_DENSITY] = { sizeof(uint64_t), SEG_DENSITY_SLOTS, false },
    [SEG_SECONDS] = { sizeof(struct seg_second), SEG_SECONDS_SLOTS, false },
    [SEG_REGION_L1] = { sizeof(uint32_t), 1024, false },
    [SEG_REGION_L2] = { sizeof(struct seg_region) * SEG_L2_ENTRIES, 1, true },
    [SEG_BLOCKS] = { sizeof(struct seg_block) * SEG_REGION_BLOCKS, 1, false },
    [SEG_OVERFLOW] = { sizeof(struct seg_overflow), 1024, false },
    [SEG_SAMPLES] = { sizeof(struct seg_sample), SEG_SAMPLES_FIRST, true },
    [SEG_SITE_ERRORS] = { sizeof(struct seg_site_error), FAKE_SITES, true },
    [SEG_MARKS] = { sizeof(struct seg_mark), SEG_MARKS_SLOTS, false },
    [SEG_MISMATCHES] = { sizeof(struct seg_mismatch), SEG_MISMATCHES_MAX, true },
};

/* Everything is committed at once: the reader must go by the counts. */
static uint64_t plan_sections(struct seg_section sections[])
{
    uint64_t offset = PAGE;
    for (unsigned i = 0; i < SEG_SECTION_COUNT; i++) {
        uint64_t bytes = (plans[i].element * plans[i].count + PAGE - 1) / PAGE * PAGE;
        sections[i] = (struct seg_section){
            .offset = offset,
            .reserved = bytes,
            .element = plans[i].element,
            .count = plans[i].dense ? 0 : plans[i].count,
            .committed = plans[i].dense ? bytes : 0,
        };
        offset += bytes;
    }
    return offset;
}

static void set_pointers(struct fake_segment *f)
{
    const struct seg_section *at = f->header->sections;
    f->globals = (void *)(f->base + at[SEG_GLOBALS].offset);
    f->threads = (void *)(f->base + at[SEG_THREADS].offset);
    f->dirs = (void *)(f->base + at[SEG_SITE_DIRS].offset);
    f->chunks = (void *)(f->base + at[SEG_SITE_CHUNKS].offset);
    f->sites = (void *)(f->base + at[SEG_SITES].offset);
    f->nodes = (void *)(f->base + at[SEG_NODES].offset);
    f->modules = (void *)(f->base + at[SEG_MODULES].offset);
    f->density = (void *)(f->base + at[SEG_DENSITY].offset);
    f->seconds = (void *)(f->base + at[SEG_SECONDS].offset);
}

static void fill_header(struct seg_header *h, int pid, uint64_t start_time)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t ns = (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
    h->magic = SEG_MAGIC;
    h->version = SEG_VERSION;
    h->header_bytes = sizeof *h;
    h->pid = pid;
    h->start_time = start_time;
    h->uid = geteuid();
    h->clock = SEG_CLOCK_MONOTONIC;
    h->clock_shift_birth = 8;
    h->clock_shift_density = 20;
    h->granule_shift = SEG_GRANULE_GLIBC;
    h->clock_first = h->clock_last = (struct seg_clock_pair){ ns, ns };
    h->page_bytes = PAGE;
    h->exit_status = -1;
    h->state = SEG_LIVE;
    strcpy(h->allocator, "libc.so.6");
    strcpy(h->executable, "/usr/bin/true");
    memcpy(h->command, "true\0one\0two", 13);
    h->command_bytes = 13;
}

bool fake_open(struct fake_segment *f, const char *dir, int pid, uint64_t start_time)
{
    struct seg_section sections[SEG_SECTION_SLOTS] = { 0 };
    memset(f, 0, sizeof *f);
    snprintf(f->path, sizeof f->path, "%s/" SEG_NAME_FORMAT, dir, pid,
             (unsigned long long)start_time);
    f->bytes = plan_sections(sections);
    int fd = open(f->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)f->bytes) != 0)
        return false;
    f->base = mmap(NULL, f->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (f->base == MAP_FAILED)
        return false;
    f->header = (void *)f->base;
    fill_header(f->header, pid, start_time);
    memcpy(f->header->sections, sections, sizeof sections);
    f->header->file_bytes = f->bytes;
    set_pointers(f);
    f->threads[0].state = SEG_THREAD_ENDED;
    f->threads[1].state = SEG_THREAD_SHARED;
    f->header->sections[SEG_THREADS].count = 2;
    f->header->sections[SEG_SITES].count = 1;
    f->header->sections[SEG_NODES].count = 1;
    f->header->sections[SEG_MODULES].count = 1;
    return true;
}

int fake_dead_pid(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    return pid;
}

void fake_unmap(struct fake_segment *f)
{
    munmap(f->base, f->bytes);
}

void fake_close(struct fake_segment *f)
{
    fake_unmap(f);
    unlink(f->path);
}

uint32_t fake_thread(struct fake_segment *f, int tid, const char *name)
{
    uint32_t row = (uint32_t)f->header->sections[SEG_THREADS].count++;
    struct seg_thread *page = &f->threads[row];
    page->state = SEG_THREAD_USED;
    page->tid = tid;
    strncpy(page->name, name, sizeof page->name - 1);
    page->first_ticks = f->header->clock_first.ticks + row;
    return row;
}

uint16_t fake_module(struct fake_segment *f, const char *path, uint64_t start, uint64_t end)
{
    uint64_t index = f->header->sections[SEG_MODULES].count++;
    struct seg_module *m = &f->modules[index];
    m->start = m->bias = start;
    m->end = end;
    strncpy(m->path, path, sizeof m->path - 1);
    m->build_id_bytes = 20;
    memset(m->build_id, 0xab, 20);
    m->state = SEG_MODULE_LOADED;
    return (uint16_t)index;
}

uint32_t fake_node(struct fake_segment *f, uint32_t parent, uint64_t pc, uint16_t module)
{
    uint64_t index = f->header->sections[SEG_NODES].count++;
    f->nodes[index] = (struct seg_node){
        .pc = pc,
        .parent = parent,
        .module = module,
        .depth = (uint16_t)(f->nodes[parent].depth + 1),
    };
    return (uint32_t)index;
}

uint32_t fake_site(struct fake_segment *f, uint32_t node)
{
    uint64_t index = f->header->sections[SEG_SITES].count++;
    f->sites[index].node = node;
    f->nodes[node].site = (uint32_t)index;
    return (uint32_t)index;
}

struct seg_site_counters *fake_counters(struct fake_segment *f, uint32_t row, uint32_t site)
{
    uint32_t *place = &f->dirs[row * (FAKE_SITES / SEG_CHUNK_SITES) + site / SEG_CHUNK_SITES];
    if (*place == 0)
        *place = (uint32_t)++f->header->sections[SEG_SITE_CHUNKS].count;
    return &f->chunks[(size_t)(*place - 1) * SEG_CHUNK_SITES + site % SEG_CHUNK_SITES];
}

void fake_count(struct fake_segment *f, uint32_t row, uint32_t site, uint64_t size,
                uint64_t allocations, uint64_t frees)
{
    struct seg_class *class = &f->threads[row].classes[seg_size_class(size)];
    struct seg_site_counters *c = fake_counters(f, row, site);
    class->allocations += allocations;
    class->frees += frees;
    class->bytes_allocated += allocations * size;
    class->bytes_freed += frees * size;
    c->allocations += allocations;
    c->frees += frees;
    c->bytes_allocated += allocations * size;
    c->bytes_freed += frees * size;
    f->threads[row].functions[SEG_FN_MALLOC] += allocations;
    f->threads[row].functions[SEG_FN_FREE] += frees;
    f->globals->room_blocks -= (int64_t)(allocations - frees);
    f->globals->room_bytes -= (int64_t)((allocations - frees) * size);
    if (f->globals->room_bytes < 0) {
        f->globals->peak_bytes -= f->globals->room_bytes;
        f->globals->room_bytes = 0;
    }
    if (f->globals->room_blocks < 0) {
        f->globals->peak_blocks -= f->globals->room_blocks;
        f->globals->room_blocks = 0;
    }
}

void fake_second(struct fake_segment *f, uint64_t second, int64_t live_bytes)
{
    struct seg_second *r = &f->seconds[second % SEG_SECONDS_SLOTS];
    *r = (struct seg_second){
        .monotonic_ns = f->header->clock_first.monotonic_ns + second * NS_PER_SECOND,
        .live_bytes = live_bytes,
        .peak_bytes = live_bytes,
        .second = second + 1,
    };
}
