/* SPDX-License-Identifier: Apache-2.0 */
/* Maps of JIT code: good ones, growing ones, and files made to confuse. */
#include "tui/model/perfmap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/tap.h"

static char name[64];

/* What the map calls `address`; NULL nothing. */
static const char *find(const struct perfmap *map, uint64_t address)
{
    size_t n;
    const char *found = perfmap_find(map, address, &n);
    if (!found)
        return NULL;
    snprintf(name, sizeof name, "%.*s", (int)n, found);
    return name;
}

static void parse(struct perfmap *map, const char *text)
{
    perfmap_parse(map, text, strlen(text));
}

static void test_good(struct perfmap *map)
{
    parse(map, "7f0000001000 40 LazyCompile:~f /a b.js:1\n"
               "7F0000001040 10 second\r\n"
               "0x7f0000002000 0x20 third");
    tap_is_str(find(map, 0x7f0000001000), "LazyCompile:~f /a b.js:1", "the first byte");
    tap_is_str(find(map, 0x7f000000103f), "LazyCompile:~f /a b.js:1", "the last byte");
    tap_is_str(find(map, 0x7f0000001040), "second", "the next range, in capitals");
    tap_is_str(find(map, 0x7f0000001050), NULL, "behind it is nothing");
    tap_is_str(find(map, 0x7f0000002010), "third", "a line with 0x and without an end");
    tap_is_str(find(map, 0), NULL, "address 0");
    tap_is_str(find(map, UINT64_MAX), NULL, "the highest address");
}

static void test_overlaps(struct perfmap *map)
{
    parse(map, "1000 1000 big\n1100 10 small\n1000 100 later\n3000 10 x\n3000 10 y\n");
    tap_is_str(find(map, 0x1008), "later", "the later of two that start alike");
    tap_is_str(find(map, 0x1108), "small", "a later one in the midst of another");
    tap_is_str(find(map, 0x1800), "big", "behind it the first goes on");
    tap_is_str(find(map, 0x3004), "y", "the same range twice");
}

static void test_hostile(struct perfmap *map)
{
    parse(map, "\n \nxyz\n1000\n1000 \n1000 10\n1000 10 \n1000  10 gap\n"
               "fffffffffffffffff 10 number too long\n"
               "10 fffffffffffffffff size too long\n"
               "fffffffffffffff0 100 beyond the end\n"
               "2000 0 empty\n-1 10 minus\n"
               "4000 10 good\n"
               "ffffffffffffff00 ff high\n");
    tap_is_str(find(map, 0x1008), NULL, "lines without a name or a size");
    tap_is_str(find(map, 0x2000), NULL, "a range of no bytes");
    tap_is_str(find(map, 0x4008), "good", "a good line among bad ones");
    tap_is_str(find(map, UINT64_C(0xffffffffffffff80)), "high", "a range at the very end");
    tap_is_str(find(map, 0x20), NULL, "a size that is no number");
}

static void test_garbage(struct perfmap *map)
{
    char *garbage = malloc(1 << 16);
    uint32_t random = 1;
    for (size_t i = 0; i < 1 << 16; i++) {
        random = random * 1664525 + 1013904223;
        garbage[i] = (char)(random >> 24);
    }
    memcpy(garbage + 1000, "\n5000 10 here\n", 14);
    tap_ok(perfmap_parse(map, garbage, 1 << 16), "binary garbage is passed over");
    tap_is_str(find(map, 0x5000), "here", "and a line in it is found");
    free(garbage);
    tap_ok(perfmap_parse(map, "", 0), "an empty file");
    tap_is_str(find(map, 0x5000), NULL, "names nothing");
}

/* ---- files ------------------------------------------------------------------ */
static char path[] = "/tmp/test_perfmap.XXXXXX";

static void append(const char *text)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        perror(path);
    close(fd);
}

static bool load(struct perfmap *map, unsigned uid, uint64_t start_ns)
{
    int fd = open(path, O_RDONLY);
    bool changed = perfmap_load(map, fd, uid, start_ns);
    close(fd);
    return changed;
}

static void test_file(struct perfmap *map)
{
    unsigned uid = getuid();
    append("1000 10 one\n");
    tap_ok(load(map, uid, 0), "a file is read");
    tap_is_str(find(map, 0x1000), "one", "and known");
    tap_ok(!load(map, uid, 0), "and not again while it stays");
    append("1000 10 two\n2000 10 three\n");
    tap_ok(load(map, uid, 0), "it grew: it is read again");
    tap_is_str(find(map, 0x1000), "two", "the new code at the old address");
    tap_is_str(find(map, 0x2000), "three", "and the new code");
}

static void test_owner(struct perfmap *map)
{
    uint64_t tomorrow = ((uint64_t)time(NULL) + 86400) * UINT64_C(1000000000);
    append("3000 10 four\n");
    tap_ok(!load(map, getuid(), tomorrow), "older than the target: not believed");
    if (getuid() == 0)
        tap_ok(load(map, 12345, 0), "root's file is believed for any user");
    else
        tap_ok(!load(map, getuid() + 1, 0), "another user's file is not believed");
    if (getuid() != 0 || chown(path, 12346, 12346) != 0) {
        tap_skip("needs root");
        return;
    }
    append("4000 10 five\n");
    tap_ok(!load(map, 12345, 0), "another user's file is not believed");
    tap_is_str(find(map, 0x4000), NULL, "nor known");
}

static void test_no_file(struct perfmap *map)
{
    int pipes[2];
    if (pipe(pipes) == 0) {
        tap_ok(!perfmap_load(map, pipes[0], getuid(), 0), "a pipe is not read");
        close(pipes[0]);
        close(pipes[1]);
    }
    tap_ok(!perfmap_load(map, -1, getuid(), 0), "no file at all");
}

/* As a target writes it; here that is this process. */
static void test_target(void)
{
    struct perfmap *map = perfmap_new();
    char own[64];
    snprintf(own, sizeof own, "/tmp/perf-%d.map", getpid());
    unlink(own);
    if (symlink(path, own) != 0)
        perror(own);
    tap_ok(!perfmap_refresh(map, getpid(), getpid(), getuid(), 0), "a link is not followed");
    perfmap_free(map);
    unlink(own);
    if (rename(path, own) != 0 || chown(own, getuid(), getgid()) != 0)
        perror(own);
    map = perfmap_new();
    tap_ok(perfmap_refresh(map, getpid(), getpid(), getuid(), 0), "the target's file is read");
    tap_is_str(find(map, 0x2000), "three", "and known");
    tap_ok(!perfmap_refresh(map, getpid(), getpid(), getuid(), 0), "and not at once again");
    perfmap_free(map);
    unlink(own);
}

int main(void)
{
    struct perfmap *map = perfmap_new();
    test_good(map);
    test_overlaps(map);
    test_hostile(map);
    test_garbage(map);
    int fd = mkstemp(path);
    close(fd);
    test_file(map);
    test_owner(map);
    test_no_file(map);
    test_target();
    perfmap_free(map);
    return tap_done();
}
