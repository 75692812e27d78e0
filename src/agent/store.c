/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Creation and growth of the segment file. Called by the tracker at set-up
 * and by the tables when they grow; runs inside malloc.
 *
 * The file is sparse and as long as the layout can ever get; only committed
 * pages cost memory. No descriptor is kept, because daemons close all of them:
 * growth goes through madvise(MADV_POPULATE_WRITE), which reports a full file
 * system instead of raising SIGBUS, and on kernels before 5.14 through a
 * descriptor that is opened for the moment.
 */
#include "agent/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/clock.h"
#include "agent/leftovers.h"
#include "agent/procinfo.h"
#include "agent/reserve.h"
#include "agent/sandbox.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define PAGE 4096u
#define RETRY_TICKS (UINT64_C(1) << 28) /* some 100 ms */
#define CAP_MIN (16 * STORE_STEP) /* below it nothing is recorded at all */

struct store store;

/* ---- layout -------------------------------------------------------------- */

struct section_plan {
    uint32_t element;
    uint64_t count;
    bool scales; /* may shrink where address range or file size is limited */
    bool dense;
};

static const struct section_plan plans[SEG_SECTION_COUNT] = {
    [SEG_GLOBALS] = { sizeof(struct seg_globals), 1, false, false },
    [SEG_THREADS] = { sizeof(struct seg_thread), SEG_THREADS_MAX, false, true },
    [SEG_SITE_DIRS] = { sizeof(uint32_t), 0, false, false }, /* from SITES */
    [SEG_SITE_CHUNKS] = { sizeof(struct seg_site_counters) * SEG_CHUNK_SITES,
                          SEG_CHUNKS_MAX, true, true },
    [SEG_SITES] = { sizeof(struct seg_site), SEG_SITES_MAX, true, true },
    [SEG_NODES] = { sizeof(struct seg_node), SEG_NODES_MAX, true, true },
    [SEG_MODULES] = { sizeof(struct seg_module), SEG_MODULES_MAX, false, true },
    [SEG_DENSITY] = { sizeof(uint64_t), SEG_DENSITY_SLOTS, false, false },
    [SEG_SECONDS] = { sizeof(struct seg_second), SEG_SECONDS_SLOTS, false, false },
    [SEG_REGION_L1] = { sizeof(uint32_t), 0, false, false }, /* from the granule */
    [SEG_REGION_L2] = { sizeof(struct seg_region) * SEG_L2_ENTRIES, 16384, true, true },
    [SEG_BLOCKS] = { sizeof(struct seg_block) * SEG_REGION_BLOCKS, 32768, true, false },
    [SEG_OVERFLOW] = { sizeof(struct seg_overflow), SEG_OVERFLOW_SLOTS, false, false },
    [SEG_MISMATCHES] = { sizeof(struct seg_mismatch), SEG_MISMATCHES_MAX, false, true },
    [SEG_SAMPLES] = { sizeof(struct seg_sample), SEG_SAMPLES_MAX, true, true },
    [SEG_SITE_ERRORS] = { sizeof(struct seg_site_error), SEG_SITES_MAX, true, true },
    [SEG_MARKS] = { sizeof(struct seg_mark), SEG_MARKS_SLOTS, false, false },
};

static uint64_t round_up(uint64_t n, uint64_t step)
{
    return (n + step - 1) / step * step;
}

/* Elements of a section at a scale: each step of it halves what may shrink. */
static uint64_t planned_count(unsigned section, unsigned scale, unsigned granule_shift)
{
    uint64_t sites = SEG_SITES_MAX >> scale;
    if (section == SEG_SITE_DIRS)
        return SEG_THREADS_MAX * (sites / SEG_CHUNK_SITES);
    if (section == SEG_REGION_L1)
        return UINT64_C(1) << (SEG_ADDRESS_BITS - granule_shift - SEG_REGION_SHIFT -
                               SEG_L2_SHIFT);
    uint64_t count = plans[section].count;
    return plans[section].scales ? count >> scale : count;
}

/* Compact records are of a word. */
static uint32_t planned_element(unsigned section, bool compact)
{
    return section == SEG_BLOCKS && compact ? sizeof(uint64_t) * SEG_REGION_BLOCKS
                                            : plans[section].element;
}

/* Fill the section table; returns the file's length. */
static uint64_t plan_sections(struct seg_section sections[], unsigned scale,
                              unsigned granule_shift, bool compact)
{
    uint64_t offset = PAGE;
    for (unsigned i = 0; i < SEG_SECTION_COUNT; i++) {
        uint64_t count = planned_count(i, scale, granule_shift);
        uint32_t element = planned_element(i, compact);
        uint64_t bytes = round_up(count * element, STORE_STEP);
        sections[i] = (struct seg_section){
            .offset = offset,
            .reserved = bytes,
            .element = element,
            .count = plans[i].dense ? 0 : count,
        };
        offset += bytes;
    }
    return offset;
}

static void set_pointers(struct seg_header *header)
{
    char *base = (char *)header;
    const struct seg_section *at = header->sections;
    store.globals = (void *)(base + at[SEG_GLOBALS].offset);
    store.threads = (void *)(base + at[SEG_THREADS].offset);
    store.site_dirs = (void *)(base + at[SEG_SITE_DIRS].offset);
    store.chunks = (void *)(base + at[SEG_SITE_CHUNKS].offset);
    store.sites = (void *)(base + at[SEG_SITES].offset);
    store.nodes = (void *)(base + at[SEG_NODES].offset);
    store.modules = (void *)(base + at[SEG_MODULES].offset);
    store.density = (void *)(base + at[SEG_DENSITY].offset);
    store.seconds = (void *)(base + at[SEG_SECONDS].offset);
    store.region_l1 = (void *)(base + at[SEG_REGION_L1].offset);
    store.region_l2 = (void *)(base + at[SEG_REGION_L2].offset);
    store.blocks = (void *)(base + at[SEG_BLOCKS].offset);
    store.overflow = (void *)(base + at[SEG_OVERFLOW].offset);
    store.mismatches = (void *)(base + at[SEG_MISMATCHES].offset);
    store.samples = (void *)(base + at[SEG_SAMPLES].offset);
    store.site_errors = (void *)(base + at[SEG_SITE_ERRORS].offset);
    store.marks = (void *)(base + at[SEG_MARKS].offset);
    store.dir_entries = (uint32_t)(at[SEG_SITE_DIRS].count / SEG_THREADS_MAX);
    store.bytes = header->file_bytes;
    store.header = header;
}

/* ---- the file -------------------------------------------------------------- */

#define DIGITS 20 /* of the largest uint64_t */

/* Write n in decimal; returns the end. */
static char *append_number(char *to, uint64_t n)
{
    char digits[DIGITS];
    unsigned length = 0;
    do {
        digits[length++] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    while (length)
        *to++ = digits[--length];
    return to;
}

/* A file of our own name can only be that of the program image which exec
 * replaced: pid and start time are ours. */
static int create_file(const char *dir, int pid, uint64_t start_time)
{
    size_t length = strlen(dir);
    if (length + sizeof SEG_NAME_PREFIX + 2 * DIGITS + 3 > sizeof store.path)
        return -1;
    memcpy(store.path, dir, length);
    char *end = store.path + length;
    end = memcpy(end, "/" SEG_NAME_PREFIX, sizeof SEG_NAME_PREFIX);
    end = append_number(end + sizeof SEG_NAME_PREFIX, (uint64_t)pid);
    *end++ = '-';
    *append_number(end, start_time) = '\0';
    int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = open(store.path, flags, 0600);
    if (fd < 0 && errno == EEXIST && unlink(store.path) == 0)
        fd = open(store.path, flags, 0600);
    return fd;
}

static int create_file_somewhere(const struct config *config, int pid, uint64_t start)
{
    if (config->dir)
        return create_file(config->dir, pid, start);
    int fd = create_file(SEG_DIR_DEFAULT, pid, start);
    return fd >= 0 ? fd : create_file(SEG_DIR_FALLBACK, pid, start);
}

/* The longest file that neither RLIMIT_FSIZE (which would raise SIGXFSZ) nor
 * RLIMIT_AS (whose room belongs to the program) forbids. */
static uint64_t longest_file(void)
{
    struct rlimit limit;
    uint64_t longest = UINT64_MAX;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        longest = limit.rlim_cur;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        limit.rlim_cur / 4 < longest)
        longest = limit.rlim_cur / 4;
    return longest;
}

/* Size and map the file, at the largest scale that the limits allow. */
static struct seg_header *map_file(int fd, struct seg_section sections[],
                                   unsigned granule_shift, bool compact,
                                   uint64_t *file_bytes)
{
    uint64_t longest = longest_file();
    for (unsigned scale = 0; scale <= 12; scale += 2) {
        uint64_t bytes = plan_sections(sections, scale, granule_shift, compact);
        if (bytes > longest || ftruncate(fd, (off_t)bytes) != 0)
            continue;
        void *base = reserve_map(bytes, MAP_SHARED | MAP_NORESERVE, fd);
        if (base) {
            madvise(base, bytes, MADV_DONTDUMP);
            *file_bytes = bytes;
            return base;
        }
    }
    return NULL;
}

/* What the segment may commit: what was asked for, but never so much that a
 * quarter of the free space is not left to others. */
static uint64_t memory_cap(int fd, const struct config *config)
{
    struct statvfs fs;
    uint64_t cap = UINT64_MAX;
    if (fstatvfs(fd, &fs) == 0 && fs.f_blocks != 0)
        cap = (uint64_t)fs.f_bavail * fs.f_frsize / 4 * 3;
    uint64_t wanted = config->memory && config->memory < CAP_MIN ? CAP_MIN : config->memory;
    return wanted && wanted < cap ? wanted : cap;
}

static void copy_text(char *to, size_t size, const char *from)
{
    size_t n = strnlen(from, size - 1);
    memcpy(to, from, n);
    to[n] = '\0';
}

static void fill_header(struct seg_header *h, const struct config *config,
                        const struct store_identity *id, uint64_t start_time)
{
    h->magic = SEG_MAGIC;
    h->version = SEG_VERSION;
    h->header_bytes = sizeof *h;
    h->pid = (int32_t)syscall(SYS_getpid);
    h->flags = id->flags | (config_keeps(config, h->pid) ? SEG_FLAG_KEEP : 0) |
               (config->compact ? SEG_FLAG_COMPACT : 0);
    h->ppid = (int32_t)getppid();
    h->uid = geteuid();
    h->root_pid = config->root_pid;
    h->start_time = start_time;
    h->pid_namespace = procinfo_pid_namespace();
    h->clock = CLOCK_KIND;
    h->clock_shift_birth = CLOCK_SHIFT_BIRTH;
    h->clock_shift_density = CLOCK_SHIFT_DENSITY;
    h->short_classes = config->compact ? 0 : CLOCK_SHIFT_SHORT + 1;
    h->clock_first = h->clock_last = clock_pair();
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    h->start_realtime_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    h->page_bytes = PAGE;
    h->exit_status = -1;
    copy_text(h->allocator, sizeof h->allocator, id->allocator);
    copy_text(h->executable, sizeof h->executable, id->executable);
    h->command_bytes = procinfo_command(h->command, sizeof h->command);
}

static bool build(int fd, const struct config *config, const struct store_identity *id,
                  uint64_t start_time)
{
    struct seg_section sections[SEG_SECTION_SLOTS] = { 0 };
    unsigned granule_shift = id->glibc ? SEG_GRANULE_GLIBC : SEG_GRANULE_OTHER;
    uint64_t file_bytes;
    struct seg_header *header = map_file(fd, sections, granule_shift, config->compact,
                                         &file_bytes);
    if (!header)
        return false;
    /* The header and the globals lie together at the start. */
    uint64_t cap = memory_cap(fd, config);
    if (cap < CAP_MIN || fallocate(fd, 0, 0, 2 * PAGE) != 0) {
        reserve_unmap(header, file_bytes);
        return false;
    }
    fill_header(header, config, id, start_time);
    memcpy(header->sections, sections, sizeof sections);
    header->granule_shift = granule_shift;
    header->file_bytes = file_bytes;
    header->memory_cap = cap;
    header->memory_used = 2 * PAGE;
    set_pointers(header);
    return true;
}

bool store_create(const struct config *config, const struct store_identity *id)
{
    uint64_t start_time = procinfo_start_time();
    int fd = create_file_somewhere(config, (int)syscall(SYS_getpid), start_time);
    if (fd < 0)
        return false;
    bool done = build(fd, config, id, start_time);
    close(fd);
    if (done)
        done = store_commit(store.density, SEG_DENSITY_SLOTS * sizeof *store.density) &&
               store_commit(store.region_l1,
                            round_up(store.header->sections[SEG_REGION_L1].count *
                                         sizeof *store.region_l1,
                                     PAGE));
    if (!done) {
        unlink(store.path);
        if (store.header)
            store_abandon();
        return false;
    }
    leftovers_trim(store.path);
    return true;
}

void store_publish(void)
{
    __atomic_store_n(&store.header->state, SEG_LIVE, __ATOMIC_RELEASE);
}

void store_abandon(void)
{
    reserve_unmap(store.header, store.bytes);
    store.header = NULL;
}

/* The path goes, so that nobody grows the parent's file by its name. */
void store_make_private(void)
{
    if (!store.path[0])
        return; /* it is */
    struct stat st;
    int fd = open(store.path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    void *at = MAP_FAILED;
    if (fd >= 0 && fstat(fd, &st) == 0 && (uint64_t)st.st_size >= store.bytes)
        at = mmap(store.header, store.bytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd, 0);
    if (at == MAP_FAILED)
        mmap(store.header, store.bytes, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    if (fd >= 0)
        close(fd);
    store.path[0] = '\0';
}

/* ---- growth ---------------------------------------------------------------- */

/* Kernels before 5.14: allocate through a descriptor opened for the moment. */
static bool commit_by_file(const void *address, size_t length)
{
    int fd = open(store.path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    off_t offset = (const char *)address - (const char *)store.header;
    bool done = fallocate(fd, 0, offset, (off_t)length) == 0;
    close(fd);
    return done;
}

/* Populate the pages. When the file system is full, the next attempts wait a
 * while: an event without room must not cost a system call each time. */
static bool populate(void *address, size_t length)
{
    static uint64_t next_try; /* ticks; atomic */
    uint64_t now = clock_ticks();
    if (now < __atomic_load_n(&next_try, __ATOMIC_RELAXED))
        return false;
    if (!sandbox_enter())
        return false;
    int saved_errno = errno;
    bool done = madvise(address, length, MADV_POPULATE_WRITE) == 0 ||
                (errno == EINVAL && commit_by_file(address, length));
    errno = saved_errno;
    sandbox_leave();
    if (!done)
        __atomic_store_n(&next_try, now + RETRY_TICKS, __ATOMIC_RELAXED);
    return done;
}

void store_refund(size_t length)
{
    __atomic_sub_fetch(&store.header->memory_used, length, __ATOMIC_RELAXED);
}

bool store_commit(void *address, size_t length)
{
    struct seg_header *h = store.header;
    uint64_t used = __atomic_add_fetch(&h->memory_used, length, __ATOMIC_RELAXED);
    if (used <= h->memory_cap && populate(address, length))
        return true;
    store_refund(length);
    __atomic_or_fetch(&h->flags, SEG_FLAG_MEMORY_CAP, __ATOMIC_RELAXED);
    return false;
}

static uint64_t committed(enum seg_section_id id)
{
    return __atomic_load_n(&store.header->sections[id].committed, __ATOMIC_RELAXED);
}

/* Stacks may take half of what the segment may take: the rest is for blocks,
 * which without a record are lost, and not just unattributed. */
static bool exceeds_share(enum seg_section_id id, uint64_t grown)
{
    if (id != SEG_NODES && id != SEG_SITES && id != SEG_SITE_CHUNKS)
        return false;
    if (committed(SEG_NODES) + committed(SEG_SITES) + committed(SEG_SITE_CHUNKS) + grown <=
        store.header->memory_cap / 2)
        return false;
    __atomic_or_fetch(&store.header->flags, SEG_FLAG_MEMORY_CAP, __ATOMIC_RELAXED);
    return true;
}

/* A section doubles from a page up to steps of STORE_STEP: a process that was
 * forked for a moment's work pays for little. */
static uint64_t growth_step(uint64_t have)
{
    uint64_t step = PAGE;
    while (step < have && step < STORE_STEP)
        step *= 2;
    return step;
}

/* Threads that race populate the same pages, which does no harm. */
bool store_reach(enum seg_section_id id, uint64_t bytes)
{
    struct seg_section *section = &store.header->sections[id];
    uint64_t have = __atomic_load_n(&section->committed, __ATOMIC_ACQUIRE);
    while (have < bytes) {
        uint64_t want = round_up(bytes, growth_step(have));
        if (want > section->reserved)
            return false;
        char *base = (char *)store.header + section->offset;
        uint64_t grown = want - have;
        if (exceeds_share(id, grown) || !store_commit(base + have, grown))
            return false;
        if (__atomic_compare_exchange_n(&section->committed, &have, want, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            break;
        store_refund(grown); /* another thread did the same */
    }
    return true;
}

uint64_t store_append_run(enum seg_section_id id, uint64_t n)
{
    struct seg_section *section = &store.header->sections[id];
    uint64_t index = __atomic_load_n(&section->count, __ATOMIC_RELAXED);
    do {
        if ((index + n) * section->element > section->reserved ||
            !store_reach(id, (index + n) * section->element))
            return UINT64_MAX;
    } while (!__atomic_compare_exchange_n(&section->count, &index, index + n, false,
                                          __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    return index;
}

uint64_t store_append(enum seg_section_id id)
{
    return store_append_run(id, 1);
}
