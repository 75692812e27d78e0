/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of archives, in folders: what others see of one that is being written,
 * and what a writer leaves behind that is killed.
 */
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tap.h"
#include "tui/file/archive_writer.h"

static char folder[] = "/tmp/memtop-archive-XXXXXX";
static char path[64];

/* Returns a writer with two snapshots that nobody has seen yet, or NULL. */
static struct archive_writer *begin(const char *to)
{
    char why[ARCHIVE_ERROR];
    struct archive_writer *w = archive_create(to, FILE_RECORDING, why);
    struct symbols *names = symbols_new_known(NULL, 0);
    struct snapshot s;
    snapshot_init(&s);
    for (unsigned i = 0; w && i < 2; i++)
        if (!archive_add(w, &s, &(struct moment){ .number = i }, names, NULL))
            abort();
    snapshot_fini(&s);
    symbols_free(names);
    return w;
}

static size_t snapshots_in(const char *from)
{
    char why[ARCHIVE_ERROR];
    struct archive *a;
    if (archive_open(from, &a, why) != ARCHIVE_GOOD)
        return 0;
    size_t n = archive_count(a);
    archive_close(a);
    return n;
}

static size_t files(void)
{
    char pattern[64];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/*", folder);
    size_t n = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return n;
}

static unsigned mode_of(const char *file)
{
    struct stat st;
    return stat(file, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void appears_when_synced(void)
{
    char why[ARCHIVE_ERROR];
    umask(027);
    struct archive_writer *w = begin(path);
    tap_ok(access(path, F_OK) != 0, "there is no file before it is synced");
    tap_ok(archive_sync(w) && snapshots_in(path) == 2, "then it is there");
    tap_is_u64(mode_of(path), 0640, "with the rights that umask leaves it");
    tap_is_u64(files(), 1, "and no other file");
    tap_ok(archive_finish(w, why), "it is finished");
}

static void replaces(void)
{
    char why[ARCHIVE_ERROR];
    chmod(path, 0604);
    struct archive_writer *w = begin(path);
    struct snapshot s;
    struct symbols *names = symbols_new_known(NULL, 0);
    snapshot_init(&s);
    archive_add(w, &s, &(struct moment){ .number = 2 }, names, NULL);
    symbols_free(names);
    tap_is_u64(snapshots_in(path), 2, "the old file stays until the new one is synced");
    tap_ok(archive_finish(w, why) && snapshots_in(path) == 3, "then the new one is in its place");
    tap_is_u64(mode_of(path), 0604, "with the old one's rights");
    tap_is_u64(files(), 1, "and no other file");
}

static void beside_others(void)
{
    char others[96], why[ARCHIVE_ERROR];
    snprintf(others, sizeof others, "%s.%d-0", path, getpid());
    close(open(others, O_CREAT | O_WRONLY, 0600));
    struct archive_writer *w = begin(path);
    tap_ok(w && archive_finish(w, why) && snapshots_in(path) == 2, "a name that is taken");
    tap_ok(unlink(others) == 0 && files() == 1, "stays somebody else's");
}

static int status_of(pid_t child)
{
    int status = -1;
    waitpid(child, &status, 0);
    return status;
}

static void killed(void)
{
    int fd = open(folder, O_TMPFILE | O_RDWR, 0600);
    if (fd < 0) {
        tap_skip("files here cannot be without a name");
        return;
    }
    close(fd);
    unlink(path);
    pid_t pid = fork();
    if (pid == 0) {
        begin(path);
        raise(SIGKILL);
    }
    int status = status_of(pid);
    tap_ok(WIFSIGNALED(status) && files() == 0, "a writer that is killed leaves nothing behind");
}

static void without_proc(void)
{
    char why[ARCHIVE_ERROR];
    pid_t pid = fork();
    if (pid == 0) {
        if (chroot(folder) != 0)
            _exit(2);
        struct archive_writer *w = begin("/file");
        _exit(w && archive_finish(w, why) ? 0 : 1);
    }
    int status = status_of(pid);
    if (WEXITSTATUS(status) == 2) {
        tap_skip("chroot is not allowed");
        return;
    }
    tap_is_u64((unsigned)status, 0, "without /proc a file has a name from the start");
    tap_ok(snapshots_in(path) == 2 && files() == 1, "and then its own");
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/file", folder);
    appears_when_synced();
    replaces();
    beside_others();
    killed();
    without_proc();
    unlink(path);
    tap_ok(rmdir(folder) == 0, "nothing is left behind");
    return tap_done();
}
