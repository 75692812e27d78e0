/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shell command between two pipes; see demangler.h. It is a process group of its own,
 * so that one that hangs goes with all that it started.
 */
#include "tui/model/demangler.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tui/model/demangle.h"
#include "tui/model/printable.h"

#define OUTPUT_EACH 16384 /* bytes of output that a name may cause */
#define OUTPUT_BASE (UINT64_C(1) << 20)

struct text {
    char *at;
    size_t n, done, room;
};

struct job {
    const char *command;
    pid_t pid;
    int in, out; /* our ends; -1 closed */
    struct text input, output;
    size_t output_most;
    char *error;
};

static bool fail(struct job *j, const char *what)
{
    snprintf(j->error, DEMANGLER_ERROR, "%.100s: %s", j->command, what);
    return false;
}

/* ---- start and end ---------------------------------------------------------------- */

static bool spawn(struct job *j, int in, int out)
{
    char *argv[] = { (char *)"sh", (char *)"-c", (char *)j->command, NULL };
    posix_spawnattr_t how;
    posix_spawn_file_actions_t files;
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_init(&how);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigdefault(&how, &defaults);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in, 0);
    posix_spawn_file_actions_adddup2(&files, out, 1);
    int status = posix_spawn(&j->pid, "/bin/sh", &files, &how, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    return status == 0 || fail(j, strerror(status));
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static bool start(struct job *j)
{
    int in[2] = { -1, -1 }, out[2] = { -1, -1 };
    bool good = pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0;
    good = good ? spawn(j, in[0], out[1]) : fail(j, strerror(errno));
    close_end(&in[0]);
    close_end(&out[1]);
    j->in = in[1];
    j->out = out[0];
    if (good) {
        fcntl(j->in, F_SETFL, O_NONBLOCK);
        fcntl(j->out, F_SETFL, O_NONBLOCK);
    }
    return good;
}

/* Wait for its end as long as our patience goes. */
static bool reap(struct job *j, int *status)
{
    for (int waited = 0; waited < DEMANGLER_PATIENCE_MS; waited += 5) {
        if (waitpid(j->pid, status, WNOHANG) == j->pid)
            return true;
        poll(NULL, 0, 5);
    }
    return false;
}

static bool finish(struct job *j, bool good)
{
    int status = 0;
    close_end(&j->in);
    close_end(&j->out);
    if (!good || !reap(j, &status)) {
        kill(-j->pid, SIGKILL);
        waitpid(j->pid, &status, 0);
        return good ? fail(j, "does not end") : false;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    char what[64];
    if (WIFEXITED(status))
        snprintf(what, sizeof what, "failed with status %d", WEXITSTATUS(status));
    else
        snprintf(what, sizeof what, "was killed by signal %d", WTERMSIG(status));
    return fail(j, what);
}

/* ---- talking --------------------------------------------------------------------- */

static bool feed(struct job *j)
{
    ssize_t n = write(j->in, j->input.at + j->input.done, j->input.n - j->input.done);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        close_end(&j->in); /* it reads no more, and its output decides */
        return true;
    }
    j->input.done += n > 0 ? (size_t)n : 0;
    if (j->input.done == j->input.n)
        close_end(&j->in);
    return true;
}

static bool drain(struct job *j)
{
    struct text *t = &j->output;
    if (t->room - t->n < 65536) {
        char *grown = realloc(t->at, 2 * t->room + 131072);
        if (!grown)
            return fail(j, "out of memory");
        t->at = grown;
        t->room = 2 * t->room + 131072;
    }
    ssize_t n = read(j->out, t->at + t->n, t->room - t->n);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR || fail(j, strerror(errno));
    if (n == 0)
        close_end(&j->out);
    t->n += (size_t)n;
    return t->n <= j->output_most || fail(j, "prints without end");
}

static bool talk(struct job *j)
{
    bool good = true;
    while (good && j->out >= 0) {
        struct pollfd fds[] = { { .fd = j->out, .events = POLLIN },
                                { .fd = j->in, .events = POLLOUT } };
        int ready = poll(fds, 2, DEMANGLER_PATIENCE_MS);
        if (ready == 0)
            good = fail(j, "hangs");
        if (good && fds[0].revents)
            good = drain(j);
        if (good && j->in >= 0 && fds[1].revents)
            good = feed(j);
    }
    return good;
}

/* ---- lines ------------------------------------------------------------------------ */

static bool gather(struct job *j, const char *const *names, size_t n)
{
    struct text *t = &j->input;
    for (size_t i = 0; i < n; i++)
        t->room += strlen(names[i]) + 1;
    t->at = malloc(t->room + 1);
    if (!t->at)
        return fail(j, "out of memory");
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(names[i]);
        memcpy(t->at + t->n, names[i], length);
        t->at[t->n + length] = '\n';
        t->n += length + 1;
    }
    return true;
}

static size_t count_lines(const struct text *t)
{
    size_t lines = 0;
    for (size_t i = 0; i < t->n; i++)
        lines += t->at[i] == '\n';
    return lines + (t->n && t->at[t->n - 1] != '\n');
}

/* The pointers, then the strings. */
static char **split(struct job *j, size_t n)
{
    const struct text *t = &j->output;
    char **lines = malloc(n * sizeof *lines + t->n + 4 * n + 1);
    if (!lines) {
        fail(j, "out of memory");
        return NULL;
    }
    char *to = (char *)(lines + n);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const char *end = memchr(t->at + at, '\n', t->n - at);
        size_t length = end ? (size_t)(end - t->at) - at : t->n - at;
        size_t room = length < DEMANGLE_MAX ? length : DEMANGLE_MAX;
        lines[i] = to;
        printable_copy(to, room < 3 ? 4 : room + 1, t->at + at, length);
        to += strlen(to) + 1;
        at += length + (end != NULL);
    }
    return lines;
}

char **demangler_run(const char *command, const char *const *names, size_t n,
                     char error[DEMANGLER_ERROR])
{
    struct job j = { .command = command, .in = -1, .out = -1, .error = error,
                     .output_most = OUTPUT_BASE + n * OUTPUT_EACH };
    char **lines = NULL;
    char what[100];
    if (gather(&j, names, n) && start(&j) && finish(&j, talk(&j))) {
        size_t got = count_lines(&j.output);
        snprintf(what, sizeof what, "printed %zu lines for %zu names", got, n);
        if (got == n)
            lines = split(&j, n);
        else
            fail(&j, what);
    }
    close_end(&j.in);
    close_end(&j.out);
    free(j.input.at);
    free(j.output.at);
    return lines;
}
