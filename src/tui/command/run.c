/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memtop run: starts CMD on a terminal of its own and opens the viewer on it;
 * without a terminal it measures CMD as stat does.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tui/command/command.h"
#include "tui/command/diagnose.h"
#include "tui/command/keeper.h"
#include "tui/command/spawn.h"
#include "tui/command/stat.h"
#include "tui/reader/reader.h"
#include "tui/command/writing.h"
#include "tui/view/app.h"

#define HANGUP_PATIENCE_MS 2000 /* until CMD has to have taken notice */

/* Where CMD's output is saved: a descriptor, -1 for nowhere, -2 after a
 * message. */
static int open_saved(const char *path)
{
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
    if (!path || fd >= 0)
        return fd;
    command_fail("%s: cannot be written: %s", path, strerror(errno));
    return -2;
}

/* A pty like our own terminal. 0, or -1 after a message. */
static int open_terminal(int *master, int *slave)
{
    struct termios modes;
    struct winsize size = { .ws_row = 24, .ws_col = 80 };
    bool have_modes = tcgetattr(STDIN_FILENO, &modes) == 0;
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    if (openpty(master, slave, NULL, have_modes ? &modes : NULL, &size) != 0) {
        command_fail("no pseudo-terminal for CMD: %s", strerror(errno));
        return -1;
    }
    fcntl(*master, F_SETFD, FD_CLOEXEC);
    fcntl(*slave, F_SETFD, FD_CLOEXEC);
    return 0;
}

/* The viewer failed: CMD loses its terminal, as when a window is closed. What
 * ignores that goes on under the keeper. Returns whether CMD ended. */
static bool hang_up(const struct keeper *k, int *wait_status)
{
    kill(-k->child, SIGHUP);
    kill(-k->child, SIGCONT);
    for (int waited = 0; waited < HANGUP_PATIENCE_MS; waited += 10) {
        if (waitpid(k->child, wait_status, WNOHANG) == k->child)
            return true;
        char data[4096];
        struct pollfd output = { .fd = k->master, .events = POLLIN };
        if (poll(&output, 1, 10) > 0 && read(k->master, data, sizeof data) <= 0)
            nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    }
    return false;
}

/* Why the agent is not in CMD, if its file tells. */
static void explain_failure(const char *program, int pid)
{
    char why[512];
    struct reader *r;
    enum reader_status status = reader_open_pid(pid, &r);
    if (status == READER_OK)
        reader_close(r);
    else if (diagnose_program(program, why, sizeof why) != DIAGNOSE_NOTHING)
        command_fail("%s", why);
}

/* CMD runs and the keeper stands by. Returns the exit status. */
static int view_child(const struct options *o, struct keeper *k)
{
    struct app_config config = {
        .pid = k->child, .child = true, .pty_fd = k->master, .output_fd = k->output_fd,
        .ascii = o->ascii, .write = writing_write,
        .view = o->view, .sort = o->sort, .filter = o->filter, .sources = o->sources,
    };
    struct app_result result;
    int failed = app_run(&config, &result);
    if (failed)
        explain_failure(o->args[0], k->child);
    if (failed && !result.child_exited)
        result.child_exited = hang_up(k, &result.wait_status);
    if (!result.child_exited) {
        fprintf(stderr, "memtop: process %d goes on: memtop %d looks at it again\n", k->child,
                k->child);
        return failed ? STATUS_FAILED : STATUS_DONE;
    }
    int code, signal;
    keeper_dismiss(k);
    if (!o->keep)
        stat_remove_leftovers(k->child);
    int status = spawn_status(result.wait_status, &code, &signal);
    return failed && status == STATUS_DONE ? STATUS_FAILED : status;
}

static int run_in_terminal(const struct options *o, int saved)
{
    struct keeper k = { .output_fd = saved, .keep = o->keep };
    pid_t child;
    if (open_terminal(&k.master, &k.slave) != 0)
        return STATUS_FAILED;
    if (keeper_start(&k) != 0)
        command_fail("no keeper for CMD's terminal, which will end with the viewer: %s",
                     strerror(errno));
    struct spawn sp = { .options = o, .terminal = k.slave, .output = -1 };
    int status = spawn_start(&sp, &child);
    close(k.slave);
    if (status == STATUS_DONE) {
        keeper_adopt(&k, child);
        status = view_child(o, &k);
    } else {
        keeper_dismiss(&k);
    }
    close(k.master);
    return status;
}

static int run_main(const struct options *o)
{
    char why[512];
    const char *obstacle = app_obstacle();
    bool terminal = !obstacle;
    if (terminal && diagnose_hopeless(diagnose_program(o->args[0], why, sizeof why)))
        return command_fail("%s: the viewer would have nothing to show", why);
    struct app_config start = { .view = o->view, .sort = o->sort, .filter = o->filter };
    if (terminal && app_check(&start) != 0)
        return STATUS_FAILED;
    int saved = open_saved(o->output);
    if (saved == -2)
        return STATUS_FAILED;
    if (obstacle && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        fprintf(stderr, "memtop: %s; there is no viewer now, but a report at the end\n", obstacle);
    int status = terminal ? run_in_terminal(o, saved) : stat_measure(o, NULL, saved);
    if (saved >= 0 && close(saved) != 0) {
        int lost = command_fail("%s: not all could be written: %s", o->output, strerror(errno));
        status = status ? status : lost;
    }
    return status;
}

const struct command command_run = {
    .name = "run",
    .args = "[--] CMD [ARG]..",
    .summary = "Run CMD in the viewer, on a terminal of its own",
    .details = "Without a terminal for the viewer, CMD runs as in memtop stat: its input and\n"
               "output stay untouched and the report follows on standard error.\n"
               "The exit status is CMD's, 128 + N when signal N killed it.\n",
    .options = OPTION_SAVE | OPTION_ASCII | OPTION_START | OPTIONS_OF_CMD,
    .min_args = 1,
    .max_args = -1,
    .main = run_main,
};
