/* SPDX-License-Identifier: Apache-2.0 */
/*
 * screen: runs a command in a terminal emulator (libvterm on a pty), presses
 * keys and waits for what should appear. The driver of all viewer tests.
 *
 *     screen [-r ROWS] [-c COLUMNS] [-t TERM] [-s SCRIPT] [-T] -- COMMAND...
 *
 * 24 x 80, TERM=xterm-256color and a script on stdin are the defaults. It
 * says nothing and returns 0 when each step of the script held; at the first
 * that did not, it shows the screen on stderr and returns 1 (2: wrong usage).
 * With -T it prints a TAP line for each wait and expectation, and the plan.
 * The script has one step a line; `#` begins a comment line:
 *
 *     wait TEXT [SECONDS]     until TEXT is on the screen, in one row
 *     wait! TEXT [SECONDS]    until it is gone
 *     match REGEX [SECONDS]   until a row matches the extended expression
 *     keys STRING             press keys: \e \n \t \\ \< \xHH, and <Enter> <Tab>
 *                             <Esc> <Space> <Backspace> <Up> <Down> <Left>
 *                             <Right> <Home> <End> <PgUp> <PgDn> <Ins> <Del>
 *                             <F1> to <F12>, <C-x>
 *     tab NAME                press the number before NAME, on any row, and wait
 *                             until the two are in brackets
 *     click TEXT              with the mouse, where it first is
 *     resize ROWS COLUMNS     of the terminal; the command gets SIGWINCH
 *     dump FILE               the screen, once a picture is complete, as UTF-8
 *                             with trailing blanks cut; - is stdout
 *     styles FILE             each cell as one of: . plain, B bold, U underlined,
 *                             R reverse, C coloured (the last that applies)
 *     signal NAME             to the command: INT TERM KILL HUP STOP CONT TSTP ...
 *     expect-stop [SECONDS]   the command is stopped, as by ^Z
 *     expect-exit STATUS [SECONDS]  it ends with STATUS, or 128 + its signal
 *
 * TEXT or REGEX in double quotes is taken whole; without them a number as its
 * last word is the deadline, which is 30 seconds otherwise. Only what comes
 * before the script's end counts: the command is then hung up and killed.
 *
 * The command runs as a shell would run it: in a foreground process group of
 * its own, with a parent in its session, so that ^Z can stop it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <regex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vterm.h>

#define DEADLINE_SECONDS 30.0 /* a busy machine must not fail a test */

static struct {
    VTerm *vt;
    VTermScreen *screen;
    int rows, columns;
    int master;      /* of the pty; -1 after the command closed its end */
    int report;      /* pipe from the command's parent: pid, then status */
    pid_t leader;    /* the command's parent */
    pid_t command;
    bool ended;
    int status;      /* of waitpid, once it has ended */
} term = { .rows = 24, .columns = 80, .master = -1 };

static bool tap;
static unsigned claims;
static unsigned line_number;

static double now(void)
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
    vterm_screen_get_cell(term.screen, (VTermPos){ .row = row, .col = column }, &cell);
    return cell;
}

/* Row `row` as UTF-8, trailing blanks cut. The caller frees. */
static char *row_text(int row)
{
    char *text = malloc((size_t)term.columns * VTERM_MAX_CHARS_PER_CELL * 4 + 1);
    size_t n = 0;
    for (int column = 0; column < term.columns;) {
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

static char *row_styles(int row)
{
    char *text = malloc((size_t)term.columns + 1);
    for (int column = 0; column < term.columns; column++) {
        VTermScreenCell cell = cell_at(row, column);
        char style = cell.attrs.bold ? 'B' : '.';
        style = cell.attrs.underline ? 'U' : style;
        style = cell.attrs.reverse ? 'R' : style;
        if (!VTERM_COLOR_IS_DEFAULT_FG(&cell.fg) || !VTERM_COLOR_IS_DEFAULT_BG(&cell.bg))
            style = 'C';
        text[column] = style;
    }
    text[term.columns] = '\0';
    return text;
}

static void show(FILE *to, const char *prefix, char *(*row_of)(int))
{
    for (int row = 0; row < term.rows; row++) {
        char *text = row_of(row);
        fprintf(to, "%s%s\n", prefix, text);
        free(text);
    }
    fflush(to);
}

typedef bool row_test(const char *row, const void *argument);

static bool any_row(row_test *test, const void *argument)
{
    bool found = false;
    for (int row = 0; row < term.rows && !found; row++) {
        char *text = row_text(row);
        found = test(text, argument);
        free(text);
    }
    return found;
}

static bool row_has(const char *row, const void *text)
{
    return strstr(row, text) != NULL;
}

static bool row_matches(const char *row, const void *expression)
{
    return regexec(expression, row, 0, NULL, 0) == 0;
}

/* ---- the command and its terminal --------------------------------------- */
static void to_command(const char *bytes, size_t n, void *unused)
{
    (void)unused;
    while (n > 0 && term.master >= 0) {
        ssize_t done = write(term.master, bytes, n);
        if (done < 0 && errno != EINTR && errno != EAGAIN)
            return;
        if (done > 0) {
            bytes += done;
            n -= (size_t)done;
        }
    }
}

static void take_output(void)
{
    char buffer[65536];
    ssize_t n = read(term.master, buffer, sizeof buffer);
    if (n > 0) {
        vterm_input_write(term.vt, buffer, (size_t)n);
        vterm_screen_flush_damage(term.screen);
    } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
        close(term.master);
        term.master = -1;
    }
}

static void take_report(void)
{
    ssize_t n = read(term.report, &term.status, sizeof term.status);
    if (n == (ssize_t)sizeof term.status || n == 0)
        term.ended = true;
}

/* Let the command go on until it has written something or ended, or
 * milliseconds have passed. Did it? */
static bool pump_for(int milliseconds)
{
    struct pollfd fds[] = {
        { .fd = term.master, .events = POLLIN },
        { .fd = term.ended ? -1 : term.report, .events = POLLIN },
    };
    if (poll(fds, 2, milliseconds) <= 0)
        return false;
    if (fds[0].revents)
        take_output();
    if (fds[1].revents)
        take_report();
    return true;
}

static void pump(void)
{
    pump_for(100);
}

/* Until it is not in the middle of a picture: quiet, for a second at most. */
static void settle(void)
{
    double deadline = now() + 1;
    while (now() < deadline && pump_for(20))
        continue;
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

static bool start(char **command, const char *terminal)
{
    int report[2];
    struct winsize size = { .ws_row = (unsigned short)term.rows,
                            .ws_col = (unsigned short)term.columns };
    if (pipe2(report, O_CLOEXEC) != 0)
        return false;
    term.leader = forkpty(&term.master, NULL, NULL, &size);
    if (term.leader < 0)
        return false;
    if (term.leader == 0) {
        setenv("TERM", terminal, 1);
        unsetenv("LINES");
        unsetenv("COLUMNS");
        close(report[0]);
        lead(command, report[1]);
    }
    close(report[1]);
    term.report = report[0];
    fcntl(term.master, F_SETFD, FD_CLOEXEC);
    return read(term.report, &term.command, sizeof term.command) ==
           (ssize_t)sizeof term.command;
}

static void emulate(void)
{
    term.vt = vterm_new(term.rows, term.columns);
    vterm_set_utf8(term.vt, 1);
    vterm_output_set_callback(term.vt, to_command, NULL);
    term.screen = vterm_obtain_screen(term.vt);
    vterm_screen_enable_altscreen(term.screen, 1);
    vterm_screen_reset(term.screen, 1);
}

/* Hang up, give the command two seconds to go, and make sure that it has. */
static void finish(void)
{
    double deadline = now() + 2;
    if (!term.ended) {
        kill(term.command, SIGCONT);
        kill(term.command, SIGHUP);
    }
    while (!term.ended && now() < deadline)
        pump();
    if (!term.ended)
        kill(term.command, SIGKILL);
    if (term.master >= 0)
        close(term.master);
    kill(term.leader, SIGKILL);
    while (waitpid(term.leader, NULL, 0) < 0 && errno == EINTR)
        continue;
    vterm_free(term.vt);
}

/* ---- steps -------------------------------------------------------------- */
__attribute__((format(printf, 2, 3)))
static bool claim(bool ok, const char *fmt, ...)
{
    char what[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    claims++;
    if (tap)
        printf("%s %u - %s\n", ok ? "ok" : "not ok", claims, what);
    fflush(stdout);
    if (!ok) {
        fprintf(stderr, "# line %u of the script did not hold: %s\n", line_number, what);
        show(stderr, "# |", row_text);
    }
    return ok;
}

/* Cut the deadline off `rest` and take the quotes off what remains. */
static double deadline_of(char *rest)
{
    char *end, *last = strrchr(rest, ' ');
    size_t n = strlen(rest);
    double seconds = DEADLINE_SECONDS;
    if (last && (rest[0] != '"' || last[-1] == '"')) {
        double number = strtod(last + 1, &end);
        if (end != last + 1 && *end == '\0') {
            seconds = number;
            *last = '\0';
            n = strlen(rest);
        }
    }
    if (n >= 2 && rest[0] == '"' && rest[n - 1] == '"') {
        memmove(rest, rest + 1, n - 2);
        rest[n - 2] = '\0';
    }
    return seconds;
}

static bool wait_for(bool wanted, row_test *test, const void *argument, double seconds)
{
    double deadline = now() + seconds;
    for (;;) {
        settle(); /* half a picture may have rows of two */
        if (any_row(test, argument) == wanted)
            return true;
        if (now() >= deadline || (term.master < 0 && term.ended))
            return false;
        pump();
    }
}

static bool step_wait(char *rest)
{
    double seconds = deadline_of(rest);
    return claim(wait_for(true, row_has, rest, seconds), "wait %s", rest);
}

static bool step_wait_gone(char *rest)
{
    double seconds = deadline_of(rest);
    return claim(wait_for(false, row_has, rest, seconds), "wait! %s", rest);
}

static bool step_match(char *rest)
{
    regex_t expression;
    double seconds = deadline_of(rest);
    if (regcomp(&expression, rest, REG_EXTENDED | REG_NOSUB) != 0)
        return claim(false, "match %s: not an expression", rest);
    bool ok = wait_for(true, row_matches, &expression, seconds);
    regfree(&expression);
    return claim(ok, "match %s", rest);
}

static const struct {
    const char *name;
    VTermKey key;
} key_names[] = {
    { "Enter", VTERM_KEY_ENTER }, { "Tab", VTERM_KEY_TAB },
    { "Esc", VTERM_KEY_ESCAPE }, { "Backspace", VTERM_KEY_BACKSPACE },
    { "Up", VTERM_KEY_UP }, { "Down", VTERM_KEY_DOWN },
    { "Left", VTERM_KEY_LEFT }, { "Right", VTERM_KEY_RIGHT },
    { "Home", VTERM_KEY_HOME }, { "End", VTERM_KEY_END },
    { "PgUp", VTERM_KEY_PAGEUP }, { "PgDn", VTERM_KEY_PAGEDOWN },
    { "Ins", VTERM_KEY_INS }, { "Del", VTERM_KEY_DEL },
};

static bool press_name(const char *name)
{
    char *end;
    for (size_t i = 0; i < sizeof key_names / sizeof *key_names; i++)
        if (strcasecmp(name, key_names[i].name) == 0) {
            vterm_keyboard_key(term.vt, key_names[i].key, VTERM_MOD_NONE);
            return true;
        }
    long n = name[0] == 'F' ? strtol(name + 1, &end, 10) : 0;
    if (n >= 1 && n <= 12 && *end == '\0')
        vterm_keyboard_key(term.vt, (VTermKey)VTERM_KEY_FUNCTION((int)n), VTERM_MOD_NONE);
    else if (strcasecmp(name, "Space") == 0)
        to_command(" ", 1, NULL);
    else if (strncmp(name, "C-", 2) == 0 && name[2] && !name[3])
        to_command(&(char){ (char)(name[2] & 0x1f) }, 1, NULL);
    else
        return false;
    return true;
}

/* Press the key that `text` begins with. Returns what follows it, or NULL. */
static const char *press(const char *text)
{
    static const char escapes[] = "e\033n\nt\tr\r\\\\<<";
    if (*text == '<') {
        char name[16];
        int n = 0;
        if (sscanf(text, "<%15[^>]>%n", name, &n) != 1 || n == 0 || !press_name(name))
            return NULL;
        return text + n;
    }
    if (*text != '\\') {
        to_command(text, 1, NULL);
        return text + 1;
    }
    unsigned code;
    if (text[1] == 'x' && sscanf(text + 2, "%2x", &code) == 1) {
        to_command(&(char){ (char)code }, 1, NULL);
        return text + 4;
    }
    for (const char *e = escapes; *e; e += 2)
        if (text[1] == *e) {
            to_command(e + 1, 1, NULL);
            return text + 2;
        }
    return NULL;
}

static bool step_keys(char *rest)
{
    for (const char *text = rest; *text;) {
        text = press(text);
        if (!text)
            return claim(false, "keys %s: no such key", rest);
    }
    return true;
}

/* Tabs are numbered by their order; scripts know their names. */
static bool step_tab(char *name)
{
    double deadline = now() + DEADLINE_SECONDS;
    char number = 0, wanted[64];
    do {
        for (int row = 0; row < term.rows && !number; row++) {
            char *text = row_text(row), *at = strstr(text, name);
            if (at && at - text >= 2 && at[-1] == ' ' && at[-2] >= '1' && at[-2] <= '9')
                number = at[-2];
            free(text);
        }
        if (!number)
            pump();
    } while (!number && now() < deadline);
    if (!number)
        return claim(false, "tab %s: there is none", name);
    to_command(&number, 1, NULL);
    snprintf(wanted, sizeof wanted, "[%c %s]", number, name);
    return claim(wait_for(true, row_has, wanted, DEADLINE_SECONDS), "tab %s", name);
}

static bool step_click(char *rest)
{
    char bytes[64];
    double seconds = deadline_of(rest);
    if (!wait_for(true, row_has, rest, seconds))
        return claim(false, "click %s: it is not there", rest);
    for (int row = 0; row < term.rows; row++) {
        char *text = row_text(row), *at = strstr(text, rest);
        int column = 1;
        for (char *s = text; at && s < at; s++)
            column += (*s & 0xc0) != 0x80;
        free(text);
        if (!at)
            continue;
        int n = snprintf(bytes, sizeof bytes, "\033[<0;%d;%dM\033[<0;%d;%dm", column, row + 1,
                         column, row + 1);
        to_command(bytes, (size_t)n, NULL);
        return true;
    }
    return claim(false, "click %s: it has gone", rest);
}

static bool step_resize(char *rest)
{
    struct winsize size = { .ws_row = 0 };
    if (sscanf(rest, "%d %d", &term.rows, &term.columns) != 2)
        return claim(false, "resize %s: needs ROWS COLUMNS", rest);
    vterm_set_size(term.vt, term.rows, term.columns);
    size.ws_row = (unsigned short)term.rows;
    size.ws_col = (unsigned short)term.columns;
    ioctl(term.master, TIOCSWINSZ, &size);
    return true;
}

static bool write_rows(const char *path, char *(*row_of)(int))
{
    if (strcmp(path, "-") == 0) {
        show(stdout, "", row_of);
        return true;
    }
    FILE *to = fopen(path, "w");
    if (!to)
        return claim(false, "%s: %s", path, strerror(errno));
    show(to, "", row_of);
    fclose(to);
    return true;
}

static bool step_dump(char *rest)
{
    settle();
    return write_rows(rest, row_text);
}

static bool step_styles(char *rest)
{
    settle();
    return write_rows(rest, row_styles);
}

static bool step_signal(char *rest)
{
    for (int s = 1; s < NSIG; s++) {
        const char *name = sigabbrev_np(s);
        if (name && strcasecmp(name, rest) == 0)
            return kill(term.command, s) == 0 || claim(false, "signal %s", rest);
    }
    return claim(false, "signal %s: no such signal", rest);
}

static bool is_stopped(void)
{
    char path[64], state = '?';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)term.command);
    FILE *from = fopen(path, "r");
    if (!from)
        return false;
    if (fscanf(from, "%*d (%*[^)]) %c", &state) != 1)
        state = '?';
    fclose(from);
    return state == 'T';
}

static bool step_expect_stop(char *rest)
{
    double deadline = now() + (*rest ? strtod(rest, NULL) : DEADLINE_SECONDS);
    while (!is_stopped() && !term.ended && now() < deadline)
        pump();
    return claim(is_stopped(), "expect-stop");
}

static bool step_expect_exit(char *rest)
{
    char *end;
    long wanted = strtol(rest, &end, 10);
    double deadline = now() + (*end ? strtod(end, NULL) : DEADLINE_SECONDS);
    while (!term.ended && now() < deadline)
        pump();
    if (!term.ended)
        return claim(false, "expect-exit %ld: it still runs", wanted);
    while (term.master >= 0 && now() < deadline)
        pump();
    int got = WIFEXITED(term.status) ? WEXITSTATUS(term.status) : 128 + WTERMSIG(term.status);
    return claim(got == wanted, "expect-exit %ld, got %d", wanted, got);
}

static const struct {
    const char *name;
    bool (*run)(char *rest);
} steps[] = {
    { "wait", step_wait },     { "wait!", step_wait_gone },
    { "match", step_match },   { "keys", step_keys },
    { "tab", step_tab },       { "click", step_click },
    { "resize", step_resize }, { "dump", step_dump },
    { "styles", step_styles }, { "signal", step_signal },
    { "expect-stop", step_expect_stop }, { "expect-exit", step_expect_exit },
};

static bool run_line(char *line)
{
    line[strcspn(line, "\n")] = '\0';
    line += strspn(line, " \t");
    if (*line == '\0' || *line == '#')
        return true;
    char *rest = line + strcspn(line, " ");
    if (*rest)
        *rest++ = '\0';
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (strcmp(line, steps[i].name) == 0)
            return steps[i].run(rest);
    return claim(false, "%s: no such step", line);
}

/* Where the script is a pipe the command goes on until there is a line. The stream
 * has no buffer, so that a line is where poll looks for it. */
static bool next_line(FILE *script, char **line, size_t *size)
{
    struct pollfd fds[] = {
        { .fd = fileno(script), .events = POLLIN },
        { .fd = -1, .events = POLLIN },
    };
    do {
        fds[1].fd = term.master;
        if (poll(fds, 2, -1) > 0 && fds[1].revents)
            take_output();
    } while (!fds[0].revents);
    return getline(line, size, script) >= 0;
}

static bool run_script(FILE *script)
{
    char *line = NULL;
    size_t size = 0;
    bool ok = true;
    setvbuf(script, NULL, _IONBF, 0);
    while (ok && next_line(script, &line, &size)) {
        line_number++;
        ok = run_line(line);
    }
    free(line);
    if (tap)
        printf("1..%u\n", claims);
    return ok;
}

int main(int argc, char **argv)
{
    const char *terminal = "xterm-256color";
    FILE *script = stdin;
    for (int option; (option = getopt(argc, argv, "+r:c:t:s:T")) != -1;)
        switch (option) {
        case 'r': term.rows = atoi(optarg); break;
        case 'c': term.columns = atoi(optarg); break;
        case 't': terminal = optarg; break;
        case 's': script = fopen(optarg, "re"); break;
        case 'T': tap = true; break;
        default: return 2;
        }
    if (optind >= argc || !script || term.rows < 1 || term.columns < 1) {
        fputs("usage: screen [-r ROWS] [-c COLUMNS] [-t TERM] [-s SCRIPT] [-T] -- COMMAND...\n",
              stderr);
        return 2;
    }
    emulate();
    if (!start(argv + optind, terminal)) {
        perror("screen");
        return 1;
    }
    bool ok = run_script(script);
    finish();
    return ok ? 0 : 1;
}
