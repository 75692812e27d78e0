/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memtop report: what stat prints, for a process that runs or one that died
 * and left its segment.
 */
#include <stdio.h>

#include "tui/command/command.h"
#include "tui/command/forming.h"
#include "tui/command/output.h"
#include "tui/command/reporting.h"

static int report_main(const struct options *o)
{
    struct forms forms;
    const char *mark;
    if (!forming_read(o, "report", &forms, &mark))
        return STATUS_USAGE;
    struct reader *r = reporting_open(o->args[0]);
    if (!r)
        return STATUS_FAILED;
    if (mark) {
        reader_close(r);
        return command_fail("--at %s: %s holds the figures of the peak, the end, and of times such "
                            "as 90s, and not those of marks", mark, o->args[0]);
    }
    struct reporting how = REPORTING_OF(o);
    how.forms = &forms;
    struct output out;
    int bad = output_open(&out, o->output, stdout);
    if (bad == 0) {
        bad = reporting_write(&how, r, out.stream);
        bad |= output_close(&out);
    }
    reader_close(r);
    return bad ? STATUS_FAILED : STATUS_DONE;
}

const struct command command_report = {
    .name = "report",
    .args = "PID|FILE",
    .summary = "Report the allocations of a process that runs, or that left its data",
    .details = "FILE is the path of a segment. memtop list shows what there is.\n",
    .print_more = forming_print_help,
    .options = OPTION_JSON | OPTION_REPORT | OPTION_TOP | OPTION_FORMS,
    .min_args = 1,
    .max_args = 1,
    .main = report_main,
};
