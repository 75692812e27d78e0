/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports in a row; see watching.h. Signals are let in only where it waits, so that no
 * line is cut by one.
 */
#include "tui/command/watching.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tui/command/command.h"
#include "tui/command/naming.h"
#include "tui/command/output.h"
#include "tui/command/reporting.h"

#define PIECE      4096 /* a pipe that has room takes so much without blocking */
#define LAST_TRIES 20   /* after a signal: for a reader that is slow */
#define LAST_MS    50

static volatile sig_atomic_t stopped;

static const int stops[] = { SIGINT, SIGTERM, SIGHUP };
#define N_STOPS (sizeof stops / sizeof *stops)

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

/* Hold the signals back but where we wait; *waiting is the mask for there. Those that
 * were ignored stay so. */
static void hold_signals(sigset_t *waiting)
{
    sigset_t held;
    struct sigaction old, action = { .sa_handler = stop };
    sigemptyset(&held);
    for (size_t i = 0; i < N_STOPS; i++) {
        sigaction(stops[i], NULL, &old);
        if (old.sa_handler == SIG_IGN)
            continue;
        sigaction(stops[i], &action, NULL);
        sigaddset(&held, stops[i]);
    }
    sigprocmask(SIG_BLOCK, &held, waiting);
    for (size_t i = 0; i < N_STOPS; i++)
        sigdelset(waiting, stops[i]);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t due, const sigset_t *waiting)
{
    uint64_t now;
    while (!stopped && (now = now_ns()) < due) {
        struct timespec left = { .tv_sec = (time_t)((due - now) / 1000000000),
                                 .tv_nsec = (long)((due - now) % 1000000000) };
        ppoll(NULL, 0, &left, waiting);
    }
}

/* ---- one line ---------------------------------------------------------------------- */

/* Write all of it. After a signal the reader has a second for the rest. */
static int write_line(int fd, const char *text, size_t n, const sigset_t *waiting)
{
    int tries = 0;
    while (n) {
        struct pollfd out = { .fd = fd, .events = POLLOUT };
        struct timespec last = { .tv_nsec = LAST_MS * 1000000L };
        int ready = ppoll(&out, 1, stopped ? &last : NULL, waiting);
        if (ready == 0 && ++tries == LAST_TRIES)
            return -1;
        if (ready <= 0)
            continue;
        ssize_t done = write(fd, text, n < PIECE ? n : PIECE);
        if (done < 0 && errno != EINTR && errno != EAGAIN)
            return -1;
        text += done > 0 ? done : 0;
        n -= done > 0 ? (size_t)done : 0;
    }
    return 0;
}

static int report_line(const struct options *o, struct source *so, struct pretty *pretty,
                       struct forms *forms, int fd, const sigset_t *waiting)
{
    struct pretty_names names;
    struct reporting how = REPORTING_OF(o);
    char *text = NULL;
    size_t n = 0;
    FILE *line = open_memstream(&text, &n);
    struct symbols *sy = naming_of(pretty, &names, &so->snapshot, so->symbols);
    how.forms = forms;
    how.one_line = true;
    int bad = line ? reporting_write_snapshot(&how, &so->snapshot, sy, line)
                   : command_fail("out of memory while the report was made");
    if (line && fclose(line) != 0)
        bad = -1;
    errno = 0;
    if (!bad && write_line(fd, text, n, waiting) != 0) {
        bad = -1;
        if (errno && errno != EPIPE)
            command_fail("not all could be written: %s", strerror(errno));
    }
    pretty_names_fini(&names);
    free(text);
    return bad;
}

/* ---- all of them --------------------------------------------------------------------- */

static int read_again(struct source *so)
{
    enum reader_status status = reader_refresh(so->reader, &so->snapshot,
                                               READER_SITES | READER_SECONDS);
    return status == READER_OK || status == READER_NOT_READY
               ? 0 : command_fail("%s: %s", reader_path(so->reader), reader_message(status));
}

int watching_run(const struct options *o, struct source *so, struct pretty *pretty,
                 struct forms *forms)
{
    sigset_t waiting;
    struct output out;
    if (!so->reader)
        return command_fail("--watch: %s is a file, and will not change", o->args[0]);
    if (output_open(&out, o->output, stdout) != 0)
        return STATUS_FAILED;
    hold_signals(&waiting);
    int bad = 0;
    uint64_t due = now_ns();
    while (!stopped && !bad) {
        bad = report_line(o, so, pretty, forms, fileno(out.stream), &waiting);
        if (so->snapshot.target.state != TARGET_RUNNING)
            break;
        due += o->watch_ns;
        if (due < now_ns()) /* it took longer: no haste */
            due = now_ns();
        sleep_until(due, &waiting);
        bad = bad || stopped ? bad : read_again(so);
    }
    bad |= output_close(&out);
    return bad ? STATUS_FAILED : STATUS_DONE;
}
