/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memtop report: what stat prints, for a process that runs, one that died and
 * left its segment, or what was saved in a file.
 */
#include <stdio.h>
#include <string.h>

#include "tui/command/command.h"
#include "tui/command/forming.h"
#include "tui/command/naming.h"
#include "tui/command/output.h"
#include "tui/command/reporting.h"
#include "tui/command/source.h"
#include "tui/command/watching.h"

/* The figures of the peak are in each snapshot, exactly. */
static const char *at_of(const struct options *o)
{
    return o->forms.at && strcmp(o->forms.at, "peak") == 0 ? NULL : o->forms.at;
}

static int write_report(const struct options *o, const struct source *so, struct pretty *pretty,
                        struct forms *forms)
{
    struct pretty_names names;
    struct symbols *sy = naming_of(pretty, &names, &so->snapshot, so->symbols);
    struct reporting how = REPORTING_OF(o);
    how.forms = forms;
    how.exit_code = so->exit_code;
    how.signal = so->signal;
    struct output out;
    int bad = output_open(&out, o->output, stdout);
    if (bad == 0) {
        bad = reporting_write_snapshot(&how, &so->snapshot, sy, out.stream);
        bad |= output_close(&out);
    }
    pretty_names_fini(&names);
    return bad ? STATUS_FAILED : STATUS_DONE;
}

static int refuse_mark(const char *mark, const char *target)
{
    return command_fail("--at %s: %s holds the figures of the peak, the end, and of times such as "
                        "90s, and not those of marks", mark, target);
}

static int report(const struct options *o, struct pretty *pretty)
{
    struct source so;
    struct forms forms;
    const char *mark;
    struct options rest = *o;
    if (source_open(&so, o->args[0], at_of(o), READER_SITES | READER_SECONDS) != 0)
        return STATUS_FAILED;
    if (at_of(o) && so.chosen)
        rest.forms.at = NULL;
    int status = STATUS_USAGE;
    if (forming_read(&rest, "report", &forms, &mark))
        status = mark            ? refuse_mark(mark, o->args[0])
                 : o->watch_ns ? watching_run(&rest, &so, pretty, &forms)
                               : write_report(&rest, &so, pretty, &forms);
    source_close(&so);
    return status;
}

static int report_main(const struct options *o)
{
    struct pretty pretty;
    if (o->watch_ns && !o->json) {
        fputs("memtop report: --watch is for scripts: add --json, or look at the process with "
              "memtop PID\n", stderr);
        return STATUS_USAGE;
    }
    int status = naming_begin(o, "report", &pretty);
    if (status == STATUS_DONE)
        status = report(o, &pretty);
    pretty_fini(&pretty);
    return status;
}

const struct command command_report = {
    .name = "report",
    .args = "PID|FILE",
    .summary = "Report the allocations of a process that runs, or that left its data",
    .details = SOURCE_DETAILS,
    .print_more = forming_print_help,
    .options = OPTION_JSON | OPTION_REPORT | OPTION_TOP | OPTION_FORMS | OPTION_NAMING |
               OPTION_WATCH,
    .min_args = 1,
    .max_args = 1,
    .main = report_main,
};
