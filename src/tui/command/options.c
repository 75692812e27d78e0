/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsing of options and the --help texts, from one table. Called by main for
 * every command. Prints help on stdout and complaints on stderr.
 */
#include "tui/command/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/command/command.h"
#include "tui/command/options_groups.h"
#include "tui/model/tier.h"

struct option_row {
    unsigned set; /* the bit that a command names it by */
    char letter;  /* 0: long form only */
    const char *name;
    const char *value; /* NULL: takes none; in brackets: may go without */
    const char *help;
};

static const struct option_row rows[] = {
    { OPTION_JSON, 0, "json", NULL, "print JSON (schema memtop/1) instead of text" },
    { OPTION_REPORT, 'o', "output", "FILE", "write the report to FILE" },
    { OPTION_SAVE, 'o', "output", "FILE", "save what CMD prints in FILE" },
    { OPTION_TOP, 'n', "top", "N", "how many call sites (text: 10, JSON: all)" },
    { OPTION_KEEP, 'k', "keep", NULL, "leave the recorded data behind for memtop report" },
    { OPTION_FOLLOW, 'f', "follow", "WHAT", "child processes too: all, none or NAME,.." },
    { OPTION_MEMORY, 'm', "memory", "SIZE", "what recording may take, for example 512M" },
    { OPTION_TIER, 't', "tier", "TIER", "record: counters, exact (default) or sampled" },
    { OPTION_SAMPLE, 's', "sample", "SIZE", "sampled: mean bytes from sample to sample (512K)" },
    { OPTION_COMPACT, 0, "compact", NULL, "half the records: no ages and threads of blocks" },
    { OPTION_ASCII, 'a', "ascii", NULL, "draw with ASCII, whatever the locale says" },
    { OPTION_START, 0, "view", "NAME", "begin with this view: overview, tree, sites, .." },
    { OPTION_START, 0, "sort", "COLUMN", "sort it by the column of that heading" },
    { OPTION_START, 0, "filter", "PATTERN", "call tree or sites: only stacks with such a frame" },
    { OPTION_START, 0, "source", "DIR", "look for source files below DIR as well; repeatable" },
    { OPTION_PRELOAD, 0, "preload", "LIB", "preload LIB into CMD, behind the agent" },
    { OPTION_FORMAT, 0, "format", "FORMAT", "which format, see below" },
    { OPTION_VALUE, 0, "value", "VALUE", "which figure, see below (live_bytes)" },
    { OPTION_INVERTED, 0, "inverted", NULL, "begin at the functions that allocate" },
    { OPTION_AGAINST, 0, "against", "A", "flamegraph: what changed since A, a process or file" },
    { OPTION_EXPORT, 'o', "output", "FILE", "write to FILE" },
    { OPTION_FORMS, 0, "sites", NULL, "call sites, with their stacks" },
    { OPTION_FORMS, 0, "tree", "MODE", "call tree: standard, inverted or flat" },
    { OPTION_FORMS, 0, "sizes", NULL, "blocks by size" },
    { OPTION_FORMS, 0, "threads", NULL, "threads" },
    { OPTION_FORMS, 0, "at", "WHEN", "live figures at the peak, the end, or a time: 90s, 2m" },
    { OPTION_FORMS, 0, "sort", "COLUMN", "the largest first by COLUMN, see below (live_bytes)" },
    { OPTION_FORMS, 0, "filter", "PATTERN", "only stacks with a frame that matches, see below" },
    { OPTION_WATCH, 0, "watch", "S", "with --json: an object a line, every S seconds" },
    { OPTION_NAMING, 0, "rename", "RULE", "s/REGEX/TEXT/ for names of functions; repeatable" },
    { OPTION_NAMING, 0, "rename-file", "FILE", "such rules from a file" },
    { OPTION_NAMING, 0, "demangler", "CMD", "shell command that demangles, a name a line" },
    { OPTION_DIFF, 0, "mark", "NAME", "since this mark in the process PID" },
    { OPTION_DIFF, 0, "fail-above", "LIMIT", "status 1 when growth is above: bytes, 64K, 10%" },
    { OPTION_BUDGETS, 0, "fail-on-leak", "[PATTERN]",
      "fail when blocks are alive at the end (of stacks that match)" },
    { OPTION_BUDGETS, 0, "max-peak", "SIZE", "fail when live bytes were ever more" },
    { OPTION_BUDGETS, 0, "max-allocations", "N", "fail when there were more allocations" },
    { OPTION_BUDGETS, 0, "suppress", "FILE", "leaks that are known: lines leak:PATTERN" },
    { OPTION_BUDGETS, 0, "all-leaks", NULL, "leaks: blocks of the runtime itself, too" },
    { OPTION_AT, 0, "at", "WHEN", "of a recording: end, peak, a time (90s), #N, a mark" },
    { OPTION_BLOCKS, 'b', "blocks", NULL, "all live blocks as well" },
    { OPTION_INTERVAL, 'i', "interval", "S", "seconds from snapshot to snapshot (1)" },
    { OPTION_MAX_SIZE, 0, "max-size", "SIZE", "how long the file may become (16M)" },
};
#define N_ROWS (sizeof rows / sizeof *rows)

/* Values of getopt's `val` for options without a letter. */
#define LONG_ONLY 256

static bool may_go_without(const struct option_row *row)
{
    return row->value && row->value[0] == '[';
}

static int name_of(const struct option_row *row, char name[48])
{
    if (may_go_without(row))
        return snprintf(name, 48, "--%s[=%s", row->name, row->value + 1);
    return snprintf(name, 48, "--%s%s%s", row->name, row->value ? "=" : "",
                    row->value ? row->value : "");
}

/* The longest of the command's options. */
static int name_width(const struct command *c)
{
    char name[48];
    int width = 18;
    for (size_t i = 0; i < N_ROWS; i++)
        if ((rows[i].set & c->options) && name_of(&rows[i], name) > width)
            width = name_of(&rows[i], name);
    return width;
}

static void print_help(const struct command *c)
{
    printf("Usage: memtop %s [OPTION].. %s\n%s.\n", c->name, c->args, c->summary);
    if (c->details)
        printf("\n%s", c->details);
    puts("\nOptions:");
    int width = name_width(c);
    for (size_t i = 0; i < N_ROWS; i++) {
        const struct option_row *row = &rows[i];
        char name[48];
        if (!(row->set & c->options))
            continue;
        name_of(row, name);
        printf("  %c%c%c %-*s %s\n", row->letter ? '-' : ' ',
               row->letter ? row->letter : ' ', row->letter ? ',' : ' ', width, name, row->help);
    }
    printf("  -h, %-*s print this\n", width, "--help");
    if (c->print_more)
        c->print_more();
}

static enum options_result wrong(const struct command *c, const char *what, const char *value)
{
    fprintf(stderr, "memtop %s: %s%s: see memtop %s --help\n", c->name, what, value, c->name);
    return OPTIONS_WRONG;
}

int options_pid(const char *text)
{
    size_t n = strspn(text, "0123456789");
    errno = 0;
    long pid = n && !text[n] ? strtol(text, NULL, 10) : 0;
    return errno == 0 && pid > 0 && pid <= INT_MAX ? (int)pid : 0;
}

static bool take_top(struct options *o, const char *value)
{
    uint64_t top = 0;
    bool good = options_count(value, &top);
    o->top_given = true;
    o->top = (size_t)top;
    return good;
}

/* "0.5" to nanoseconds: 10 ms to a day. */
static bool parse_interval(const char *text, uint64_t *ns)
{
    size_t n = strspn(text, "0123456789.");
    char *end;
    double seconds = strtod(text, &end);
    if (!n || text[n] || *end || !(seconds >= 0.01 && seconds <= 86400))
        return false;
    *ns = (uint64_t)(seconds * 1e9);
    return true;
}

/* Take one option. false: its value is malformed. */
static bool take(struct options *o, const struct option_row *row, const char *value)
{
    enum seg_tier tier;
    switch (row->set) {
    case OPTION_JSON: o->json = true; return true;
    case OPTION_REPORT:
    case OPTION_EXPORT:
    case OPTION_SAVE: o->output = value; return *value != '\0';
    case OPTION_TOP: return take_top(o, value);
    case OPTION_KEEP: o->keep = true; return true;
    case OPTION_ASCII: o->ascii = true; return true;
    case OPTION_FOLLOW: o->follow = value; return *value != '\0';
    case OPTION_MEMORY: o->memory = options_size(value); return o->memory != 0;
    case OPTION_TIER: o->tier = value; return tier_parse(value, &tier);
    case OPTION_SAMPLE:
        o->sample = options_size(value);
        return o->sample != 0 && o->sample <= SEG_SAMPLE_MAX;
    case OPTION_COMPACT: o->compact = true; return true;
    case OPTION_PRELOAD: o->preload = value; return *value != '\0';
    case OPTION_START: return options_take_start(o, row->name, value);
    case OPTION_FORMAT: o->format = value; return *value != '\0';
    case OPTION_VALUE: o->value = value; return *value != '\0';
    case OPTION_INVERTED: o->inverted = true; return true;
    case OPTION_AGAINST: o->against = value; return *value != '\0';
    case OPTION_BUDGETS: return options_take_budget(&o->budgets, row->name, value);
    case OPTION_DIFF: *(*row->name == 'm' ? &o->mark : &o->fail_above) = value; return *value;
    case OPTION_NAMING: return options_take_naming(&o->naming, row->name, value);
    case OPTION_WATCH: return parse_interval(value, &o->watch_ns);
    case OPTION_FORMS: return options_take_form(&o->forms, row->name, value);
    case OPTION_AT: o->at = value; return *value != '\0';
    case OPTION_BLOCKS: o->blocks = true; return true;
    case OPTION_INTERVAL: return parse_interval(value, &o->interval_ns);
    case OPTION_MAX_SIZE: o->max_size = options_size(value); return o->max_size != 0;
    }
    return false;
}

/* getopt's two descriptions of the options that the command takes. The leading
 * '+' ends options at the first argument, where the rest is CMD's. */
static void describe(const struct command *c, struct option longs[N_ROWS + 2], char *shorts)
{
    size_t n = 0;
    if (c->max_args < 0)
        *shorts++ = '+';
    *shorts++ = 'h';
    for (size_t i = 0; i < N_ROWS; i++) {
        if (!(rows[i].set & c->options))
            continue;
        longs[n++] = (struct option){
            .name = rows[i].name,
            .has_arg = may_go_without(&rows[i]) ? optional_argument
                       : rows[i].value ? required_argument : no_argument,
            .val = rows[i].letter ? rows[i].letter : LONG_ONLY + (int)i,
        };
        if (rows[i].letter)
            *shorts++ = rows[i].letter;
        if (rows[i].letter && rows[i].value)
            *shorts++ = ':';
    }
    *shorts = '\0';
    longs[n++] = (struct option){ .name = "help", .val = 'h' };
    longs[n] = (struct option){ .name = NULL };
}

static const struct option_row *row_of(const struct command *c, int val)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if ((rows[i].set & c->options) &&
            (val == LONG_ONLY + (int)i || (rows[i].letter && val == rows[i].letter)))
            return &rows[i];
    return NULL;
}

static enum options_result check_args(const struct options *o, const struct command *c)
{
    if (o->n_args < c->min_args)
        return wrong(c, "something is missing, it takes ", c->args);
    if (c->max_args >= 0 && o->n_args > c->max_args)
        return wrong(c, "too many arguments from ", o->args[c->max_args]);
    return OPTIONS_GO;
}

enum options_result options_parse(struct options *o, const struct command *c, int argc,
                                  char **argv)
{
    struct option longs[N_ROWS + 2];
    char shorts[2 * N_ROWS + 3], name[64];
    describe(c, longs, shorts);
    *o = (struct options){ .top = SIZE_MAX };
    /* getopt complains in the name of argv[0]. */
    snprintf(name, sizeof name, "memtop %s", c->name);
    argv[0] = name;
    int val;
    while ((val = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (val == 'h') {
            print_help(c);
            return OPTIONS_HELP;
        }
        const struct option_row *row = row_of(c, val);
        if (!row) {
            fprintf(stderr, "Try memtop %s --help\n", c->name);
            return OPTIONS_WRONG;
        }
        if (!take(o, row, optarg))
            return wrong(c, "not a value for ", row->name);
    }
    o->args = argv + optind;
    o->n_args = argc - optind;
    argv[0] = NULL; /* it pointed into this frame */
    return check_args(o, c);
}
