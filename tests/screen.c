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
 *     row N REGEX [SECONDS]   until row N, from 1 at the top, matches
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
#include <limits.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/terminal.h"

#define DEADLINE_SECONDS 30.0 /* a busy machine must not fail a test */

static bool tap;
static unsigned claims;
static unsigned line_number;

typedef bool row_test(const char *row, const void *argument);

static bool row_has(const char *row, const void *text)
{
    return strstr(row, text) != NULL;
}

static bool row_matches(const char *row, const void *expression)
{
    return regexec(expression, row, 0, NULL, 0) == 0;
}

/* Of `first` to `last`, from 0. */
static bool any_row(int first, int last, row_test *test, const void *argument)
{
    bool found = false;
    for (int row = first; row <= last && row < terminal.rows && !found; row++) {
        char *text = terminal_text(row);
        found = test(text, argument);
        free(text);
    }
    return found;
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
        terminal_show(stderr, "# |", terminal_text);
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

static bool wait_for_rows(int first, int last, bool wanted, row_test *test, const void *argument,
                          double seconds)
{
    double deadline = terminal_now() + seconds;
    for (;;) {
        terminal_settle(); /* half a picture may have rows of two */
        if (any_row(first, last, test, argument) == wanted)
            return true;
        if (terminal_now() >= deadline || (terminal.master < 0 && terminal.ended))
            return false;
        terminal_pump();
    }
}

static bool wait_for(bool wanted, row_test *test, const void *argument, double seconds)
{
    return wait_for_rows(0, INT_MAX, wanted, test, argument, seconds);
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

/* Any of the rows `first` to `last` matches. */
static bool match_rows(const char *step, int first, int last, char *rest)
{
    regex_t expression;
    double seconds = deadline_of(rest);
    if (regcomp(&expression, rest, REG_EXTENDED | REG_NOSUB) != 0)
        return claim(false, "%s %s: not an expression", step, rest);
    bool ok = wait_for_rows(first, last, true, row_matches, &expression, seconds);
    regfree(&expression);
    return claim(ok, "%s %s", step, rest);
}

static bool step_match(char *rest)
{
    return match_rows("match", 0, INT_MAX, rest);
}

static bool step_row(char *rest)
{
    char *end, step[32];
    long row = strtol(rest, &end, 10);
    if (end == rest || *end != ' ' || row < 1 || row > terminal.rows)
        return claim(false, "row %s: needs N REGEX", rest);
    snprintf(step, sizeof step, "row %ld", row);
    return match_rows(step, (int)row - 1, (int)row - 1, end + 1);
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
            vterm_keyboard_key(terminal.vt, key_names[i].key, VTERM_MOD_NONE);
            return true;
        }
    long n = name[0] == 'F' ? strtol(name + 1, &end, 10) : 0;
    if (n >= 1 && n <= 12 && *end == '\0')
        vterm_keyboard_key(terminal.vt, (VTermKey)VTERM_KEY_FUNCTION((int)n), VTERM_MOD_NONE);
    else if (strcasecmp(name, "Space") == 0)
        terminal_type(" ", 1, NULL);
    else if (strncmp(name, "C-", 2) == 0 && name[2] && !name[3])
        terminal_type(&(char){ (char)(name[2] & 0x1f) }, 1, NULL);
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
        terminal_type(text, 1, NULL);
        return text + 1;
    }
    unsigned code;
    if (text[1] == 'x' && sscanf(text + 2, "%2x", &code) == 1) {
        terminal_type(&(char){ (char)code }, 1, NULL);
        return text + 4;
    }
    for (const char *e = escapes; *e; e += 2)
        if (text[1] == *e) {
            terminal_type(e + 1, 1, NULL);
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
    double deadline = terminal_now() + DEADLINE_SECONDS;
    char number = 0, wanted[64];
    do {
        for (int row = 0; row < terminal.rows && !number; row++) {
            char *text = terminal_text(row), *at = strstr(text, name);
            if (at && at - text >= 2 && at[-1] == ' ' && at[-2] >= '1' && at[-2] <= '9')
                number = at[-2];
            free(text);
        }
        if (!number)
            terminal_pump();
    } while (!number && terminal_now() < deadline);
    if (!number)
        return claim(false, "tab %s: there is none", name);
    terminal_type(&number, 1, NULL);
    snprintf(wanted, sizeof wanted, "[%c %s]", number, name);
    return claim(wait_for(true, row_has, wanted, DEADLINE_SECONDS), "tab %s", name);
}

static bool step_click(char *rest)
{
    char bytes[64];
    double seconds = deadline_of(rest);
    if (!wait_for(true, row_has, rest, seconds))
        return claim(false, "click %s: it is not there", rest);
    for (int row = 0; row < terminal.rows; row++) {
        char *text = terminal_text(row), *at = strstr(text, rest);
        int column = 1;
        for (char *s = text; at && s < at; s++)
            column += (*s & 0xc0) != 0x80;
        free(text);
        if (!at)
            continue;
        int n = snprintf(bytes, sizeof bytes, "\033[<0;%d;%dM\033[<0;%d;%dm", column, row + 1,
                         column, row + 1);
        terminal_type(bytes, (size_t)n, NULL);
        return true;
    }
    return claim(false, "click %s: it has gone", rest);
}

static bool step_resize(char *rest)
{
    struct winsize size = { .ws_row = 0 };
    if (sscanf(rest, "%d %d", &terminal.rows, &terminal.columns) != 2)
        return claim(false, "resize %s: needs ROWS COLUMNS", rest);
    vterm_set_size(terminal.vt, terminal.rows, terminal.columns);
    size.ws_row = (unsigned short)terminal.rows;
    size.ws_col = (unsigned short)terminal.columns;
    ioctl(terminal.master, TIOCSWINSZ, &size);
    return true;
}

static bool write_rows(const char *path, char *(*row_of)(int))
{
    if (strcmp(path, "-") == 0) {
        terminal_show(stdout, "", row_of);
        return true;
    }
    FILE *to = fopen(path, "w");
    if (!to)
        return claim(false, "%s: %s", path, strerror(errno));
    terminal_show(to, "", row_of);
    fclose(to);
    return true;
}

static bool step_dump(char *rest)
{
    terminal_settle();
    return write_rows(rest, terminal_text);
}

static bool step_styles(char *rest)
{
    terminal_settle();
    return write_rows(rest, terminal_styles);
}

static bool step_signal(char *rest)
{
    for (int s = 1; s < NSIG; s++) {
        const char *name = sigabbrev_np(s);
        if (name && strcasecmp(name, rest) == 0)
            return kill(terminal.command, s) == 0 || claim(false, "signal %s", rest);
    }
    return claim(false, "signal %s: no such signal", rest);
}

static bool is_stopped(void)
{
    char path[64], state = '?';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)terminal.command);
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
    double deadline = terminal_now() + (*rest ? strtod(rest, NULL) : DEADLINE_SECONDS);
    while (!is_stopped() && !terminal.ended && terminal_now() < deadline)
        terminal_pump();
    return claim(is_stopped(), "expect-stop");
}

static bool step_expect_exit(char *rest)
{
    char *end;
    long wanted = strtol(rest, &end, 10);
    double deadline = terminal_now() + (*end ? strtod(end, NULL) : DEADLINE_SECONDS);
    while (!terminal.ended && terminal_now() < deadline)
        terminal_pump();
    if (!terminal.ended)
        return claim(false, "expect-exit %ld: it still runs", wanted);
    while (terminal.master >= 0 && terminal_now() < deadline)
        terminal_pump();
    int status = terminal.status;
    int got = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return claim(got == wanted, "expect-exit %ld, got %d", wanted, got);
}

static const struct {
    const char *name;
    bool (*run)(char *rest);
} steps[] = {
    { "wait", step_wait },     { "wait!", step_wait_gone },
    { "match", step_match },   { "row", step_row },
    { "keys", step_keys },     { "tab", step_tab },
    { "click", step_click },   { "resize", step_resize },
    { "dump", step_dump },     { "styles", step_styles },
    { "signal", step_signal },
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
        fds[1].fd = terminal.master;
        if (poll(fds, 2, -1) > 0 && fds[1].revents)
            terminal_take();
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
    const char *type = "xterm-256color";
    FILE *script = stdin;
    for (int option; (option = getopt(argc, argv, "+r:c:t:s:T")) != -1;)
        switch (option) {
        case 'r': terminal.rows = atoi(optarg); break;
        case 'c': terminal.columns = atoi(optarg); break;
        case 't': type = optarg; break;
        case 's': script = fopen(optarg, "re"); break;
        case 'T': tap = true; break;
        default: return 2;
        }
    if (optind >= argc || !script || terminal.rows < 1 || terminal.columns < 1) {
        fputs("usage: screen [-r ROWS] [-c COLUMNS] [-t TERM] [-s SCRIPT] [-T] -- COMMAND...\n",
              stderr);
        return 2;
    }
    if (!terminal_start(argv + optind, type)) {
        perror("screen");
        return 1;
    }
    bool ok = run_script(script);
    terminal_finish();
    return ok ? 0 : 1;
}
