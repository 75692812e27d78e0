/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What both reports say in the same words. Called by them and by the commands.
 */
#include "tui/report/report.h"

int report_exit_code(const struct report *r)
{
    if (r->exit_code >= 0 || r->signal)
        return r->signal ? -1 : r->exit_code;
    const struct target_info *t = &r->snapshot->target;
    return t->state == TARGET_EXITED && t->exit_status >= 0 ? t->exit_status & 0xff : -1;
}

const char *report_state_name(enum target_state state)
{
    static const char *const names[] = {
        [TARGET_RUNNING] = "running",
        [TARGET_EXITED] = "exited",
        [TARGET_KILLED] = "killed",
        [TARGET_REPLACED] = "replaced",
        [TARGET_DETACHED] = "detached",
    };
    return (unsigned)state < sizeof names / sizeof *names ? names[state] : "unknown";
}

const char *report_before_source(enum seg_before before)
{
    static const char *const names[] = {
        [SEG_BEFORE_MALLINFO] = "mallinfo2",
        [SEG_BEFORE_MALLCTL] = "mallctl",
        [SEG_BEFORE_TCMALLOC] = "tcmalloc",
    };
    return (unsigned)before < sizeof names / sizeof *names ? names[before] : NULL;
}

const char *report_state(const struct report *r)
{
    enum target_state state = r->snapshot->target.state;
    if (r->signal)
        state = TARGET_KILLED;
    else if (r->exit_code >= 0 && state != TARGET_REPLACED)
        state = TARGET_EXITED;
    return report_state_name(state);
}
