/* SPDX-License-Identifier: Apache-2.0 */
/* The reader and whose segment it is: who may be opened, the life of targets, and a
 * target that lies. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "reader_dir.h"

static uint64_t own_start_time(void)
{
    struct proc_stat st;
    return proc_stat_read(getpid(), &st) ? st.start_time : 0;
}

/* A segment of this process, with its pid namespace. */
static void open_own(struct fake_segment *f)
{
    if (!fake_open(f, dir, proc_inner_pid(getpid()), own_start_time()))
        abort();
    f->header->pid_namespace = proc_namespace(0, "pid");
}

static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* ---- who may be opened --------------------------------------------------------------- */

static enum reader_status open_status(const char *path)
{
    struct reader *r;
    enum reader_status status = reader_open_path(path, &r);
    reader_close(r);
    return status;
}

static void test_refusals(void)
{
    struct fake_segment f;
    char path[300];
    open_dead(&f);
    snprintf(path, sizeof path, "%s/memtop-1-2", dir);
    tap_ok(symlink(f.path, path) == 0 && open_status(path) == READER_FOREIGN,
           "a symbolic link is refused");
    unlink(path);
    tap_ok(mkfifo(path, 0600) == 0 && open_status(path) == READER_FOREIGN,
           "a FIFO is refused, without waiting");
    unlink(path);
    tap_ok(open_status(dir) == READER_FOREIGN, "a directory is refused");
    tap_ok(open_status("/proc/self/nothing") == READER_SYSTEM && errno == ENOENT,
           "a missing file says so");
    f.header->version++;
    tap_ok(open_status(f.path) == READER_VERSION, "another version is refused");
    f.header->version--;
    f.header->magic++;
    tap_ok(open_status(f.path) == READER_FOREIGN, "another magic is refused");
    f.header->magic--;
    f.header->state = SEG_STARTING;
    tap_ok(open_status(f.path) == READER_NOT_READY, "one in the making is not ready");
    f.header->state = SEG_LIVE;
    struct seg_section *nodes = &f.header->sections[SEG_NODES];
    struct seg_section kept = *nodes;
    nodes->offset = UINT64_MAX - 4095;
    tap_ok(open_status(f.path) == READER_CORRUPT, "an offset that overflows is damage");
    *nodes = kept;
    nodes->reserved = UINT64_MAX;
    tap_ok(open_status(f.path) == READER_CORRUPT, "so is an endless section");
    *nodes = kept;
    nodes->element = 8;
    tap_ok(open_status(f.path) == READER_CORRUPT, "so is an element that is too small");
    *nodes = kept;
    tap_ok(open_status(f.path) == READER_OK, "and whole it is accepted");
    fake_close(&f);
}

static void test_wider_elements(void)
{
    struct fake_segment f;
    struct snapshot s;
    open_dead(&f);
    snapshot_init(&s);
    fake_module(&f, "/lib/first.so", 1, 2);
    fake_module(&f, "/lib/second.so", 3, 4);
    f.header->sections[SEG_MODULES].element *= 2; /* module 1 is now the second's place */
    f.header->sections[SEG_MODULES].count = 2;
    refresh_once(&f, &s);
    tap_ok(s.n_modules == 2 && strcmp(s.modules[1].path, "/lib/second.so") == 0,
           "elements that a later version made longer are stepped over");
    snapshot_fini(&s);
    fake_close(&f);
}

/* ---- targets ---------------------------------------------------------------------------- */

static void test_living(void)
{
    struct fake_segment f;
    struct snapshot s;
    struct reader *r;
    open_own(&f);
    snapshot_init(&s);
    fake_thread(&f, proc_inner_pid(getpid()), "stale name");
    fake_thread(&f, 1 << 30, "gone");
    tap_ok(reader_open_pid(getpid(), &r) == READER_OK, "a living process is found by its pid");
    tap_is_str(r ? reader_path(r) : NULL, f.path, "in $MEMTOP_DIR");
    if (!r)
        exit(tap_done());
    reader_refresh(r, &s, READER_ALL);
    tap_ok(s.target.state == TARGET_RUNNING, "it runs");
    tap_is_u64((uint64_t)s.target.pid, (uint64_t)getpid(), "its pid is ours");
    tap_ok(s.threads[0].alive && !s.threads[1].alive, "its threads live or have ended");
    struct proc_stat st;
    proc_stat_read(getpid(), &st);
    tap_is_str(s.threads[0].name, st.comm, "the kernel's name for a thread wins");
    tap_ok(s.target.wall_ns < 3600 * SECOND_NS, "it has lived for less than an hour");
    int fd = open(f.path, O_RDONLY);
    tap_ok(flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK,
           "an open reader holds a lock");
    f.header->state = SEG_EXITED;
    reader_refresh(r, &s, 0);
    tap_ok(s.target.state == TARGET_EXITED, "after its goodbye it has exited");
    f.header->flags |= SEG_FLAG_DETACHED;
    reader_refresh(r, &s, 0);
    tap_ok(s.target.state == TARGET_DETACHED, "or its recording was ended");
    tap_ok(reader_mark(r, "late") == READER_NO_SEGMENT, "and nobody is there to set marks");
    f.header->flags &= ~(uint32_t)SEG_FLAG_DETACHED;
    f.header->state = SEG_LIVE;
    close(fd);
    /* exec: another file in its place, and the old one is not mapped. */
    fake_close(&f);
    reader_refresh(r, &s, 0);
    tap_ok(s.target.state == TARGET_REPLACED, "a file that went away means exec");
    reader_close(r);
    tap_ok(reader_open_pid(getpid(), &r) == READER_NO_SEGMENT, "without a file: no agent");
    snapshot_fini(&s);
}

static void test_foreign_segment(void)
{
    struct fake_segment f;
    struct reader *r;
    open_own(&f);
    fake_unmap(&f);
    tap_ok(reader_open_pid(getpid(), &r) == READER_NO_SEGMENT,
           "a segment that the process has not mapped is not its own");
    unlink(f.path);
}

static void test_dead(void)
{
    struct fake_segment old, new;
    struct reader *r;
    int pid = fake_dead_pid();
    tap_ok(reader_open_pid(pid, &r) == READER_NO_PROCESS, "nothing is left of a dead process");
    if (!fake_open(&old, dir, pid, 5) || !fake_open(&new, dir, pid, 6))
        abort();
    tap_ok(reader_open_pid(pid, &r) == READER_OK, "or its segment is found");
    tap_is_str(r ? reader_path(r) : NULL, new.path, "the newest");
    reader_close(r);
    tap_ok(exists(new.path), "one that was killed stays when the reader goes");
    fake_close(&old);
    fake_close(&new);
}

static void test_last_reader(void)
{
    struct fake_segment f;
    struct reader *first = NULL, *last = NULL;
    open_dead(&f);
    f.header->state = SEG_EXITED;
    f.header->root_pid = f.header->pid;
    open_status(f.path);
    tap_ok(exists(f.path), "the segment of a run's root is left to the run");
    f.header->root_pid = 0;
    f.header->flags = SEG_FLAG_KEEP;
    open_status(f.path);
    tap_ok(exists(f.path), "one that is to be kept is kept");
    f.header->flags = 0;
    tap_ok(reader_open_path(f.path, &first) == READER_OK &&
               reader_open_path(f.path, &last) == READER_OK, "two readers");
    reader_close(first);
    tap_ok(exists(f.path), "the first to go leaves it");
    reader_close(last);
    tap_ok(!exists(f.path), "the last removes it");
    fake_close(&f);
}

/* A child that is process 1 of a pid namespace of its own and has the segment
 * mapped. Its pid here; 0 where that is not allowed. */
static int start_in_namespace(struct fake_segment *f)
{
    int ends[2], pid = 0;
    if (!fake_open(f, dir, 1, 0) || pipe(ends) != 0)
        abort();
    fake_thread(f, 1, "stale name");
    pid_t middle = fork();
    if (middle == 0) {
        pid = unshare(CLONE_NEWPID) == 0 ? fork() : 0;
        if (pid == 0 && getpid() == 1)
            for (;;)
                pause();
        _exit(write(ends[1], &pid, sizeof pid) != sizeof pid);
    }
    waitpid(middle, NULL, 0);
    if (read(ends[0], &pid, sizeof pid) != sizeof pid)
        pid = 0;
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static void test_namespace(void)
{
    struct fake_segment f;
    struct snapshot s;
    struct proc_stat st;
    struct reader *r;
    char old[sizeof f.path];
    int pid = start_in_namespace(&f);
    snapshot_init(&s);
    if (pid <= 0 || !proc_stat_read(pid, &st)) {
        tap_skip("no pid namespace may be made here");
        fake_close(&f);
        return;
    }
    strcpy(old, f.path);
    f.header->start_time = st.start_time;
    f.header->pid_namespace = proc_namespace(pid, "pid");
    snprintf(f.path, sizeof f.path, "%s/memtop-1-%llu", dir, (unsigned long long)st.start_time);
    tap_ok(rename(old, f.path) == 0 && reader_open_pid(pid, &r) == READER_OK,
           "a process in another pid namespace is found by its pid here");
    if (r && reader_refresh(r, &s, READER_ALL) == READER_OK) {
        tap_ok(s.target.pid == pid && s.target.inner_pid == 1, "both its pids are told");
        tap_ok(s.n_threads == 1 && s.threads[0].tid == 1 && s.threads[0].alive,
               "its threads are found by their inner ids");
    }
    reader_close(r);
    tap_ok(reader_open_path(f.path, &r) == READER_OK &&
               reader_refresh(r, &s, 0) == READER_OK && s.target.pid == pid,
           "and from its segment the process is");
    kill(pid, SIGKILL);
    while (proc_alive(pid, st.start_time))
        sched_yield();
    tap_ok(reader_refresh(r, &s, 0) == READER_OK && s.target.state == TARGET_KILLED,
           "its end is noticed");
    reader_close(r);
    snapshot_fini(&s);
    fake_close(&f);
}

static const struct found *find_path(const struct found *list, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].path, path) == 0)
            return &list[i];
    return NULL;
}

static void test_find_all(void)
{
    struct fake_segment live, dead;
    struct found *list;
    size_t n;
    open_own(&live);
    open_dead(&dead);
    fake_count(&dead, fake_thread(&dead, 1, "t"), 0, 77, 1, 0);
    dead.header->flags = SEG_FLAG_KEEP;
    tap_ok(reader_find_all(&list, &n) == READER_OK, "all segments are found");
    const struct found *l = find_path(list, n, live.path), *d = find_path(list, n, dead.path);
    tap_ok(l && l->alive && l->readable && l->pid == getpid() && l->state == TARGET_RUNNING,
           "the living one");
    tap_ok(d && !d->alive && d->state == TARGET_KILLED && d->keep, "the dead one");
    tap_ok(d && d->live_bytes == 77, "with what it holds");
    tap_is_str(d ? d->command : NULL, "true one two", "and its command");
    bool sorted = true;
    for (size_t i = 1; i < n; i++)
        sorted = sorted && list[i - 1].pid <= list[i].pid;
    tap_ok(sorted, "sorted by pid");
    tap_ok(l && reader_remove(l) == READER_NOT_READY && exists(live.path),
           "a living process keeps its segment");
    tap_ok(d && reader_remove(d) == READER_OK && !exists(dead.path), "a dead one loses it");
    tap_ok(d && reader_remove(d) == READER_OK, "twice is fine");
    free(list);
    fake_close(&live);
    fake_close(&dead);
}

/* ---- a target that lies ----------------------------------------------------------------- */

/* Whatever the segment says, a snapshot's shape is sound. */
static bool is_sound(const struct snapshot *s)
{
    for (size_t i = 0; i < s->n_nodes; i++)
        if ((i ? s->nodes[i].parent >= i : s->nodes[i].parent != 0) ||
            s->nodes[i].depth > SEG_DEPTH_MAX ||
            (s->nodes[i].module && s->nodes[i].module >= s->n_modules))
            return false;
    for (size_t i = 0; i < s->n_sites; i++)
        if (s->sites[i].id != i || (s->sites[i].node && s->sites[i].node >= s->n_nodes))
            return false;
    for (size_t i = 0; i < s->n_modules; i++)
        if (!memchr(s->modules[i].path, 0, sizeof s->modules[i].path) ||
            s->modules[i].build_id_bytes > sizeof s->modules[i].build_id)
            return false;
    for (size_t i = 1; i < s->n_seconds; i++)
        if (s->seconds[i - 1].second >= s->seconds[i].second)
            return false;
    return memchr(s->target.command, 0, sizeof s->target.command) != NULL &&
           s->totals.peak_bytes >= s->totals.live_bytes;
}

static void fill_richly(struct fake_segment *f)
{
    uint16_t module = fake_module(f, "/lib/libx.so", 0x1000, 0x9000);
    uint32_t row[4], node = 0;
    for (int i = 0; i < 4; i++)
        row[i] = fake_thread(f, 100 + i, "thread");
    for (uint32_t i = 0; i < 300; i++) {
        node = fake_node(f, i % 30 ? node : 0, 0x1000 + i, module);
        fake_count(f, row[i % 4], fake_site(f, node), i, i, i / 2);
    }
    for (uint64_t i = 0; i < 100; i++)
        fake_second(f, i, 5);
}

static uint32_t random_state = 12345;

static uint32_t random_u32(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

/* Somewhere in the header, the section table, or one of the small tables. */
static char *random_place(const struct fake_segment *f)
{
    static const enum seg_section_id ids[] = {
        SEG_GLOBALS, SEG_THREADS, SEG_SITE_DIRS, SEG_SITE_CHUNKS, SEG_SITES,
        SEG_NODES,   SEG_MODULES, SEG_DENSITY,   SEG_SECONDS,
    };
    uint32_t kind = random_u32() % 12;
    if (kind < 9) {
        const struct seg_section *at = (const struct seg_section *)
            (f->base + offsetof(struct seg_header, sections)) + ids[kind];
        /* Tables may lie wherever the last flip has put them. */
        uint64_t within = at->offset + random_u32() % 8192;
        if (within < f->bytes)
            return f->base + within;
    }
    return kind == 9 ? f->base + random_u32() % sizeof(struct seg_header)
                     : f->base + offsetof(struct seg_header, sections) +
                           random_u32() % (SEG_SECTION_COUNT * sizeof(struct seg_section));
}

static void test_lies(void)
{
    struct fake_segment f;
    struct snapshot s;
    struct reader *r = NULL;
    bool sound = true;
    unsigned accepted = 0;
    open_dead(&f);
    f.header->flags = SEG_FLAG_KEEP;
    fill_richly(&f);
    struct seg_header *whole = malloc(sizeof *whole);
    memcpy(whole, f.header, sizeof *whole);
    snapshot_init(&s);
    for (unsigned i = 0; i < 20000; i++) {
        if (i % 8 == 0) { /* else the header's damage adds up */
            memcpy(f.header, whole, sizeof *whole);
            reader_close(r);
            if (reader_open_path(f.path, &r) != READER_OK)
                break;
        }
        *random_place(&f) = (char)random_u32();
        if (reader_refresh(r, &s, i % 16 < 12 ? READER_SITES : READER_ALL) == READER_OK) {
            accepted++;
            sound = sound && is_sound(&s);
        }
    }
    tap_ok(sound, "20000 flips of bytes never yield an unsound snapshot");
    tap_ok(accepted > 5000, "many of them are accepted (%u)", accepted);
    reader_close(r);
    free(whole);
    snapshot_fini(&s);
    fake_close(&f);
}

static void test_cuts(void)
{
    struct fake_segment f;
    struct snapshot s;
    bool sound = true;
    open_dead(&f);
    f.header->flags = SEG_FLAG_KEEP;
    fill_richly(&f);
    snapshot_init(&s);
    off_t used = (off_t)f.header->sections[SEG_REGION_L1].offset;
    for (off_t length = used; length >= 0; length -= 4096) {
        if (truncate(f.path, length) != 0)
            break;
        enum reader_status status = refresh_once(&f, &s);
        sound = sound && (status == READER_CORRUPT || status == READER_NOT_READY);
    }
    tap_ok(sound, "a file that is cut at any page is called damaged");
    snapshot_fini(&s);
    fake_close(&f);
}

static void test_claims(void)
{
    struct fake_segment f;
    struct snapshot s;
    open_dead(&f);
    snapshot_init(&s);
    for (unsigned i = 0; i < SEG_SECTION_COUNT; i++) {
        f.header->sections[i].count = UINT64_MAX;
        f.header->sections[i].committed = UINT64_MAX;
    }
    f.header->command_bytes = UINT32_MAX;
    memset(f.header->command, 'x', sizeof f.header->command);
    memset(f.header->executable, '\n', sizeof f.header->executable);
    f.modules[1].state = SEG_MODULE_LOADED;
    memset(f.modules[1].path, 0x1b, sizeof f.modules[1].path);
    f.modules[1].build_id_bytes = UINT32_MAX;
    /* A path without end, and one in a circle. */
    for (uint32_t i = 1; i < 5000; i++)
        f.nodes[i] = (struct seg_node){ .pc = 1, .parent = i - 1, .module = UINT16_MAX };
    f.nodes[5000] = (struct seg_node){ .pc = 1, .parent = 5000 };
    f.sites[1].node = UINT32_MAX;
    tap_ok(refresh_once(&f, &s) == READER_OK && is_sound(&s), "claims are cut to what is there");
    tap_ok(s.n_sites <= FAKE_SITES && s.n_nodes <= FAKE_NODES && s.n_modules <= FAKE_MODULES,
           "and no more is given out");
    tap_ok(strspn(s.target.executable, "?") == strlen(s.target.executable),
           "controls become question marks");
    tap_ok(s.modules[1].path[0] == '?', "in paths too");
    snapshot_fini(&s);
    fake_close(&f);
}

static void test_text(void)
{
    struct fake_segment f;
    struct snapshot s;
    open_dead(&f);
    snapshot_init(&s);
    static const char command[] = "a\x1b[2J\0\xc3\xa9\0\xff\0\xe2\x80\xae!";
    memcpy(f.header->command, command, sizeof command);
    f.header->command_bytes = sizeof command;
    refresh_once(&f, &s);
    tap_is_str(s.target.command, "a?[2J \xc3\xa9 ? ?!",
               "UTF-8 is kept, what could hurt a terminal is not");
    snapshot_fini(&s);
    fake_close(&f);
}

int main(void)
{
    if (!dir_begin())
        return 1;
    test_refusals();
    test_wider_elements();
    test_living();
    test_foreign_segment();
    test_dead();
    test_last_reader();
    test_namespace();
    test_find_all();
    test_claims();
    test_text();
    test_cuts();
    test_lies();
    return dir_done();
}
