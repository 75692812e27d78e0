/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The help page: all keys, from their table, and the words of the trade.
 */
#include <stdio.h>

#include "tui/view/view.h"

#define KEYS_WIDTH 14

static const char *const words[] = {
    "",
    "live      allocated and not freed: Net",
    "overall   all that was ever allocated, freed or not",
    "peak      the most that was ever live at once",
    "temporary allocated, and freed by its thread's very next allocation event",
    "site      one stack of calls that allocates",
    "dLIVE     growth: live now less live at the mark",
    "ALIVE     allocated since the mark and still alive",
    "foreign   frees of blocks that memtop never saw allocated",
    "exact     every block and stack is recorded; ~ marks estimates from samples",
    "LOST      allocations that could not be recorded: figures are too low",
    "RSS       what the process occupies in memory, memtop's records included",
};
#define WORDS ((int)(sizeof words / sizeof *words))

static const char *place_of(unsigned where)
{
    return (where & WHERE_ANY) == WHERE_ANY ? ""
         : where & WHERE_TYPING ? "(while typing)"
         : where & WHERE_OUTPUT && !(where & WHERE_LIST) ? "(output)"
         : where & WHERE_PICKER && !(where & WHERE_LIST) ? "(list of processes)"
         : where == WHERE_CHOICE ? "(sizes, threads)"
         : where == WHERE_SIZES ? "(sizes)"
         : where == WHERE_UNITS ? "(overview, sizes)"
         : where == WHERE_ZOOM ? "(overview, timeline)"
         : where & WHERE_MARKS ? "(marks)"
         : where & WHERE_BLOCKS ? "(blocks)"
         : where & WHERE_TREE && where & WHERE_SITES ? "(sites, tree)"
         : where & WHERE_TREE ? "(call tree)"
         : where == WHERE_TIME ? "(timeline)"
         : where & WHERE_SITES ? "(call sites)"
         : where & WHERE_GRAPHS ? "(overview)"
         : where & WHERE_LIST ? "(lists)" : "";
}

/* What a row says: the numbers of views have their titles. NULL: there is no
 * view of this number. */
static const char *help_of(const struct key_row *key)
{
    int view = (int)key->action - ACTION_VIEW_1;
    if (view < 0 || key->action > ACTION_VIEW_9)
        return key->help;
    return view < VIEW_COUNT ? view_table[view]->title : NULL;
}

static void draw_key(struct canvas *c, struct rect a, int row, const struct key_row *key)
{
    char names[48];
    keys_names(names, sizeof names, key);
    canvas_text_right(c, row, a.col, KEYS_WIDTH, ROLE_KEY, names);
    int used = canvas_text(c, row, a.col + KEYS_WIDTH + 2, a.cols - KEYS_WIDTH - 2, ROLE_PLAIN,
                           help_of(key));
    int rest = KEYS_WIDTH + 3 + used;
    canvas_text(c, row, a.col + rest, a.cols - rest, ROLE_DIM, place_of(key->where));
}

static int shown_rows(const struct key_row *out[ACTION_COUNT])
{
    size_t n;
    const struct key_row *rows = keys_rows(&n);
    int shown = 0;
    for (size_t i = 0; i < n; i++)
        if (help_of(&rows[i]))
            out[shown++] = &rows[i];
    return shown;
}

void view_help_draw(struct canvas *c, struct rect a, int *scroll)
{
    const struct key_row *rows[ACTION_COUNT];
    int n_keys = shown_rows(rows), n = n_keys + WORDS, last = n - (a.rows - 1);
    if (a.rows < 1)
        return;
    *scroll = *scroll > last ? last : *scroll;
    *scroll = *scroll < 0 ? 0 : *scroll;
    canvas_fill(c, a.row, a.col, a.cols, ROLE_HEAD, ' ');
    canvas_text(c, a.row, a.col + 1, a.cols, ROLE_HEAD, "Keys, and what the words mean");
    for (int i = 0; i < a.rows - 1 && *scroll + i < n; i++) {
        int line = *scroll + i, row = a.row + 1 + i;
        if (line < n_keys)
            draw_key(c, a, row, rows[line]);
        else
            canvas_text(c, row, a.col + 2, a.cols - 2, ROLE_PLAIN, words[line - n_keys]);
    }
}
