/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshot, symbols, report, in this order. Prints complaints on stderr.
 */
#include "tui/command/reporting.h"

#include "tui/command/command.h"
#include "tui/command/forming.h"
#include "tui/report/report.h"

struct reader *reporting_open(const char *target)
{
    struct reader *r = NULL;
    int pid = options_pid(target);
    enum reader_status status = pid ? reader_open_pid(pid, &r) : reader_open_path(target, &r);
    if (status == READER_OK)
        return r;
    command_fail("%s: %s%s", target, reader_message(status),
                 status == READER_NO_SEGMENT ? ": start it with memtop run or memtop stat"
                                             : "");
    return NULL;
}

static int write_snapshot(const struct reporting *how, const struct snapshot *s, FILE *out)
{
    const struct target_info *t = &s->target;
    char error[FORMS_ERROR] = "out of memory while the report was made";
    struct report r = {
        .snapshot = s,
        .symbols = symbols_new(t->state == TARGET_RUNNING ? t->pid : 0),
        .top = how->top,
        .columns = forming_columns(out),
        .forms = how->forms,
        .exit_code = how->exit_code,
        .signal = how->signal,
    };
    int status = how->forms ? forms_prepare(how->forms, s, r.symbols, error) : 0;
    if (status == 0)
        status = how->json ? report_json(out, &r) : report_text(out, &r);
    if (how->forms)
        forms_fini(how->forms);
    symbols_free(r.symbols);
    if (status != 0)
        command_fail("%s", error);
    return status;
}

int reporting_write(const struct reporting *how, struct reader *r, FILE *out)
{
    struct snapshot s;
    snapshot_init(&s);
    enum reader_status status = reader_refresh(r, &s, READER_SITES | READER_SECONDS);
    int result = -1;
    if (status == READER_OK)
        result = write_snapshot(how, &s, out);
    else
        command_fail("%s: %s", reader_path(r), reader_message(status));
    snapshot_fini(&s);
    return result;
}
