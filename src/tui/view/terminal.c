/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's terminal. What it prints goes through libvterm, which eats all
 * escape sequences; only characters with a known width, and colours, come out.
 */
#include "tui/view/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vterm.h>
#include <wchar.h>

#include "tui/view/keys.h"

#define HISTORY_LINES 4000
#define PUMP_BYTES    (256 * 1024) /* read in one go at most */
#define QUEUE_BYTES   (64 * 1024)
#define LEAST_ROWS    2            /* the emulator is never smaller */
#define LEAST_COLS    10

struct line {
    int n;
    struct canvas_cell *cells;
};

struct terminal {
    VTerm *vt;
    VTermScreen *screen;
    int pty_fd, output_fd;
    int rows, cols;
    unsigned generation;
    int output_error;
    bool cursor_visible;
    size_t n_queued;             /* to be written to the pty */
    char queue[QUEUE_BYTES];
    size_t n_lines;              /* ever scrolled away */
    struct line lines[HISTORY_LINES];
};

/* ---- cells --------------------------------------------------------------- */
static int16_t palette(const VTermColor *color)
{
    if (VTERM_COLOR_IS_DEFAULT_FG(color) || VTERM_COLOR_IS_DEFAULT_BG(color))
        return -1;
    if (VTERM_COLOR_IS_INDEXED(color))
        return color->indexed.idx;
    return (int16_t)(16 + 36 * (color->rgb.red * 6 / 256) + 6 * (color->rgb.green * 6 / 256) +
                     color->rgb.blue * 6 / 256);
}

/* The emulator and the C library must agree on the width, or lines shift. */
static uint32_t checked(uint32_t u, int width)
{
    if (u == 0)
        return ' ';
    return u < 0x7f ? (u < ' ' ? '?' : u) : wcwidth((wchar_t)u) == width ? u : '?';
}

static struct canvas_cell cell_of(const VTermScreenCell *from)
{
    struct canvas_cell to = { .text = { checked(from->chars[0], from->width) },
                              .role = ROLE_TERMINAL,
                              .fg = palette(&from->fg), .bg = palette(&from->bg) };
    for (int k = 1; k < 3 && from->chars[k] && from->chars[0]; k++)
        if (wcwidth((wchar_t)from->chars[k]) == 0)
            to.text[k] = from->chars[k];
    if (!to.text[1])
        to.text[2] = 0;
    to.attrs = (uint8_t)((from->attrs.bold ? ATTR_BOLD : 0) |
                         (from->attrs.underline ? ATTR_UNDERLINE : 0) |
                         (from->attrs.reverse ? ATTR_REVERSE : 0) |
                         (from->attrs.italic ? ATTR_ITALIC : 0));
    return to;
}

/* ---- the emulator's calls ------------------------------------------------- */
static bool is_blank(const struct canvas_cell *cell)
{
    return cell->text[0] == ' ' && cell->bg < 0 && !cell->attrs;
}

static int keep_line(int cols, const VTermScreenCell *cells, void *user)
{
    struct terminal *t = user;
    struct line *line = &t->lines[t->n_lines % HISTORY_LINES];
    struct canvas_cell *kept = malloc((size_t)cols * sizeof *kept);
    int n = 0;
    if (!kept)
        return 0;
    for (int col = 0; col < cols; col += cells[col].width > 1 ? 2 : 1) {
        kept[col] = cell_of(&cells[col]);
        if (cells[col].width > 1 && col + 1 < cols)
            kept[col + 1] = (struct canvas_cell){ .role = ROLE_TERMINAL, .fg = -1, .bg = -1 };
        n = is_blank(&kept[col]) ? n : col + (cells[col].width > 1 ? 2 : 1);
    }
    free(line->cells);
    *line = (struct line){ .n = n < cols ? n : cols, .cells = kept };
    t->n_lines++;
    return 1;
}

static VTermColor color_of(int16_t palette)
{
    VTermColor color = { .type = VTERM_COLOR_DEFAULT_FG | VTERM_COLOR_DEFAULT_BG };
    if (palette >= 0)
        vterm_color_indexed(&color, (uint8_t)palette);
    return color;
}

/* A window that grows shows again what had scrolled away. */
static int give_line(int cols, VTermScreenCell *cells, void *user)
{
    struct terminal *t = user;
    struct line *line = t->n_lines ? &t->lines[(t->n_lines - 1) % HISTORY_LINES] : NULL;
    if (!line || !line->cells)
        return 0;
    for (int col = 0; col < cols; col++) {
        const struct canvas_cell blank = { .text = { ' ' }, .fg = -1, .bg = -1 };
        const struct canvas_cell *from = col < line->n ? &line->cells[col] : &blank;
        bool wide = col + 1 < line->n && line->cells[col + 1].text[0] == 0;
        cells[col] = (VTermScreenCell){ .chars = { from->text[0], from->text[1], from->text[2] },
                                        .width = wide ? 2 : 1, .fg = color_of(from->fg),
                                        .bg = color_of(from->bg) };
        cells[col].attrs.bold = (from->attrs & ATTR_BOLD) != 0;
        cells[col].attrs.underline = (from->attrs & ATTR_UNDERLINE) != 0;
        cells[col].attrs.reverse = (from->attrs & ATTR_REVERSE) != 0;
        cells[col].attrs.italic = (from->attrs & ATTR_ITALIC) != 0;
    }
    free(line->cells);
    *line = (struct line){ .n = 0 };
    t->n_lines--;
    return 1;
}

static int note_damage(VTermRect rect, void *user)
{
    struct terminal *t = user;
    (void)rect;
    t->generation++;
    return 1;
}

static int note_cursor(VTermPos to, VTermPos from, int visible, void *user)
{
    struct terminal *t = user;
    (void)to, (void)from;
    t->cursor_visible = visible;
    t->generation++;
    return 1;
}

static void queue_bytes(const char *bytes, size_t n, void *user)
{
    struct terminal *t = user;
    if (n > QUEUE_BYTES - t->n_queued)
        return; /* a program that does not read loses what is typed */
    memcpy(t->queue + t->n_queued, bytes, n);
    t->n_queued += n;
}

static const VTermScreenCallbacks callbacks = {
    .damage = note_damage,
    .movecursor = note_cursor,
    .sb_pushline = keep_line,
    .sb_popline = give_line,
};

/* ---- life ---------------------------------------------------------------- */
static int at_least(int value, int least)
{
    return value < least ? least : value;
}

static void tell_size(const struct terminal *t)
{
    struct winsize size = { .ws_row = (unsigned short)t->rows,
                            .ws_col = (unsigned short)t->cols };
    ioctl(t->pty_fd, TIOCSWINSZ, &size);
}

struct terminal *terminal_new(int pty_fd, int output_fd, int rows, int cols)
{
    struct terminal *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    *t = (struct terminal){ .pty_fd = pty_fd, .output_fd = output_fd,
                            .rows = at_least(rows, LEAST_ROWS),
                            .cols = at_least(cols, LEAST_COLS), .cursor_visible = true };
    t->vt = vterm_new(t->rows, t->cols);
    if (!t->vt) {
        free(t);
        return NULL;
    }
    vterm_set_utf8(t->vt, 1);
    vterm_output_set_callback(t->vt, queue_bytes, t);
    t->screen = vterm_obtain_screen(t->vt);
    vterm_screen_set_callbacks(t->screen, &callbacks, t);
    vterm_screen_enable_altscreen(t->screen, 1);
    vterm_screen_set_damage_merge(t->screen, VTERM_DAMAGE_SCREEN);
    vterm_screen_reset(t->screen, 1);
    fcntl(pty_fd, F_SETFL, fcntl(pty_fd, F_GETFL) | O_NONBLOCK);
    tell_size(t);
    return t;
}

void terminal_free(struct terminal *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < HISTORY_LINES; i++)
        free(t->lines[i].cells);
    vterm_free(t->vt);
    free(t);
}

void terminal_resize(struct terminal *t, int rows, int cols)
{
    rows = at_least(rows, LEAST_ROWS);
    cols = at_least(cols, LEAST_COLS);
    if (rows == t->rows && cols == t->cols)
        return;
    t->rows = rows;
    t->cols = cols;
    vterm_set_size(t->vt, rows, cols);
    vterm_screen_flush_damage(t->screen);
    t->generation++;
    tell_size(t);
}

/* ---- bytes --------------------------------------------------------------- */
static void save(struct terminal *t, const char *bytes, size_t n)
{
    while (n > 0 && t->output_fd >= 0) {
        ssize_t written = write(t->output_fd, bytes, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            t->output_error = errno;
            t->output_fd = -1;
            return;
        }
        bytes += written;
        n -= (size_t)written;
    }
}

static void write_queued(struct terminal *t)
{
    ssize_t n = t->n_queued ? write(t->pty_fd, t->queue, t->n_queued) : 0;
    if (n <= 0)
        return;
    t->n_queued -= (size_t)n;
    memmove(t->queue, t->queue + n, t->n_queued);
}

bool terminal_pump(struct terminal *t)
{
    char bytes[16384];
    size_t total = 0;
    bool open = true;
    while (total < PUMP_BYTES) {
        ssize_t n = read(t->pty_fd, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            open = n < 0 && errno == EAGAIN;
            break;
        }
        save(t, bytes, (size_t)n);
        vterm_input_write(t->vt, bytes, (size_t)n);
        total += (size_t)n;
    }
    vterm_screen_flush_damage(t->screen);
    write_queued(t);
    return open;
}

bool terminal_wants_write(const struct terminal *t)
{
    return t->n_queued > 0;
}

unsigned terminal_generation(const struct terminal *t)
{
    return t->generation;
}

int terminal_output_error(const struct terminal *t)
{
    return t->output_error;
}

/* ---- drawing ------------------------------------------------------------- */
size_t terminal_history(const struct terminal *t)
{
    return t->n_lines < HISTORY_LINES ? t->n_lines : HISTORY_LINES;
}

static void put(struct canvas *c, int row, int col, struct canvas_cell cell)
{
    if (c->glyphs == GLYPHS_ASCII && cell.text[0] > 0x7e) {
        cell.text[0] = '?';
        cell.text[1] = cell.text[2] = 0;
    }
    canvas_put(c, row, col, cell);
}

static void draw_kept(const struct line *line, struct canvas *c, struct rect a, int row)
{
    for (int col = 0; col < line->n && col < a.cols; col++)
        put(c, a.row + row, a.col + col, line->cells[col]);
}

static void draw_live(const struct terminal *t, int from, struct canvas *c, struct rect a,
                      int row)
{
    for (int col = 0; col < t->cols && col < a.cols; col++) {
        VTermScreenCell cell;
        VTermPos pos = { .row = from, .col = col };
        if (!vterm_screen_get_cell(t->screen, pos, &cell))
            continue;
        if (cell.width > 1 && col + 1 >= a.cols)
            break;
        put(c, a.row + row, a.col + col, cell_of(&cell));
        if (cell.width > 1)
            canvas_put(c, a.row + row, a.col + ++col,
                       (struct canvas_cell){ .role = ROLE_TERMINAL, .fg = -1, .bg = -1 });
    }
}

static void draw_cursor(const struct terminal *t, struct canvas *c, struct rect a)
{
    VTermPos at;
    vterm_state_get_cursorpos(vterm_obtain_state(t->vt), &at);
    if (at.row < a.rows && at.col < a.cols) {
        c->cursor_row = a.row + at.row;
        c->cursor_col = a.col + at.col;
    }
}

void terminal_draw(struct terminal *t, struct canvas *c, struct rect a, size_t back,
                   bool cursor)
{
    size_t history = terminal_history(t);
    back = back > history ? history : back;
    for (int row = 0; row < a.rows; row++) {
        if ((size_t)row < back)
            draw_kept(&t->lines[(t->n_lines - back + (size_t)row) % HISTORY_LINES], c, a, row);
        else if (row - (int)back < t->rows)
            draw_live(t, row - (int)back, c, a, row);
    }
    if (cursor && !back && t->cursor_visible)
        draw_cursor(t, c, a);
}

/* ---- keys ---------------------------------------------------------------- */
static VTermKey special_key(uint32_t key)
{
    switch (key) {
    case KEYCODE_UP: return VTERM_KEY_UP;
    case KEYCODE_DOWN: return VTERM_KEY_DOWN;
    case KEYCODE_LEFT: return VTERM_KEY_LEFT;
    case KEYCODE_RIGHT: return VTERM_KEY_RIGHT;
    case KEYCODE_HOME: return VTERM_KEY_HOME;
    case KEYCODE_END: return VTERM_KEY_END;
    case KEYCODE_PAGE_UP: return VTERM_KEY_PAGEUP;
    case KEYCODE_PAGE_DOWN: return VTERM_KEY_PAGEDOWN;
    case KEYCODE_INSERT: return VTERM_KEY_INS;
    case KEYCODE_DELETE: return VTERM_KEY_DEL;
    case KEYCODE_BACKSPACE: return VTERM_KEY_BACKSPACE;
    case KEYCODE_ENTER: return VTERM_KEY_ENTER;
    default: return VTERM_KEY_NONE;
    }
}

void terminal_key(struct terminal *t, uint32_t key)
{
    char control = (char)key;
    if (key == KEYCODE_BACKTAB)
        vterm_keyboard_key(t->vt, VTERM_KEY_TAB, VTERM_MOD_SHIFT);
    else if (special_key(key) != VTERM_KEY_NONE)
        vterm_keyboard_key(t->vt, special_key(key), VTERM_MOD_NONE);
    else if (key > KEYCODE_F0)
        vterm_keyboard_key(t->vt, VTERM_KEY_FUNCTION((int)(key - KEYCODE_F0)), VTERM_MOD_NONE);
    else if (key < ' ')
        queue_bytes(&control, 1, t);
    else
        vterm_keyboard_unichar(t->vt, key, VTERM_MOD_NONE);
    write_queued(t);
}
