/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of all subcommands: one table, from which each command takes the
 * ones that it names, for parsing and for --help alike.
 */
#ifndef MEMTOP_TUI_COMMAND_OPTIONS_H
#define MEMTOP_TUI_COMMAND_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tui/model/tree.h"

struct command;

enum option_set {
    OPTION_JSON    = 1 << 0,
    OPTION_REPORT  = 1 << 1, /* -o, --output: where the report goes */
    OPTION_SAVE    = 1 << 2, /* -o, --output: where CMD's output is saved */
    OPTION_TOP     = 1 << 3,
    OPTION_KEEP    = 1 << 4,
    OPTION_FOLLOW  = 1 << 5,
    OPTION_MEMORY  = 1 << 6,
    OPTION_PRELOAD = 1 << 7,
    OPTION_TIER    = 1 << 8,
    OPTION_SAMPLE  = 1 << 9,
    OPTION_COMPACT = 1 << 27,
    OPTION_EXPORT  = 1 << 16, /* -o, --output: where the export goes */
    OPTION_FORMAT  = 1 << 17,
    OPTION_VALUE   = 1 << 18,
    OPTION_INVERTED = 1 << 19,
    OPTION_AT      = 1 << 20,
    OPTION_BLOCKS  = 1 << 21,
    OPTION_INTERVAL = 1 << 22,
    OPTION_MAX_SIZE = 1 << 23,
    OPTION_AGAINST = 1 << 26,
    OPTION_ASCII   = 1 << 10,
    OPTION_FORMS   = 1 << 11, /* which tables, of which moment, in which order */
    OPTION_BUDGETS = 1 << 12, /* what CMD may allocate */
    OPTION_DIFF    = 1 << 13, /* what diff alone has */
    OPTION_START   = 1 << 24, /* how the viewer begins */
    OPTION_NAMING  = 1 << 14, /* how functions are called */
    OPTION_WATCH   = 1 << 15,
};

/* What to hand to CMD's agent: the options that run and stat share. */
#define OPTIONS_OF_CMD (OPTION_KEEP | OPTION_FOLLOW | OPTION_MEMORY | OPTION_PRELOAD | \
                        OPTION_TIER | OPTION_SAMPLE | OPTION_COMPACT)

/* What a report shows, as its options say it. */
struct forms_options {
    unsigned parts;      /* enum forms_parts */
    enum tree_mode mode;
    const char *at;      /* "peak", "end", a time or a mark; NULL: not given */
    int sort;            /* enum tree_figure, or TREE_BY_SELF */
    bool sort_given;
    const char *filter;  /* NULL: none */
};

#define OPTIONS_FILES 16 /* how often an option that names a file may come */

/* What CMD may allocate. */
struct budget_options {
    bool leak, all_leaks;
    const char *leak_pattern; /* NULL: all */
    bool max_peak_given, max_allocations_given;
    uint64_t max_peak, max_allocations;
    const char *suppress[OPTIONS_FILES];
    size_t n_suppress;
};

#define OPTIONS_RULES 64

/* How functions are called: rules, and files of rules, in the order given. */
struct naming_options {
    const char *rules[OPTIONS_RULES];
    bool from_file[OPTIONS_RULES];
    size_t n_rules;
    const char *demangler; /* NULL: none */
};

struct options {
    bool json;
    bool keep;
    bool ascii;
    bool top_given;
    size_t top;          /* sites; REPORT_ALL_SITES when not given */
    const char *output;  /* NULL: not given */
    const char *follow;  /* NULL: not given */
    const char *preload; /* further libraries for CMD, NULL: none */
    uint64_t memory;     /* bytes, 0: not given */
    const char *tier;    /* the name of one, NULL: not given */
    bool compact;
    uint64_t sample;     /* bytes up to SEG_SAMPLE_MAX, 0: not given */
    const char *format;  /* NULL: not given */
    const char *value;   /* the name of a figure, NULL: not given */
    bool inverted;
    const char *against; /* a process or file, NULL: not given */
    struct forms_options forms;
    struct budget_options budgets;
    uint64_t watch_ns;      /* 0: not given */
    struct naming_options naming;
    const char *mark;       /* NULL: not given */
    const char *fail_above; /* a size or a percentage, NULL: not given */
    const char *at;      /* a moment, NULL: not given */
    const char *view, *sort, *filter; /* of the viewer, NULL: not given */
    const char *sources[OPTIONS_FILES + 1]; /* folders, NULL terminated */
    size_t n_sources;
    bool blocks;
    uint64_t interval_ns; /* 0: not given */
    uint64_t max_size;   /* bytes, 0: not given */
    int n_args;          /* what follows the options */
    char **args;         /* NULL terminated */
};

enum options_result {
    OPTIONS_GO,
    OPTIONS_HELP,  /* --help was given and printed on stdout */
    OPTIONS_WRONG, /* said on stderr */
};

/* Parse argv (argv[0] is the command's name) for command c; checks the number
 * of arguments. Where CMD follows, options end at the first argument that is
 * none; elsewhere they may come behind others. The strings
 * stay argv's. */
enum options_result options_parse(struct options *o, const struct command *c, int argc,
                                  char **argv);

/* A whole decimal number from 1 to INT_MAX; 0 if it is none. */
int options_pid(const char *text);

#endif
