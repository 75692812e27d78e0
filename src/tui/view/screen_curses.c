/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The screen by ncurses; nothing else in the tree includes it. What the
 * terminal needs to be put back in order is copied when it is taken over, so
 * that a crash handler can do it without calling anything that may have
 * crashed.
 */
#include "tui/view/screen.h"

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <term.h>

#include <langinfo.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#define FIRST_FREE_PAIR (ROLE_COUNT + 1)
#define TERMINAL_PAIRS  512

static struct {
    bool open;
    bool colours;
    enum canvas_glyphs glyphs;
    SCREEN *screen;
    int fd;
    struct canvas_cell *shown; /* what the terminal shows, rows * cols */
    int rows, cols;
    struct termios saved;      /* the modes before us */
    char restore[512];         /* bytes that put the terminal back */
    size_t n_restore;
    struct { int16_t fg, bg; } pairs[TERMINAL_PAIRS];
    int n_pairs;
    attr_t attrs[ROLE_COUNT];
    short role_pairs[ROLE_COUNT];
} screen;

/* ---- looks ---------------------------------------------------------------- */
/* Colours where there are 256, and where there are 8; -1 the terminal's own.
 * Attributes with colours, and without. */
static const struct look {
    short fg256, bg256, fg8, bg8;
    attr_t attr, plain_attr;
} looks[ROLE_COUNT] = {
    [ROLE_PLAIN] = { -1, -1, -1, -1, A_NORMAL, A_NORMAL },
    [ROLE_DIM] = { 244, -1, -1, -1, A_NORMAL, A_NORMAL },
    [ROLE_STRONG] = { -1, -1, -1, -1, A_BOLD, A_BOLD },
    [ROLE_TITLE] = { 231, 24, COLOR_WHITE, COLOR_BLUE, A_BOLD, A_REVERSE },
    [ROLE_HEAD] = { 75, -1, COLOR_CYAN, -1, A_BOLD, A_UNDERLINE },
    [ROLE_SORT] = { 220, -1, COLOR_YELLOW, -1, A_BOLD | A_UNDERLINE, A_BOLD | A_REVERSE },
    [ROLE_TAB] = { 231, 24, COLOR_WHITE, COLOR_BLUE, A_BOLD, A_REVERSE },
    [ROLE_KEY] = { 220, -1, COLOR_YELLOW, -1, A_BOLD, A_BOLD },
    [ROLE_LABEL] = { -1, -1, -1, -1, A_NORMAL, A_NORMAL },
    [ROLE_CURSOR] = { -1, -1, -1, -1, A_REVERSE, A_REVERSE },
    [ROLE_WARN] = { 231, 160, COLOR_WHITE, COLOR_RED, A_BOLD, A_BOLD | A_REVERSE },
    [ROLE_GOOD] = { 76, -1, COLOR_GREEN, -1, A_BOLD, A_BOLD },
    [ROLE_NET] = { 33, -1, COLOR_BLUE, -1, A_NORMAL, A_NORMAL },
    [ROLE_OVERALL] = { 110, -1, COLOR_CYAN, -1, A_NORMAL, A_NORMAL },
    [ROLE_PEAK] = { 173, -1, COLOR_YELLOW, -1, A_NORMAL, A_NORMAL },
    [ROLE_RSS] = { 102, -1, COLOR_MAGENTA, -1, A_NORMAL, A_NORMAL },
    [ROLE_GRAPH] = { 71, -1, COLOR_GREEN, -1, A_NORMAL, A_NORMAL },
    [ROLE_TREND] = { 33, -1, COLOR_BLUE, -1, A_NORMAL, A_NORMAL },
    [ROLE_FUNCTION] = { -1, -1, -1, -1, A_NORMAL, A_NORMAL },
    [ROLE_PLACE] = { 244, -1, COLOR_CYAN, -1, A_NORMAL, A_NORMAL },
};

static bool wants_colours(void)
{
    const char *no = getenv("NO_COLOR");
    return has_colors() && !(no && *no);
}

static void set_looks(void)
{
    screen.colours = wants_colours();
    if (screen.colours) {
        start_color();
        use_default_colors();
    }
    for (int role = 0; role < ROLE_COUNT; role++) {
        const struct look *look = &looks[role];
        bool rich = screen.colours && COLORS >= 256;
        screen.attrs[role] = screen.colours ? look->attr : look->plain_attr;
        if (!screen.colours || role + 1 >= COLOR_PAIRS)
            continue;
        screen.role_pairs[role] = (short)(role + 1);
        init_pair((short)(role + 1), rich ? look->fg256 : look->fg8,
                  rich ? look->bg256 : look->bg8);
    }
}

static short fitting(int16_t colour)
{
    if (colour < 0 || colour < COLORS)
        return colour;
    return colour < 16 ? (short)(colour % 8) : -1;
}

/* The pair for two colours of a program's output; 0 when there are no more. */
static short pair_of(int16_t fg, int16_t bg)
{
    if (!screen.colours || (fg < 0 && bg < 0))
        return 0;
    for (int i = 0; i < screen.n_pairs; i++)
        if (screen.pairs[i].fg == fg && screen.pairs[i].bg == bg)
            return (short)(FIRST_FREE_PAIR + i);
    if (screen.n_pairs == TERMINAL_PAIRS || FIRST_FREE_PAIR + screen.n_pairs >= COLOR_PAIRS)
        return 0;
    short pair = (short)(FIRST_FREE_PAIR + screen.n_pairs);
    screen.pairs[screen.n_pairs].fg = fg;
    screen.pairs[screen.n_pairs++].bg = bg;
    init_pair(pair, fitting(fg), fitting(bg));
    return pair;
}

/* ---- crash handlers -------------------------------------------------------- */
static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
#define CRASHES (sizeof crashes / sizeof *crashes)

/* Async-signal-safe: only write, tcsetattr and raise. */
static void restore_and_die(int signal)
{
    ssize_t ignored = write(screen.fd, screen.restore, screen.n_restore);
    (void)ignored;
    tcsetattr(screen.fd, TCSANOW, &screen.saved);
    raise(signal); /* SA_RESETHAND: now its default takes effect */
}

static void set_crash_handlers(bool ours)
{
    struct sigaction action = { .sa_handler = ours ? restore_and_die : SIG_DFL,
                                .sa_flags = ours ? (int)(SA_RESETHAND | SA_NODEFER) : 0 };
    for (size_t i = 0; i < CRASHES; i++)
        sigaction(crashes[i], &action, NULL);
}

/* ---- open, close ----------------------------------------------------------- */
/* What exit_ca_mode and friends send, without padding. */
static void remember_restore(void)
{
    static const char *const names[] = { "sgr0", "oc", "rmkx", "rmcup", "cnorm" };
    static const char mouse_off[] = "\033[?1000l\033[?1002l\033[?1003l\033[?1006l";
    screen.n_restore = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *bytes = tigetstr(names[i]);
        if (!bytes || bytes == (char *)-1 || strstr(bytes, "$<") ||
            screen.n_restore + strlen(bytes) > sizeof screen.restore)
            continue;
        memcpy(screen.restore + screen.n_restore, bytes, strlen(bytes));
        screen.n_restore += strlen(bytes);
    }
    const char *mouse = tigetstr("kmous");
    if (mouse && mouse != (char *)-1 &&
        screen.n_restore + strlen(mouse_off) <= sizeof screen.restore) {
        memcpy(screen.restore + screen.n_restore, mouse_off, strlen(mouse_off));
        screen.n_restore += strlen(mouse_off);
    }
}

static enum canvas_glyphs choose_glyphs(bool ascii)
{
    const char *term = getenv("TERM");
    if (ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        return GLYPHS_ASCII;
    return term && strcmp(term, "linux") == 0 ? GLYPHS_BLOCKS : GLYPHS_BRAILLE;
}

static void set_modes(void)
{
    raw();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    intrflush(stdscr, FALSE);
    idlok(stdscr, FALSE);
    leaveok(stdscr, FALSE);
    curs_set(0);
    mousemask(BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON1_DOUBLE_CLICKED | BUTTON4_PRESSED |
              BUTTON5_PRESSED, NULL);
    mouseinterval(0);
}

const char *screen_check(void)
{
    int error;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return "standard input and output are no terminal: use memtop report or memtop stat";
    if (setupterm(NULL, STDOUT_FILENO, &error) != OK)
        return "the terminal's type is unknown: set TERM, or use memtop report";
    const char *move = tigetstr("cup");
    bool moves = move && move != (char *)-1;
    del_curterm(cur_term);
    if (!moves)
        return "this type of terminal cannot move its cursor: set TERM, or use memtop report";
    return NULL;
}

const char *screen_open(bool ascii)
{
    const char *why = screen_check();
    if (why)
        return why;
    screen.fd = STDOUT_FILENO;
    tcgetattr(screen.fd, &screen.saved);
    set_escdelay(25);
    screen.screen = newterm(NULL, stdout, stdin);
    if (!screen.screen)
        return "the terminal cannot be set up: set TERM, or use memtop report";
    set_term(screen.screen);
    screen.glyphs = choose_glyphs(ascii);
    remember_restore();
    set_modes();
    set_looks();
    screen.open = true;
    set_crash_handlers(true);
    static bool registered;
    if (!registered)
        atexit(screen_close);
    registered = true;
    return NULL;
}

/* Where there is no other screen to go back to, the shell goes on in the last row. */
static void leave(void)
{
    move(LINES - 1, 0);
    clrtoeol();
    refresh();
    endwin();
    screen.rows = 0; /* it shows something else now than `shown` */
}

void screen_close(void)
{
    if (!screen.open)
        return;
    screen.open = false;
    leave();
    delscreen(screen.screen);
    set_crash_handlers(false);
    free(screen.shown);
    screen.shown = NULL;
    screen.rows = screen.cols = 0;
    screen.n_pairs = 0;
}

enum canvas_glyphs screen_glyphs(void)
{
    return screen.glyphs;
}

void screen_size(int *rows, int *cols)
{
    *rows = LINES;
    *cols = COLS;
}

int screen_fd(void)
{
    return STDIN_FILENO;
}

/* ---- input ----------------------------------------------------------------- */
static uint32_t special_key(wint_t key)
{
    switch (key) {
    case KEY_UP: return KEYCODE_UP;
    case KEY_DOWN: return KEYCODE_DOWN;
    case KEY_LEFT: return KEYCODE_LEFT;
    case KEY_RIGHT: return KEYCODE_RIGHT;
    case KEY_HOME: return KEYCODE_HOME;
    case KEY_END: return KEYCODE_END;
    case KEY_PPAGE: return KEYCODE_PAGE_UP;
    case KEY_NPAGE: return KEYCODE_PAGE_DOWN;
    case KEY_IC: return KEYCODE_INSERT;
    case KEY_DC: return KEYCODE_DELETE;
    case KEY_BTAB: return KEYCODE_BACKTAB;
    case KEY_BACKSPACE: return KEYCODE_BACKSPACE;
    case KEY_ENTER: return KEYCODE_ENTER;
    default: break;
    }
    if (key > KEY_F(0) && key <= KEY_F(63))
        return KEYCODE_F0 + (uint32_t)(key - KEY_F(0));
    return KEYCODE_NONE;
}

static struct screen_event mouse_event(void)
{
    MEVENT mouse;
    struct screen_event event = { .kind = SCREEN_KEY, .key = KEYCODE_NONE };
    if (getmouse(&mouse) != OK)
        return event;
    event.row = mouse.y;
    event.col = mouse.x;
    if (mouse.bstate & BUTTON4_PRESSED)
        event.kind = SCREEN_WHEEL_UP;
    else if (mouse.bstate & BUTTON5_PRESSED)
        event.kind = SCREEN_WHEEL_DOWN;
    else if (mouse.bstate & (BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON1_DOUBLE_CLICKED))
        event.kind = SCREEN_CLICK;
    return event;
}

struct screen_event screen_next(void)
{
    wint_t key;
    int kind = get_wch(&key);
    if (kind == ERR)
        return (struct screen_event){ .kind = SCREEN_NONE };
    if (kind == KEY_CODE_YES && key == KEY_RESIZE)
        return (struct screen_event){ .kind = SCREEN_RESIZE };
    if (kind == KEY_CODE_YES && key == KEY_MOUSE)
        return mouse_event();
    return (struct screen_event){
        .kind = SCREEN_KEY,
        .key = kind == KEY_CODE_YES ? special_key(key) : (uint32_t)key,
    };
}

/* ---- output ---------------------------------------------------------------- */
static void show_cell(int row, int col, const struct canvas_cell *cell)
{
    wchar_t text[CCHARW_MAX + 1] = { 0 };
    cchar_t out;
    attr_t attrs = screen.attrs[cell->role < ROLE_COUNT ? cell->role : ROLE_PLAIN];
    short pair = screen.role_pairs[cell->role < ROLE_COUNT ? cell->role : ROLE_PLAIN];
    for (int k = 0; k < 3 && cell->text[k]; k++)
        text[k] = (wchar_t)cell->text[k];
    if (cell->role == ROLE_TERMINAL) {
        attrs = (cell->attrs & ATTR_BOLD ? A_BOLD : A_NORMAL) |
                (cell->attrs & ATTR_UNDERLINE ? A_UNDERLINE : A_NORMAL) |
                (cell->attrs & ATTR_REVERSE ? A_REVERSE : A_NORMAL) |
                (cell->attrs & ATTR_ITALIC ? A_ITALIC : A_NORMAL);
        pair = pair_of(cell->fg, cell->bg);
    }
    setcchar(&out, text, attrs, pair, NULL);
    mvadd_wch(row, col, &out);
}

static bool same(const struct canvas_cell *a, const struct canvas_cell *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* A row with wide characters is written whole: curses removes both halves when
 * one is overwritten. */
static void show_row(const struct canvas *c, int row)
{
    const struct canvas_cell *cells = c->cells + (size_t)row * (size_t)c->cols;
    const struct canvas_cell *was = screen.shown + (size_t)row * (size_t)c->cols;
    bool wide = false;
    for (int col = 0; col < c->cols; col++)
        wide = wide || !cells[col].text[0] || !was[col].text[0];
    for (int col = 0; col < c->cols; col++)
        if (cells[col].text[0] && (wide || !same(&cells[col], &was[col])))
            show_cell(row, col, &cells[col]);
}

/* Make `shown` fit; what it holds then is nothing, so that all is drawn. */
static bool fit_shown(const struct canvas *c)
{
    size_t n = (size_t)c->rows * (size_t)c->cols;
    if (screen.shown && screen.rows == c->rows && screen.cols == c->cols)
        return true;
    free(screen.shown);
    screen.shown = calloc(n, sizeof *screen.shown);
    screen.rows = c->rows;
    screen.cols = c->cols;
    erase();
    return screen.shown != NULL;
}

void screen_show(const struct canvas *c, bool anew)
{
    if (!fit_shown(c))
        return;
    for (int row = 0; row < c->rows; row++)
        show_row(c, row);
    memcpy(screen.shown, c->cells,
           (size_t)c->rows * (size_t)c->cols * sizeof *screen.shown);
    if (c->cursor_row >= 0)
        move(c->cursor_row, c->cursor_col);
    curs_set(c->cursor_row >= 0);
    if (anew)
        clearok(curscr, TRUE);
    refresh();
}

void screen_suspend(void)
{
    struct sigaction old, action = { .sa_handler = SIG_DFL };
    sigset_t stop, mask;
    def_prog_mode();
    leave();
    sigaction(SIGTSTP, &action, &old);
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &stop, &mask);
    kill(0, SIGTSTP); /* the whole job, as the terminal would */
    sigprocmask(SIG_SETMASK, &mask, NULL);
    sigaction(SIGTSTP, &old, NULL);
    reset_prog_mode();
    clearok(curscr, TRUE);
    refresh();
}
