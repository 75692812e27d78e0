/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The help page: all keys, from their table, and the words of the trade.
 */
#include <stdio.h>

#include "tui/view/view.h"

#define KEYS_WIDTH 14
#define COLUMN_WIDTH 80 /* the page has as many columns as find room */

static const char *const words[] = {
    "live      allocated and not freed: Net",
    "overall   all that was ever allocated, freed or not",
    "peak      the most that was ever live at once",
    "temporary allocated, and freed by its thread's very next allocation event",
    "SHORT     frees of short-lived blocks: half a ms to one by the clock, or temporary",
    "SHORT%    these, as a share of the allocations; `-' where they are not counted",
    "site      one stack of calls that allocates",
    "SELF      what the function itself asked for, not those that it calls",
    "PEAK      what of the peak was the site's; #PEAK blocks",
    "AVG       average size of all that was allocated",
    "AGE       average age of what is live",
    "TREND     of live bytes: steady, GROW, satur. (grew once), shrink, churn",
    "          (replaced all the time); the view of sites has the evidence",
    "dLIVE     growth: live now less live at the mark; dMARK since the last mark",
    "ALIVE     allocated since the mark and still alive",
    "THEN      live at the timeline's cursor; SINCE what came since",
    "foreign   frees of blocks that memtop never saw allocated",
    "exact     every block and stack is recorded; ~ marks estimates from samples",
    "LOST      allocations that could not be recorded: figures are too low",
    "RSS       what the process occupies in memory, memtop's records included",
    "",
    "Mouse: a click chooses a view or a row, on a heading sorts by it, once more",
    "the other way round; on a row's marker opens it. The wheel moves.",
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
         : where == WHERE_FOUND || (where & WHERE_TREE && where & WHERE_SITES) ? "(sites, tree)"
         : where & WHERE_TREE ? "(call tree)"
         : where == WHERE_TIME ? "(timeline)"
         : where == WHERE_FILE ? "(recordings)"
         : where & WHERE_SITES ? "(call sites)"
         : where & WHERE_GRAPHS ? "(overview)"
         : where & WHERE_SORTED ? "(tables)"
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

/* A line of the page: a key, or else words; a heading is strong. */
struct line {
    const struct key_row *key;
    const char *text;
    bool heading;
};

#define LINES (ACTION_COUNT + WORDS + 3)

/* Keys that are valid in one of these places, or those that are in none. */
static int add_keys(struct line *out, int n, unsigned where, bool valid)
{
    size_t count;
    const struct key_row *rows = keys_rows(&count);
    for (size_t i = 0; i < count; i++)
        if (help_of(&rows[i]) && ((rows[i].where & where) != 0) == valid)
            out[n++] = (struct line){ .key = &rows[i] };
    return n;
}

static int add_text(struct line *out, int n, const char *text, bool heading)
{
    out[n] = (struct line){ .text = text, .heading = heading };
    return n + 1;
}

/* The keys of the place that somebody comes from, the words, all other keys. */
static int make_lines(struct line *out, unsigned where)
{
    int n = add_keys(out, 0, where, true);
    n = add_text(out, n, "", false);
    for (int i = 0; i < WORDS; i++)
        n = add_text(out, n, words[i], false);
    n = add_text(out, n, "", false);
    n = add_text(out, n, "Keys in other places", true);
    return add_keys(out, n, where, false);
}

static void draw_line(struct canvas *c, struct rect a, int row, const struct line *line)
{
    if (line->key)
        draw_key(c, a, row, line->key);
    else
        canvas_text(c, row, a.col + 2, a.cols - 2, line->heading ? ROLE_STRONG : ROLE_PLAIN,
                    line->text);
}

void view_help_draw(struct canvas *c, struct rect a, unsigned where, int *scroll)
{
    struct line lines[LINES];
    int n = make_lines(lines, where), rows = a.rows - 1, columns = a.cols / COLUMN_WIDTH;
    columns = columns ? columns : 1;
    if (a.rows < 1)
        return;
    int last = n - rows * columns;
    *scroll = *scroll > last ? last : *scroll;
    *scroll = *scroll < 0 ? 0 : *scroll;
    canvas_fill(c, a.row, a.col, a.cols, ROLE_HEAD, ' ');
    canvas_text(c, a.row, a.col + 1, a.cols, ROLE_HEAD, "Keys, and what the words mean");
    for (int i = 0; i < rows * columns && *scroll + i < n; i++) {
        struct rect column = { .col = a.col + i / rows * COLUMN_WIDTH,
                               .cols = columns > 1 ? COLUMN_WIDTH - 2 : a.cols };
        draw_line(c, column, a.row + 1 + i % rows, &lines[*scroll + i]);
    }
}
