/* SPDX-License-Identifier: Apache-2.0 */
/* Source lines: where files are found, what of them is shown, and files that are not
 * what they should be. */
#include "tui/model/sources.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tap.h"

#define SECOND UINT64_C(1000000000)

static char root[] = "/tmp/test_source.XXXXXX";
static struct source_lines got;

/* In the directory of the test, below which all names are. */
static char *at(const char *name)
{
    static char path[4][256];
    static unsigned turn;
    char *to = path[turn++ % 4];
    snprintf(to, sizeof *path, "%s/%s", root, name);
    return to;
}

static void write_file(const char *name, const char *text, size_t n)
{
    FILE *f = fopen(at(name), "w");
    fwrite(text, 1, n, f);
    fclose(f);
}

static void write_text(const char *name, const char *text)
{
    write_file(name, text, strlen(text));
}

static void ask(const struct source_search *search, const char *file, const char *directory,
                unsigned line)
{
    const struct source_place place = { .file = file, .directory = directory, .line = line };
    memset(&got, 0x5a, sizeof got);
    source_read(search, &place, &got);
}

static const struct source_search nowhere = { .pid = 0 };

static void lines(void)
{
    char text[4096];
    size_t n = 0;
    for (int i = 1; i <= 100; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "line %d\n", i);
    write_file("hundred.c", text, n);
    ask(&nowhere, at("hundred.c"), NULL, 50);
    tap_is_str(got.trouble, "", "a line in the middle");
    tap_is_u64(got.n, 2 * SOURCE_AROUND + 1, "with those around it");
    tap_is_u64(got.first, 50 - SOURCE_AROUND, "from the right one on");
    tap_is_str(got.lines[SOURCE_AROUND], "line 50", "which is in its place");
    ask(&nowhere, at("hundred.c"), NULL, 1);
    tap_ok(got.first == 1 && got.n == 1 + SOURCE_AROUND, "the first line");
    ask(&nowhere, at("hundred.c"), NULL, 100);
    tap_ok(got.first == 100 - SOURCE_AROUND && got.n == 1 + SOURCE_AROUND, "the last one");
    tap_is_str(got.lines[SOURCE_AROUND], "line 100", "is there");
    ask(&nowhere, at("hundred.c"), NULL, 101);
    tap_ok(got.n == 0 && strstr(got.trouble, "fewer lines"), "one behind it is not");
    write_text("open.c", "one\ntwo");
    ask(&nowhere, at("open.c"), NULL, 2);
    tap_is_str(got.lines[1], "two", "a last line without its end");
}

static void text(void)
{
    char wide[3000];
    write_text("odd.c", "\tone\ttwo\r\n\033[31mred\x9b\n\xc3\xa4\t|\n");
    ask(&nowhere, at("odd.c"), NULL, 1);
    tap_is_str(got.lines[0], "        one     two", "tabs are blanks, and no carriage return");
    tap_is_str(got.lines[1], "?[31mred?", "no control characters");
    tap_is_str(got.lines[2], "\xc3\xa4       |", "columns are counted in characters");
    memset(wide, '\t', sizeof wide);
    wide[sizeof wide - 1] = '\n';
    write_file("wide.c", wide, sizeof wide);
    ask(&nowhere, at("wide.c"), NULL, 1);
    tap_ok(got.n == 1 && strlen(got.lines[0]) < SOURCE_WIDTH, "a long line is cut");
    memset(wide, 'x', sizeof wide - 1);
    write_file("wide.c", wide, sizeof wide);
    ask(&nowhere, at("wide.c"), NULL, 1);
    tap_ok(got.n == 1 && strlen(got.lines[0]) < SOURCE_WIDTH, "one without tabs, too");
}

static void places(void)
{
    const char *const folders[] = { at("empty"), at("tree"), NULL };
    const struct source_search search = { .pid = getpid(), .folders = folders };
    mkdir(at("empty"), 0700);
    mkdir(at("tree"), 0700);
    mkdir(at("tree/src"), 0700);
    write_text("tree/src/deep.c", "deep\n");
    write_text("tree/top.c", "top\n");
    write_text("here.c", "here\n");
    ask(&search, "here.c", root, 1);
    tap_is_str(got.n ? got.lines[0] : got.trouble, "here", "named from where it was compiled");
    ask(&search, "../here.c", at("tree"), 1);
    tap_is_str(got.n ? got.lines[0] : got.trouble, "here", "with ..");
    ask(&search, "/build/app-1.0/./src/deep.c", NULL, 1);
    tap_is_str(got.n ? got.lines[0] : got.trouble, "deep", "found below a folder");
    tap_is_str(got.path, at("tree/src/deep.c"), "which it says");
    ask(&search, "../src/../top.c", "./build", 1);
    tap_is_str(got.n ? got.lines[0] : got.trouble, "top", "relative from beginning to end");
    ask(&search, "/build/none.c", NULL, 1);
    tap_ok(got.n == 0 && strstr(got.trouble, "--source"), "not found: it says what helps");
    tap_is_str(got.path, "/build/none.c", "and what was looked for");
    ask(&nowhere, "here.c", NULL, 1);
    tap_ok(got.n == 0, "a relative name means nothing by itself");
    ask(&search, "../../../../../../../etc/passwd", "x", 1);
    tap_ok(got.n == 0, "no way out of a folder");
}

static void hostile(void)
{
    static const char binary[] = "text\n\0\n";
    char *path = malloc(3000);
    write_file("binary.c", binary, sizeof binary - 1);
    ask(&nowhere, at("binary.c"), NULL, 1);
    tap_is_str(got.trouble, "not text", "a binary file");
    mkfifo(at("fifo.c"), 0600);
    ask(&nowhere, at("fifo.c"), NULL, 1);
    tap_ok(got.n == 0 && strstr(got.trouble, "ordinary"), "a FIFO, without waiting");
    ask(&nowhere, root, NULL, 1);
    tap_ok(got.n == 0 && got.trouble[0], "a directory");
    ask(&nowhere, "/dev/zero", NULL, 1);
    tap_ok(got.n == 0 && got.trouble[0], "a device");
    int fd = open(at("huge.c"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    for (unsigned i = 0; i < SOURCE_READ_MOST >> 20; i++) {
        static char blanks[1 << 20];
        memset(blanks, ' ', sizeof blanks);
        if (write(fd, blanks, sizeof blanks) < 0)
            break;
    }
    if (ftruncate(fd, (off_t)1 << 40) != 0)
        puts("# the file is not huge");
    close(fd);
    ask(&nowhere, at("huge.c"), NULL, 2);
    tap_ok(got.n == 0 && got.trouble[0], "a file of a terabyte (%s)", got.trouble);
    unlink(at("huge.c"));
    write_text("secret.c", "x\n");
    chmod(at("secret.c"), 0);
    ask(&nowhere, at("secret.c"), NULL, 1);
    tap_ok(got.n == 0 || geteuid() == 0, "a file that may not be read");
    memset(path, 'a', 2999);
    path[2999] = '\0';
    path[0] = '/';
    ask(&nowhere, path, NULL, 1);
    tap_ok(got.n == 0 && strstr(got.trouble, "too long"), "a path that is too long");
    write_text("empty.c", "");
    ask(&nowhere, at("empty.c"), NULL, UINT32_MAX);
    tap_ok(got.n == 0, "an empty file, and the last line that can be");
    free(path);
}

static void age(void)
{
    const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    const struct timespec middle[2] = { { .tv_sec = 2000 }, { .tv_sec = 2000 } };
    const struct timespec young[2] = { { .tv_sec = 3000 }, { .tv_sec = 3000 } };
    struct source_search search = { .start_realtime_ns = 2500 * SECOND };
    char file[256], module[256];
    snprintf(file, sizeof file, "%s", at("aged.c"));
    snprintf(module, sizeof module, "%s", at("aged"));
    const struct source_place place = { .file = file, .line = 1, .module = module };
    write_text("aged.c", "x\n");
    write_text("aged", "program\n");
    utimensat(AT_FDCWD, file, old, 0);
    utimensat(AT_FDCWD, module, middle, 0);
    source_read(&search, &place, &got);
    tap_ok(!got.newer, "older than its program");
    utimensat(AT_FDCWD, file, young, 0);
    source_read(&search, &place, &got);
    tap_ok(got.newer, "younger");
    utimensat(AT_FDCWD, module, young, 0);
    utimensat(AT_FDCWD, file, middle, 0);
    source_read(&search, &place, &got);
    tap_ok(!got.newer, "older than the process, whose program was built again");
    utimensat(AT_FDCWD, file, young, 0);
    source_read(&search, &place, &got);
    tap_ok(got.newer, "and younger than that");
}

/* Ask until there is an answer. */
static const struct source_lines *wait_for(struct sources *so, const struct source_place *place)
{
    const struct source_lines *l;
    while (!(l = sources_look(so, place, 0))) {
        struct pollfd fd = { .fd = sources_fd(so), .events = POLLIN };
        if (poll(&fd, 1, 20000) <= 0)
            return NULL;
        sources_drain(so);
    }
    return l;
}

static void thread(void)
{
    struct sources *so = sources_new(0, NULL);
    char file[256];
    snprintf(file, sizeof file, "%s", at("hundred.c"));
    struct source_place place = { .file = file, .line = 1 };
    tap_ok(!sources_look(so, &place, 0), "the first question has no answer yet");
    bool right = true;
    for (place.line = 1; place.line <= 100; place.line++) {
        const struct source_lines *l = wait_for(so, &place);
        char wanted[20];
        snprintf(wanted, sizeof wanted, "line %u", place.line);
        right &= l && l->n && strcmp(l->lines[place.line - l->first], wanted) == 0;
    }
    tap_ok(right, "all have the right ones in the end");
    place.line = 100;
    tap_ok(sources_look(so, &place, 0), "what was asked of late is known");
    place.line = 1;
    tap_ok(!sources_look(so, &place, 0), "what was long ago is asked for anew");
    sources_free(so);
    sources_free(NULL);
    so = sources_new(0, NULL);
    sources_free(so);
}

int main(void)
{
    if (!mkdtemp(root))
        return 1;
    lines();
    text();
    places();
    hostile();
    age();
    thread();
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", root);
    if (system(command) != 0)
        printf("# %s is left\n", root);
    return tap_done();
}
