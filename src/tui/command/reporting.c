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
    command_fail("%s: %s%s", target,
                 !pid && status == READER_FOREIGN ? "no segment, snapshot or recording of memtop"
                                                  : reader_message(status),
                 status != READER_NO_SEGMENT ? ""
                     : ": memtop inject loads it, or start it with memtop run");
    return NULL;
}

/* Everything is prepared before the first byte is written. */
static int prepare(struct reporting *how, struct report *r, struct budget *budgets,
                   char error[FORMS_ERROR])
{
    if (how->forms && forms_prepare(how->forms, r->snapshot, r->symbols, error) != 0)
        return -1;
    if (how->limits && budgets_check(r, how->limits, budgets, &r->n_budgets) != 0)
        return -1;
    r->budgets = budgets;
    return 0;
}

int reporting_write_snapshot(struct reporting *how, const struct snapshot *s,
                             struct symbols *sy, FILE *out)
{
    char error[FORMS_ERROR] = "out of memory while the report was made";
    struct budget budgets[BUDGET_KINDS];
    struct report r = {
        .snapshot = s,
        .symbols = sy,
        .top = how->top,
        .one_line = how->one_line,
        .columns = forming_columns(out),
        .forms = how->forms,
        .exit_code = how->exit_code,
        .signal = how->signal,
    };
    int status = prepare(how, &r, budgets, error);
    if (status == 0)
        status = how->json ? report_json(out, &r) : report_text(out, &r);
    how->over_budget = budgets_failed(budgets, r.n_budgets);
    if (how->over_budget) {
        fflush(out);
        budgets_print(stderr, &r);
    }
    budgets_fini(budgets, r.n_budgets);
    if (how->forms)
        forms_fini(how->forms);
    if (status != 0)
        command_fail("%s", error);
    return status;
}

int reporting_write(struct reporting *how, struct reader *r, FILE *out)
{
    struct snapshot s;
    snapshot_init(&s);
    enum reader_status status = reader_refresh(r, &s, READER_SITES | READER_SECONDS);
    int result = -1;
    struct symbols *sy = NULL;
    if (status == READER_OK) {
        sy = symbols_new(s.target.state == TARGET_RUNNING ? s.target.pid : 0);
        result = reporting_write_snapshot(how, &s, sy, out);
    } else {
        command_fail("%s: %s", reader_path(r), reader_message(status));
    }
    symbols_free(sy);
    snapshot_fini(&s);
    return result;
}
