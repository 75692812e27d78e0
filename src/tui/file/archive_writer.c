/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Appending snapshots to a file. A snapshot's sections are put together in
 * memory, and written in one go, unless they hold blocks; when the disk is full
 * the file is cut back to where it was.
 */
#include "tui/file/archive_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tui/file/archive_parts.h"
#include "tui/file/names.h"
#include "tui/file/thin.h"

#define SECONDS_NEAR 1024 /* seconds that are all kept when thinning */
#define PIECE (1u << 20)  /* sections are written out when they are so long */
#define LEAST_DELTAS 8    /* snapshots before another one that is whole */

struct archive_writer {
    int fd;
    bool regular;       /* and not a pipe */
    bool published;     /* it bears its name */
    char path[PATH_MAX];
    char temporary[PATH_MAX + 16]; /* what it is called until then; "": nothing */
    struct bytes out;   /* not written yet */
    uint64_t end;       /* of the last whole snapshot in the file */
    uint64_t at;        /* where the next bytes go */
    uint64_t sections;  /* of the snapshot under way */
    size_t snapshots;
    uint64_t deltas_bytes, whole_bytes, deltas; /* since the last whole one */
    struct names_out names;
    struct image *now, *before;
    struct second_row *seconds; /* all that the file has */
    size_t n_seconds, cap_seconds;
    bool thinning;
    uint64_t thin_end;
    uint64_t last_second; /* of a snapshot's that was looked at */
    bool any_second;
    char error[ARCHIVE_ERROR];
};

/* ---- errors --------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3)))
static bool fail(struct archive_writer *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(w->error, sizeof w->error, format, args);
    va_end(args);
    return false;
}

static bool fail_memory(struct archive_writer *w)
{
    return fail(w, "not enough memory");
}

static bool fail_write(struct archive_writer *w, int error)
{
    const char *what = error == ENOSPC || error == EDQUOT ? "the disk is full"
                       : error == EFBIG ? "the file may not become so large"
                                        : strerror(error);
    return fail(w, "%s: cannot be written: %s", w->path, what);
}

/* ---- the file ------------------------------------------------------------------- */

static void folder_of(const char *path, char folder[PATH_MAX])
{
    snprintf(folder, PATH_MAX, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    else
        snprintf(folder, PATH_MAX, ".");
}

/* A file without a name goes by itself if we are killed. Not all file systems have
 * such; and without /proc it could not be given a name. */
static int open_nameless(const char *path)
{
    char folder[PATH_MAX];
    folder_of(path, folder);
    return access("/proc/self/fd", X_OK) == 0
               ? open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;
}

static bool open_file(struct archive_writer *w, const char *path)
{
    struct stat st;
    bool exists = stat(path, &st) == 0;
    w->regular = !exists || S_ISREG(st.st_mode);
    /* Behind a symbolic link it is the file itself that is replaced. */
    if (!exists || !w->regular || !realpath(path, w->path))
        snprintf(w->path, sizeof w->path, "%s", path);
    if (!w->regular) {
        w->fd = open(path, O_WRONLY | O_CLOEXEC);
        return w->fd >= 0 || fail_write(w, errno);
    }
    w->fd = open_nameless(w->path);
    if (w->fd < 0) {
        snprintf(w->temporary, sizeof w->temporary, "%s.XXXXXX", w->path);
        w->fd = mkostemp(w->temporary, O_CLOEXEC);
    }
    if (w->fd < 0) {
        w->temporary[0] = '\0';
        return fail_write(w, errno);
    }
    mode_t mask = umask(0);
    umask(mask);
    fchmod(w->fd, exists ? st.st_mode & 0777 : 0666 & ~mask);
    return true;
}

static bool flush(struct archive_writer *w)
{
    if (w->out.failed)
        return fail_memory(w);
    for (size_t done = 0; done < w->out.n;) {
        ssize_t n = w->regular
                        ? pwrite(w->fd, w->out.data + done, w->out.n - done, (off_t)w->at)
                        : write(w->fd, w->out.data + done, w->out.n - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_write(w, n < 0 ? errno : EIO);
        done += (size_t)n;
        w->at += (uint64_t)n;
    }
    w->out.n = 0;
    return true;
}

/* As if the snapshot under way had never been begun. */
static bool cut_back(struct archive_writer *w)
{
    w->out.n = 0;
    w->out.failed = false;
    w->at = w->end;
    if (w->regular && ftruncate(w->fd, (off_t)w->end) != 0)
        w->end = w->at; /* what is behind the last whole one is ignored anyway */
    return false;
}

static void sync_folder(const char *path)
{
    char folder[PATH_MAX];
    folder_of(path, folder);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

/* Only rename replaces a file, and it needs a name: for that moment it gets one. */
static bool give_name(struct archive_writer *w)
{
    char us[32];
    snprintf(us, sizeof us, "/proc/self/fd/%d", w->fd);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(w->temporary, sizeof w->temporary, "%s.%d-%u", w->path, getpid(), i);
        if (linkat(AT_FDCWD, us, AT_FDCWD, w->temporary, AT_SYMLINK_FOLLOW) == 0)
            return true;
        if (errno != EEXIST)
            break;
    }
    w->temporary[0] = '\0';
    return false;
}

bool archive_sync(struct archive_writer *w)
{
    if (!w->regular)
        return true;
    if (fdatasync(w->fd) != 0)
        return fail_write(w, errno);
    if (w->published || !w->snapshots)
        return true;
    if ((!w->temporary[0] && !give_name(w)) || rename(w->temporary, w->path) != 0)
        return fail_write(w, errno);
    w->published = true;
    sync_folder(w->path);
    return true;
}

/* ---- life ------------------------------------------------------------------------ */

static void free_writer(struct archive_writer *w)
{
    if (w->fd >= 0)
        close(w->fd);
    bytes_fini(&w->out);
    names_out_fini(&w->names);
    if (w->before)
        image_fini(w->before);
    free(w->before);
    free(w->now);
    free(w->seconds);
    free(w);
}

struct archive_writer *archive_create(const char *path, enum file_kind kind,
                                      char why[ARCHIVE_ERROR])
{
    struct archive_writer *w = calloc(1, sizeof *w);
    snprintf(why, ARCHIVE_ERROR, "not enough memory");
    if (!w)
        return NULL;
    w->fd = -1;
    w->now = calloc(1, sizeof *w->now);
    w->before = calloc(1, sizeof *w->before);
    if (w->now && w->before && open_file(w, path)) {
        why[0] = '\0';
        file_head_put(&w->out, kind);
        return w;
    }
    if (w->error[0])
        memcpy(why, w->error, ARCHIVE_ERROR);
    free_writer(w);
    return NULL;
}

void archive_abandon(struct archive_writer *w)
{
    if (w->temporary[0] && !w->published)
        unlink(w->temporary);
    free_writer(w);
}

bool archive_finish(struct archive_writer *w, char why[ARCHIVE_ERROR])
{
    if (!w)
        return true;
    bool good = archive_sync(w);
    if (!good)
        memcpy(why, w->error, ARCHIVE_ERROR);
    if (good && !w->regular && close(w->fd) != 0) {
        good = fail_write(w, errno);
        memcpy(why, w->error, ARCHIVE_ERROR);
    }
    if (!w->regular)
        w->fd = -1;
    archive_abandon(w);
    return good;
}

uint64_t archive_written(const struct archive_writer *w)
{
    return w->end;
}

size_t archive_snapshots(const struct archive_writer *w)
{
    return w->snapshots;
}

const char *archive_writer_error(const struct archive_writer *w)
{
    return w->error;
}

void archive_thin_seconds(struct archive_writer *w, uint64_t end)
{
    w->thinning = true;
    w->thin_end = end;
}

/* ---- a snapshot ------------------------------------------------------------------ */

/* Those that are newer than what the file has. */
static bool take_seconds(struct archive_writer *w, const struct snapshot *s)
{
    if (w->cap_seconds < w->n_seconds + s->n_seconds) {
        size_t room = 2 * (w->n_seconds + s->n_seconds);
        struct second_row *grown = realloc(w->seconds, room * sizeof *grown);
        if (!grown)
            return fail_memory(w);
        w->seconds = grown;
        w->cap_seconds = room;
    }
    for (size_t i = 0; i < s->n_seconds; i++) {
        uint64_t second = s->seconds[i].second;
        if (w->any_second && second <= w->last_second)
            continue;
        w->any_second = true;
        w->last_second = second;
        uint64_t before = w->n_seconds ? w->seconds[w->n_seconds - 1].second : UINT64_MAX;
        if (!w->thinning || thin_keeps(second, before, w->thin_end, SECONDS_NEAR))
            w->seconds[w->n_seconds++] = s->seconds[i];
    }
    return true;
}

static bool put_section(struct archive_writer *w, uint32_t id, unsigned flags,
                        const struct bytes *payload)
{
    if (payload->n > SECTION_RAW_MOST)
        return fail(w, "there is more than fits into a file");
    section_put(&w->out, id, flags, payload);
    w->sections++;
    return w->out.failed ? fail_memory(w) : true;
}

static bool put_parts(struct archive_writer *w)
{
    size_t n;
    const struct part *parts = part_table(&n);
    bool whole = w->now->moment.whole, good = true;
    for (size_t i = 0; i < n && good; i++) {
        const struct part *p = &parts[i];
        bool delta = p->appended || (!whole && !p->absolute);
        struct bytes payload = { .data = NULL };
        if (part_encode(p, w->now, delta ? w->before : NULL, &payload) || p->absolute)
            good = put_section(w, p->id, delta ? SECTION_DELTA : 0, &payload);
        good = good && !payload.failed;
        bytes_fini(&payload);
    }
    return good || (w->error[0] ? false : fail_memory(w));
}

static bool put_names(struct archive_writer *w, struct symbols *sy)
{
    struct bytes sections = { .data = NULL };
    bool good = names_out_put(&w->names, &w->now->s, sy, &sections);
    for (size_t at = 0; at < sections.n; w->sections++) {
        struct section_head h;
        section_head_get(sections.data + at, &h);
        at += SECTION_HEAD + (size_t)h.stored;
    }
    bytes_put(&w->out, sections.data, sections.n);
    bytes_fini(&sections);
    return good ? true : fail_memory(w);
}

/* ---- its blocks ------------------------------------------------------------------- */

struct block_sink {
    struct archive_writer *w;
    struct archive_block *blocks;
    size_t n;
    bool failed;
};

static void put_blocks(struct block_sink *sink)
{
    struct bytes payload = { .data = NULL };
    if (sink->n && !sink->failed) {
        archive_put_blocks(sink->blocks, sink->n, &payload);
        sink->failed = !put_section(sink->w, ID_BLOCKS, 0, &payload) ||
                       (sink->w->out.n > PIECE && !flush(sink->w));
    }
    sink->n = 0;
    bytes_fini(&payload);
}

static void add_block(void *data, const struct archive_block *block)
{
    struct block_sink *sink = data;
    sink->blocks[sink->n++] = *block;
    if (sink->n == ARCHIVE_BLOCKS)
        put_blocks(sink);
}

static bool put_all_blocks(struct archive_writer *w, const struct archive_block_source *source)
{
    struct block_sink sink = { .w = w, .blocks = calloc(ARCHIVE_BLOCKS, sizeof *sink.blocks) };
    if (!sink.blocks)
        return fail_memory(w);
    bool got = source->each(source->source, add_block, &sink);
    put_blocks(&sink);
    free(sink.blocks);
    if (!got && !sink.failed)
        return fail(w, "the live blocks could not be read");
    return !sink.failed;
}

static bool put_snapshot(struct archive_writer *w, struct symbols *sy,
                         const struct archive_block_source *blocks)
{
    struct bytes count = { .data = NULL };
    w->sections = 0;
    if (!put_parts(w) || !put_names(w, sy) || (blocks && !put_all_blocks(w, blocks)))
        return false;
    bytes_number(&count, w->sections);
    bool good = put_section(w, ID_END, 0, &count);
    bytes_fini(&count);
    return good && flush(w);
}

/* Every so often one is written whole, when the differences have become as long as
 * the last of these: the file is at most twice as long for it, and stepping
 * through it never has far to go. */
static bool is_due_whole(const struct archive_writer *w)
{
    return !w->snapshots || (w->deltas >= LEAST_DELTAS && w->deltas_bytes >= w->whole_bytes);
}

static void account(struct archive_writer *w)
{
    uint64_t bytes = w->at - w->end;
    if (w->now->moment.whole) {
        w->whole_bytes = bytes;
        w->deltas = w->deltas_bytes = 0;
    } else {
        w->deltas++;
        w->deltas_bytes += bytes;
    }
    w->end = w->at;
    w->snapshots++;
}

static bool remember(struct archive_writer *w)
{
    size_t n;
    const struct part *parts = part_table(&n);
    for (size_t i = 0; i < n; i++)
        if (!part_remember(&parts[i], w->before, w->now))
            return fail_memory(w);
    return true;
}

bool archive_add(struct archive_writer *w, const struct snapshot *s, const struct moment *m,
                 struct symbols *sy, const struct archive_block_source *blocks)
{
    struct image *now = w->now;
    w->error[0] = '\0';
    if (!take_seconds(w, s))
        return false;
    now->s = *s;
    now->s.seconds = w->seconds;
    now->s.n_seconds = w->n_seconds;
    now->moment = *m;
    now->moment.wall_ns = s->target.wall_ns;
    now->moment.live_bytes = s->totals.live_bytes;
    now->moment.blocks = blocks != NULL;
    now->moment.whole = is_due_whole(w);
    image_wind(now);
    if (!put_snapshot(w, sy, blocks))
        return cut_back(w);
    account(w);
    return remember(w);
}
