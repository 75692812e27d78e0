/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of reports; see forming.h. Prints complaints on stderr.
 */
#include "tui/command/forming.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tui/command/source.h"

#define COLUMNS_LEAST 60
#define COLUMNS_MOST  500

static bool wrong(const char *command, const char *what)
{
    fprintf(stderr, "memtop %s: %s: see memtop %s --help\n", command, what, command);
    return false;
}

/* A column must be in one of the tables at least. */
static bool can_sort(const struct forms *f)
{
    static const enum forms_parts all[] = { FORMS_SITES, FORMS_TREE, FORMS_SIZES, FORMS_THREADS };
    unsigned parts = f->parts ? f->parts : FORMS_SITES;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if ((parts & all[i]) && forms_has_figure(all[i], f->sort))
            return true;
    return false;
}

bool forming_read(const struct options *o, const char *command, struct forms *f,
                  const char **mark)
{
    const struct forms_options *w = &o->forms;
    *f = (struct forms){ .parts = w->parts, .mode = w->mode, .sort = w->sort,
                         .sort_given = w->sort_given, .filter = w->filter };
    f->rows_top = o->top_given ? o->top : SIZE_MAX;
    f->tree_top = o->top_given || o->json ? o->top : FORMING_TREE_ROWS;
    *mark = NULL;
    if (w->at && strcmp(w->at, "peak") == 0)
        f->moment = FORMS_PEAK;
    else if (w->at && source_parse_time(w->at, &f->at_ns))
        f->moment = FORMS_TIME;
    else if (w->at && strcmp(w->at, "end") != 0)
        *mark = w->at;
    unsigned tables = FORMS_SIZES | FORMS_THREADS;
    if (f->moment != FORMS_END && (f->parts & tables))
        return wrong(command, "--at: of sizes and threads only the present is known");
    if (f->filter && f->parts && !(f->parts & ~tables))
        return wrong(command, "--filter: sizes and threads have no stacks");
    if (f->filter && strlen(f->filter) >= sizeof ((struct tree_options *)0)->filter)
        return wrong(command, "--filter: is too long");
    if (f->sort_given && !can_sort(f))
        return wrong(command, "--sort: no table has this column");
    struct pattern p;
    pattern_init(&p, f->filter ? f->filter : "");
    bool good = !p.error[0];
    if (!good)
        fprintf(stderr, "memtop %s: --filter: %s\n", command, p.error);
    pattern_fini(&p);
    return good;
}

void forming_print_help(void)
{
    puts("\nColumns, for --sort (sizes and threads have some of them, self is for trees,\n"
         "short_lived for reports):");
    for (int i = 0; i <= TREE_BY_SELF; i++)
        if (selection_figure_name(i))
            printf("  %s\n", selection_figure_name(i));
    puts("\nPatterns, for --filter: a part of the name of a function, module or source file\n"
         "(case counts only where it has capitals), or /REGEX/; function:, module: or file:\n"
         "before it looks only there.");
}

unsigned forming_columns(FILE *out)
{
    struct winsize size = { .ws_col = 0 };
    if (!isatty(fileno(out)) || ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || !size.ws_col)
        return 0;
    return size.ws_col < COLUMNS_LEAST ? COLUMNS_LEAST
         : size.ws_col > COLUMNS_MOST ? COLUMNS_MOST : size.ws_col;
}
