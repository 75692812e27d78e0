/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are written from the viewer: the picture itself, and its figures in
 * the formats that the caller knows. The latter takes long where there are many
 * call sites, so a process of its own does it, from a copy of the snapshot that
 * is on the screen; the viewer goes on meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tui/view/app_state.h"

void app_ask_file(struct app *a)
{
    if (a->target.filled)
        prompt_ask(&a->prompt, "write to (.txt .csv .json .folded): ", "");
}

/* ---- the picture --------------------------------------------------------------- */

static void write_picture(struct app *a, const char *path)
{
    FILE *f = fopen(path, "wxe");
    if (!f) {
        app_notice(a, "%s: %s", path, strerror(errno));
        return;
    }
    a->notice[0] = '\0';
    app_draw(a);
    canvas_dump(&a->canvas, f);
    bool bad = fflush(f) != 0 || ferror(f);
    bad |= fclose(f) != 0;
    if (bad)
        app_notice(a, "%s: %s", path, strerror(errno));
    else
        app_notice(a, "%s: what is on the screen", path);
}

/* ---- figures ------------------------------------------------------------------- */

/* The sites that the view in front shows, by its filter and below the row that they were
 * asked for in; NULL: all. False: no memory. */
static bool shown_sites(struct app *a, struct site_set *passing, const bool **only)
{
    const struct view_ops *view = view_table[a->current];
    const void *state = a->states[a->current];
    size_t n = a->target.snapshot.n_sites;
    bool chosen = view == &view_sites && a->back_from_sites >= 0 && a->chosen.count &&
                  a->chosen.n >= n;
    bool filtered = view == &view_sites ? view_sites_filters(state)
                  : view == &view_tree && view_tree_filters(state);
    *only = chosen ? a->chosen.in : NULL;
    if (!filtered)
        return true;
    if (!site_set_reset(passing, n))
        return false;
    for (uint32_t i = 0; i < n; i++)
        passing->in[i] = !chosen || a->chosen.in[i];
    if (view == &view_sites)
        view_sites_pass(state, &a->target.snapshot, passing);
    else
        view_tree_pass(state, passing);
    *only = passing->in;
    return true;
}

/* In the process that writes: what came of it goes into the pipe. Its standard
 * descriptors lead nowhere, as the terminal is another's. */
static void work(struct app *a, const char *path, int to)
{
    char message[APP_MESSAGE] = "";
    struct site_set passing = { .n = 0 };
    const bool *only;
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; nowhere >= 0 && fd <= 2; fd++)
        dup2(nowhere, fd);
    /* A worker that looks names up does not exist here; those of a file need none. */
    struct symbols *names = a->target.archive ? a->target.symbols : NULL;
    bool good = shown_sites(a, &passing, &only);
    if (good)
        good = a->config->write(a->config->data, path, &a->target.snapshot, names, only, message);
    else
        snprintf(message, sizeof message, "%.400s: not enough memory", path);
    _exit(write(to, message, strlen(message)) < 0 || !good);
}

static void start_writer(struct app *a, const char *path)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        app_notice(a, "%s: %s", path, strerror(errno));
        return;
    }
    pid_t pid = fork();
    if (pid == 0)
        work(a, path, ends[1]);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        app_notice(a, "%s: %s", path, strerror(errno));
        return;
    }
    a->writer = pid;
    a->writer_fd = ends[0];
    app_notice(a, "%s: being written...", path);
    a->notice_until_ns = UINT64_MAX; /* until it is */
}

static bool is_picture(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && strcmp(dot, ".txt") == 0;
}

void app_file_key(struct app *a, uint32_t key)
{
    char path[PATH_MAX];
    if (prompt_key(&a->prompt, key) != PROMPT_DONE || !a->prompt.text[0])
        return;
    prompt_path(&a->prompt, path, sizeof path);
    if (is_picture(path))
        write_picture(a, path);
    else if (a->writer)
        app_notice(a, "another file is being written: once more when it is done");
    else if (view_table[a->current] == &view_tree && !view_tree_complete(a->states[a->current]))
        app_notice(a, "the tree is being built: once more when it is there");
    else if (a->config->write)
        start_writer(a, path);
    else
        app_notice(a, "%s: here only pictures can be written: .txt", path);
}

/* ---- the end of it ------------------------------------------------------------- */

static void settle(struct app *a, int status)
{
    char message[APP_MESSAGE];
    ssize_t n = read(a->writer_fd, message, sizeof message - 1);
    close(a->writer_fd);
    a->writer = 0;
    message[n > 0 ? n : 0] = '\0';
    if (n > 0)
        app_notice(a, "%s", message);
    else
        app_notice(a, "the file was not written: its process ended with status %d", status);
}

void app_follow_writer(struct app *a)
{
    int status;
    if (a->writer && waitpid(a->writer, &status, WNOHANG) == a->writer)
        settle(a, status);
}

/* Whoever leaves waits for the file. */
void app_end_writer(struct app *a)
{
    int status;
    while (a->writer && waitpid(a->writer, &status, 0) < 0 && errno == EINTR)
        continue;
    if (a->writer)
        close(a->writer_fd);
    a->writer = 0;
}
