/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and reading of source files; source_file.h. */
#include "tui/model/source_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tui/model/modulefile.h"
#include "tui/model/printable.h"

#define PARTS_MAX 64 /* folders in a path */
#define TAB 8
#define SECOND UINT64_C(1000000000)

/* ---- finding ---------------------------------------------------------------- */

static bool is_part(const char *part, size_t n, const char *what)
{
    return strlen(what) == n && memcmp(part, what, n) == 0;
}

/* "dir/file" without "." and "..": where each part begins. Returns how many; 0 if it
 * is too long. `path` is written to. */
static size_t split(char *path, const char *parts[PARTS_MAX])
{
    size_t n = 0;
    for (char *at = path, *end; *at; at = end) {
        at += strspn(at, "/");
        size_t length = strcspn(at, "/");
        end = at + length;
        if (*end)
            *end++ = '\0';
        if (!length || is_part(at, length, "."))
            continue;
        if (is_part(at, length, "..")) {
            n -= n > 0;
            continue;
        }
        if (n == PARTS_MAX)
            return 0;
        parts[n++] = at;
    }
    return n;
}

static bool join(char *to, size_t room, const char *a, const char *b)
{
    int n = snprintf(to, room, "%s%s%s", a, *a && a[strlen(a) - 1] != '/' ? "/" : "", b);
    return n >= 0 && (size_t)n < room;
}

/* As the process has it, then as we do. Relative ones mean nothing here. */
static int open_as_named(int pid, const char *path)
{
    int fd = *path == '/' && pid > 0 ? modulefile_open_in(pid, path, false) : -1;
    return fd < 0 && *path == '/' ? modulefile_open_in(0, path, false) : fd;
}

/* FOLDER/a/b/c.c, FOLDER/b/c.c, FOLDER/c.c. */
static int open_below(const char *folder, const char *path, char found[SOURCE_PATH])
{
    char parts_of[SOURCE_PATH], rest[SOURCE_PATH];
    const char *parts[PARTS_MAX];
    snprintf(parts_of, sizeof parts_of, "%s", path);
    size_t n = split(parts_of, parts);
    for (size_t first = 0; first < n; first++) {
        rest[0] = '\0';
        for (size_t i = first, used = 0; i < n; i++)
            used += (size_t)snprintf(rest + used, sizeof rest - used, "%s%s", i > first ? "/" : "",
                                     parts[i]);
        if (!join(found, SOURCE_PATH, folder, rest))
            continue;
        int fd = modulefile_open_in(*found == '/' ? 0 : getpid(), found, false);
        if (fd >= 0)
            return fd;
    }
    return -1;
}

/* -1: out->path is what was looked for, out->trouble why it is not to be had. */
static int find(const struct source_search *search, const struct source_place *place,
                struct source_lines *out)
{
    char found[SOURCE_PATH];
    bool relative = place->file[0] != '/' && place->directory;
    if (!join(out->path, sizeof out->path, relative ? place->directory : "", place->file)) {
        snprintf(out->path, sizeof out->path, "%s", place->file);
        snprintf(out->trouble, sizeof out->trouble, "its path is too long");
        return -1;
    }
    int fd = open_as_named(search->pid, out->path);
    int error = out->path[0] == '/' ? errno : ENOENT;
    for (size_t i = 0; fd < 0 && search->folders && search->folders[i]; i++) {
        fd = open_below(search->folders[i], out->path, found);
        if (fd >= 0)
            memcpy(out->path, found, sizeof found);
    }
    if (fd < 0)
        snprintf(out->trouble, sizeof out->trouble, "%s",
                 error == ENOENT || error == ENOTDIR ? "not here; --source=DIR says where it is"
                 : error == EINVAL ? "no ordinary file" : strerror(error));
    return fd;
}

/* ---- reading ---------------------------------------------------------------- */

struct scan {
    struct source_lines *out;
    unsigned line;      /* that is being read */
    unsigned last;      /* that is wanted */
    size_t used;        /* bytes of it that are kept */
    char kept[SOURCE_WIDTH]; /* as they are in the file */
};

/* Tabs become blanks, and the rest fit to be shown. */
static void keep(struct scan *s)
{
    char wide[SOURCE_WIDTH];
    size_t n = 0, column = 0;
    if (s->used && s->kept[s->used - 1] == '\r')
        s->used--;
    for (size_t i = 0; i < s->used && n < sizeof wide; i++) {
        unsigned char c = (unsigned char)s->kept[i];
        size_t blanks = c == '\t' ? TAB - column % TAB : 0;
        column += blanks ? blanks : (c & 0xc0) != 0x80;
        for (; blanks && n < sizeof wide; blanks--)
            wide[n++] = ' ';
        if (c != '\t')
            wide[n++] = (char)c;
    }
    printable_copy(s->out->lines[s->out->n++], SOURCE_WIDTH, wide, n);
}

static void end_line(struct scan *s)
{
    if (s->line >= s->out->first && s->line <= s->last)
        keep(s);
    s->line++;
    s->used = 0;
}

static void add(struct scan *s, const char *bytes, size_t n)
{
    size_t room = sizeof s->kept - s->used;
    if (s->line < s->out->first)
        return;
    n = n < room ? n : room;
    memcpy(s->kept + s->used, bytes, n);
    s->used += n;
}

static void take(struct scan *s, const char *bytes, size_t n)
{
    while (n > 0 && s->line <= s->last) {
        const char *end = memchr(bytes, '\n', n);
        size_t length = end ? (size_t)(end - bytes) : n;
        add(s, bytes, length);
        if (end)
            end_line(s);
        bytes += length + (end != NULL);
        n -= length + (end != NULL);
    }
}

/* Why it did not work; NULL if it did. */
static const char *scan(struct scan *s, int fd)
{
    char buffer[65536];
    off_t at = 0;
    while (s->line <= s->last) {
        ssize_t n = pread(fd, buffer, sizeof buffer, at);
        if (n < 0)
            return strerror(errno);
        if (n == 0) {
            if (s->used)
                end_line(s); /* its last line has no newline */
            return NULL;
        }
        if (memchr(buffer, '\0', (size_t)n))
            return "not text";
        take(s, buffer, (size_t)n);
        at += n;
        if (at >= (off_t)SOURCE_READ_MOST)
            return "too long";
    }
    return NULL;
}

/* ---- its age ---------------------------------------------------------------- */

static uint64_t changed_ns(const struct stat *st)
{
    return (uint64_t)st->st_mtim.tv_sec * SECOND + (uint64_t)st->st_mtim.tv_nsec;
}

/* A module whose file is younger than its process was built again meanwhile. */
static bool is_newer(const struct source_search *search, const struct source_place *place, int fd)
{
    struct stat source, module;
    uint64_t built = search->start_realtime_ns ? search->start_realtime_ns : UINT64_MAX;
    int module_fd = place->module && place->module[0] == '/'
                  ? open_as_named(search->pid, place->module) : -1;
    if (module_fd >= 0 && fstat(module_fd, &module) == 0 && changed_ns(&module) < built)
        built = changed_ns(&module);
    if (module_fd >= 0)
        close(module_fd);
    return fstat(fd, &source) == 0 && changed_ns(&source) > built;
}

void source_read(const struct source_search *search, const struct source_place *place,
                 struct source_lines *out)
{
    out->trouble[0] = '\0';
    out->newer = false;
    out->n = 0;
    out->first = place->line > SOURCE_AROUND ? place->line - SOURCE_AROUND : 1;
    int fd = find(search, place, out);
    if (fd < 0)
        return;
    struct scan s = { .out = out, .line = 1,
                      .last = place->line < UINT_MAX - SOURCE_AROUND ? place->line + SOURCE_AROUND
                                                                     : UINT_MAX - 1 };
    const char *trouble = scan(&s, fd);
    out->newer = is_newer(search, place, fd);
    close(fd);
    if (!trouble && out->first + out->n <= place->line)
        trouble = "it has fewer lines: it was changed";
    if (!trouble)
        return;
    snprintf(out->trouble, sizeof out->trouble, "%s", trouble);
    out->n = 0;
}
