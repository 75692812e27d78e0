/* SPDX-License-Identifier: Apache-2.0 */
/* See terminal.h. */
#include "tests/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct terminal terminal = { .rows = 24, .columns = 80, .master = -1 };

double terminal_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- the screen's text -------------------------------------------------- */
static size_t put_utf8(char *to, uint32_t c)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    for (size_t i = n; i-- > 1; c >>= 6)
        to[i] = (char)(0x80 | (c & 0x3f));
    to[0] = (char)(lead[n] | c);
    return n;
}

static VTermScreenCell cell_at(int row, int column)
{
    VTermScreenCell cell;
    memset(&cell, 0, sizeof cell);
    vterm_screen_get_cell(terminal.screen, (VTermPos){ .row = row, .col = column }, &cell);
    return cell;
}

char *terminal_text(int row)
{
    char *text = malloc((size_t)terminal.columns * VTERM_MAX_CHARS_PER_CELL * 4 + 1);
    size_t n = 0;
    for (int column = 0; column < terminal.columns;) {
        VTermScreenCell cell = cell_at(row, column);
        if (cell.chars[0] == 0 || cell.chars[0] == (uint32_t)-1)
            text[n++] = ' ';
        else
            for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i]; i++)
                n += put_utf8(text + n, cell.chars[i]);
        column += cell.width > 1 ? cell.width : 1;
    }
    while (n > 0 && text[n - 1] == ' ')
        n--;
    text[n] = '\0';
    return text;
}

char *terminal_styles(int row)
{
    char *text = malloc((size_t)terminal.columns + 1);
    for (int column = 0; column < terminal.columns; column++) {
        VTermScreenCell cell = cell_at(row, column);
        char style = cell.attrs.bold ? 'B' : '.';
        style = cell.attrs.underline ? 'U' : style;
        style = cell.attrs.reverse ? 'R' : style;
        if (!VTERM_COLOR_IS_DEFAULT_FG(&cell.fg) || !VTERM_COLOR_IS_DEFAULT_BG(&cell.bg))
            style = 'C';
        text[column] = style;
    }
    text[terminal.columns] = '\0';
    return text;
}

void terminal_show(FILE *to, const char *prefix, char *(*row_of)(int))
{
    for (int row = 0; row < terminal.rows; row++) {
        char *text = row_of(row);
        fprintf(to, "%s%s\n", prefix, text);
        free(text);
    }
    fflush(to);
}

/* ---- the command and its terminal --------------------------------------- */
void terminal_type(const char *bytes, size_t n, void *unused)
{
    (void)unused;
    while (n > 0 && terminal.master >= 0) {
        ssize_t done = write(terminal.master, bytes, n);
        if (done < 0 && errno != EINTR && errno != EAGAIN)
            return;
        if (done > 0) {
            bytes += done;
            n -= (size_t)done;
        }
    }
}

void terminal_take(void)
{
    char buffer[65536];
    ssize_t n = read(terminal.master, buffer, sizeof buffer);
    if (n > 0) {
        vterm_input_write(terminal.vt, buffer, (size_t)n);
        vterm_screen_flush_damage(terminal.screen);
    } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
        close(terminal.master);
        terminal.master = -1;
    }
}

static void take_report(void)
{
    ssize_t n = read(terminal.report, &terminal.status, sizeof terminal.status);
    if (n == (ssize_t)sizeof terminal.status || n == 0)
        terminal.ended = true;
}

/* Let the command go on until it has written something or ended, or
 * milliseconds have passed. Did it? */
static bool pump_for(int milliseconds)
{
    struct pollfd fds[] = {
        { .fd = terminal.master, .events = POLLIN },
        { .fd = terminal.ended ? -1 : terminal.report, .events = POLLIN },
    };
    if (poll(fds, 2, milliseconds) <= 0)
        return false;
    if (fds[0].revents)
        terminal_take();
    if (fds[1].revents)
        take_report();
    return true;
}

void terminal_pump(void)
{
    pump_for(100);
}

void terminal_settle(void)
{
    double deadline = terminal_now() + 1;
    while (terminal_now() < deadline && pump_for(20))
        continue;
}

static void emulate(void)
{
    terminal.vt = vterm_new(terminal.rows, terminal.columns);
    vterm_set_utf8(terminal.vt, 1);
    vterm_output_set_callback(terminal.vt, terminal_type, NULL);
    terminal.screen = vterm_obtain_screen(terminal.vt);
    vterm_screen_enable_altscreen(terminal.screen, 1);
    vterm_screen_reset(terminal.screen, 1);
}

/* The session's leader: starts the command as a job and reports on it. */
static void lead(char **command, int report)
{
    signal(SIGTTOU, SIG_IGN);
    pid_t pid = fork();
    if (pid == 0) {
        close(report);
        setpgid(0, 0);
        tcsetpgrp(STDIN_FILENO, getpid());
        signal(SIGTTOU, SIG_DFL);
        execvp(command[0], command);
        fprintf(stderr, "screen: %s: %s\n", command[0], strerror(errno));
        _exit(127);
    }
    int status = -1;
    if (write(report, &pid, sizeof pid) < 0)
        _exit(1);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (write(report, &status, sizeof status) < 0)
        _exit(1);
    _exit(0);
}

bool terminal_start(char **command, const char *type)
{
    emulate();
    int report[2];
    struct winsize size = { .ws_row = (unsigned short)terminal.rows,
                            .ws_col = (unsigned short)terminal.columns };
    if (pipe2(report, O_CLOEXEC) != 0)
        return false;
    terminal.leader = forkpty(&terminal.master, NULL, NULL, &size);
    if (terminal.leader < 0)
        return false;
    if (terminal.leader == 0) {
        setenv("TERM", type, 1);
        unsetenv("LINES");
        unsetenv("COLUMNS");
        close(report[0]);
        lead(command, report[1]);
    }
    close(report[1]);
    terminal.report = report[0];
    fcntl(terminal.master, F_SETFD, FD_CLOEXEC);
    return read(terminal.report, &terminal.command, sizeof terminal.command) ==
           (ssize_t)sizeof terminal.command;
}

void terminal_finish(void)
{
    double deadline = terminal_now() + 2;
    if (!terminal.ended) {
        kill(terminal.command, SIGCONT);
        kill(terminal.command, SIGHUP);
    }
    while (!terminal.ended && terminal_now() < deadline)
        terminal_pump();
    if (!terminal.ended)
        kill(terminal.command, SIGKILL);
    if (terminal.master >= 0)
        close(terminal.master);
    kill(terminal.leader, SIGKILL);
    while (waitpid(terminal.leader, NULL, 0) < 0 && errno == EINTR)
        continue;
    vterm_free(terminal.vt);
}
