/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memtop stat: runs CMD with the agent and its stdio untouched, then reports.
 */
#include "tui/command/stat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/command/command.h"
#include "tui/command/diagnose.h"
#include "tui/command/output.h"
#include "tui/command/reporting.h"
#include "tui/command/signals.h"
#include "tui/command/spawn.h"
#include "tui/reader/reader.h"

int stat_refuse(const char *program)
{
    char why[512];
    if (diagnose_program(program, why, sizeof why) != DIAGNOSE_SANITIZER)
        return STATUS_DONE;
    return command_fail("%s: use a build without it", why);
}

void stat_remove_leftovers(int root)
{
    struct found *found;
    size_t n;
    if (reader_find_all(&found, &n) != READER_OK)
        return;
    for (size_t i = 0; i < n; i++)
        if (!found[i].alive && (found[i].pid == root || found[i].root_pid == root))
            reader_remove(&found[i]);
    free(found);
}

/* The report of the ended child. 0, or -1 after a message. */
static int report_child(const struct options *o, struct output *out, pid_t child,
                        struct reporting *how)
{
    struct reader *r;
    enum reader_status status = reader_open_pid(child, &r);
    if (status == READER_NO_PROCESS || status == READER_NO_SEGMENT) {
        char why[512];
        diagnose_program(o->args[0], why, sizeof why);
        command_fail("%s did not load the agent, there is nothing to report: %s", o->args[0],
                     why[0] ? why : "no reason was found in its file; can segments be "
                                    "created in /dev/shm (or MEMTOP_DIR)?");
        return how->limits ? -1 : 0; /* budgets were not checked */
    }
    if (status != READER_OK) {
        command_fail("%s: %s", o->args[0], reader_message(status));
        return -1;
    }
    int result = reporting_write(how, r, out->stream);
    reader_close(r);
    return result;
}

/* Start CMD and wait for its end. Returns the status to pass on; *child is 0
 * when it never started. */
static int run_child(const struct spawn *sp, pid_t *child, struct reporting *how)
{
    signals_wait_begin();
    int status = spawn_start(sp, child);
    if (status != STATUS_DONE)
        *child = 0;
    signals_wait_forward(*child);
    if (*child)
        status = spawn_wait(*child, &how->exit_code, &how->signal);
    signals_wait_end();
    return status;
}

/* Measure with budgets, or NULL. */
static int measure(const struct options *o, const char *report_path, int cmd_output,
                   const struct budget_limits *limits)
{
    struct output out;
    if (stat_refuse(o->args[0]) != STATUS_DONE || output_open(&out, report_path, stderr) != 0)
        return STATUS_FAILED;
    struct spawn sp = { .options = o, .terminal = -1, .output = cmd_output };
    struct reporting how = REPORTING_OF(o);
    how.limits = limits;
    pid_t child;
    int status = run_child(&sp, &child, &how);
    int bad = child ? report_child(o, &out, child, &how) : 0;
    bad |= output_close(&out);
    if (child && !o->keep)
        stat_remove_leftovers(child);
    return (bad || how.over_budget) && status == STATUS_DONE ? STATUS_FAILED : status;
}

int stat_measure(const struct options *o, const char *report_path, int cmd_output)
{
    return measure(o, report_path, cmd_output, NULL);
}

/* ---- budgets ------------------------------------------------------------------- */
static int wrong(const char *what)
{
    fprintf(stderr, "memtop stat: %s\n", what);
    return STATUS_USAGE;
}

/* Do the options of budgets go together? */
static int check_limits(const struct options *o)
{
    const struct budget_options *b = &o->budgets;
    bool sampled = (o->tier && strcmp(o->tier, "sampled") == 0) || o->sample;
    struct pattern p;
    if (!b->leak && (b->all_leaks || b->n_suppress))
        return wrong("--suppress and --all-leaks are for --fail-on-leak, which is not there");
    if (b->leak && sampled)
        return wrong("--fail-on-leak needs each block: leave out --tier and --sample");
    pattern_init(&p, b->leak_pattern ? b->leak_pattern : "");
    int status = p.error[0] ? wrong(p.error) : STATUS_DONE;
    pattern_fini(&p);
    return status;
}

static int read_rules(const struct budget_options *b, struct suppress *rules)
{
    char error[SUPPRESS_ERROR];
    for (size_t i = 0; i < b->n_suppress; i++)
        if (!suppress_read(rules, b->suppress[i], error))
            return wrong(error);
    return STATUS_DONE;
}

static int stat_main(const struct options *o)
{
    const struct budget_options *b = &o->budgets;
    bool any = b->leak || b->max_peak_given || b->max_allocations_given;
    struct suppress rules;
    suppress_init(&rules);
    struct budget_limits limits = {
        .set = { [BUDGET_LEAK] = b->leak, [BUDGET_PEAK] = b->max_peak_given,
                 [BUDGET_ALLOCATIONS] = b->max_allocations_given },
        .peak_bytes = b->max_peak, .allocations = b->max_allocations,
        .leak_pattern = b->leak_pattern, .all_leaks = b->all_leaks, .rules = &rules,
    };
    int status = check_limits(o);
    if (status == STATUS_DONE)
        status = read_rules(b, &rules);
    if (status == STATUS_DONE)
        status = measure(o, o->output, -1, any ? &limits : NULL);
    suppress_fini(&rules);
    return status;
}

const struct command command_stat = {
    .name = "stat",
    .args = "[--] CMD [ARG]..",
    .summary = "Run CMD and report its allocations when it ends",
    .details = "CMD keeps its input, output and terminal. The report goes to standard error\n"
               "or to FILE. The exit status is CMD's, 128 + N when signal N killed it, and 1\n"
               "when CMD's is 0 and a budget failed. A leak is a block that is alive when CMD\n"
               "has ended, behind all that runs at exit.\n",
    .options = OPTION_JSON | OPTION_REPORT | OPTION_TOP | OPTION_BUDGETS | OPTIONS_OF_CMD,
    .min_args = 1,
    .max_args = -1,
    .main = stat_main,
};
